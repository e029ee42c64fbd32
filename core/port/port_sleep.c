/* SPDX-License-Identifier: MIT */
/*
 * Waiting at a port. A fiber parks, and a deadline is an alarm of its shard; a thread blocks. Whoever sets
 * `woken`, under the port's lock, owes the one wake: a reply, the port's end, the alarm, a cancel.
 */
#include <errno.h>

#include "core/port/port.h"
#include "core/runtime/rt.h"

static void cancel(struct peal_wait *wait);

void peal_port_sleeper_init(struct peal_port_sleeper *sleeper, struct peal_port *port)
{
	*sleeper = (struct peal_port_sleeper){
		.port = port,
		.task = peal_task_current(),
		.wait = { .cancel = cancel, .what = "port" },
	};
	peal_list_init(&sleeper->link);
}

void peal_port_give_up(struct peal_port_sleeper *sleeper, int err)
{
	if (sleeper->waits_for)
		peal_port_abandon(sleeper->waits_for, err);
	peal_port_wake(sleeper, NULL, err);
}

/* On the fiber's shard. False when it was woken already: then that counts. */
static bool give_up_early(struct peal_port_sleeper *sleeper, int err)
{
	bool early;

	pthread_mutex_lock(&sleeper->port->lock);
	early = !sleeper->woken;
	if (early)
		peal_port_give_up(sleeper, err);
	pthread_mutex_unlock(&sleeper->port->lock);
	return early;
}

static void cancel(struct peal_wait *wait)
{
	wait->cancelled = give_up_early(
		PEAL_CONTAINER_OF(wait, struct peal_port_sleeper, wait), -ECANCELED);
}

static void run_out(struct peal_alarm *alarm)
{
	give_up_early(PEAL_CONTAINER_OF(alarm, struct peal_port_sleeper, alarm), -ETIMEDOUT);
}

/*
 * It may be woken before it parks: that wake is stored, and parking returns at once. One that is too late
 * to begin gives up, unless it was given something meanwhile; a wake has come either way.
 */
static int sleep_fiber(struct peal_port_sleeper *sleeper, int64_t deadline)
{
	struct peal_shard *shard = sleeper->task->shard;
	int err;

	pthread_mutex_unlock(&sleeper->port->lock);
	err = peal_wait_begin(&sleeper->wait);
	if (err) {
		err = give_up_early(sleeper, err) ? err : 0;
		peal_task_park();
	} else {
		if (deadline != PEAL_NEVER)
			peal_alarm_start(shard, &sleeper->alarm, deadline, run_out);
		peal_task_park();
		peal_alarm_stop(shard, &sleeper->alarm);
		err = peal_wait_end(&sleeper->wait);
	}
	pthread_mutex_lock(&sleeper->port->lock);
	return err ? err : sleeper->err;
}

static int sleep_thread(struct peal_port_sleeper *sleeper, int64_t deadline)
{
	const struct timespec until = { .tv_sec = deadline / PEAL_S, .tv_nsec = deadline % PEAL_S };
	pthread_mutex_t *lock = &sleeper->port->lock;

	while (!sleeper->woken) {
		int err = deadline == PEAL_NEVER
			? pthread_cond_wait(&sleeper->changed, lock)
			: pthread_cond_timedwait(&sleeper->changed, lock, &until);

		if (err == ETIMEDOUT && !sleeper->woken)
			peal_port_give_up(sleeper, -ETIMEDOUT);
	}
	return sleeper->err;
}

/* Nobody signals it before the lock is let go. */
static void init_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

int peal_port_sleep(struct peal_port_sleeper *sleeper, int64_t deadline)
{
	int err;

	init_condition(&sleeper->changed);
	err = sleeper->task ? sleep_fiber(sleeper, deadline)
			    : sleep_thread(sleeper, deadline < 0 ? 0 : deadline);
	pthread_cond_destroy(&sleeper->changed);
	return err;
}
