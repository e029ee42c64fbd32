/* SPDX-License-Identifier: MIT */
/*
 * A process for `peal stat` to look at: a page as a runtime has it, without the runtime, so that what
 * it shows is known. Counts on until its stdin ends.
 *
 *	stats_page [SHARDS [RUNTIMES]]
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <peal/runtime.h>

#include "core/stats/stats.h"

static int fill(struct peal_stats_page *page, unsigned int shards)
{
	static const struct peal_counter plugin = { .name = "demo.sizes",
		.group = "demo",
		.unit = "bytes",
		.help = "Sizes seen, by class.",
		.kind = PEAL_KIND_COUNTER,
		.length = 2 };
	int slot = peal_stats_page_register(page, &plugin, NULL);

	for (unsigned int i = 0; i < shards; i++) {
		struct peal_counters *counters = peal_stats_page_block(page, i);

		peal_count_add(counters, tasks_spawned, 1000 * (i + 1));
		peal_count_add(counters, park_ns, 1500000000);
		peal_gauge_add(counters, queue_depth, i ? -3 : 5);
		peal_max(counters, queue_depth_max, 7 + i);
		peal_gauge_set(counters, shard_state, PEAL_SHARD_STATE_PARKED);
		peal_gauge_set(counters, running, 0xdeadbeef);
		peal_gauge_set(counters, thread, 4242 + i);
		peal_count_slot(counters, slot + 1, 2048);
	}
	peal_count_add_outside(page, wakes_sent, 5);
	peal_stats_page_set_state(page, PEAL_RT_RUNNING);
	return slot;
}

int main(int argc, char **argv)
{
	unsigned int shards = argc > 1 ? (unsigned int)atoi(argv[1]) : 2;
	int runtimes = argc > 2 ? atoi(argv[2]) : 1;
	struct peal_stats_setup setup = { .name = "demo", .backend = "none", .shards = shards };
	struct pollfd input = { .fd = 0, .events = POLLIN };
	struct peal_stats_page *page = NULL;

	for (int i = 0; i < runtimes; i++) {
		if (peal_stats_page_create(&page, &setup) || fill(page, shards) < 0)
			return 1;
	}
	puts("ready");
	fflush(stdout);
	/* A thousand turns a second, more or less. */
	while (!poll(&input, 1, 1))
		peal_count(peal_stats_page_block(page, 0), turns);
	return 0;
}
