/* SPDX-License-Identifier: MIT */
/*
 * Alarms: the core's own timers. Embedded by their users, exact to the nanosecond, never early; starting
 * and stopping cannot fail. Of one shard.
 */
#ifndef PEAL_CORE_ALARM_H
#define PEAL_CORE_ALARM_H

#include <peal/time.h>

#include "core/heap.h"

struct peal_shard;
struct peal_alarm;

/* On the shard's loop, at or after the deadline; the alarm is the user's again. */
typedef void peal_alarm_fn(struct peal_alarm *alarm);

struct peal_alarm {
	struct peal_heap_node node; /* node.key is the deadline */
	peal_alarm_fn *fn;
	bool armed;
};

struct peal_alarms {
	struct peal_heap heap;
};

/* All of these on the shard's thread. An alarm is zeroed before its first use. */
void peal_alarm_start(
	struct peal_shard *shard, struct peal_alarm *alarm, int64_t deadline, peal_alarm_fn *fn);
/* Does nothing to one that is not armed. */
void peal_alarm_stop(struct peal_shard *shard, struct peal_alarm *alarm);
/* Fire what is due. */
void peal_alarms_run(struct peal_shard *shard, int64_t now);
/* The next deadline, PEAL_NEVER when none is armed. */
int64_t peal_alarms_next(const struct peal_shard *shard);

#endif
