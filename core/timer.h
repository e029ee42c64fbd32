/* SPDX-License-Identifier: MIT */
/*
 * Timers of a shard: embedded by their users, exact to the nanosecond, never early. Starting and
 * stopping cannot fail.
 */
#ifndef PEAL_CORE_TIMER_H
#define PEAL_CORE_TIMER_H

#include <peal/time.h>

#include "core/heap.h"

struct peal_shard;
struct peal_timer;

/* On the shard's loop, at or after the deadline; the timer is the user's again. */
typedef void peal_timer_fn(struct peal_timer *timer);

struct peal_timer {
	struct peal_heap_node node; /* node.key is the deadline */
	peal_timer_fn *fn;
	bool armed;
};

struct peal_timers {
	struct peal_heap heap;
};

/* All of these on the shard's thread. A timer is zeroed before its first use. */
void peal_timer_start(
	struct peal_shard *shard, struct peal_timer *timer, int64_t deadline, peal_timer_fn *fn);
/* Does nothing to a timer that is not armed. */
void peal_timer_stop(struct peal_shard *shard, struct peal_timer *timer);
/* Fire what is due. */
void peal_timers_run(struct peal_shard *shard, int64_t now);
/* The next deadline, PEAL_NEVER when no timer is armed. */
int64_t peal_timers_next(const struct peal_shard *shard);

#endif
