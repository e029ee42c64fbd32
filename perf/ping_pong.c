/* SPDX-License-Identifier: MIT */
/*
 * ping_pong_rtt, one_way_drain: messages between two shards that are awake. 256 requests and answers,
 * one after the other; 2048 messages one way, and then one back. A fiber receives on both sides, or a
 * handler does where the answer is made.
 */
#include "perf/lines.h"
#include "perf/runtime.h"

enum { ROUNDS = 256, MESSAGES = 2048 };
enum tag { PING = 1, PONG, ONE_WAY, TOTAL };

/* Ends with the message that says 0. */
static int answer_pings(void *arg)
{
	struct peal_msg msg;

	(void)arg;
	while (!peal_msg_recv(PING, &msg) && msg.value)
		peal_msg_send(msg.from, PONG, msg.value);
	return 0;
}

static void on_ping(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	if (msg->value)
		peal_msg_send(msg->from, PONG, msg->value);
}

static int handle_pings(void *arg)
{
	(void)arg;
	return peal_msg_handle(PING, on_ping, NULL);
}

static int add_up(void *arg)
{
	struct peal_msg msg;
	uint64_t sum = 0;

	(void)arg;
	for (;;) {
		perf_expect(!peal_msg_recv(ONE_WAY, &msg), "a message comes");
		if (msg.value == UINT64_MAX)
			return 0;
		sum += msg.value;
		if (msg.value)
			continue;
		peal_msg_send(msg.from, TOTAL, sum);
		sum = 0;
	}
}

static uint64_t there_sum;

static void on_one_way(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	there_sum += msg->value;
	if (msg->value)
		return;
	peal_msg_send(msg->from, TOTAL, there_sum);
	there_sum = 0;
}

static int handle_one_way(void *arg)
{
	(void)arg;
	there_sum = 0;
	return peal_msg_handle(ONE_WAY, on_one_way, NULL);
}

static void ping(uint64_t times)
{
	struct peal_msg msg;

	for (uint64_t i = 1; i <= ROUNDS * times; i++) {
		peal_msg_send(1, PING, i);
		perf_expect(!peal_msg_recv(PONG, &msg) && msg.value == i, "the answer comes back");
	}
}

static void drain(uint64_t times)
{
	struct peal_msg msg;

	for (uint64_t i = 0; i < times; i++) {
		for (uint64_t j = 1; j <= MESSAGES; j++)
			peal_msg_send(1, ONE_WAY, j);
		peal_msg_send(1, ONE_WAY, 0);
		perf_expect(!peal_msg_recv(TOTAL, &msg) &&
				msg.value == (uint64_t)MESSAGES * (MESSAGES + 1) / 2,
			"what was sent is what came");
	}
}

enum other_side { FIBER, HANDLER };

/* `work` on this shard, `fiber` or `handler` on the other; `over` is what ends the fiber. */
static int timed(struct perf_run *run, void (*work)(uint64_t), peal_task_fn *fiber,
	peal_task_fn *handler, const struct peal_msg *over)
{
	bool handled = run->variant->with == HANDLER;
	struct peal_task *there;

	perf_expect(!peal_task_spawn(&there, handled ? handler : fiber, NULL,
			    PEAL_SPAWN(.place = PEAL_PINNED(1))),
		"a task starts");
	if (handled)
		peal_task_join(there, NULL);
	work(run->warm_up);
	perf_start(run);
	work(run->count);
	perf_stop(run);
	if (handled)
		return 0;
	peal_msg_send(1, over->tag, over->value);
	return peal_task_join(there, NULL);
}

static int ping_pong(void *arg)
{
	return timed(arg, ping, answer_pings, handle_pings, &(struct peal_msg){ .tag = PING });
}

static int one_way(void *arg)
{
	return timed(arg, drain, add_up, handle_one_way,
		&(struct peal_msg){ .tag = ONE_WAY, .value = UINT64_MAX });
}

static void run_ping_pong(struct perf_run *run)
{
	perf_in_runtime(run, ping_pong);
}

static void run_one_way(struct perf_run *run)
{
	perf_in_runtime(run, one_way);
}

PERF_ROW(.name = "ping_pong_rtt", .what = "256 requests and answers between two shards",
	.unit = "us", .scale = 1000, .count = 100, .threads = 2,
	.variants = { { "peal", run_ping_pong }, { "peal/handler", run_ping_pong, .with = HANDLER },
		{ "cache-line", perf_run_line, .floor = true, .with = ROUNDS } })

PERF_ROW(.name = "one_way_drain", .what = "2048 messages one way, then one back", .unit = "us",
	.scale = 1000, .count = 200, .threads = 2,
	.variants = { { "peal", run_one_way }, { "peal/handler", run_one_way, .with = HANDLER },
		{ "ring", perf_run_ring, .floor = true, .with = MESSAGES } })
