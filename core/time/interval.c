/* SPDX-License-Identifier: MIT */
/*
 * Ticks at equal distances.
 */
#include <errno.h>

#include <peal/time.h>

static int64_t later(int64_t instant, int64_t duration)
{
	int64_t sum;

	return __builtin_add_overflow(instant, duration, &sum) ? PEAL_NEVER : sum;
}

int peal_interval_start(struct peal_interval *interval, int64_t period, uint32_t missed)
{
	if (!interval || period <= 0 || missed > PEAL_MISSED_SKIP)
		return -EINVAL;
	interval->next = peal_in(period);
	interval->period = period;
	interval->missed = missed;
	interval->reserved = 0;
	return 0;
}

/* How many ticks lie between the one that is due and now, itself included. */
static int64_t ticks_until(const struct peal_interval *interval, int64_t now)
{
	return (now - interval->next) / interval->period + 1;
}

int64_t peal_interval_wait(struct peal_interval *interval)
{
	int64_t ticks = 1;
	int err;

	if (!interval || interval->period <= 0)
		return -EINVAL;
	err = peal_sleep_until(interval->next);
	if (err)
		return err;
	if (interval->missed == PEAL_MISSED_DELAY) {
		interval->next = peal_in(interval->period);
		return 1;
	}
	if (interval->missed == PEAL_MISSED_SKIP)
		ticks = ticks_until(interval, peal_now());
	interval->next = later(interval->next, ticks * interval->period);
	return ticks;
}
