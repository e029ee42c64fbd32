/* SPDX-License-Identifier: MIT */
/*
 * Tasks: their blocks, how they sleep and how they are woken. slice.c runs them.
 *
 * Control blocks are cached per shard. A block that was allocated on one shard and freed on another
 * simply changes caches; they are all alike.
 */
#include <errno.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/fatal.h"
#include "core/base/log.h"
#include "core/io/ops.h"
#include "core/runtime/rt.h"
#include "core/task/task_here.h"
#include "core/task/wait.h"

struct peal_task *peal_task_current(void)
{
	struct peal_shard *shard = peal_shard_current();

	return shard ? shard->running : NULL;
}

const char *peal_task_name(void)
{
	struct peal_task *task = peal_task_current();

	return task ? task->name : "";
}

struct peal_task *peal_task_alloc(struct peal_shard *shard)
{
	if (!shard || !shard->task_cache)
		return peal_alloc(1, sizeof(struct peal_task));
	return peal_task_from_cache(shard);
}

/* The cache of a shard is full, or there is none. */
void peal_task_free_memory(struct peal_task *task)
{
	peal_free(task);
}

void peal_task_cache_drain(struct peal_shard *shard)
{
	while (shard->task_cache)
		peal_free(peal_task_from_cache(shard));
}

void peal_task_detach(struct peal_task *task)
{
	if (task && peal_joinword_let_go(&task->joiner))
		peal_task_let_go(peal_shard_current(), task);
}

/* Before the handle may get the block. */
void peal_task_keep(struct peal_shard *shard, struct peal_task *task)
{
	peal_store_relaxed(&task->kept, 2);
	peal_list_append(&shard->kept, &task->all);
}

void peal_task_forget(struct peal_shard *shard, struct peal_task *task)
{
	peal_list_remove(&task->all);
	peal_task_let_go(shard, task);
}

void peal_task_forget_all(struct peal_shard *shard)
{
	PEAL_LIST_EACH (entry, &shard->kept)
		peal_task_forget(shard, PEAL_CONTAINER_OF(entry, struct peal_task, all));
}

void peal_task_resume(struct peal_task *task)
{
	peal_assert(task->state == PEAL_TASK_SUSPENDED);
	peal_sched_woken(task->shard, task);
}

void peal_task_park(void)
{
	struct peal_task *task = peal_task_current();

	/* The state is set first: once PARKED is visible a waker may hand the task to its shard. */
	task->state = PEAL_TASK_SUSPENDED;
	if (peal_wakeword_sleep(&task->wake))
		peal_fiber_switch(&task->fiber, &task->shard->thread);
	else
		task->state = PEAL_TASK_RUNNING;
	peal_wakeword_rise(&task->wake);
}

/* On the task's own loop: somebody woke it from afar. */
static void arrive(struct peal_shard *shard, struct peal_node *node)
{
	(void)shard;
	peal_task_resume(PEAL_CONTAINER_OF(node, struct peal_task, node));
}

void peal_task_hand_on(struct peal_task *task)
{
	if (task->shard == peal_shard_current()) {
		peal_task_resume(task);
		return;
	}
	task->node.fn = arrive;
	if (peal_shard_deliver(task->shard, &task->node) < 0 && !peal_rt_is_lost(task->rt))
		peal_fatal("a task was woken after its shard had stopped");
}

void peal_task_wake(struct peal_task *task)
{
	/* Unless the task slept it may be gone from here on. */
	if (peal_wakeword_wake(&task->wake))
		peal_task_hand_on(task);
}
