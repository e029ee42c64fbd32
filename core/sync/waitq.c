/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "core/runtime/shard.h"
#include "core/sys.h"
#include "core/sync/waitq.h"

/* Longer than a holder needs that has a CPU. */
#define SPINS 200

void peal_spin_wait(struct peal_spin *spin)
{
	for (int i = 0; peal_load_relaxed(&spin->held); i++) {
		if (i < SPINS)
			peal_cpu_relax();
		else
			peal_sys_any(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
	}
}

void peal_waitq_push(struct peal_waitq *queue, struct peal_waiter *waiter)
{
	waiter->next = NULL;
	waiter->prev = queue->last;
	if (queue->last)
		queue->last->next = waiter;
	else
		queue->first = waiter;
	queue->last = waiter;
	peal_store_release(&waiter->queued, true);
}

void peal_waitq_remove(struct peal_waitq *queue, struct peal_waiter *waiter)
{
	if (waiter->prev)
		waiter->prev->next = waiter->next;
	else
		queue->first = waiter->next;
	if (waiter->next)
		waiter->next->prev = waiter->prev;
	else
		queue->last = waiter->prev;
	waiter->next = NULL;
	peal_store_release(&waiter->queued, false);
}

struct peal_waiter *peal_waitq_pop(struct peal_waitq *queue)
{
	struct peal_waiter *first = queue->first;

	if (first)
		peal_waitq_remove(queue, first);
	return first;
}

int peal_waiter_sleep(struct peal_waiter *waiter)
{
	PEAL_COUNT(waiter->wait.task->shard, sync_waits);
	peal_task_park_lingering(waiter->wait.task);
	return peal_wait_end(&waiter->wait);
}

void peal_waiter_cancel(struct peal_wait *wait)
{
	struct peal_waiter *waiter = PEAL_CONTAINER_OF(wait, struct peal_waiter, wait);
	bool mine;

	if (!peal_load_acquire(&waiter->queued))
		return; /* its wake is on the way */
	peal_spin_lock(&waiter->queue->lock);
	mine = peal_load_relaxed(&waiter->queued);
	if (mine)
		peal_waitq_remove(waiter->queue, waiter);
	peal_spin_unlock(&waiter->queue->lock);
	if (!mine)
		return;
	wait->cancelled = true;
	peal_task_wake(wait->task);
}

void peal_waiters_wake(struct peal_waiter *first)
{
	while (first) {
		struct peal_waiter *next = first->next;

		peal_task_wake(first->wait.task);
		first = next;
	}
}
