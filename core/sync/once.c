/* SPDX-License-Identifier: MIT */
/*
 * Things that are done once: the first fiber that comes does them, the others wait.
 */
#include <errno.h>

#include <peal/sync.h>

#include "core/sync/waitq.h"

enum { NOT_YET, RUNNING, DONE };

struct once {
	struct peal_waitq queue;
	PEAL_ATOMIC(uint32_t) state; /* written under the lock */
	PEAL_ATOMIC(struct peal_task *) runner;
};

_Static_assert(sizeof(struct once) <= sizeof(struct peal_once), "it fits into its room");

static struct once *inside(struct peal_once *once)
{
	return (struct once *)(void *)once->room;
}

/* What the state was. The caller is the runner when it was NOT_YET, and queued when it was RUNNING. */
static uint32_t enter(struct once *once, struct peal_waiter *waiter)
{
	uint32_t state;

	peal_spin_lock(&once->queue.lock);
	state = peal_load_relaxed(&once->state);
	if (state == NOT_YET) {
		peal_store_relaxed(&once->state, RUNNING);
		peal_store_relaxed(&once->runner, waiter->wait.task);
	} else if (state == RUNNING) {
		peal_waitq_push(&once->queue, waiter);
	}
	peal_spin_unlock(&once->queue.lock);
	return state;
}

/* All that wait go on: when it is done, or to see who tries next. */
static void leave(struct once *once, uint32_t state)
{
	struct peal_waiter *woken = NULL, **last = &woken, *first;

	peal_spin_lock(&once->queue.lock);
	peal_store_release(&once->state, state);
	peal_store_relaxed(&once->runner, NULL);
	while ((first = peal_waitq_pop(&once->queue))) {
		*last = first;
		last = &first->next;
	}
	peal_spin_unlock(&once->queue.lock);
	peal_waiters_wake(woken);
}

/* 1 when somebody else did it or tried to. */
static int run_or_wait(struct once *once, peal_task_fn *fn, void *arg)
{
	struct peal_waiter waiter = PEAL_WAITER("once", &once->queue, peal_waiter_cancel);
	int err = peal_wait_begin(&waiter.wait);
	uint32_t state;

	if (err)
		return err;
	state = enter(once, &waiter);
	if (state == RUNNING) {
		err = peal_waiter_sleep(&waiter);
		return err ? err : 1;
	}
	peal_wait_end(&waiter.wait);
	if (state == DONE)
		return 1;
	err = fn(arg);
	leave(once, err < 0 ? NOT_YET : DONE);
	return err < 0 ? err : 0;
}

int peal_once(struct peal_once *once, peal_task_fn *fn, void *arg)
{
	struct peal_task *self = peal_task_current();
	int n;

	if (!once || !fn)
		return -EINVAL;
	if (peal_load_acquire(&inside(once)->state) == DONE)
		return 0;
	if (!self)
		return -EPERM;
	if (peal_load_relaxed(&inside(once)->runner) == self)
		return -EDEADLK;
	do
		n = run_or_wait(inside(once), fn, arg);
	while (n == 1 && peal_load_acquire(&inside(once)->state) != DONE);
	return n < 0 ? n : 0;
}
