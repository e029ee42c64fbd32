/* SPDX-License-Identifier: MIT */
/*
 * Alarms on CLOCK_BOOTTIME, which goes on while the machine is suspended.
 *
 * A shard sleeps on the monotonic clock, which stands still meanwhile, so these have a wheel of their
 * own, and for its first deadline a timerfd, which ends the shard's sleep as soon as the machine has
 * resumed. It is made at the first use and watched with an op like any other descriptor, so backends
 * need not know.
 */
#ifndef PEAL_CORE_BOOTTIME_H
#define PEAL_CORE_BOOTTIME_H

#include "core/time/alarm.h"

struct peal_boottime;

/* Does the shard have a clock of that kind? Otherwise such alarms are ordinary ones. */
bool peal_boottime_differs(const struct peal_shard *shard);

/* As peal_alarm_start(), but the first of a shard may fail: -ENOMEM, or what timerfd_create says. */
int peal_boottime_start(
	struct peal_shard *shard, struct peal_alarm *alarm, int64_t deadline, peal_alarm_fn *fn);
/* Of one that was started so. */
void peal_boottime_stop(struct peal_shard *shard, struct peal_alarm *alarm);

/* When the shard's ring is closed. */
void peal_boottime_close(struct peal_shard *shard);

#endif
