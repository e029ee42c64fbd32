/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a task to end.
 *
 * One word in the task, `joiner`, decides: the joiner puts itself there, the end of the task exchanges
 * it for ENDED and wakes whom it finds, a cancelled wait takes itself out again. Whoever changed the
 * word last knows whether a wake is owed.
 */
#include <errno.h>

#include "core/rt.h"
#include "core/task.h"
#include "core/wait.h"

struct join_wait {
	struct peal_wait wait;
	struct peal_task *target;
};

/* On the joiner's shard. When the target has ended meanwhile, its wake is on the way and is enough. */
static void cancel_join(struct peal_wait *wait)
{
	struct join_wait *join = PEAL_CONTAINER_OF(wait, struct join_wait, wait);
	struct peal_task *expected = wait->task;

	if (peal_cas_acq_rel(&join->target->joiner, &expected, NULL)) {
		wait->cancelled = true;
		peal_task_wake(wait->task);
	}
}

/* 0 when the target has ended. */
static int wait_for_end(struct peal_task *task, struct peal_task *self)
{
	struct join_wait join = { .wait = { .cancel = cancel_join, .what = "join" },
		.target = task };
	struct peal_task *expected = NULL;
	int err, ended;

	if (peal_load_acquire(&task->joiner) == PEAL_TASK_JOIN_ENDED)
		return 0;
	err = peal_wait_begin(&join.wait);
	if (err)
		return err;
	if (peal_cas_acq_rel(&task->joiner, &expected, self))
		peal_task_park();
	else if (expected != PEAL_TASK_JOIN_ENDED)
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
