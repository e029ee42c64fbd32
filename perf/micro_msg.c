/* SPDX-License-Identifier: MIT */
/*
 * Messages between two shards that are awake: there and back, and one way as many as a window has. The
 * floors are a cache line that two threads watch, and a ring of one producer and one consumer.
 */
#include "core/task/task.h"
#include "perf/lines.h"
#include "perf/runtime.h"

enum tag { PING = 1, PONG, ONE_WAY, BARRIER, PASSED };

static struct {
	struct peal_task *owner;
	uint64_t left, sum;
} client;

/* On the other shard. */
static uint64_t received;

static void on_ping(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	peal_msg_send(msg->from, PONG, msg->value);
}

static void on_pong(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	if (--client.left)
		peal_msg_send(msg->from, PING, client.left);
	else
		peal_task_wake(client.owner);
}

static void on_one_way(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	received += msg->value;
}

static void on_barrier(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	peal_msg_send(msg->from, PASSED, received);
	received = 0;
}

static void on_passed(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	client.sum = msg->value;
	client.left = 0;
	peal_task_wake(client.owner);
}

static int handle_there(void *arg)
{
	(void)arg;
	peal_msg_handle(PING, on_ping, NULL);
	peal_msg_handle(ONE_WAY, on_one_way, NULL);
	return peal_msg_handle(BARRIER, on_barrier, NULL);
}

static void meet_server(void)
{
	struct peal_task *there;
	int err = -1;

	client.owner = peal_task_current();
	peal_msg_handle(PONG, on_pong, NULL);
	peal_msg_handle(PASSED, on_passed, NULL);
	perf_expect(
		!peal_task_spawn(&there, handle_there, NULL, PEAL_SPAWN(.place = PEAL_PINNED(1))) &&
			!peal_task_join(there, &err) && !err,
		"the other shard has its handlers");
}

static void round_trips(uint64_t n)
{
	client.left = n;
	peal_msg_send(1, PING, n);
	while (client.left)
		peal_task_park();
}

static void windows(uint64_t n)
{
	for (uint64_t i = 0; i < n; i += PERF_WINDOW) {
		client.left = 1;
		for (uint64_t j = 0; j < PERF_WINDOW; j++)
			peal_msg_send(1, ONE_WAY, j);
		peal_msg_send(1, BARRIER, 0);
		while (client.left)
			peal_task_park();
		perf_expect(client.sum == (uint64_t)PERF_WINDOW * (PERF_WINDOW - 1) / 2,
			"what was sent is what came");
	}
}

static int trips(void *arg)
{
	struct perf_run *run = arg;

	meet_server();
	round_trips(run->warm_up);
	perf_start(run);
	round_trips(run->count);
	perf_stop(run);
	return 0;
}

static int one_way(void *arg)
{
	struct perf_run *run = arg;

	meet_server();
	windows(run->warm_up);
	perf_start(run);
	windows(run->count);
	perf_stop(run);
	return 0;
}

static void run_trips(struct perf_run *run)
{
	perf_in_runtime(run, trips);
}

static void run_one_way(struct perf_run *run)
{
	perf_in_runtime(run, one_way);
}

/* To oneself: the same path but for the other thread, so that its instructions can be counted. */
static void on_self(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	if (!--client.left)
		peal_task_wake(client.owner);
	client.sum += msg->value;
}

static void to_self(uint64_t n, uint64_t batch)
{
	for (uint64_t i = 0; i < n; i += batch) {
		client.left = batch;
		for (uint64_t j = 0; j < batch; j++)
			peal_msg_send(0, ONE_WAY, 1);
		while (client.left)
			peal_task_park();
	}
}

static int self(void *arg)
{
	struct perf_run *run = arg;

	client.owner = peal_task_current();
	client.sum = 0;
	peal_msg_handle(ONE_WAY, on_self, NULL);
	to_self(run->warm_up, run->variant->with);
	perf_start(run);
	to_self(run->count, run->variant->with);
	perf_stop(run);
	perf_expect(client.sum == run->warm_up + run->count, "every message came");
	return 0;
}

static void run_self(struct perf_run *run)
{
	perf_in_runtime(run, self);
}

PERF_ROW(.name = "msg_self", .what = "a message to oneself, handled before the next",
	.count = 256 * 1024, .alone = true, .variants = { { "peal", run_self, .with = 1 } })

PERF_ROW(.name = "msg_self_batch", .what = "one of 64 messages to oneself", .count = 1024 * 1024,
	.step = 64, .alone = true, .variants = { { "peal", run_self, .with = 64 } })

PERF_ROW(.name = "msg_round_trip", .what = "a message to the other shard and one back, both awake",
	.count = 40000, .threads = 2,
	.variants = { { "peal", run_trips }, { "cache-line", perf_run_line, .floor = true } })

PERF_ROW(.name = "msg_one_way", .what = "one of 256 messages, then a barrier", .count = 1024 * 1024,
	.step = PERF_WINDOW, .threads = 2,
	.variants = { { "peal", run_one_way }, { "ring", perf_run_ring, .floor = true } })
