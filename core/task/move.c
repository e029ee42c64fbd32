/* SPDX-License-Identifier: MIT */
/*
 * A fiber that goes to another shard, because it asked to.
 *
 * It leaves its stack first; then the old shard's loop sends it, and the new one's takes it in. Its stack
 * stays what it was, memory of the shard where it started, and goes back there in the end (task.c). It is
 * in no list while it is under way: a cancel that comes meanwhile is seen by its next wait, because the
 * scope's `cause` was changed before the lists were looked at.
 */
#include <errno.h>

#include "core/base/alloc.h"
#include "core/base/fatal.h"
#include "core/runtime/rt.h"
#include "core/scope/scope.h"
#include "core/task/wait.h"

/* On the stack of the fiber that moves. */
struct peal_journey {
	struct peal_shard *to;
	struct peal_branch *branch; /* for its scope, if it is the first of that there */
};

static void arrive(struct peal_shard *shard, struct peal_node *node)
{
	struct peal_task *task = PEAL_CONTAINER_OF(node, struct peal_task, node);

	task->shard = shard;
	peal_list_append(&shard->tasks, &task->all);
	shard->task_count++;
	if (task->within)
		peal_nursery_arrive(shard, task, task->journey->branch);
	PEAL_COUNT(shard, tasks_moved);
	peal_sched_ready(shard, task);
}

void peal_task_hand_over(struct peal_shard *shard, struct peal_task *task)
{
	peal_list_remove(&task->all);
	shard->task_count--;
	if (task->within)
		peal_list_remove(&task->member);
	task->node.fn = arrive;
	if (peal_shard_deliver(task->journey->to, &task->node) < 0 && !peal_rt_is_lost(shard->rt))
		peal_fatal("a shard stopped under a task that was moving there");
}

static bool is_tied(const struct peal_task *task)
{
	return task->holds || task->timers || task->scope != task->within || task->system;
}

int peal_move(unsigned int index)
{
	struct peal_task *task = peal_task_current();
	struct peal_journey journey = { NULL };
	int err;

	if (!task)
		return -EPERM;
	if (index >= task->rt->shard_count)
		return -EINVAL;
	err = peal_wait_allowed(task);
	if (err || index == task->shard->index)
		return err;
	if (is_tied(task))
		return -EBUSY;
	journey.to = task->rt->shards[index];
	if (task->within)
		journey.branch = peal_alloc(1, sizeof(*journey.branch));
	if (task->within && !journey.branch)
		return -ENOMEM;
	task->journey = &journey;
	task->state = PEAL_TASK_MOVING;
	peal_fiber_travel(&task->fiber, &task->shard->thread);
	return 0;
}
