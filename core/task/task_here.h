/* SPDX-License-Identifier: MIT */
/*
 * What is done with a task on its own shard, inlined: giving way to others, and the cache of blocks.
 *
 * Every return between a switch and whoever called for it is mispredicted (fiber.h), so functions that
 * suspend their fiber should have the switch in them, and not call down to it.
 */
#ifndef PEAL_CORE_TASK_HERE_H
#define PEAL_CORE_TASK_HERE_H

#include "core/runtime/shard.h"
#include "core/task/task.h"

/* Blocks that a shard keeps. */
#define PEAL_TASK_CACHE_MOST 4096

/*
 * Give the shard to others until somebody resumes the task. The caller has arranged that, exactly
 * once, on this shard. The cheap pair, with peal_task_resume(): no atomics.
 */
static inline void peal_task_suspend(struct peal_task *task)
{
	task->state = PEAL_TASK_SUSPENDED;
	peal_fiber_switch(&task->fiber, &task->shard->thread);
}

/* The running fiber goes to the end of the queue. */
static inline void peal_task_yield(struct peal_task *task)
{
	task->state = PEAL_TASK_SUSPENDED;
	peal_sched_ready(task->shard, task);
	peal_fiber_switch(&task->fiber, &task->shard->thread);
}

/* There must be one. */
static inline struct peal_task *peal_task_from_cache(struct peal_shard *shard)
{
	struct peal_link *link = shard->task_cache;

	shard->task_cache = link->next;
	shard->task_cache_count--;
	return PEAL_CONTAINER_OF(link, struct peal_task, link);
}

/* shard NULL off the shards. */
static inline void peal_task_free(struct peal_shard *shard, struct peal_task *task)
{
	if (PEAL_UNLIKELY(!shard || shard->task_cache_count >= PEAL_TASK_CACHE_MOST)) {
		peal_task_free_memory(task);
		return;
	}
	task->link.next = shard->task_cache;
	shard->task_cache = &task->link;
	shard->task_cache_count++;
}

/* Who owns the block needs it no more, or its timers. */
static inline void peal_task_let_go(struct peal_shard *shard, struct peal_task *task)
{
	if (PEAL_UNLIKELY(peal_load_relaxed(&task->kept)) && peal_sub_acq_rel(&task->kept, 1) != 1)
		return;
	peal_task_free(shard, task);
}

#endif
