/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a task to end. joinword.h tells how the two meet.
 */
#include <errno.h>

#include "core/runtime/rt.h"
#include "core/task/task.h"
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
		peal_task_wake(wait->task);
	}
}

/* 0 when the target has ended. */
static int wait_for_end(struct peal_task *task, struct peal_task *self)
{
	struct join_wait join = { .wait = { .cancel = cancel_join, .what = "join" },
		.target = task };
	enum peal_join found;
	int err, ended;

	if (peal_joinword_ended(&task->joiner))
		return 0;
	err = peal_wait_begin(&join.wait);
	if (err)
		return err;
	found = peal_joinword_enter(&task->joiner, self);
	if (found == PEAL_JOIN_WAITS)
		peal_task_park();
	else if (found == PEAL_JOIN_TAKEN)
		err = -EBUSY;
	ended = peal_wait_end(&join.wait);
	return ended ? ended : err;
}

int peal_task_join(struct peal_task *task, int *result)
{
	struct peal_task *self = peal_task_current();
	int err;

	if (!task)
		return -EINVAL;
	if (!self)
		return -EPERM;
	if (task == self)
		return -EDEADLK;
	err = wait_for_end(task, self);
	if (err)
		return err;
	if (result)
		*result = task->result;
	peal_task_detach(task);
	return 0;
}
