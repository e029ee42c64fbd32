/* SPDX-License-Identifier: MIT */
/*
 * A channel from one shard to another, a second one that tells when to stop, and a select that waits for
 * both, with a deadline around it.
 *
 * Prints:
 *	1 + 2 + ... + 100 = 5050
 *	stopped
 *	nothing came within a millisecond
 */
#include <peal/peal.h>

#include <errno.h>
#include <stdio.h>

struct pipeline {
	struct peal_chan *numbers, *quit;
};

static int count_to_100(void *arg)
{
	struct pipeline *pipeline = arg;
	int err = 0;

	for (int i = 1; i <= 100 && !err; i++)
		err = peal_chan_send(pipeline->numbers, &i);
	return err ? err : peal_chan_close(pipeline->quit);
}

static int sum_up(struct pipeline *pipeline)
{
	int number, sum = 0;
	struct peal_chan_case cases[] = {
		{ .chan = pipeline->numbers, .value = &number },
		{ .chan = pipeline->quit },
	};

	while (peal_chan_select(cases, 2) == 0)
		sum += number;
	/* Select takes what is ready by lot: there may be numbers left. */
	while (!peal_chan_try_recv(pipeline->numbers, &number))
		sum += number;
	return sum;
}

static int main_task(void *arg)
{
	struct pipeline pipeline;
	int number, err;

	(void)arg;
	err = peal_chan_create(&pipeline.numbers, 8, sizeof number);
	if (err)
		return err;
	err = peal_chan_create(&pipeline.quit, 0, 0);
	if (err)
		return err;
	err = peal_spawn(count_to_100, &pipeline, PEAL_SPAWN(.place = PEAL_PINNED(1)));
	if (err)
		return err;
	printf("1 + 2 + ... + 100 = %d\n", sum_up(&pipeline));
	if (peal_chan_recv(pipeline.quit, NULL) == -ESHUTDOWN)
		printf("stopped\n");
	err = PEAL_WITHIN_GET(PEAL_MS, peal_chan_recv(pipeline.numbers, &number));
	if (err == -ETIMEDOUT)
		printf("nothing came within a millisecond\n");
	peal_chan_free(pipeline.numbers);
	peal_chan_free(pipeline.quit);
	return 0;
}

int main(void)
{
	return peal_run(main_task, NULL, PEAL_RT(.shards = 2)) < 0;
}
