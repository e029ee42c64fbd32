/* SPDX-License-Identifier: MIT */
/*
 * Lingering: a fiber that has to wait for another shard looks on for about as long as it would take to
 * be woken, before it gives its own shard up. Where two shards answer each other at once that saves both
 * of them most of a wake: a node in the inbox, two switches, a turn of the loop.
 *
 *	if (peal_linger_may(shard, &linger)) {
 *		while (!there(...) && peal_linger_on(shard, &looks))
 *			;
 *		peal_linger_settle(shard, &linger, there(...));
 *	}
 *
 * It is done only where nothing else waits for the shard, where the others may have CPUs of their own,
 * and where it has paid lately: three times out of four, or it is tried only now and then. The time for
 * nothing is bounded by that, and each time by a few microseconds.
 */
#ifndef PEAL_CORE_LINGER_H
#define PEAL_CORE_LINGER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/atomic.h"

struct peal_shard;
struct peal_task;

/* What was learned. Hints: several shards may share one. */
struct peal_linger {
	PEAL_ATOMIC(uint32_t) credit, passed_over;
};

/* Looks before it is given up, and what lies between two: some 100 ns. */
#define PEAL_LINGER_LOOKS  32
#define PEAL_LINGER_PAUSES 4

bool peal_linger_may(struct peal_shard *shard, struct peal_linger *linger);
/* A pause, counted in *looks. False when it is time to give up, or something else has come. */
bool peal_linger_on(struct peal_shard *shard, unsigned int *looks);
void peal_linger_settle(struct peal_shard *shard, struct peal_linger *linger, bool paid);

/* peal_task_park() for a wake that may come from another shard at once. By the running task. */
void peal_task_park_lingering(struct peal_task *self);

#endif
