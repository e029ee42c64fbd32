/* SPDX-License-Identifier: MIT */
/* Two loops of libuv, each on a thread and a CPU of its own: libuv's way to use two threads. */
#ifndef PEAL_PERF_PEERS_LOOPS_H
#define PEAL_PERF_PEERS_LOOPS_H

#include <uv.h>

#include "perf/perf.h"

struct side {
	uv_loop_t loop;
	uv_async_t bell;
	void (*begin)(struct side *side); /* on its thread, before the loop runs */
	unsigned int index;
	void *data;
};

/* Run both until neither has anything to do; `bell` is called when a side's bell was rung. */
void run_loops(
	struct side sides[2], void (*begin)(struct side *side), uv_async_cb bell, void *data);

#endif
