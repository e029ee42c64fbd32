/* SPDX-License-Identifier: MIT */
/*
 * A task's whole life: spawned, run once, gone. The floor is what no fiber can do without: a context is
 * made on a stack that is warm, switched to, and back.
 */
#include "core/fiber/sanitizer.h"
#include "core/fiber/switch.h"
#include "perf/runtime.h"

enum { BATCH = 256 };

static uint64_t ran;
static void *loop, *fiber;
static _Alignas(64) char stack_memory[64 * 1024];

static int count_run(void *arg)
{
	(void)arg;
	ran++;
	return 0;
}

static void spawn_and_forget(uint64_t tasks)
{
	uint64_t until = ran + tasks;

	while (ran < until) {
		for (int i = 0; i < BATCH; i++)
			peal_spawn(count_run, NULL, NULL);
		peal_yield();
	}
	perf_expect(ran == until, "every task has run when the spawner goes on");
}

static void await_one_by_one(uint64_t tasks)
{
	struct peal_task *task;

	for (uint64_t i = 0; i < tasks; i++) {
		perf_expect(!peal_task_spawn(&task, count_run, NULL, NULL), "a task starts");
		peal_task_join(task, NULL);
	}
}

static void await_batches(uint64_t tasks)
{
	struct peal_task *batch[BATCH];

	for (uint64_t i = 0; i < tasks; i += BATCH) {
		for (int j = 0; j < BATCH; j++)
			perf_expect(!peal_task_spawn(&batch[j], count_run, NULL, NULL),
				"a task starts");
		for (int j = 0; j < BATCH; j++)
			peal_task_join(batch[j], NULL);
	}
}

static void enter(void *arg)
{
	count_run(arg);
	peal_switch(&fiber, loop);
}

static void bare_contexts(uint64_t tasks)
{
	for (uint64_t i = 0; i < tasks; i++) {
		fiber = peal_switch_make(stack_memory, sizeof(stack_memory), enter, NULL);
		peal_switch(&loop, fiber);
	}
}

static void timed(struct perf_run *run, void (*work)(uint64_t tasks))
{
	work(run->warm_up);
	perf_start(run);
	work(run->count);
	perf_stop(run);
}

static int forget(void *arg)
{
	timed(arg, spawn_and_forget);
	return 0;
}

static int one_by_one(void *arg)
{
	timed(arg, await_one_by_one);
	return 0;
}

static int batches(void *arg)
{
	timed(arg, await_batches);
	return 0;
}

static void run_forget(struct perf_run *run)
{
	perf_in_runtime(run, forget);
}

static void run_one_by_one(struct perf_run *run)
{
	perf_in_runtime(run, one_by_one);
}

static void run_batches(struct perf_run *run)
{
	perf_in_runtime(run, batches);
}

static void run_bare(struct perf_run *run)
{
	if (PEAL_ASAN || PEAL_TSAN) {
		perf_skip(run, "a sanitizer must be told of every switch");
		return;
	}
	timed(run, bare_contexts);
}

PERF_ROW(.name = "spawn", .what = "peal_spawn(), run, ended", .count = 256 * 1024, .step = BATCH,
	.alone = true,
	.variants = { { "peal", run_forget }, { "bare-context", run_bare, .floor = true } })

PERF_ROW(.name = "spawn_await", .what = "peal_task_spawn() and peal_task_join(), one by one",
	.count = 256 * 1024, .alone = true,
	.variants = { { "peal", run_one_by_one }, { "bare-context", run_bare, .floor = true } })

PERF_ROW(.name = "spawn_await_batch", .what = "256 tasks spawned, then awaited",
	.count = 256 * 1024, .step = BATCH, .alone = true,
	.variants = { { "peal", run_batches }, { "bare-context", run_bare, .floor = true } })
