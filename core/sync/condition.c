/* SPDX-License-Identifier: MIT */
/*
 * Conditions: fibers that have let go of a mutex until they are told that something has changed.
 */
#include <errno.h>

#include <peal/sync.h>

#include "core/sync/waitq.h"

_Static_assert(sizeof(struct peal_waitq) <= sizeof(struct peal_condition), "it fits into its room");

static struct peal_waitq *inside(struct peal_condition *condition)
{
	return (struct peal_waitq *)(void *)condition->room;
}

int peal_condition_wait(struct peal_condition *condition, struct peal_mutex *mutex)
{
	struct peal_waiter waiter = PEAL_WAITER("condition", NULL, peal_waiter_cancel);
	struct peal_task *self = peal_task_current();
	int err;

	if (!condition || !mutex)
		return -EINVAL;
	if (!self || !peal_mutex_held_by(mutex, self))
		return -EPERM;
	waiter.queue = inside(condition);
	err = peal_wait_begin(&waiter.wait);
	if (err)
		return err;
	peal_spin_lock(&waiter.queue->lock);
	peal_waitq_push(waiter.queue, &waiter);
	peal_spin_unlock(&waiter.queue->lock);
	peal_mutex_unlock(mutex);
	err = peal_waiter_sleep(&waiter);
	peal_mutex_relock(mutex, self);
	return err;
}

static int wake(struct peal_condition *condition, bool all)
{
	struct peal_waiter *woken = NULL, **last = &woken, *first;

	if (!condition)
		return -EINVAL;
	peal_spin_lock(&inside(condition)->lock);
	while ((first = peal_waitq_pop(inside(condition)))) {
		*last = first;
		last = &first->next;
		if (!all)
			break;
	}
	peal_spin_unlock(&inside(condition)->lock);
	peal_waiters_wake(woken);
	return 0;
}

int peal_condition_signal(struct peal_condition *condition)
{
	return wake(condition, false);
}

int peal_condition_broadcast(struct peal_condition *condition)
{
	return wake(condition, true);
}
