/* SPDX-License-Identifier: MIT */
/*
 * cold_start: a runtime of two shards is built, 64 messages go to the other one and back, it is taken
 * down. The floor are two threads that do as much with an eventfd each.
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include "perf/runtime.h"

enum { ROUNDS = 64 };
enum tag { THERE = 1, BACK };

static void on_there(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	peal_msg_send(msg->from, BACK, msg->value);
}

static int handle_there(void *arg)
{
	(void)arg;
	return peal_msg_handle(THERE, on_there, NULL);
}

static int rounds(void *arg)
{
	struct peal_msg msg;

	(void)arg;
	perf_expect(!peal_call(1, handle_there, NULL, NULL), "the other shard has its handler");
	for (uint64_t i = 0; i < ROUNDS; i++) {
		peal_msg_send(1, THERE, i);
		perf_expect(!peal_msg_recv(BACK, &msg) && msg.value == i, "the answer comes back");
	}
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
