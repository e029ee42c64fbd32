/* SPDX-License-Identifier: MIT */
/*
 * Waking those who sleep: a message and its answer between two shards that both sleep before each, against bare
 * threads with the same pause. p50 over round trips.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "perf/bells.h"
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

void perf_run_parked(struct perf_run *run)
{
	perf_in_runtime(run, trips);
}

static void open_eventfd(struct perf_bell *bell)
{
	bell->fd = eventfd(0, EFD_CLOEXEC);
	perf_expect(bell->fd >= 0, "an eventfd is made");
}

static void close_eventfd(struct perf_bell *bell)
{
	close(bell->fd);
}

static void wait_eventfd(struct perf_bell *own)
{
	uint64_t count;

	perf_expect(read(own->fd, &count, sizeof(count)) == sizeof(count), "an eventfd is read");
}

static void ring_eventfd(struct perf_bell *own, struct perf_bell *other)
{
	uint64_t one = 1;

	(void)own;
	perf_expect(write(other->fd, &one, sizeof(one)) == sizeof(one), "an eventfd is written");
}

static void wait_futex(struct perf_bell *own)
{
	int rung = 1;

	while (!atomic_compare_exchange_strong(&own->word, &rung, 0)) {
		syscall(SYS_futex, &own->word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
		rung = 1;
	}
}

static void ring_futex(struct perf_bell *own, struct perf_bell *other)
{
	(void)own;
	other->word = 1;
	syscall(SYS_futex, &other->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static struct {
	const struct perf_bell_kind *kind;
	struct perf_bell bells[2];
	atomic_int met;
} bare;

static void open_bell(struct perf_bell *bell)
{
	if (bare.kind->open)
		bare.kind->open(bell);
}

/* Both have opened theirs, or closed: nobody rings before or after. */
static void meet(int meeting)
{
	bare.met++;
	while (bare.met < 2 * meeting)
		sched_yield();
}

static void close_bell(struct perf_bell *bell)
{
	meet(2);
	if (bare.kind->close)
		bare.kind->close(bell);
}

static void *ask(void *arg)
{
	struct perf_run *run = arg;
	const struct timespec pause = { .tv_nsec = (long)run->variant->with };

	open_bell(&bare.bells[0]);
	meet(1);
	perf_start(run);
	for (uint64_t i = 0; i < run->count; i++) {
		int64_t begin;

		nanosleep(&pause, NULL);
		begin = perf_now();
		bare.kind->ring(&bare.bells[0], &bare.bells[1]);
		bare.kind->wait(&bare.bells[0]);
		perf_record(run->latency, (uint64_t)(perf_now() - begin));
	}
	perf_stop(run);
	close_bell(&bare.bells[0]);
	return NULL;
}

static void *answer(void *arg)
{
	struct perf_run *run = arg;

	open_bell(&bare.bells[1]);
	meet(1);
	for (uint64_t i = 0; i < run->count; i++) {
		bare.kind->wait(&bare.bells[1]);
		bare.kind->ring(&bare.bells[1], &bare.bells[0]);
	}
	close_bell(&bare.bells[1]);
	return NULL;
}

void perf_run_bells(struct perf_run *run, const struct perf_bell_kind *kind)
{
	bare.kind = kind;
	bare.met = 0;
	perf_two_threads(ask, answer, run);
}

static void run_eventfd(struct perf_run *run)
{
	static const struct perf_bell_kind kind = { .open = open_eventfd,
		.close = close_eventfd,
		.wait = wait_eventfd,
		.ring = ring_eventfd };

	perf_run_bells(run, &kind);
}

static void run_futex(struct perf_run *run)
{
	static const struct perf_bell_kind kind = { .wait = wait_futex, .ring = ring_futex };

	perf_run_bells(run, &kind);
}

#define WAKE_ROW(row, text, ns, n)                                                               \
	PERF_ROW(.name = row, .what = "a round trip after both have slept " text, .unit = "us",  \
		.scale = 1000, .count = n, .threads = 2, .latency = true,                        \
		.variants = { { "peal/uring", perf_run_parked, .backend = "uring", .with = ns }, \
			{ "peal/epoll", perf_run_parked, .backend = "epoll", .with = ns },       \
			{ "eventfd", run_eventfd, .floor = true, .with = ns },                   \
			{ "futex", run_futex, .floor = true, .with = ns } })

WAKE_ROW("parked_50us", "50 us", 50000, 500)
WAKE_ROW("parked_1ms", "1 ms", 1000000, 50)
