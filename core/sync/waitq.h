/* SPDX-License-Identifier: MIT */
/*
 * Fibers that wait for something of peal/sync.h, first come, first served, from any shard.
 *
 * The queue and what it belongs to are guarded by one lock. Whoever takes a waiter out of the queue owes
 * it a wake, exactly one: the one that gives it what it waits for, or the cancel of its wait. So a fiber
 * that has queued itself parks once. The wake is given after the lock was let go, and it is the last that
 * is done: what is woken may free the queue, and its waiter is gone.
 */
#ifndef PEAL_CORE_WAITQ_H
#define PEAL_CORE_WAITQ_H

#include "core/base/spin.h"
#include "core/task/wait.h"

struct peal_waitq;

/* On the stack of the fiber that waits. */
struct peal_waiter {
	struct peal_wait wait;
	struct peal_waiter *next, *prev;
	struct peal_waitq *queue;
	/* Written under the lock. A cancel looks at it without: a queue whose waiter is out of it may be
	 * gone. */
	PEAL_ATOMIC(bool) queued;
	uint32_t amount; /* of permits that a semaphore's waiter wants */
};

/* All zero is an empty queue. */
struct peal_waitq {
	struct peal_spin lock;
	uint32_t reserved;
	struct peal_waiter *first, *last;
};

#define PEAL_WAITER(word, waits_in, how_to_cancel)                                   \
	{                                                                            \
		.wait = { .cancel = how_to_cancel, .what = word }, .queue = waits_in \
	}

/* With the lock held. pop: NULL when there is none. */
void peal_waitq_push(struct peal_waitq *queue, struct peal_waiter *waiter);
struct peal_waiter *peal_waitq_pop(struct peal_waitq *queue);
void peal_waitq_remove(struct peal_waitq *queue, struct peal_waiter *waiter);

/* In a fiber that has queued itself: until it is woken. What peal_wait_end() says. */
int peal_waiter_sleep(struct peal_waiter *waiter);

/* The usual way to cancel: out of the queue, if it is in it still. */
void peal_waiter_cancel(struct peal_wait *wait);

/* Wake those that were popped and linked by next; NULL for none. Without the lock. */
void peal_waiters_wake(struct peal_waiter *first);

struct peal_mutex;

/* Asked by self, who runs. */
bool peal_mutex_held_by(struct peal_mutex *mutex, const struct peal_task *self);
/* Lock it whatever happens: the end of a wait on a condition. */
void peal_mutex_relock(struct peal_mutex *mutex, struct peal_task *self);

#endif
