/* SPDX-License-Identifier: MIT */
/*
 * Time: signed 64-bit nanoseconds, for durations and for instants alike.
 *
 * Instants count from some fixed moment of the backend's clock (CLOCK_MONOTONIC for those that talk to
 * the kernel); they are comparable within one runtime.
 */
#ifndef PEAL_TIME_H
#define PEAL_TIME_H

#include <peal/base.h>

PEAL_BEGIN_DECLS

#define PEAL_NS    ((int64_t)1)
#define PEAL_US    ((int64_t)1000)
#define PEAL_MS    ((int64_t)1000000)
#define PEAL_S     ((int64_t)1000000000)

/* An instant that never comes. */
#define PEAL_NEVER INT64_MAX

/*
 * The present instant. On a shard it is the runtime's clock (which a simulator may own); on any other
 * thread CLOCK_MONOTONIC. Any thread. Does not suspend.
 */
PEAL_API int64_t peal_now(void);

/* The instant that lies `duration` from now; PEAL_NEVER when that is too far away to count. Any
 * thread. */
PEAL_API int64_t peal_in(int64_t duration);

/*
 * The present instant of CLOCK_BOOTTIME, which goes on while the machine is suspended; for timers with
 * PEAL_TIMER_BOOTTIME. Where the runtime's clock is not the kernel's (a simulator), the same as
 * peal_now(). Any thread.
 */
PEAL_API int64_t peal_now_boottime(void);

/*
 * Suspends the calling fiber for `duration` nanoseconds, or until an instant. Never early; late only as
 * long as the shard is busy. A time that is past lets others run. A sleep that is shorter than waking
 * up takes is spun, if nobody else has anything to do meanwhile.
 *
 * 0; -ECANCELED or -ETIMEDOUT when it is cancelled meanwhile (scope.h); -EPERM when the caller is no
 * fiber.
 */
PEAL_API int peal_sleep(int64_t duration);
PEAL_API int peal_sleep_until(int64_t instant);

/*
 * A timer: calls a function on the shard's loop, once for each start, at its deadline or as soon after
 * it as the shard comes to it, never before. Embed it, zero it before its first use (then set slack
 * and flags, if any), and keep it where it is while it is armed.
 *
 *	struct conn {
 *		struct peal_timer idle;
 *		int fd;
 *	};
 *
 *	static void on_idle(struct peal_timer *timer)
 *	{
 *		struct conn *conn = PEAL_CONTAINER_OF(timer, struct conn, idle);
 *		...
 *	}
 *
 *	peal_timer_start(&conn->idle, peal_in(30 * PEAL_S), on_idle);
 *	...
 *	peal_timer_touch(&conn->idle, peal_in(30 * PEAL_S));    // for each packet
 *	...
 *	peal_timer_stop(&conn->idle);
 *
 * It belongs to the shard that starts it, and all calls are made there, from a fiber, a callback or a
 * post; elsewhere they return -EPERM. None of them suspends or allocates, and starting and stopping
 * take a few nanoseconds, however many timers there are. Timers of one shard fire in the order of their
 * deadlines. They do not keep a runtime from ending: those that are armed when it has stopped never
 * fire.
 */
struct peal_timer;

/* Must not suspend: it is not a fiber. The timer is no longer armed: it may be started again or freed. */
typedef void peal_timer_fn(struct peal_timer *timer);

/*
 * The deadline is an instant of CLOCK_BOOTTIME (peal_now_boottime()): the timer fires right after the
 * machine has resumed, if its time came while it was suspended. Other timers, whose clock stands still
 * meanwhile, go on with what they had left. The first of a shard takes a descriptor, and may fail.
 */
#define PEAL_TIMER_BOOTTIME (1U << 0)

struct peal_timer {
	int64_t deadline; /* yours to read */
	int64_t slack;    /* yours to set: how late it may be on purpose, to share a wake-up */
	uint32_t flags;   /* yours to set: PEAL_TIMER_* */
	uint32_t state;
	peal_timer_fn *fn;
	void *shard;
	uint64_t room[11];
};

/*
 * Arm a timer, or move it, with a new function, if it is armed. A deadline that is past fires at the
 * loop's next turn, PEAL_NEVER never. 0; -EINVAL without a function, for a negative slack and for
 * unknown flags; -EPERM; with PEAL_TIMER_BOOTTIME also -ENOMEM and what timerfd_create(2) says, and then
 * it is not armed.
 */
PEAL_API int peal_timer_start(struct peal_timer *timer, int64_t deadline, peal_timer_fn *fn);

/*
 * Move a timer that was started before, whether it is still armed or not. 1 when it was armed, 0 when
 * it was not (it is now); otherwise as peal_timer_start().
 */
PEAL_API int peal_timer_reset(struct peal_timer *timer, int64_t deadline);

/*
 * The same for deadlines that are put off again and again, such as that of an idle connection: a later
 * one is only noted, and looked at when the old one has come. One store, but the shard wakes up for the
 * old deadline.
 */
PEAL_API int peal_timer_touch(struct peal_timer *timer, int64_t deadline);

/* 1: it was armed and does not fire; 0: it was not armed; -EPERM. */
PEAL_API int peal_timer_stop(struct peal_timer *timer);

/* Will it fire, unless it is stopped? On its shard. */
PEAL_API bool peal_timer_armed(const struct peal_timer *timer);

/*
 * Ticks at equal distances, for a fiber. They keep to the grid that the first one lies on: what the
 * fiber does between two ticks, and how late it was woken, does not add up.
 *
 *	struct peal_interval interval;
 *
 *	peal_interval_start(&interval, PEAL_MS, PEAL_MISSED_SKIP);
 *	while (peal_interval_wait(&interval) > 0)
 *		sample();
 */
struct peal_interval {
	int64_t next; /* when the next tick is due; yours to change */
	int64_t period;
	uint32_t missed;
	uint32_t reserved;
};

/* What becomes of ticks that the fiber was too late for. */
#define PEAL_MISSED_BURST 0 /* it gets them at once, one after the other */
#define PEAL_MISSED_DELAY 1 /* it gets one, and the next comes a whole period later: a new grid */
#define PEAL_MISSED_SKIP  2 /* it gets one for all of them; the grid stays */

/* The first tick comes a period from now. 0, or -EINVAL for a period that is not positive or another
 * value of missed. Any thread. */
PEAL_API int peal_interval_start(struct peal_interval *interval, int64_t period, uint32_t missed);

/*
 * Wait for the next tick. Returns how many ticks it stands for: 1, or more where PEAL_MISSED_SKIP has
 * made one of several; or the error of peal_sleep(), and the tick is still to come. In a fiber.
 * Suspends.
 */
PEAL_API int64_t peal_interval_wait(struct peal_interval *interval);

PEAL_END_DECLS

#endif
