/* SPDX-License-Identifier: MIT */
/*
 * cold_start: a runtime of two shards is built, 64 rounds go between them, it is taken down. The floor
 * are two threads that do as much with an eventfd each.
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/task/task.h"
#include "perf/runtime.h"

enum { ROUNDS = 64 };

struct trip {
	struct peal_post there, back;
	struct peal_rt *rt;
	struct peal_task *owner;
	unsigned int left;
};

static void on_there(struct peal_post *post);

static void on_back(struct peal_post *post)
{
	struct trip *trip = PEAL_CONTAINER_OF(post, struct trip, back);

	if (--trip->left)
		peal_rt_post(trip->rt, 1, &trip->there, on_there);
	else
		peal_task_wake(trip->owner);
}

static void on_there(struct peal_post *post)
{
	struct trip *trip = PEAL_CONTAINER_OF(post, struct trip, there);

	peal_rt_post(trip->rt, 0, &trip->back, on_back);
}

static int rounds(void *arg)
{
	struct trip trip = {
		.rt = peal_rt_current(), .owner = peal_task_current(), .left = ROUNDS
	};

	(void)arg;
	peal_rt_post(trip.rt, 1, &trip.there, on_there);
	while (trip.left)
		peal_task_park();
	return 0;
}

static void run_peal(struct perf_run *run)
{
	perf_in_runtime(run, rounds);
	if (run->skipped[0])
		return;
	perf_start(run);
	for (uint64_t i = 0; i < run->count; i++)
		perf_in_runtime(run, rounds);
	perf_stop(run);
}

static int fds[2];

static void ring(int fd)
{
	uint64_t one = 1;

	perf_expect(write(fd, &one, sizeof(one)) == sizeof(one), "an eventfd is written");
}

static void await(int fd)
{
	uint64_t count;

	perf_expect(read(fd, &count, sizeof(count)) == sizeof(count), "an eventfd is read");
}

static void *ask(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		ring(fds[1]);
		await(fds[0]);
	}
	return NULL;
}

static void *answer(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		await(fds[1]);
		ring(fds[0]);
	}
	return NULL;
}

static void run_bare(struct perf_run *run)
{
	perf_start(run);
	for (uint64_t i = 0; i < run->count; i++) {
		for (int j = 0; j < 2; j++)
			perf_expect((fds[j] = eventfd(0, EFD_CLOEXEC)) >= 0, "an eventfd is made");
		perf_two_threads(ask, answer, NULL);
		for (int j = 0; j < 2; j++)
			close(fds[j]);
	}
	perf_stop(run);
}

PERF_ROW(.name = "cold_start", .what = "built, 64 rounds between two shards, taken down",
	.unit = "us", .scale = 1000, .count = 10, .threads = 2,
	.variants = { { "peal/uring", run_peal, .backend = "uring" },
		{ "peal/epoll", run_peal, .backend = "epoll" },
		{ "eventfd", run_bare, .floor = true } })
