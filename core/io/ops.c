/* SPDX-License-Identifier: MIT */
/*
 * The life of an op: started, perhaps refused by a full ring and submitted again, in flight, completed,
 * then taken by its waiter or its callback.
 *
 * Starting never runs a callback: an op that completes at once is queued for the loop like any other.
 */
#include <errno.h>

#include "core/io/compose.h"
#include "core/io/lease.h"
#include "core/io/standing.h"
#include "core/base/fatal.h"
#include "core/io/ops.h"
#include "core/io/pooled.h"
#include "core/runtime/rt.h"
#include "core/task/wait.h"

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
	POOLED = 1 << 3,         /* in flight, and the blocking pool has it */
};

static void append(struct peal_op *op, struct peal_op **first, struct peal_op ***last)
{
	op->next = NULL;
	if (!*first)
		*last = first;
	**last = op;
	*last = &op->next;
}

/* Until it completes, the fiber that started it keeps to this shard. */
static void hold(struct peal_op *op, struct peal_task *owner)
{
	op->owner = owner;
	if (owner)
		owner->holds++;
}

static void let_go(struct peal_op *op)
{
	struct peal_task *owner = op->owner;

	op->owner = NULL;
	if (owner)
		owner->holds--;
}

static void complete(struct peal_shard *shard, struct peal_op *op)
{
	struct peal_task *waiter = op->waiter;

	/* Its next part takes its turn behind what was refused: parts that end at once do not nest. */
	if (PEAL_UNLIKELY(peal_is_composed(op)) &&
		peal_compose(op, op->flags & CANCEL_ASKED || shard->stopping)) {
		op->state = REFUSED;
		append(op, &shard->refused, &shard->refused_last);
		return;
	}
	op->state = COMPLETED;
	if (PEAL_UNLIKELY(op->opcode == PEAL_OP_RECV_LEASE && op->result > 0))
		peal_lease_received(shard, op);
	let_go(op);
	PEAL_COUNT(shard, ops_completed);
	if (op->done)
		append(op, &shard->callbacks, &shard->callbacks_last);
	/* One that waits for several ops is resumed by the first alone. */
	else if (waiter && waiter->state == PEAL_TASK_SUSPENDED)
		peal_task_resume(waiter);
}

static void send_to_pool(struct peal_shard *shard, struct peal_op *op)
{
	int err;

	PEAL_COUNT(shard, ops_pooled);
	op->state = INFLIGHT;
	op->flags |= POOLED;
	peal_inflight_add(&shard->inflight, op);
	err = peal_pooled_submit(shard, op);
	if (PEAL_LIKELY(!err))
		return;
	op->result = err;
	peal_ops_returned(shard, op);
}

static void submit(struct peal_shard *shard, struct peal_op *op)
{
	int n = shard->backend->submit(shard->ring, op);

	if (n == PEAL_SUBMIT_BLOCKS) {
		send_to_pool(shard, op);
	} else if (n > 0) {
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
	if (shard->draining && peal_op_accepts(op))
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
	op->waiter = op->owner = NULL;
	PEAL_COUNT(shard, ops_started);
	return shard;
}

void peal_ops_fail(struct peal_shard *shard, struct peal_op *op, int err, peal_op_fn *done)
{
	op->done = done;
	op->result = err;
	complete(shard, op);
}

void peal_ops_start(struct peal_shard *shard, struct peal_op *op, peal_op_fn *done)
{
	int err = allowed(shard, op);

	if (PEAL_UNLIKELY(err)) {
		op->flags |= WAIT_CANCELLED;
		peal_ops_fail(shard, op, err, done);
		return;
	}
	op->done = done;
	if (op->opcode == PEAL_OP_CLOSE)
		peal_ops_cancel_on(shard, op->fd);
	hold(op, shard->running);
	submit(shard, op);
}

void peal_ops_defer(struct peal_op *op, peal_op_fn *done)
{
	struct peal_shard *shard = peal_ops_begin(op, PEAL_OP_NOP, -1);

	op->done = done;
	op->result = 0;
	complete(shard, op);
}

static void disown(struct peal_op *op, void *task)
{
	if (op->owner == task)
		let_go(op);
}

void peal_ops_disown(struct peal_shard *shard, struct peal_task *task)
{
	peal_inflight_each(&shard->inflight, disown, task);
	for (struct peal_op *op = shard->refused; op; op = op->next)
		disown(op, task);
	peal_leases_disown(shard, task);
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
	peal_standing_tell(shard);
}

void peal_ops_returned(struct peal_shard *shard, struct peal_op *op)
{
	peal_inflight_remove(&shard->inflight, op);
	op->flags &= (uint16_t)~POOLED;
	complete(shard, op);
}

static void find_back(struct peal_op *op, void *arg)
{
	if (op->flags & POOLED && peal_pooled_is_back(op))
		*(struct peal_op **)arg = op;
}

void peal_ops_collect(struct peal_shard *shard)
{
	struct peal_op *op;

	do {
		op = NULL;
		peal_inflight_each(&shard->inflight, find_back, &op);
		if (op)
			peal_ops_returned(shard, op);
	} while (op);
}

bool peal_ops_callback(struct peal_shard *shard)
{
	struct peal_op *op = shard->callbacks;

	if (!op)
		return false;
	shard->callbacks = op->next;
	op->state = IDLE; /* the callback may start it again, or free it */
	op->done(op);
	peal_msgs_publish(shard);
	return true;
}

static void ask_to_cancel(struct peal_shard *shard, struct peal_op *op)
{
	bool retry = op->flags & CANCEL_RETRY;

	if (op->flags & POOLED) {
		peal_pooled_cancel(shard, op);
	} else if (shard->backend->cancel(shard->ring, op) < 0) {
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

struct cancel_all {
	struct peal_shard *shard;
	peal_op_which_fn *which;
};

static void cancel_if(struct peal_op *op, void *arg)
{
	const struct cancel_all *all = arg;

	if (all->which(op))
		cancel(all->shard, op);
}

void peal_ops_cancel_all(struct peal_shard *shard, peal_op_which_fn *which)
{
	struct cancel_all all = { .shard = shard, .which = which };

	peal_inflight_each(&shard->inflight, cancel_if, &all);
	for (struct peal_op *op = shard->refused, *next; op; op = next) {
		next = op->next;
		cancel_if(op, &all);
	}
}

bool peal_op_busy(const struct peal_op *op)
{
	return op->state == REFUSED || op->state == INFLIGHT ||
		(op->state == COMPLETED && op->done);
}

int64_t peal_op_take(struct peal_task *task, struct peal_op *op)
{
	int why;

	op->state = IDLE;
	if (PEAL_UNLIKELY(op->flags & WAIT_CANCELLED) && op->result == -ECANCELED) {
		why = peal_wait_allowed(task);
		op->result = why ? why : -ECANCELED; /* 0: the scope was left meanwhile */
	}
	if (PEAL_UNLIKELY(op->result == -ETIMEDOUT))
		task->expired = op->flags & WAIT_CANCELLED;
	return op->result;
}

bool peal_op_waitable(const struct peal_op *op)
{
	return op && !op->done && op->state != IDLE;
}

bool peal_op_completed(const struct peal_op *op)
{
	return op->state == COMPLETED;
}

void peal_op_cancel_wait(struct peal_shard *shard, struct peal_op *op)
{
	if (op->state == COMPLETED)
		return;
	op->flags |= WAIT_CANCELLED;
	cancel(shard, op);
}
