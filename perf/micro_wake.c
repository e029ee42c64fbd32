/* SPDX-License-Identifier: MIT */
/*
 * Waking those who sleep: a message and its answer between two shards that both sleep before each, against bare
 * threads with the same pause. p50 over round trips.
 */
#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "perf/runtime.h"

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

static int trips(void *arg)
{
	struct perf_run *run = arg;
	struct peal_task *other;
	struct peal_msg msg;

	perf_expect(
		!peal_task_spawn(&other, handle_there, NULL, PEAL_SPAWN(.place = PEAL_PINNED(1))) &&
			!peal_task_join(other, NULL),
		"the other shard has its handler");
	perf_start(run);
	for (uint64_t i = 0; i < run->count; i++) {
		int64_t begin;

		peal_sleep((int64_t)run->variant->with);
		begin = perf_now();
		peal_msg_send(1, THERE, i);
		peal_msg_recv(BACK, &msg);
		perf_record(run->latency, (uint64_t)(perf_now() - begin));
	}
	perf_stop(run);
	return 0;
}

static void run_peal(struct perf_run *run)
{
	perf_in_runtime(run, trips);
}

/* The bare ones differ in how a thread waits for its bell and in how it rings the other's. */
struct bell {
	int fd;
	atomic_int word;
};

static struct {
	struct bell bells[2];
	void (*ring)(struct bell *bell);
	void (*wait)(struct bell *bell);
} bare;

static void ring_eventfd(struct bell *bell)
{
	uint64_t one = 1;

	perf_expect(write(bell->fd, &one, sizeof(one)) == sizeof(one), "an eventfd is written");
}

static void wait_eventfd(struct bell *bell)
{
	uint64_t count;

	perf_expect(read(bell->fd, &count, sizeof(count)) == sizeof(count), "an eventfd is read");
}

static void ring_futex(struct bell *bell)
{
	bell->word = 1;
	syscall(SYS_futex, &bell->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void wait_futex(struct bell *bell)
{
	int rung = 1;

	while (!atomic_compare_exchange_strong(&bell->word, &rung, 0)) {
		syscall(SYS_futex, &bell->word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
		rung = 1;
	}
}

static void *ask(void *arg)
{
	struct perf_run *run = arg;
	const struct timespec pause = { .tv_nsec = (long)run->variant->with };

	perf_start(run);
	for (uint64_t i = 0; i < run->count; i++) {
		int64_t begin;

		nanosleep(&pause, NULL);
		begin = perf_now();
		bare.ring(&bare.bells[1]);
		bare.wait(&bare.bells[0]);
		perf_record(run->latency, (uint64_t)(perf_now() - begin));
	}
	perf_stop(run);
	return NULL;
}

static void *answer(void *arg)
{
	struct perf_run *run = arg;

	for (uint64_t i = 0; i < run->count; i++) {
		bare.wait(&bare.bells[1]);
		bare.ring(&bare.bells[0]);
	}
	return NULL;
}

static void run_futex(struct perf_run *run)
{
	bare.ring = ring_futex;
	bare.wait = wait_futex;
	perf_two_threads(ask, answer, run);
}

static void run_eventfd(struct perf_run *run)
{
	bare.ring = ring_eventfd;
	bare.wait = wait_eventfd;
	for (int i = 0; i < 2; i++)
		perf_expect(
			(bare.bells[i].fd = eventfd(0, EFD_CLOEXEC)) >= 0, "an eventfd is made");
	perf_two_threads(ask, answer, run);
	for (int i = 0; i < 2; i++)
		close(bare.bells[i].fd);
}

#define WAKE_ROW(row, text, ns, n)                                                              \
	PERF_ROW(.name = row, .what = "a round trip after both have slept " text, .unit = "us", \
		.scale = 1000, .count = n, .threads = 2, .latency = true,                       \
		.variants = { { "peal/uring", run_peal, .backend = "uring", .with = ns },       \
			{ "peal/epoll", run_peal, .backend = "epoll", .with = ns },             \
			{ "eventfd", run_eventfd, .floor = true, .with = ns },                  \
			{ "futex", run_futex, .floor = true, .with = ns } })

WAKE_ROW("parked_50us", "50 us", 50000, 500)
WAKE_ROW("parked_1ms", "1 ms", 1000000, 50)
