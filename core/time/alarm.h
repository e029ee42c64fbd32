/* SPDX-License-Identifier: MIT */
/*
 * Alarms: the core's own timers. Embedded by their users, exact to the nanosecond, never early; starting
 * and stopping cannot fail. Of one shard.
 */
#ifndef PEAL_CORE_ALARM_H
#define PEAL_CORE_ALARM_H

#include <peal/time.h>

#include "core/time/wheel.h"

struct peal_shard;
struct peal_alarm;

/* On the shard's loop, at or after the deadline; the alarm is the user's again. */
typedef void peal_alarm_fn(struct peal_alarm *alarm);

struct peal_alarm {
	struct peal_wheel_node node; /* node.heap.key is the deadline */
	peal_alarm_fn *fn;
};

static inline bool peal_alarm_armed(const struct peal_alarm *alarm)
{
	return peal_wheel_has(&alarm->node);
}

/* All of these on the shard's thread. An alarm is zeroed before its first use. */
void peal_alarm_start(
	struct peal_shard *shard, struct peal_alarm *alarm, int64_t deadline, peal_alarm_fn *fn);
/* Does nothing to one that is not armed. */
void peal_alarm_stop(struct peal_shard *shard, struct peal_alarm *alarm);

/*
 * Fire what is due, in order: those of equal deadlines in the order in which they were started. What
 * is started meanwhile waits for the next call, and so does what is more than one turn should take.
 */
void peal_alarms_run(struct peal_shard *shard, int64_t now);
/* Is there something that the next peal_alarms_run() fires whatever the time? */
static inline bool peal_alarms_due(const struct peal_wheel *alarms)
{
	return alarms->due != NULL;
}
/* When to call peal_alarms_run() next at the latest (core/time/wheel.h), PEAL_NEVER when none is armed. */
int64_t peal_alarms_next(struct peal_shard *shard);

#endif
