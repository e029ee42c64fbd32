/* SPDX-License-Identifier: MIT */
/*
 * The timers that applications embed: an alarm with slack, a clock of its choice, and a deadline that
 * can be put off without touching the wheel.
 */
#include <errno.h>

#include "core/time/boottime.h"
#include "core/runtime/shard.h"
#include "core/sys.h"

/* peal_timer.state */
enum { TOUCHED = 1 << 0, ON_BOOTTIME = 1 << 1 };

#define ROOM (sizeof(((struct peal_timer *)0)->room) / sizeof(uint64_t))

_Static_assert(sizeof(((struct peal_timer *)0)->room) >=
		sizeof(struct peal_alarm) + sizeof(struct peal_task *),
	"a timer's room holds an alarm, and behind it who has started it");
_Static_assert(_Alignof(struct peal_timer) >= _Alignof(struct peal_alarm),
	"a timer's room holds an alarm");

static struct peal_alarm *alarm_of(const struct peal_timer *timer)
{
	return (struct peal_alarm *)(void *)(uintptr_t)timer->room;
}

/*
 * Who has started it, while it is armed; NULL: a callback. That fiber keeps to the shard (move.c). It may
 * end before the timer does: then its block is kept for as long.
 */
static void hold(struct peal_timer *timer, struct peal_task *task)
{
	timer->room[ROOM - 1] = (uintptr_t)task;
	if (task)
		task->timers++;
}

static void let_go(struct peal_timer *timer)
{
	struct peal_task *task = (struct peal_task *)(uintptr_t)timer->room[ROOM - 1];

	if (task && --task->timers == 0 && PEAL_UNLIKELY(task->state == PEAL_TASK_ENDED))
		peal_task_forget(timer->shard, task);
}

/*
 * The instant between a deadline and the end of its slack at which most others fire as well: the one
 * with the most zeros at its end. What Linux does for its timers (apply_slack() in kernel/time/timer.c).
 */
static int64_t with_slack(int64_t deadline, int64_t slack)
{
	int64_t limit;
	uint64_t differ;

	if (!slack || __builtin_add_overflow(deadline, slack, &limit))
		return deadline;
	differ = (uint64_t)deadline ^ (uint64_t)limit;
	if (deadline < 0 || !differ)
		return deadline;
	return (int64_t)((uint64_t)limit & ~((1ULL << (63 - __builtin_clzll(differ))) - 1));
}

static void fire(struct peal_alarm *alarm);

/* One that is not armed. */
static int arm(struct peal_shard *shard, struct peal_timer *timer)
{
	int64_t deadline = with_slack(timer->deadline, timer->slack);

	timer->shard = shard;
	timer->state = 0;
	if (!(timer->flags & PEAL_TIMER_BOOTTIME) || !peal_boottime_differs(shard)) {
		peal_alarm_start(shard, alarm_of(timer), deadline, fire);
		return 0;
	}
	timer->state = ON_BOOTTIME;
	return peal_boottime_start(shard, alarm_of(timer), deadline, fire);
}

static void disarm(struct peal_timer *timer)
{
	if (!peal_timer_armed(timer))
		return;
	let_go(timer);
	if (timer->state & ON_BOOTTIME)
		peal_boottime_stop(timer->shard, alarm_of(timer));
	else
		peal_alarm_stop(timer->shard, alarm_of(timer));
}

static void fire(struct peal_alarm *alarm)
{
	struct peal_timer *timer = PEAL_CONTAINER_OF(
		(uint64_t(*)[ROOM])(void *)alarm, struct peal_timer, room);
	struct peal_shard *shard = timer->shard;

	if (!(timer->state & TOUCHED)) {
		let_go(timer);
		timer->fn(timer);
		return;
	}
	PEAL_COUNT(shard, timers_postponed);
	arm(shard, timer); /* does not fail: what it needs is there, or it would not have fired */
}

/* May the calling thread's shard start it? Then that is what it returns. */
static struct peal_shard *owner_of(const struct peal_timer *timer)
{
	struct peal_shard *shard = peal_shard_current();

	return peal_timer_armed(timer) && timer->shard != shard ? NULL : shard;
}

/* Move it, armed or not. */
static int move(struct peal_timer *timer, int64_t deadline, peal_timer_fn *fn)
{
	struct peal_shard *shard;
	int armed, err;

	if (!timer || !fn || timer->slack < 0 || timer->flags & ~PEAL_TIMER_BOOTTIME)
		return -EINVAL;
	shard = owner_of(timer);
	if (!shard)
		return -EPERM;
	armed = peal_timer_armed(timer);
	disarm(timer);
	timer->deadline = deadline;
	timer->fn = fn;
	err = arm(shard, timer);
	if (err)
		return err;
	hold(timer, shard->running);
	return armed;
}

int peal_timer_start(struct peal_timer *timer, int64_t deadline, peal_timer_fn *fn)
{
	int n = move(timer, deadline, fn);

	return n < 0 ? n : 0;
}

int peal_timer_reset(struct peal_timer *timer, int64_t deadline)
{
	return move(timer, deadline, timer ? timer->fn : NULL);
}

int peal_timer_touch(struct peal_timer *timer, int64_t deadline)
{
	if (!timer || !peal_timer_armed(timer) || deadline < timer->deadline)
		return peal_timer_reset(timer, deadline);
	if (!owner_of(timer))
		return -EPERM;
	timer->deadline = deadline;
	timer->state |= TOUCHED;
	return 1;
}

int peal_timer_stop(struct peal_timer *timer)
{
	if (!timer)
		return -EINVAL;
	if (!peal_timer_armed(timer))
		return peal_shard_current() ? 0 : -EPERM;
	if (!owner_of(timer))
		return -EPERM;
	disarm(timer);
	return 1;
}

bool peal_timer_armed(const struct peal_timer *timer)
{
	return timer && peal_alarm_armed(alarm_of(timer));
}
