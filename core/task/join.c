/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a task to end. joinword.h tells how the two meet.
 */
#include <errno.h>

#include "core/runtime/rt.h"
#include "core/task/task_here.h"
#include "core/task/wait.h"

struct join_wait {
	struct peal_wait wait;
	struct peal_task *target;
};

/* On the joiner's shard. When the target has ended meanwhile, its wake is on the way and is enough. */
static void cancel_join(struct peal_wait *wait)
{
	struct join_wait *join = PEAL_CONTAINER_OF(wait, struct join_wait, wait);

	if (peal_joinword_withdraw(&join->target->joiner, wait->task)) {
		wait->cancelled = true;
		peal_task_resume(wait->task);
	}
}

/* 0 when the target has ended. */
static inline int wait_for_end(struct peal_task *task, struct peal_task *self)
{
	struct join_wait join = { .wait = { .cancel = cancel_join, .what = "join" },
		.target = task };
	enum peal_join found;
	int err = peal_wait_begin_in(&join.wait, self), ended;

	if (PEAL_UNLIKELY(err))
		return err;
	found = peal_joinword_enter(&task->joiner, self);
	if (found == PEAL_JOIN_WAITS)
		peal_task_suspend(self);
	else if (found == PEAL_JOIN_TAKEN)
		err = -EBUSY;
	ended = peal_wait_end(&join.wait);
	return ended ? ended : err;
}

/* The block is the caller's. */
static inline int take_result(struct peal_task *task, struct peal_task *self, int *result)
{
	if (result)
		*result = task->result;
	peal_task_let_go(self->shard, task);
	return 0;
}

static PEAL_NOINLINE int join_later(struct peal_task *task, struct peal_task *self, int *result)
{
	int err = wait_for_end(task, self);

	return err ? err : take_result(task, self, result);
}

int peal_task_join(struct peal_task *task, int *result)
{
	struct peal_shard *shard = peal_shard_current();
	struct peal_task *self = shard ? shard->running : NULL;

	if (!task)
		return -EINVAL;
	if (!self)
		return -EPERM;
	if (task == self)
		return -EDEADLK;
	if (peal_joinword_ended(&task->joiner))
		return take_result(task, self, result);
	return join_later(task, self, result);
}
