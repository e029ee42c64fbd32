/* SPDX-License-Identifier: MIT */
/*
 * From shard to shard by peal_rt_post(), both awake: a round trip, and one way many at a time. The
 * floors are a cache line that two threads watch, and a ring of one producer and one consumer.
 */
#include <stdlib.h>

#include "core/task/task.h"
#include "perf/lines.h"
#include "perf/runtime.h"

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
	struct peal_post posts[PERF_WINDOW], barrier, over;
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
	for (uint64_t i = 0; i < posts; i += PERF_WINDOW) {
		for (int j = 0; j < PERF_WINDOW; j++)
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

PERF_ROW(.name = "post_round_trip", .what = "a post to the other shard and one back, both awake",
	.count = 40000, .threads = 2,
	.variants = { { "peal", run_trips }, { "cache-line", perf_run_line, .floor = true } })

PERF_ROW(.name = "post_one_way", .what = "one of 256 posts, then a barrier", .count = 1024 * 1024,
	.step = PERF_WINDOW, .threads = 2,
	.variants = { { "peal", run_windows }, { "ring", perf_run_ring, .floor = true } })
