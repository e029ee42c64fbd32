/* SPDX-License-Identifier: MIT */
/*
 * Running a function somewhere else and waiting for it: on whichever shard has time, or on a certain one.
 *
 * It runs as a task, so it may wait itself, and it is cancelled with the caller: it is in a scope of its
 * own inside the caller's. When the wait is cancelled before the task has started, it is withdrawn: the
 * word `claim` in its block is changed by whoever is first, the canceller or the shard that starts it.
 * The block stays where it is, in a ring or an inbox, and is thrown away by whoever finds it there; the
 * arguments and the scope are the caller's again at once.
 */
#include <errno.h>

#include "core/runtime/rt.h"
#include "core/scope/scope.h"
#include "core/task/wait.h"

struct call {
	struct peal_wait wait;
	struct peal_task *task;
};

static bool withdraw(struct peal_task *task)
{
	uint8_t open = PEAL_CLAIM_OPEN;

	if (!peal_cas_acq_rel(&task->claim, &open, PEAL_CLAIM_WITHDRAWN))
		return false;
	if (task->within)
		peal_nursery_count_out(task->within);
	return true;
}

/* What has started is waited for. */
static void cancel_call(struct peal_wait *wait)
{
	struct call *call = PEAL_CONTAINER_OF(wait, struct call, wait);

	if (!withdraw(call->task))
		return;
	wait->cancelled = true;
	peal_task_resume(wait->task);
}

static int spawn(struct call *call, struct peal_task *self, peal_task_fn *fn, void *arg,
	struct peal_nursery *scope, uint64_t place)
{
	const struct peal_spawn_opts opts = { .size = sizeof(opts), .name = self->name };
	int err = peal_task_make(&call->task, self->rt, fn, arg, &opts, true);

	if (err)
		return err;
	peal_store_relaxed(&call->task->claim, PEAL_CLAIM_OPEN);
	err = peal_task_place_into(scope, call->task, place);
	if (err)
		peal_task_unmake(call->task);
	return err;
}

static int run(struct peal_task *self, peal_task_fn *fn, void *arg, int *result,
	struct peal_nursery *scope, uint64_t place)
{
	struct call call = { .wait = { .cancel = cancel_call, .what = "call" } };
	int err = peal_wait_begin(&call.wait), cancelled;

	if (err)
		return err;
	err = spawn(&call, self, fn, arg, scope, place);
	if (!err && peal_joinword_enter(&call.task->joiner, self) == PEAL_JOIN_WAITS)
		peal_task_suspend(self);
	cancelled = peal_wait_end(&call.wait);
	if (err)
		return err;
	if (!cancelled && result)
		*result = call.task->result;
	peal_task_detach(call.task);
	return cancelled;
}

/* Of a wait that was cancelled: why that was is known to the caller's scope, not to the one inside. */
static int reason(struct peal_task *self)
{
	int err = peal_wait_allowed(self);

	if (err == -ETIMEDOUT)
		self->expired = true;
	return err ? err : -ECANCELED;
}

/* In the root scope the task is cancelled when the caller is, without a scope in between. */
static int call_at(uint64_t place, peal_task_fn *fn, void *arg, int *result)
{
	struct peal_task *self = peal_task_current();
	struct peal_scope scope;
	int err;

	if (!fn)
		return -EINVAL;
	if (!self)
		return -EPERM;
	err = peal_place_check(self->rt, place);
	if (err)
		return err;
	if (!self->scope)
		return run(self, fn, arg, result, NULL, place);
	peal_scope_open(&scope, PEAL_SCOPE_OPTS(.policy = PEAL_COLLECT_ALL));
	err = run(self, fn, arg, result, peal_nursery_of(&scope), place);
	peal_scope_close(&scope);
	return err == -ECANCELED ? reason(self) : err;
}

int peal_compute(peal_task_fn *fn, void *arg, int *result)
{
	return call_at(PEAL_STEALABLE, fn, arg, result);
}

int peal_call(unsigned int shard, peal_task_fn *fn, void *arg, int *result)
{
	return call_at(PEAL_PINNED(shard), fn, arg, result);
}
