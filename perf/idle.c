/* SPDX-License-Identifier: MIT */
/*
 * idle, parked_fibers: what is left when there is nothing to do. CPU time and context switches of
 * runtimes with a thousand fibers that wait; memory, mappings and time for each of very many.
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/task/task.h"
#include "perf/runtime.h"

struct parked {
	struct peal_task **tasks;
	uint64_t n, arrived;
};

static int wait_for_the_end(void *arg)
{
	struct parked *parked = arg;

	parked->arrived++;
	peal_task_park();
	return 0;
}

static void park_many(struct parked *parked, uint64_t n)
{
	parked->tasks = calloc(n, sizeof(*parked->tasks));
	perf_expect(parked->tasks, "there is memory");
	parked->n = n;
	parked->arrived = 0;
	for (uint64_t i = 0; i < n; i++)
		perf_expect(!peal_task_spawn(&parked->tasks[i], wait_for_the_end, parked, NULL),
			"a task starts");
	while (parked->arrived < n)
		peal_yield();
}

static void end_all(struct parked *parked)
{
	for (uint64_t i = 0; i < parked->n; i++)
		peal_task_wake(parked->tasks[i]);
	for (uint64_t i = 0; i < parked->n; i++)
		peal_task_join(parked->tasks[i], NULL);
	free(parked->tasks);
}

/* An operation is a millisecond in which nothing happens. Starting up is given some time to settle. */
static int do_nothing(void *arg)
{
	struct perf_run *run = arg;
	struct parked parked;

	park_many(&parked, 1000);
	peal_sleep(50 * PEAL_MS);
	perf_start(run);
	peal_sleep((int64_t)run->count * PEAL_MS);
	perf_stop(run);
	run->value = (double)run->used.cpu_ns / (double)run->count;
	end_all(&parked);
	return 0;
}

static void run_idle(struct perf_run *run)
{
	perf_in_runtime(run, do_nothing);
}

static void run_sleep(struct perf_run *run)
{
	struct timespec time = { .tv_sec = (time_t)(run->count / 1000),
		.tv_nsec = (long)(run->count % 1000) * 1000000 };

	perf_start(run);
	nanosleep(&time, NULL);
	perf_stop(run);
	run->value = (double)run->used.cpu_ns / (double)run->count;
}

/* With 0: bytes, 1: nanoseconds, 2: mappings per thousand. */
static int park(void *arg)
{
	struct perf_run *run = arg;
	int64_t resident = perf_resident();
	long mappings = perf_mappings();
	struct parked parked;

	perf_start(run);
	park_many(&parked, run->count);
	perf_stop(run);
	if (run->variant->with == 0)
		run->value = (double)(perf_resident() - resident) / (double)run->count;
	if (run->variant->with == 2)
		run->value = 1000.0 * (double)(perf_mappings() - mappings) / (double)run->count;
	end_all(&parked);
	return 0;
}

static void run_parked(struct perf_run *run)
{
	int64_t room = (int64_t)sysconf(_SC_AVPHYS_PAGES) * sysconf(_SC_PAGESIZE);

	if (room < (int64_t)run->count * 2 * 4096)
		perf_skip(run, "%.1f GiB of free memory are too little", (double)room / (1 << 30));
	else
		perf_in_runtime_opts(run, park,
			(struct peal_rt_opts){ .max_tasks = (uint32_t)run->count + 1000 });
}

#define IDLE_ROW(row, shards)                                                         \
	PERF_ROW(.name = row, .what = "CPU time of a second with 1000 parked fibers", \
		.unit = "us/s", .count = 1000, .threads = shards,                     \
		.variants = { { "peal/uring", run_idle, .backend = "uring" },         \
			{ "peal/epoll", run_idle, .backend = "epoll" },               \
			{ "nanosleep", run_sleep, .floor = true } })

IDLE_ROW("idle_2", 2)
IDLE_ROW("idle_8", 8)

PERF_ROW(.name = "parked_fibers_100k", .what = "resident memory of one of 100,000 that wait",
	.unit = "bytes", .count = 100000, .variants = { { "peal", run_parked } })
PERF_ROW(.name = "parked_fibers_1m", .what = "resident memory of one of a million that wait",
	.unit = "bytes", .count = 1000000, .variants = { { "peal", run_parked } })
PERF_ROW(.name = "parked_create_100k", .what = "spawned, run until it waits, as one of 100,000",
	.count = 100000, .variants = { { "peal", run_parked, .with = 1 } })
PERF_ROW(.name = "parked_maps_100k", .what = "mappings for a thousand of 100,000 that wait",
	.unit = "maps", .count = 100000, .variants = { { "peal", run_parked, .with = 2 } })
