/* SPDX-License-Identifier: MIT */
/*
 * The life of an op: started, perhaps refused by a full ring and submitted again, in flight, completed,
 * then taken by its waiter or its callback.
 *
 * Starting never runs a callback: an op that completes at once is queued for the loop like any other.
 */
#include <errno.h>

#include "core/fatal.h"
#include "core/ops.h"
#include "core/rt.h"
#include "core/wait.h"

enum op_state {
	IDLE,
	REFUSED, /* the ring was full: in shard->refused */
	INFLIGHT,
	COMPLETED, /* in shard->callbacks, or until somebody waits for it */
};

enum op_flags {
	CANCEL_ASKED = 1 << 0,
	CANCEL_RETRY = 1 << 1,   /* the ring did not take the cancel yet */
	WAIT_CANCELLED = 1 << 2, /* the cancel came from a fiber's wait: its scope knows why */
};

static void append(struct peal_op *op, struct peal_op **first, struct peal_op ***last)
{
	op->next = NULL;
	if (!*first)
		*last = first;
	**last = op;
	*last = &op->next;
}

static void complete(struct peal_shard *shard, struct peal_op *op)
{
	struct peal_task *waiter = op->waiter;

	op->state = COMPLETED;
	PEAL_COUNT(shard, ops_completed);
	if (op->done)
		append(op, &shard->callbacks, &shard->callbacks_last);
	/* One that waits for several ops is resumed by the first alone. */
	else if (waiter && waiter->state == PEAL_TASK_SUSPENDED)
		peal_task_resume(waiter);
}

static void submit(struct peal_shard *shard, struct peal_op *op)
{
	int n = shard->backend->submit(shard->ring, op);

	if (n > 0) {
		PEAL_COUNT(shard, ops_inline);
		complete(shard, op);
	} else if (n == 0) {
		op->state = INFLIGHT;
		peal_inflight_add(&shard->inflight, op);
	} else {
		op->state = REFUSED;
		append(op, &shard->refused, &shard->refused_last);
	}
}

/* May it begin at all? What releases something always may. 0 or a negative errno. */
static int allowed(const struct peal_shard *shard, const struct peal_op *op)
{
	if (op->opcode == PEAL_OP_CLOSE || op->opcode == PEAL_OP_SHUTDOWN)
		return 0;
	if (shard->draining && op->opcode == PEAL_OP_ACCEPT)
		return -ECANCELED;
	if (shard->running)
		return peal_wait_allowed(shard->running);
	return shard->cancelled ? -ECANCELED : 0;
}

struct peal_shard *peal_ops_begin(struct peal_op *op, enum peal_opcode opcode, int fd)
{
	struct peal_shard *shard = peal_shard_current();

	if (!shard)
		peal_fatal(
			"an op was started on a thread that is no shard: nobody could complete it");
	if (op->state == REFUSED || op->state == INFLIGHT || (op->state == COMPLETED && op->done))
		peal_fatal("an op was started again before it had completed (or was never zeroed)");
	op->opcode = (uint8_t)opcode;
	op->flags = 0;
	op->fd = fd;
	op->waiter = NULL;
	PEAL_COUNT(shard, ops_started);
	return shard;
}

void peal_ops_start(struct peal_shard *shard, struct peal_op *op, peal_op_fn *done)
{
	int err = allowed(shard, op);

	op->done = done;
	if (PEAL_UNLIKELY(err)) {
		op->result = err;
		complete(shard, op);
		return;
	}
	if (op->opcode == PEAL_OP_CLOSE)
		peal_ops_cancel_on(shard, op->fd);
	submit(shard, op);
}

void peal_ops_reaped(struct peal_shard *shard, struct peal_reap *reap)
{
	for (struct peal_op *op = reap->first, *next; op; op = next) {
		next = op->next;
		peal_inflight_remove(&shard->inflight, op);
		if (op->flags & CANCEL_RETRY)
			shard->cancel_retries--;
		complete(shard, op);
	}
}

bool peal_ops_callback(struct peal_shard *shard)
{
	struct peal_op *op = shard->callbacks;

	if (!op)
		return false;
	shard->callbacks = op->next;
	op->state = IDLE; /* the callback may start it again, or free it */
	op->done(op);
	return true;
}

static void ask_to_cancel(struct peal_shard *shard, struct peal_op *op)
{
	bool retry = op->flags & CANCEL_RETRY;

	if (shard->backend->cancel(shard->ring, op) < 0) {
		shard->cancel_retries += !retry;
		op->flags |= CANCEL_RETRY;
	} else {
		shard->cancel_retries -= retry;
		op->flags &= (uint16_t)~CANCEL_RETRY;
	}
}

static void retry_cancel(struct peal_op *op, void *arg)
{
	if (op->flags & CANCEL_RETRY)
		ask_to_cancel(arg, op);
}

/* The ring was full; the loop has flushed it since. In order, so that nobody overtakes. */
void peal_ops_retry(struct peal_shard *shard)
{
	struct peal_op *op = shard->refused;

	if (shard->cancel_retries)
		peal_inflight_each(&shard->inflight, retry_cancel, shard);
	shard->refused = NULL;
	while (op) {
		struct peal_op *next = op->next;

		PEAL_COUNT(shard, ops_retried);
		submit(shard, op);
		op = next;
	}
	shard->flush = true;
}

static void cancel_refused(struct peal_shard *shard, struct peal_op *target)
{
	struct peal_op *op = shard->refused;

	shard->refused = NULL;
	while (op) {
		struct peal_op *next = op->next;

		if (op == target) {
			op->result = -ECANCELED;
			complete(shard, op);
		} else {
			append(op, &shard->refused, &shard->refused_last);
		}
		op = next;
	}
}

static void cancel(struct peal_shard *shard, struct peal_op *op)
{
	if ((op->flags & CANCEL_ASKED) || op->opcode == PEAL_OP_CLOSE)
		return;
	op->flags |= CANCEL_ASKED;
	PEAL_COUNT(shard, ops_cancelled);
	if (op->state == REFUSED)
		cancel_refused(shard, op);
	else
		ask_to_cancel(shard, op);
	shard->flush = true;
}

void peal_op_cancel(struct peal_op *op)
{
	struct peal_shard *shard = peal_shard_current();

	if (shard && (op->state == INFLIGHT || op->state == REFUSED))
		cancel(shard, op);
}

void peal_ops_cancel_on(struct peal_shard *shard, int fd)
{
	struct peal_op *op = NULL;

	while ((op = peal_inflight_on(&shard->inflight, fd, op)))
		cancel(shard, op);
	for (op = shard->refused; op;) {
		struct peal_op *next = op->next;

		if (op->fd == fd)
			cancel(shard, op);
		op = next;
	}
}

static void cancel_accept(struct peal_op *op, void *arg)
{
	if (op->opcode == PEAL_OP_ACCEPT)
		cancel(arg, op);
}

static void cancel_any(struct peal_op *op, void *arg)
{
	cancel(arg, op);
}

void peal_ops_cancel_all(struct peal_shard *shard, bool accepts_only)
{
	peal_inflight_each(&shard->inflight, accepts_only ? cancel_accept : cancel_any, shard);
	for (struct peal_op *op = shard->refused, *next; op; op = next) {
		next = op->next;
		if (!accepts_only || op->opcode == PEAL_OP_ACCEPT)
			cancel(shard, op);
	}
}

bool peal_op_busy(const struct peal_op *op)
{
	return op->state == REFUSED || op->state == INFLIGHT ||
		(op->state == COMPLETED && op->done);
}

/* Ops that complete at once must not keep the shard from its ring: now and then their fiber gives way. */
static void spend_budget(struct peal_shard *shard)
{
	if (--shard->op_budget == 0)
		peal_yield();
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
#define PEAL_IO(name, code, type, params, args_, fill) [PEAL_OP_##code] = #name,
#include "core/io.tbl"
#undef PEAL_IO
};

static int64_t take(struct peal_task *task, struct peal_op *op)
{
	int why;

	op->state = IDLE;
	if (PEAL_UNLIKELY(op->flags & WAIT_CANCELLED) && op->result == -ECANCELED) {
		why = peal_wait_allowed(task);
		op->result = why ? why : -ECANCELED; /* 0: the scope was left meanwhile */
	}
	return op->result;
}

static bool waitable(const struct peal_op *op)
{
	return op && !op->done && op->state != IDLE;
}

/* Each op still completes, and is waited for; the first that does resumes the fiber. */
static void cancel_op_wait(struct peal_wait *wait)
{
	struct op_wait *ops = PEAL_CONTAINER_OF(wait, struct op_wait, wait);

	for (unsigned int i = 0; i < ops->count; i++) {
		struct peal_op *op = ops->ops[i];

		if (!waitable(op) || op->state == COMPLETED)
			continue;
		op->flags |= WAIT_CANCELLED;
		cancel(wait->task->shard, op);
	}
}

/* The first that has completed; *pending tells whether any is still to come. */
static int find_completed(struct peal_op *const *ops, unsigned int count, bool *pending)
{
	*pending = false;
	for (unsigned int i = 0; i < count; i++) {
		if (!waitable(ops[i]))
			continue;
		if (ops[i]->state == COMPLETED)
			return (int)i;
		*pending = true;
	}
	return -EINVAL;
}

static void set_waiter(struct peal_op *const *ops, unsigned int count, struct peal_task *waiter)
{
	for (unsigned int i = 0; i < count; i++)
		if (waitable(ops[i]))
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
	if (!waitable(op))
		return -EINVAL;
	if (op->state == COMPLETED) {
		spend_budget(self->shard);
		return (ssize_t)take(self, op);
	}
	if (op->waiter)
		return -EBUSY;
	wait_for_first(self, &op, 1, op_names[op->opcode]);
	return (ssize_t)take(self, op);
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
		spend_budget(self->shard);
	if (i >= 0)
		take(self, ops[i]);
	return i;
}
