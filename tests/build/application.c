/* SPDX-License-Identifier: MIT */
/*
 * application VERSION: what somebody outside the tree would write, in C and in C++. Runs tasks on the
 * installed library of that version; silent when all is well.
 */
#include <stdio.h>
#include <string.h>

#include <peal/peal.h>

static int add_one(void *arg)
{
	*(int *)arg += 1;
	return 0;
}

static int main_task(void *arg)
{
	struct peal_task *task;
	int result = -1;
	int err = peal_task_spawn(&task, add_one, arg, NULL);

	if (!err)
		err = peal_task_join(task, &result);
	return err ? err : result;
}

int main(int argc, char **argv)
{
	int number = 41;
	int result;

	if (argc != 2 || strcmp(argv[1], peal_version()) != 0) {
		fprintf(stderr, "runs with version %s\n", peal_version());
		return 1;
	}
	result = peal_run(main_task, &number, NULL);
	if (result != 0 || number != 42) {
		fprintf(stderr, "peal_run: %d, number: %d\n", result, number);
		return 1;
	}
	return 0;
}
