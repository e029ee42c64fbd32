/* SPDX-License-Identifier: MIT */
/*
 * chan_*: values of 8 bytes through a channel, from a fiber of one shard to a fiber of another one, as
 * quickly as the two can; with room for 1024 of them, for 64, for one and for none. Below that is a ring
 * between two threads that never wait. chan_here: both fibers on one shard, of which each value that
 * finds no room costs two switches.
 */
#include "perf/lines.h"
#include "perf/runtime.h"

struct flow {
	struct peal_chan *chan;
	uint64_t count;
};

static int send_all(void *arg)
{
	struct flow *flow = arg;

	for (uint64_t i = 1; i <= flow->count; i++)
		perf_expect(!peal_chan_send(flow->chan, &i), "a value is sent");
	return 0;
}

static void receive_all(struct flow *flow)
{
	uint64_t value, sum = 0;

	for (uint64_t i = 1; i <= flow->count; i++) {
		perf_expect(!peal_chan_recv(flow->chan, &value), "a value is received");
		sum += value;
	}
	perf_expect(sum == flow->count * (flow->count + 1) / 2, "what was sent is what came");
}

static void pass(struct peal_chan *chan, uint64_t count, unsigned int from)
{
	struct flow flow = { chan, count };
	struct peal_task *sender;

	perf_expect(
		!peal_task_spawn(&sender, send_all, &flow, PEAL_SPAWN(.place = PEAL_PINNED(from))),
		"a task starts");
	receive_all(&flow);
	peal_task_join(sender, NULL);
}

static int flows(void *arg)
{
	struct perf_run *run = arg;
	struct peal_chan *chan;

	perf_expect(!peal_chan_create(&chan, run->variant->with, sizeof(uint64_t)), "a channel");
	pass(chan, run->warm_up, run->threads - 1);
	perf_start(run);
	pass(chan, run->count, run->threads - 1);
	perf_stop(run);
	peal_chan_free(chan);
	return 0;
}

static void run_flow(struct perf_run *run)
{
	perf_in_runtime(run, flows);
}

PERF_ROW(.name = "chan_1024", .what = "a value between two shards, room for 1024", .count = 1000000,
	.step = PERF_WINDOW, .threads = 2,
	.variants = {
		{ "peal", run_flow, .with = 1024 }, { "ring", perf_run_ring, .floor = true } })

PERF_ROW(.name = "chan_64", .what = "a value between two shards, room for 64", .count = 500000,
	.threads = 2, .variants = { { "peal", run_flow, .with = 64 } })

PERF_ROW(.name = "chan_1", .what = "a value between two shards, room for one", .count = 100000,
	.threads = 2, .variants = { { "peal", run_flow, .with = 1 } })

PERF_ROW(.name = "chan_0", .what = "a value between two shards, from hand to hand", .count = 100000,
	.threads = 2, .variants = { { "peal", run_flow, .with = 0 } })

PERF_ROW(.name = "chan_here_1024", .what = "a value between two fibers of a shard, room for 1024",
	.count = 1000000, .alone = true, .variants = { { "peal", run_flow, .with = 1024 } })

PERF_ROW(.name = "chan_here_1", .what = "a value between two fibers of a shard, room for one",
	.count = 500000, .alone = true, .variants = { { "peal", run_flow, .with = 1 } })
