/* SPDX-License-Identifier: MIT */
/* The context switch: bare, with what travels along, and through the scheduler. */
#include "core/fiber/fiber.h"
#include "perf/runtime.h"

static struct peal_fiber here, there;
static void *context_here, *context_there;
static _Alignas(64) char stack_memory[64 * 1024];

static void bounce_raw(void *arg)
{
	(void)arg;
	for (;;)
		peal_switch(&context_there, context_here);
}

static void raw_times(uint64_t switches)
{
	for (uint64_t i = 0; i < switches; i += 2)
		peal_switch(&context_here, context_there);
}

static void run_raw(struct perf_run *run)
{
	if (PEAL_ASAN || PEAL_TSAN) {
		perf_skip(run, "a sanitizer must be told of every switch");
		return;
	}
	context_there = peal_switch_make(stack_memory, sizeof(stack_memory), bounce_raw, NULL);
	raw_times(run->warm_up);
	perf_start(run);
	raw_times(run->count);
	perf_stop(run);
}

static struct peal_fiber *bounce(void *arg)
{
	(void)arg;
	for (;;)
		peal_fiber_switch(&there, &here);
	return NULL;
}

static void fiber_times(uint64_t switches)
{
	for (uint64_t i = 0; i < switches; i += 2)
		peal_fiber_switch(&here, &there);
}

static void run_fiber(struct perf_run *run)
{
	static const struct peal_stack_limits limits = { .size = PEAL_STACK_DEFAULT };
	struct peal_stack_pool *pool;
	struct peal_stack *stack;

	perf_expect(!peal_stack_pool_create(&pool, &limits), "there is memory for stacks");
	stack = peal_stack_get(pool);
	if (!stack || peal_fiber_adopt_thread(&here) < 0) {
		perf_skip(run, "no fibers on this thread");
		return;
	}
	peal_fiber_init(&there, stack, "bounce", bounce, NULL);
	fiber_times(run->warm_up);
	perf_start(run);
	fiber_times(run->count);
	perf_stop(run);
	peal_fiber_release_thread(&here);
	peal_stack_put(pool, stack);
	peal_stack_pool_destroy(pool);
}

static int yield_until(void *arg)
{
	while (!*(volatile bool *)arg)
		peal_yield();
	return 0;
}

/* `fibers` that do nothing but yield, of which this one counts its turns. */
static int yield_among(struct perf_run *run, unsigned int fibers)
{
	bool over = false;
	struct peal_task *others[1000];
	unsigned int n = fibers - 1;

	for (unsigned int i = 0; i < n; i++)
		perf_expect(
			!peal_task_spawn(&others[i], yield_until, &over, NULL), "a task starts");
	for (uint64_t i = 0; i < run->warm_up; i += fibers)
		peal_yield();
	perf_start(run);
	for (uint64_t i = 0; i < run->count; i += fibers)
		peal_yield();
	perf_stop(run);
	over = true;
	while (n)
		peal_task_join(others[--n], NULL);
	return 0;
}

static int yield_2(void *arg)
{
	return yield_among(arg, 2);
}

static int yield_1000(void *arg)
{
	return yield_among(arg, 1000);
}

static void run_yield_2(struct perf_run *run)
{
	perf_in_runtime(run, yield_2);
}

static void run_yield_1000(struct perf_run *run)
{
	perf_in_runtime(run, yield_1000);
}

PERF_ROW(.name = "switch", .what = "from one context to another", .count = 4000000, .step = 2,
	.alone = true, .variants = { { "raw", run_raw, .floor = true }, { "fiber", run_fiber } })

PERF_ROW(.name = "yield", .what = "peal_yield() between two fibers", .count = 1000000, .step = 2,
	.alone = true,
	.variants = { { "peal", run_yield_2 }, { "bare-switch", run_raw, .floor = true } })

PERF_ROW(.name = "yield_1000", .what = "peal_yield() among a thousand fibers", .count = 1000000,
	.step = 1000, .alone = true,
	.variants = { { "peal", run_yield_1000 }, { "bare-switch", run_raw, .floor = true } })
