/* SPDX-License-Identifier: MIT */
/*
 * From shard to shard by peal_rt_post(), both awake: a round trip, and one way many at a time. The
 * floors are a cache line that two threads watch, and a ring of one producer and one consumer.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "core/task.h"
#include "perf/runtime.h"

enum { WINDOW = 256 };

struct trip {
	struct peal_post there, back;
	struct peal_rt *rt;
	struct perf_run *run;
	struct peal_task *owner;
	uint64_t left;
};

static void on_back(struct peal_post *post);

static void on_there(struct peal_post *post)
{
	struct trip *trip = PEAL_CONTAINER_OF(post, struct trip, there);

	peal_rt_post(trip->rt, 0, &trip->back, on_back);
}

static void on_back(struct peal_post *post)
{
	struct trip *trip = PEAL_CONTAINER_OF(post, struct trip, back);

	if (--trip->left)
		peal_rt_post(trip->rt, 1, &trip->there, on_there);
	else
		peal_task_wake(trip->owner);
}

static void round_trips(struct trip *trip, uint64_t trips)
{
	trip->left = trips;
	peal_rt_post(trip->rt, 1, &trip->there, on_there);
	while (trip->left)
		peal_task_park();
}

static int trips(void *arg)
{
	struct perf_run *run = arg;
	struct trip trip = { .rt = peal_rt_current(), .owner = peal_task_current() };

	round_trips(&trip, run->warm_up);
	perf_start(run);
	round_trips(&trip, run->count);
	perf_stop(run);
	return 0;
}

static void run_trips(struct perf_run *run)
{
	perf_in_runtime(run, trips);
}

struct window {
	struct peal_post posts[WINDOW], barrier, over;
	struct peal_rt *rt;
	struct peal_task *owner;
	bool arrived;
};

static void on_post(struct peal_post *post)
{
	(void)post;
}

static void on_over(struct peal_post *post)
{
	struct window *window = PEAL_CONTAINER_OF(post, struct window, over);

	window->arrived = true;
	peal_task_wake(window->owner);
}

static void on_barrier(struct peal_post *post)
{
	struct window *window = PEAL_CONTAINER_OF(post, struct window, barrier);

	peal_rt_post(window->rt, 0, &window->over, on_over);
}

static void one_way(struct window *window, uint64_t posts)
{
	for (uint64_t i = 0; i < posts; i += WINDOW) {
		for (int j = 0; j < WINDOW; j++)
			peal_rt_post(window->rt, 1, &window->posts[j], on_post);
		window->arrived = false;
		peal_rt_post(window->rt, 1, &window->barrier, on_barrier);
		while (!window->arrived)
			peal_task_park();
	}
}

static int windows(void *arg)
{
	struct perf_run *run = arg;
	struct window *window = calloc(1, sizeof(*window));

	perf_expect(window, "there is memory");
	window->rt = peal_rt_current();
	window->owner = peal_task_current();
	one_way(window, run->warm_up);
	perf_start(run);
	one_way(window, run->count);
	perf_stop(run);
	free(window);
	return 0;
}

static void run_windows(struct perf_run *run)
{
	perf_in_runtime(run, windows);
}

static struct {
	_Alignas(128) _Atomic(uint64_t) ping;
	_Alignas(128) _Atomic(uint64_t) pong;
	_Alignas(128) _Atomic(uint64_t) slots[WINDOW][2];
} line;

static void *ping(void *arg)
{
	struct perf_run *run = arg;

	for (uint64_t i = 1; i <= run->warm_up + run->count; i++) {
		if (i == run->warm_up + 1)
			perf_start(run);
		atomic_store_explicit(&line.ping, i, memory_order_release);
		while (atomic_load_explicit(&line.pong, memory_order_acquire) != i)
			perf_relax();
	}
	perf_stop(run);
	return NULL;
}

static void *pong(void *arg)
{
	struct perf_run *run = arg;

	for (uint64_t i = 1; i <= run->warm_up + run->count; i++) {
		while (atomic_load_explicit(&line.ping, memory_order_acquire) != i)
			perf_relax();
		atomic_store_explicit(&line.pong, i, memory_order_release);
	}
	return NULL;
}

static void run_line(struct perf_run *run)
{
	line.ping = line.pong = 0;
	perf_two_threads(ping, pong, run);
}

/* A window of 16-byte entries is published at once and acknowledged at once. */
static void *produce(void *arg)
{
	struct perf_run *run = arg;

	for (uint64_t i = 0; i < run->warm_up + run->count; i += WINDOW) {
		if (i == run->warm_up)
			perf_start(run);
		for (uint64_t j = 0; j < WINDOW; j++) {
			atomic_store_explicit(&line.slots[j][0], i, memory_order_relaxed);
			atomic_store_explicit(&line.slots[j][1], j, memory_order_relaxed);
		}
		atomic_store_explicit(&line.ping, i + WINDOW, memory_order_release);
		while (atomic_load_explicit(&line.pong, memory_order_acquire) != i + WINDOW)
			perf_relax();
	}
	perf_stop(run);
	return NULL;
}

static void *consume(void *arg)
{
	struct perf_run *run = arg;
	uint64_t sum = 0;

	for (uint64_t i = 0; i < run->warm_up + run->count; i += WINDOW) {
		while (atomic_load_explicit(&line.ping, memory_order_acquire) != i + WINDOW)
			perf_relax();
		for (uint64_t j = 0; j < WINDOW; j++) {
			sum += atomic_load_explicit(&line.slots[j][0], memory_order_relaxed) - i;
			sum += atomic_load_explicit(&line.slots[j][1], memory_order_relaxed);
		}
		atomic_store_explicit(&line.pong, i + WINDOW, memory_order_release);
	}
	perf_expect(sum == (run->warm_up + run->count) / WINDOW * (WINDOW * (WINDOW - 1) / 2),
		"what was sent is what came");
	return NULL;
}

static void run_ring(struct perf_run *run)
{
	line.ping = line.pong = 0;
	perf_two_threads(produce, consume, run);
}

PERF_ROW(.name = "post_round_trip", .what = "a post to the other shard and one back, both awake",
	.count = 40000, .threads = 2,
	.variants = { { "peal", run_trips }, { "cache-line", run_line, .floor = true } })

PERF_ROW(.name = "post_one_way", .what = "one of 256 posts, then a barrier", .count = 1024 * 1024,
	.step = WINDOW, .threads = 2,
	.variants = { { "peal", run_windows }, { "ring", run_ring, .floor = true } })
