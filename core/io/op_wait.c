/* SPDX-License-Identifier: MIT */
/*
 * Fibers that wait for ops: for one, or for the first of several.
 */
#include <errno.h>

#include "core/io/ops.h"
#include "core/runtime/shard.h"
#include "core/task/task_here.h"
#include "core/task/wait.h"

void peal_ops_spend_budget(struct peal_task *self)
{
	if (--self->shard->op_budget == 0)
		peal_task_yield(self);
}

/*
 * The fiber's own wait for an op, or for the first of several. What was cancelled by it completes with
 * -ECANCELED and gets the reason that the fiber's scope gives.
 */
struct op_wait {
	struct peal_wait wait;
	struct peal_op *const *ops;
	unsigned int count;
};

static const char *const op_names[PEAL_OP_COUNT_] = {
	[PEAL_OP_NOP] = "nop",
	[PEAL_OP_CLOSE] = "close",
	[PEAL_OP_FSYNC] = "fsync",
	[PEAL_OP_MADVISE] = "madvise",
	[PEAL_OP_RAW] = "raw",
	[PEAL_OP_RECV_LEASE] = "recv_lease",
#define PEAL_IO(name, code, type, params, args_, fill) [PEAL_OP_##code] = #name,
#define PEAL_IO_ALSO(name, code, type, params, args_, fill)
#include "core/io.tbl"
#undef PEAL_IO_ALSO
#undef PEAL_IO
};

/* Each op still completes, and is waited for; the first that does resumes the fiber. */
static void cancel_op_wait(struct peal_wait *wait)
{
	struct op_wait *ops = PEAL_CONTAINER_OF(wait, struct op_wait, wait);

	for (unsigned int i = 0; i < ops->count; i++) {
		struct peal_op *op = ops->ops[i];

		if (peal_op_waitable(op))
			peal_op_cancel_wait(wait->task->shard, op);
	}
}

/* The first that has completed; *pending tells whether any is still to come. */
static int find_completed(struct peal_op *const *ops, unsigned int count, bool *pending)
{
	*pending = false;
	for (unsigned int i = 0; i < count; i++) {
		if (!peal_op_waitable(ops[i]))
			continue;
		if (peal_op_completed(ops[i]))
			return (int)i;
		*pending = true;
	}
	return -EINVAL;
}

static void set_waiter(struct peal_op *const *ops, unsigned int count, struct peal_task *waiter)
{
	for (unsigned int i = 0; i < count; i++)
		if (peal_op_waitable(ops[i]))
			ops[i]->waiter = waiter;
}

/*
 * Until one of the ops has completed. In a cancelled scope they are cancelled first, and waited for
 * nevertheless: their buffers are the kernel's until then. A full ring completes a cancelled op at once.
 */
static int wait_for_first(
	struct peal_task *self, struct peal_op *const *ops, unsigned int count, const char *what)
{
	struct op_wait wait = {
		.wait = { .cancel = cancel_op_wait, .what = what },
		.ops = ops,
		.count = count,
	};
	bool pending;

	peal_wait_enter(&wait.wait, self);
	if (PEAL_UNLIKELY(peal_wait_allowed(self)))
		peal_wait_cancel(self);
	if (find_completed(ops, count, &pending) < 0) {
		set_waiter(ops, count, self);
		peal_task_suspend(self);
		set_waiter(ops, count, NULL);
	}
	peal_wait_end(&wait.wait);
	return find_completed(ops, count, &pending);
}

ssize_t peal_op_wait(struct peal_op *op)
{
	struct peal_task *self = peal_task_current();

	if (!self)
		return -EPERM;
	if (!peal_op_waitable(op))
		return -EINVAL;
	if (peal_op_completed(op)) {
		peal_ops_spend_budget(self);
		return (ssize_t)peal_op_take(self, op);
	}
	if (op->waiter)
		return -EBUSY;
	wait_for_first(self, &op, 1, op_names[op->opcode]);
	return (ssize_t)peal_op_take(self, op);
}

int peal_op_wait_any(struct peal_op *const *ops, unsigned int count)
{
	struct peal_task *self = peal_task_current();
	bool pending;
	int i;

	if (!self)
		return -EPERM;
	i = find_completed(ops, count, &pending);
	if (i < 0 && pending)
		i = wait_for_first(self, ops, count, "one of several ops");
	else if (i >= 0)
		peal_ops_spend_budget(self);
	if (i >= 0)
		peal_op_take(self, ops[i]);
	return i;
}
