/* SPDX-License-Identifier: MIT */
/* Timers: started and stopped again, as deadlines of calls that succeed are. */
#include <stdlib.h>

#include "core/base/list.h"
#include "perf/runtime.h"

enum { OTHERS = 1000, BATCH = 64 };

static void never(struct peal_timer *timer)
{
	(void)timer;
}

/* As deadlines come: each somewhat later than the one before, and not quite in order. */
static int64_t some_deadline(int64_t now, uint64_t i)
{
	return now + PEAL_S + (int64_t)(i * 7919 % 4096 * 10007);
}

static void start_and_stop(struct peal_timer *timers, uint64_t n)
{
	int64_t now = peal_now();

	for (uint64_t i = 0; i < n; i += BATCH) {
		for (uint64_t j = 0; j < BATCH; j++)
			peal_timer_start(&timers[j], some_deadline(now, i + j), never);
		for (uint64_t j = 0; j < BATCH; j++)
			peal_timer_stop(&timers[j]);
	}
}

static int timers(void *arg)
{
	struct perf_run *run = arg;
	struct peal_timer *timers = calloc(OTHERS + BATCH, sizeof(*timers));

	perf_expect(timers, "there is memory");
	for (uint64_t i = 0; i < OTHERS; i++)
		peal_timer_start(&timers[BATCH + i], some_deadline(peal_now(), i), never);
	start_and_stop(timers, run->warm_up);
	perf_start(run);
	start_and_stop(timers, run->count);
	perf_stop(run);
	for (uint64_t i = 0; i < OTHERS; i++)
		peal_timer_stop(&timers[BATCH + i]);
	free(timers);
	return 0;
}

static void run_timers(struct perf_run *run)
{
	perf_in_runtime(run, timers);
}

/* Into a list and out of it: less is not possible. */
static void link_and_unlink(struct peal_list *lists, struct peal_list *links, uint64_t n)
{
	for (uint64_t i = 0; i < n; i += BATCH) {
		for (uint64_t j = 0; j < BATCH; j++)
			peal_list_append(&lists[(i + j) * 7919 % 64], &links[j]);
		for (uint64_t j = 0; j < BATCH; j++)
			peal_list_remove(&links[j]);
	}
}

static void run_lists(struct perf_run *run)
{
	static struct peal_list lists[64], links[BATCH];

	for (int i = 0; i < 64; i++)
		peal_list_init(&lists[i]);
	link_and_unlink(lists, links, run->warm_up);
	perf_start(run);
	link_and_unlink(lists, links, run->count);
	perf_stop(run);
}

PERF_ROW(.name = "timer", .what = "a timer started and stopped, a thousand others are armed",
	.count = 1024 * 1024, .step = BATCH, .alone = true,
	.variants = { { "peal", run_timers }, { "list", run_lists, .floor = true } })
