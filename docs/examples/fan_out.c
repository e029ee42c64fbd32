/* SPDX-License-Identifier: MIT */
/*
 * Fan out, gather: parts of a sum as tasks that any shard may take while they are fresh.
 *
 * Prints:
 *	1279999200000
 */
#include <peal/peal.h>

#include <errno.h>
#include <stdio.h>

#define PARTS 16

struct part {
	long from, to, sum;
	struct peal_task *task;
};

static int add_up(void *arg)
{
	struct part *part = arg;

	for (long n = part->from; n < part->to; n++)
		part->sum += n;
	return part->sum < 0 ? -ERANGE : 0; /* negative: the task has failed */
}

static int main_task(void *arg)
{
	struct part parts[PARTS] = { 0 };
	long sum = 0;
	int err = 0, n = 0;

	(void)arg;
	for (; n < PARTS && !err; n++) {
		parts[n].from = n * 100000L;
		parts[n].to = (n + 1) * 100000L;
		err = peal_task_spawn(&parts[n].task, add_up, &parts[n],
			PEAL_SPAWN(.place = PEAL_STEALABLE, .name = "add_up"));
	}
	if (err)
		n--; /* the last one was not started; those that were use our stack */
	while (n--) {
		int result, waited = peal_task_join(parts[n].task, &result);

		if (waited || result)
			err = waited ? waited : result;
		sum += parts[n].sum;
	}
	if (!err)
		printf("%ld\n", sum);
	return err;
}

int main(void)
{
	return peal_run(main_task, NULL, NULL) < 0;
}
