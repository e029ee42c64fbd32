/* SPDX-License-Identifier: MIT */
/*
 * Semaphores: permits go to the first that waits, also when a later one would be content with fewer.
 */
#include <errno.h>

#include <peal/sync.h>

#include "core/sync/waitq.h"

struct semaphore {
	struct peal_waitq queue;
	uint32_t permits;
};

_Static_assert(sizeof(struct semaphore) <= sizeof(struct peal_semaphore), "it fits into its room");

static struct semaphore *inside(struct peal_semaphore *semaphore)
{
	return (struct semaphore *)(void *)semaphore->room;
}

int peal_semaphore_init(struct peal_semaphore *semaphore, uint32_t permits)
{
	if (!semaphore)
		return -EINVAL;
	*semaphore = (struct peal_semaphore){ { 0 } };
	inside(semaphore)->permits = permits;
	return 0;
}

/* Take those out of the queue that can be served now, in order. With the lock held. */
static struct peal_waiter *serve(struct semaphore *semaphore)
{
	struct peal_waiter *served = NULL, **last = &served, *first;

	while ((first = semaphore->queue.first) && first->amount <= semaphore->permits) {
		semaphore->permits -= first->amount;
		*last = peal_waitq_pop(&semaphore->queue);
		last = &first->next;
	}
	return served;
}

/* The one that goes may have held up others that want fewer. */
static void cancel(struct peal_wait *wait)
{
	struct peal_waiter *waiter = PEAL_CONTAINER_OF(wait, struct peal_waiter, wait);
	struct semaphore *semaphore;
	struct peal_waiter *served = NULL;

	if (!peal_load_acquire(&waiter->queued))
		return; /* its wake is on the way */
	semaphore = PEAL_CONTAINER_OF(waiter->queue, struct semaphore, queue);
	peal_spin_lock(&semaphore->queue.lock);
	if (peal_load_relaxed(&waiter->queued)) {
		peal_waitq_remove(&semaphore->queue, waiter);
		wait->cancelled = true;
		served = serve(semaphore);
	}
	peal_spin_unlock(&semaphore->queue.lock);
	peal_waiters_wake(served);
	if (wait->cancelled)
		peal_task_wake(wait->task);
}

/* True when they are taken; otherwise the waiter is queued, if there is one. */
static bool take(struct semaphore *semaphore, uint32_t permits, struct peal_waiter *waiter)
{
	bool taken;

	peal_spin_lock(&semaphore->queue.lock);
	taken = !semaphore->queue.first && permits <= semaphore->permits;
	if (taken)
		semaphore->permits -= permits;
	else if (waiter)
		peal_waitq_push(&semaphore->queue, waiter);
	peal_spin_unlock(&semaphore->queue.lock);
	return taken;
}

int peal_semaphore_acquire(struct peal_semaphore *semaphore, uint32_t permits)
{
	struct peal_waiter waiter = PEAL_WAITER("semaphore", NULL, cancel);
	int err;

	if (!semaphore)
		return -EINVAL;
	waiter.queue = &inside(semaphore)->queue;
	waiter.amount = permits;
	err = peal_wait_begin(&waiter.wait);
	if (err)
		return err;
	if (take(inside(semaphore), permits, &waiter))
		return peal_wait_end(&waiter.wait);
	return peal_waiter_sleep(&waiter);
}

int peal_semaphore_try_acquire(struct peal_semaphore *semaphore, uint32_t permits)
{
	if (!semaphore)
		return -EINVAL;
	return take(inside(semaphore), permits, NULL) ? 0 : -EAGAIN;
}

int peal_semaphore_release(struct peal_semaphore *semaphore, uint32_t permits)
{
	struct peal_waiter *served = NULL;
	uint32_t sum;
	bool fits;

	if (!semaphore)
		return -EINVAL;
	peal_spin_lock(&inside(semaphore)->queue.lock);
	fits = !__builtin_add_overflow(inside(semaphore)->permits, permits, &sum);
	if (fits) {
		inside(semaphore)->permits = sum;
		served = serve(inside(semaphore));
	}
	peal_spin_unlock(&inside(semaphore)->queue.lock);
	peal_waiters_wake(served);
	return fits ? 0 : -EOVERFLOW;
}
