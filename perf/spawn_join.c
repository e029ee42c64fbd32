/* SPDX-License-Identifier: MIT */
/*
 * spawn_join: a million tasks that do nothing, on one shard: spawned and awaited one by one, or all
 * spawned and then all awaited. The floor is a context for each: made on a warm stack, switched to, and
 * back, as `micro` has it.
 */
#include <stdlib.h>

#include "perf/runtime.h"

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void await_each(uint64_t tasks)
{
	struct peal_task *task;

	for (uint64_t i = 0; i < tasks; i++) {
		perf_expect(!peal_task_spawn(&task, nothing, NULL, NULL), "a task starts");
		peal_task_join(task, NULL);
	}
}

static void await_all(struct peal_task **tasks, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		perf_expect(!peal_task_spawn(&tasks[i], nothing, NULL, NULL), "a task starts");
	for (uint64_t i = 0; i < n; i++)
		peal_task_join(tasks[i], NULL);
}

static int one_by_one(void *arg)
{
	struct perf_run *run = arg;

	await_each(run->warm_up);
	perf_start(run);
	await_each(run->count);
	perf_stop(run);
	return 0;
}

/* The first time all of the memory is new; a program that does it again has it ready. */
static int all_at_once(void *arg)
{
	struct perf_run *run = arg;
	struct peal_task **tasks = calloc(run->count, sizeof(*tasks));

	perf_expect(tasks, "there is memory");
	if (!run->variant->with)
		await_all(tasks, run->count);
	perf_start(run);
	await_all(tasks, run->count);
	perf_stop(run);
	free(tasks);
	return 0;
}

static void run_one_by_one(struct perf_run *run)
{
	perf_in_runtime(run, one_by_one);
}

static void run_all(struct perf_run *run)
{
	perf_in_runtime(run, all_at_once);
}

PERF_ROW(.name = "spawn_join_each", .what = "a task, awaited before the next", .count = 1000000,
	.variants = { { "peal", run_one_by_one } })

PERF_ROW(.name = "spawn_join_all", .what = "one of a million, all awaited in the end",
	.count = 1000000, .variants = { { "peal", run_all }, { "peal/first", run_all, .with = 1 } })
