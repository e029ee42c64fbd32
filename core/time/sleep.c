/* SPDX-License-Identifier: MIT */
/*
 * Time as fibers see it.
 */
#include <errno.h>

#include "core/runtime/rt.h"
#include "core/sys.h"
#include "core/task/task_here.h"
#include "core/task/wait.h"

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

/* Something for the loop to do. */
static bool others_wait(struct peal_shard *shard, bool look_at_ring)
{
	if (peal_inbox_pending(&shard->inbox))
		return true;
	if (look_at_ring && (shard->inflight.count || shard->flush))
		peal_shard_poll(shard);
	return peal_sched_pending(shard) || shard->owed_count || shard->refused;
}

/*
 * A sleep that would be over before one could wake up from it, with nobody else to run and no other
 * alarm before: stay. True when it is over. Not for ever, or the loop would never turn.
 */
static bool spin_until(struct peal_shard *shard, int64_t instant)
{
	int64_t now = peal_shard_now(shard);
	int64_t most = shard->rt->may_spin ? PEAL_SPIN_TIMER_NS : PEAL_SPIN_FREE_NS;

	if (instant < now)
		instant = now; /* past: over, if nobody else has anything to do */
	if (instant > now + most || !peal_choice_too_short(&shard->choice, instant - now) ||
		instant >= peal_alarms_next(shard) || shard->op_budget <= 1)
		return false;
	for (uint32_t i = 0; !others_wait(shard, i % 4 == 0); i++) {
		if (now >= instant) {
			shard->op_budget--;
			PEAL_COUNT(shard, sleeps_spun);
			return true;
		}
		peal_cpu_relax();
		now = peal_shard_now(shard);
	}
	return false;
}

static void sleep_in_loop(struct sleep_wait *sleep, int64_t instant)
{
	peal_alarm_start(sleep->wait.task->shard, &sleep->alarm, instant, wake_up);
	peal_task_suspend(sleep->wait.task);
}

int peal_sleep_until(int64_t instant)
{
	struct sleep_wait sleep = { .wait = { .cancel = cancel_sleep, .what = "sleep" } };
	int err = peal_wait_begin(&sleep.wait);

	if (err)
		return err;
	if (!spin_until(sleep.wait.task->shard, instant))
		sleep_in_loop(&sleep, instant);
	return peal_wait_end(&sleep.wait);
}

int peal_sleep(int64_t duration)
{
	return peal_sleep_until(peal_in(duration));
}
