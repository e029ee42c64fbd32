/* SPDX-License-Identifier: MIT */
/*
 * A task's own result, and a call that blocks its thread, which belongs on the pool.
 *
 * Prints:
 *	parsed 42
 *	counted some lines
 */
#include <peal/peal.h>

#include <stdio.h>
#include <stdlib.h>

static int parse(void *arg)
{
	return atoi(arg);
}

/* Runs on a thread of the pool, not on a shard: it may block for as long as it likes. */
static int count_lines(void *arg)
{
	FILE *file = fopen(arg, "r");
	int c, lines = 0;

	if (!file)
		return -1;
	while ((c = getc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

static int main_task(void *arg)
{
	struct peal_task *task;
	int result = 0, err;

	(void)arg;
	err = peal_task_spawn(&task, parse, "42", PEAL_SPAWN(.name = "parse"));
	if (!err)
		err = peal_task_join(task, &result); /* err: of the waiting; result: of parse */
	if (err)
		return err;
	printf("parsed %d\n", result);

	err = peal_blocking(count_lines, "/proc/self/status", &result);
	if (err)
		return err;
	printf("counted %s\n", result > 0 ? "some lines" : "nothing");
	return 0;
}

int main(void)
{
	return peal_run(main_task, NULL, NULL) < 0;
}
