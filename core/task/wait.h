/* SPDX-License-Identifier: MIT */
/*
 * Every suspension that a cancel may end is a wait: begun before the fiber suspends, ended after it.
 *
 *	struct peal_wait wait = { .cancel = stop_waiting, .what = "sleep" };
 *
 *	err = peal_wait_begin(&wait);      // 0; -ECANCELED, -ETIMEDOUT: too late to begin; -EPERM: no fiber
 *	if (err)
 *		return err;
 *	...                                // suspend, on what stop_waiting can withdraw
 *	err = peal_wait_end(&wait);        // 0; -ECANCELED, -ETIMEDOUT: `cancelled` was set
 *
 * The wait lies on the stack of its fiber, which has one at most; every successful begin is followed by
 * an end. Between the two the fiber suspends at most once, and starts no other wait.
 *
 * Cancel is called on the fiber's shard, at most once, while the fiber is suspended or about to go on. It withdraws what the fiber waits for, sets `cancelled` and resumes the fiber, or arranges that
 * this happens later; if the awaited thing is there already it does nothing, and the wait has succeeded:
 * success beats cancel. It may not suspend, nor end another wait.
 *
 * Why a wait was cancelled (by whom, or by which deadline) is known to the scope that the fiber is in:
 * the two calls look there and return the errno that the caller of the public function is to get.
 *
 * What releases something (close, leaving a scope) does not begin a wait: it just suspends.
 */
#ifndef PEAL_CORE_WAIT_H
#define PEAL_CORE_WAIT_H

#include <stdbool.h>

#include "core/scope/scope.h"
#include "core/runtime/shard.h"
#include "core/task/task_here.h"

typedef void peal_wait_cancel_fn(struct peal_wait *wait);

struct peal_wait {
	peal_wait_cancel_fn *cancel;
	const char *what; /* in a word, for reports: "sleep", "join"; never NULL */
	struct peal_task *task;
	bool asked; /* cancel was called */
	bool cancelled;
};

int peal_wait_begin(struct peal_wait *wait);
int peal_wait_end(struct peal_wait *wait);

/* Begin without asking whether it is too late: for what must be waited for in any case. */
static inline void peal_wait_enter(struct peal_wait *wait, struct peal_task *task)
{
	wait->task = task;
	wait->asked = wait->cancelled = false;
	task->wait = wait;
	task->since = task->shard->clock;
	peal_nursery_arm(task->scope);
}

/* May the fiber begin something that waits? 0, -ECANCELED or -ETIMEDOUT. On its shard. (The runtime's
 * own tasks wait for the others to end: nothing ends their waits.) */
static inline int peal_wait_allowed(const struct peal_task *task)
{
	if (PEAL_UNLIKELY(task->scope))
		return peal_nursery_error(task->scope);
	return PEAL_UNLIKELY(task->shard->cancelled) && !task->system ? -ECANCELED : 0;
}

/* It may not: what the caller is to return. */
int peal_wait_refuse(struct peal_task *task, int err);

/* What peal_wait_begin() would say, for a call that has something else to do before it waits. */
static inline int peal_wait_check(struct peal_task *task)
{
	int err = peal_wait_allowed(task);

	if (PEAL_UNLIKELY(err))
		return peal_wait_refuse(task, err);
	peal_nursery_arm(task->scope);
	return 0;
}

/* Begin, for a caller that knows which fiber it is in. */
static inline int peal_wait_begin_in(struct peal_wait *wait, struct peal_task *task)
{
	int err = peal_wait_allowed(task);

	if (PEAL_UNLIKELY(err))
		return peal_wait_refuse(task, err);
	peal_wait_enter(wait, task);
	return 0;
}

/* Cancel the wait of a task, if it has one. On its shard. */
void peal_wait_cancel(struct peal_task *task);

#endif
