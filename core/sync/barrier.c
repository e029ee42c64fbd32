/* SPDX-License-Identifier: MIT */
/*
 * Barriers: so many fibers wait for each other, again and again.
 */
#include <errno.h>

#include <peal/sync.h>

#include "core/sync/waitq.h"

struct barrier {
	struct peal_waitq queue;
	uint32_t count;
	uint32_t waiting;
};

_Static_assert(sizeof(struct barrier) <= sizeof(struct peal_barrier), "it fits into its room");

static struct barrier *inside(struct peal_barrier *barrier)
{
	return (struct barrier *)(void *)barrier->room;
}

int peal_barrier_init(struct peal_barrier *barrier, uint32_t count)
{
	if (!barrier || !count)
		return -EINVAL;
	*barrier = (struct peal_barrier){ { 0 } };
	inside(barrier)->count = count;
	return 0;
}

/* Whoever goes has not come. */
static void cancel(struct peal_wait *wait)
{
	struct peal_waiter *waiter = PEAL_CONTAINER_OF(wait, struct peal_waiter, wait);
	struct barrier *barrier;

	if (!peal_load_acquire(&waiter->queued))
		return; /* its wake is on the way */
	barrier = PEAL_CONTAINER_OF(waiter->queue, struct barrier, queue);
	peal_spin_lock(&barrier->queue.lock);
	if (peal_load_relaxed(&waiter->queued)) {
		peal_waitq_remove(&barrier->queue, waiter);
		barrier->waiting--;
		wait->cancelled = true;
	}
	peal_spin_unlock(&barrier->queue.lock);
	if (wait->cancelled)
		peal_task_wake(wait->task);
}

/* True for the last one, with the others in *others; they wait for a wake still. */
static bool arrive(struct barrier *barrier, struct peal_waiter *waiter, struct peal_waiter **others)
{
	struct peal_waiter *first;
	bool last;

	peal_spin_lock(&barrier->queue.lock);
	last = barrier->waiting + 1 == barrier->count;
	if (last) {
		barrier->waiting = 0;
		while ((first = peal_waitq_pop(&barrier->queue))) {
			*others = first;
			others = &first->next;
		}
	} else {
		barrier->waiting++;
		peal_waitq_push(&barrier->queue, waiter);
	}
	peal_spin_unlock(&barrier->queue.lock);
	return last;
}

int peal_barrier_wait(struct peal_barrier *barrier)
{
	struct peal_waiter waiter = PEAL_WAITER("barrier", NULL, cancel), *others = NULL;
	int err;

	if (!barrier || !inside(barrier)->count)
		return -EINVAL;
	waiter.queue = &inside(barrier)->queue;
	err = peal_wait_begin(&waiter.wait);
	if (err)
		return err;
	if (!arrive(inside(barrier), &waiter, &others))
		return peal_waiter_sleep(&waiter);
	peal_waiters_wake(others);
	peal_wait_end(&waiter.wait);
	return 1;
}
