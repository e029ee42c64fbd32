/* SPDX-License-Identifier: MIT */
/*
 * Stealing: what the ring costs, without anybody else in it; and how long work waits until a shard that
 * sleeps has come and taken it.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/sched/fresh.h"
#include "core/runtime/rt.h"
#include "perf/runtime.h"

enum { FULL = 64 };

static struct peal_fresh ring;

/* Pushed by the owner, taken in halves by a thief, as long as there are some. */
static void steal_all(uint64_t tasks)
{
	void *taken[PEAL_STEAL_MOST];
	uint64_t stolen = 0;

	for (uint64_t i = 0; i < tasks; i += FULL) {
		unsigned int n;

		for (int j = 0; j < FULL; j++)
			peal_fresh_push(&ring, taken);
		while ((n = peal_fresh_steal(&ring, taken, PEAL_STEAL_MOST)))
			stolen += n;
	}
	perf_expect(stolen == tasks, "every task is stolen");
}

/* A queue of one thread's, a task at a time. */
static void take_all(uint64_t tasks)
{
	static void *volatile slots[FULL];

	for (uint64_t i = 0; i < tasks; i += FULL) {
		for (int j = 0; j < FULL; j++)
			slots[j] = &ring;
		for (int j = 0; j < FULL; j++)
			perf_expect(slots[j], "it is there");
	}
}

static void run_ring(struct perf_run *run)
{
	peal_fresh_init(&ring);
	steal_all(run->warm_up);
	perf_start(run);
	steal_all(run->count);
	perf_stop(run);
}

static void run_array(struct perf_run *run)
{
	take_all(run->warm_up);
	perf_start(run);
	take_all(run->count);
	perf_stop(run);
}

/* Two tasks are published at once, because one alone wakes nobody; what is told is when the first of
 * them began on the other shard. Each works for a while, so that one shard cannot run both. */
#define WORK_NS  100000
#define PAUSE_NS 1000000

static _Atomic(int64_t) begun;

static int work(void *arg)
{
	int64_t now = perf_now(), none = 0;

	if (peal_shard() != 0)
		atomic_compare_exchange_strong(&begun, &none, now);
	while (perf_now() < now + WORK_NS)
		perf_relax();
	return 0;
}

static int offer(void *arg)
{
	struct perf_run *run = arg;
	struct peal_task *tasks[2];

	perf_start(run);
	for (uint64_t i = 0; i < run->count; i++) {
		int64_t published;

		peal_sleep(PAUSE_NS);
		begun = 0;
		published = perf_now();
		for (int j = 0; j < 2; j++)
			peal_task_spawn(&tasks[j], work, NULL, PEAL_SPAWN(.place = PEAL_STEALABLE));
		for (int j = 0; j < 2; j++)
			peal_task_join(tasks[j], NULL);
		if (begun)
			perf_record(run->latency, (uint64_t)(begun - published));
	}
	perf_stop(run);
	if (!run->latency->total)
		perf_skip(run, "nothing was stolen");
	return 0;
}

static void run_wake(struct perf_run *run)
{
	perf_in_runtime(run, offer);
}

/* The same with a futex: the sleeper writes down when it runs. */
static atomic_int word;

static void *sleeper(void *arg)
{
	for (struct perf_run *run = arg; word >= 0;) {
		(void)run;
		syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
		if (word == 1) {
			begun = perf_now();
			word = 0;
		}
	}
	return NULL;
}

static void *waker(void *arg)
{
	struct perf_run *run = arg;
	const struct timespec pause = { .tv_nsec = PAUSE_NS };

	perf_start(run);
	for (uint64_t i = 0; i < run->count; i++) {
		int64_t published;

		nanosleep(&pause, NULL);
		begun = 0;
		published = perf_now();
		word = 1;
		syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		while (!begun || word)
			perf_relax();
		perf_record(run->latency, (uint64_t)(begun - published));
	}
	perf_stop(run);
	word = -1;
	syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	return NULL;
}

static void run_futex(struct perf_run *run)
{
	word = 0;
	perf_two_threads(waker, sleeper, run);
}

PERF_ROW(.name = "steal_ring", .what = "a task through the ring, stolen by halves",
	.count = 1024 * 1024, .step = FULL, .alone = true,
	.variants = { { "peal", run_ring }, { "array", run_array, .floor = true } })

PERF_ROW(.name = "steal_wake", .what = "spawned, until a sleeping shard has stolen and begun it",
	.unit = "us", .scale = 1000, .count = 50, .threads = 2, .latency = true,
	.variants = { { "peal", run_wake }, { "futex", run_futex, .floor = true } })
