/* SPDX-License-Identifier: MIT */
/*
 * Time as fibers see it.
 */
#include <errno.h>

#include "core/shard.h"
#include "core/sys.h"
#include "core/wait.h"

struct sleep_wait {
	struct peal_wait wait;
	struct peal_alarm alarm;
};

int64_t peal_now(void)
{
	struct peal_shard *shard = peal_shard_current();
	struct timespec ts;

	if (shard)
		return peal_shard_now(shard);
	peal_sys_clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * PEAL_S + ts.tv_nsec;
}

int64_t peal_in(int64_t duration)
{
	int64_t instant;

	return __builtin_add_overflow(peal_now(), duration, &instant) ? PEAL_NEVER : instant;
}

static void wake_up(struct peal_alarm *alarm)
{
	peal_task_resume(PEAL_CONTAINER_OF(alarm, struct sleep_wait, alarm)->wait.task);
}

static void cancel_sleep(struct peal_wait *wait)
{
	struct sleep_wait *sleep = PEAL_CONTAINER_OF(wait, struct sleep_wait, wait);

	if (!peal_alarm_armed(&sleep->alarm))
		return; /* it is over anyway */
	peal_alarm_stop(wait->task->shard, &sleep->alarm);
	wait->cancelled = true;
	peal_task_resume(wait->task);
}

int peal_sleep_until(int64_t instant)
{
	struct sleep_wait sleep = { .wait = { .cancel = cancel_sleep, .what = "sleep" } };
	int err = peal_wait_begin(&sleep.wait);

	if (err)
		return err;
	peal_alarm_start(sleep.wait.task->shard, &sleep.alarm, instant, wake_up);
	peal_task_suspend(sleep.wait.task);
	return peal_wait_end(&sleep.wait);
}

int peal_sleep(int64_t duration)
{
	return peal_sleep_until(peal_in(duration));
}
