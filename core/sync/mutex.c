/* SPDX-License-Identifier: MIT */
/*
 * Mutexes: whoever unlocks hands the mutex to the first that waits.
 */
#include <errno.h>

#include <peal/sync.h>

#include "core/sync/waitq.h"

struct mutex {
	struct peal_waitq queue;
	PEAL_ATOMIC(struct peal_task *) owner; /* written under the lock */
};

_Static_assert(sizeof(struct mutex) <= sizeof(struct peal_mutex), "it fits into its room");

static struct mutex *inside(struct peal_mutex *mutex)
{
	return (struct mutex *)(void *)mutex->room;
}

/* True when it is taken; otherwise the waiter is queued, if there is one. */
static bool take(struct mutex *mutex, struct peal_task *self, struct peal_waiter *waiter)
{
	bool taken;

	peal_spin_lock(&mutex->queue.lock);
	taken = !peal_load_relaxed(&mutex->owner);
	if (taken)
		peal_store_relaxed(&mutex->owner, self);
	else if (waiter)
		peal_waitq_push(&mutex->queue, waiter);
	peal_spin_unlock(&mutex->queue.lock);
	return taken;
}

/* Others give a task the mutex only while it waits for it, and none takes it away: what a task reads about
 * itself is true. */
bool peal_mutex_held_by(struct peal_mutex *mutex, const struct peal_task *self)
{
	return peal_load_relaxed(&inside(mutex)->owner) == self;
}

/* May the caller ask for it? */
static int check(struct peal_mutex *mutex, const struct peal_task *self)
{
	if (!mutex)
		return -EINVAL;
	if (!self)
		return -EPERM;
	return peal_mutex_held_by(mutex, self) ? -EDEADLK : 0;
}

int peal_mutex_lock(struct peal_mutex *mutex)
{
	struct peal_task *self = peal_task_current();
	int err = check(mutex, self);
	struct peal_waiter waiter = PEAL_WAITER("mutex", NULL, peal_waiter_cancel);

	if (err)
		return err;
	waiter.queue = &inside(mutex)->queue;
	err = peal_wait_begin(&waiter.wait);
	if (err)
		return err;
	if (take(inside(mutex), self, &waiter))
		return peal_wait_end(&waiter.wait);
	return peal_waiter_sleep(&waiter);
}

int peal_mutex_try_lock(struct peal_mutex *mutex)
{
	struct peal_task *self = peal_task_current();
	int err = check(mutex, self);

	if (err)
		return err;
	return take(inside(mutex), self, NULL) ? 0 : -EBUSY;
}

void peal_mutex_relock(struct peal_mutex *mutex, struct peal_task *self)
{
	struct peal_waiter waiter = PEAL_WAITER("mutex", NULL, NULL);

	waiter.wait.task = self;
	if (!take(inside(mutex), self, &waiter))
		peal_task_park_lingering(self);
}

int peal_mutex_unlock(struct peal_mutex *mutex)
{
	struct peal_task *self = peal_task_current();
	struct peal_waiter *next;

	if (!mutex)
		return -EINVAL;
	if (!self || !peal_mutex_held_by(mutex, self))
		return -EPERM;
	peal_spin_lock(&inside(mutex)->queue.lock);
	next = peal_waitq_pop(&inside(mutex)->queue);
	peal_store_relaxed(&inside(mutex)->owner, next ? next->wait.task : NULL);
	peal_spin_unlock(&inside(mutex)->queue.lock);
	peal_waiters_wake(next);
	return 0;
}
