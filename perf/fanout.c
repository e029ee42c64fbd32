/* SPDX-License-Identifier: MIT */
/*
 * fanout_balanced, fanout_skewed: 64 requests, one after the other, each spawns 16 branches that compute
 * and joins them. The floor are two threads that share out the branches of a request in the best way
 * there is and meet after each: with skew the longest branch alone fills one of them.
 */
#include <sched.h>
#include <stdatomic.h>

#include "perf/runtime.h"

enum { REQUESTS = 64, WIDTH = 16, BALANCED = 2000, LIGHT = 500, HEAVY = 20000 };

struct branch {
	uint64_t seed, sum;
	uint32_t steps;
};

static void compute(struct branch *branch)
{
	uint64_t x = branch->seed ^ 0x9e3779b97f4a7c15;

	for (uint32_t i = 0; i < branch->steps; i++) {
		x = x * 6364136223846793005 + (1442695040888963407 ^ i);
		x ^= x >> 29;
	}
	branch->sum = x;
}

static struct branch branch_of(const struct perf_run *run, unsigned int request, unsigned int i)
{
	struct branch branch = { .seed = (uint64_t)request << 32 ^ i };

	if (run->variant->with != HEAVY)
		branch.steps = BALANCED;
	else
		branch.steps = i == request % WIDTH ? HEAVY : LIGHT;
	return branch;
}

/* What must come out: computed once for each of the two. */
static void expect_sum(const struct perf_run *run, uint64_t sum, uint64_t times)
{
	static uint64_t right[2];
	uint64_t *expected = &right[run->variant->with == HEAVY];

	if (!*expected)
		for (unsigned int i = 0; i < REQUESTS * WIDTH; i++) {
			struct branch branch = branch_of(run, i / WIDTH, i % WIDTH);

			compute(&branch);
			*expected += branch.sum;
		}
	perf_expect(sum == *expected * times, "the branches compute what they should");
}

static int run_branch(void *arg)
{
	compute(arg);
	return 0;
}

static uint64_t serve(const struct perf_run *run, unsigned int request)
{
	struct branch branches[WIDTH];
	struct peal_task *tasks[WIDTH];
	uint64_t sum = 0;

	for (unsigned int i = 0; i < WIDTH; i++) {
		branches[i] = branch_of(run, request, i);
		perf_expect(!peal_task_spawn(&tasks[i], run_branch, &branches[i],
				    PEAL_SPAWN(.place = PEAL_STEALABLE)),
			"a task starts");
	}
	for (unsigned int i = 0; i < WIDTH; i++) {
		peal_task_join(tasks[i], NULL);
		sum += branches[i].sum;
	}
	return sum;
}

static void iterate(const struct perf_run *run, uint64_t times)
{
	uint64_t sum = 0;

	for (uint64_t n = 0; n < times; n++)
		for (unsigned int request = 0; request < REQUESTS; request++)
			sum += serve(run, request);
	expect_sum(run, sum, times);
}

static int fan_out(void *arg)
{
	struct perf_run *run = arg;

	iterate(run, run->warm_up);
	perf_start(run);
	iterate(run, run->count);
	perf_stop(run);
	return 0;
}

static void run_peal(struct perf_run *run)
{
	perf_in_runtime(run, fan_out);
}

/* Bare: both threads walk through the requests and meet after each. */
static struct {
	struct perf_run *run;
	_Alignas(128) atomic_uint arrived;
	_Atomic(uint64_t) sum;
} bare;

/* Where the other one does not run, spinning on would only keep it from running. */
static void meet(unsigned int *meetings)
{
	*meetings += 2;
	atomic_fetch_add(&bare.arrived, 1);
	for (unsigned int i = 0; atomic_load(&bare.arrived) < *meetings; i++)
		if (i < 10000)
			perf_relax();
		else
			sched_yield();
}

/* Is branch i of a request the first thread's? */
static bool is_first(const struct perf_run *run, unsigned int request, unsigned int i)
{
	if (run->variant->with == HEAVY)
		return i == request % WIDTH;
	return i % 2;
}

static void walk(bool first)
{
	struct perf_run *run = bare.run;
	unsigned int meetings = 0;

	for (uint64_t n = 0; n < run->warm_up + run->count; n++) {
		if (first && n == run->warm_up)
			perf_start(run);
		for (unsigned int request = 0; request < REQUESTS; request++) {
			uint64_t sum = 0;

			for (unsigned int i = 0; i < WIDTH; i++) {
				struct branch branch = branch_of(run, request, i);

				if (is_first(run, request, i) != first)
					continue;
				compute(&branch);
				sum += branch.sum;
			}
			atomic_fetch_add(&bare.sum, sum);
			meet(&meetings);
		}
	}
	if (first)
		perf_stop(run);
}

static void *walk_first(void *arg)
{
	(void)arg;
	walk(true);
	return NULL;
}

static void *walk_second(void *arg)
{
	(void)arg;
	walk(false);
	return NULL;
}

static void run_bare(struct perf_run *run)
{
	bare.run = run;
	bare.arrived = 0;
	bare.sum = 0;
	perf_two_threads(walk_first, walk_second, NULL);
	expect_sum(run, bare.sum, run->warm_up + run->count);
}

PERF_ROW(.name = "fanout_balanced", .what = "64 requests of 16 equal branches", .unit = "us",
	.scale = 1000, .count = 8, .threads = 2,
	.variants = { { "peal", run_peal, .with = BALANCED },
		{ "bare", run_bare, .floor = true, .with = BALANCED } })

PERF_ROW(.name = "fanout_skewed", .what = "64 requests of 15 short branches and a long one",
	.unit = "us", .scale = 1000, .count = 8, .threads = 2,
	.variants = { { "peal", run_peal, .with = HEAVY },
		{ "bare", run_bare, .floor = true, .with = HEAVY } })
