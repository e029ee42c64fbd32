/* SPDX-License-Identifier: MIT */
/* `--stats` of the commands that run something: what it took, on stderr, when it is done. */
#ifndef PEAL_TOOLS_STATS_PRINT_H
#define PEAL_TOOLS_STATS_PRINT_H

#include <stdio.h>

#include <peal/stats.h>

/*
 * Print the totals of a runtime, those that are not 0, by group:
 *
 *	peal: 2 shards on uring, up 0.412 s
 *	  tasks     30,211 tasks_spawned, 30,211 tasks_finished
 *	  parking   122 parks, 35.2 ms park_ns
 *
 * rt may be NULL on a shard, for its own. 0, or the negative errno of peal_stats().
 */
int peal_print_stats(struct peal_rt *rt, FILE *to);

#endif
