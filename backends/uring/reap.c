/* SPDX-License-Identifier: MIT */
/*
 * Completions: from the kernel's queue to the core's list.
 *
 * An operation may take more than one entry. When the kernel answers -EAGAIN although it should have
 * waited, which it does on O_NONBLOCK descriptors after it was woken for nothing (once on old kernels,
 * 128 times on new ones), the op waits for readiness by an entry of its own and is tried again. Between
 * two entries it stands in ring->again.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "backends/uring/uring.h"
#include "core/base/fatal.h"
#include "core/base/log.h"
#include "core/io/standing.h"

#include <peal/time.h>

/* With deferred work the kernel lets 20 completions out at each entering. This many enterings in one
 * peek, so that a flood does not keep the shard from its fibers. */
#define ROUNDS 16

static void try_again(struct peal_ring *ring, struct peal_op *op, uint64_t polling)
{
	op->backend[PEAL_URING_OP_STATE] = PEAL_URING_OP_AGAIN | polling;
	op->next = NULL;
	*ring->again_last = op;
	ring->again_last = &op->next;
}

static struct peal_op *next_again(struct peal_ring *ring)
{
	struct peal_op *op = ring->again;

	ring->again = op->next;
	if (!ring->again)
		ring->again_last = &ring->again;
	op->backend[PEAL_URING_OP_STATE] &= ~PEAL_URING_OP_AGAIN;
	return op;
}

static bool given_up(const struct peal_ring *ring, const struct peal_op *op)
{
	return ring->closing || (op->backend[PEAL_URING_OP_STATE] & PEAL_URING_OP_CANCELLED);
}

/* Did the caller ask not to wait? */
static bool only_tries(const struct peal_op *op)
{
	switch (op->opcode) {
	case PEAL_OP_RECV:
		return op->args.recv.flags & MSG_DONTWAIT;
	case PEAL_OP_SEND:
	case PEAL_OP_SEND_ZC:
		return op->args.send.flags & MSG_DONTWAIT;
	case PEAL_OP_RECV_LEASE:
		return op->args.lease.flags & MSG_DONTWAIT;
	case PEAL_OP_RECVMSG:
	case PEAL_OP_SENDMSG:
		return op->args.msg.flags & MSG_DONTWAIT;
	case PEAL_OP_READV:
	case PEAL_OP_WRITEV:
		return op->args.vector.flags & RWF_NOWAIT;
	default:
		return false;
	}
}

/* A cancelled op that was waiting, or was interrupted in a kernel thread, says -ECANCELED. */
static int64_t result_when_given_up(uint64_t state, int64_t result)
{
	bool was_waiting = result == -EAGAIN || result == -EINTR ||
		((state & PEAL_URING_OP_POLLING) && result >= 0);

	return was_waiting ? -ECANCELED : result;
}

/* Of a zero-copy send the result comes first, and then that the buffer is free. */
static bool more_to_come(struct peal_op *op, const struct io_uring_cqe *cqe)
{
	if (op->args.raw.flags)
		*op->args.raw.flags = cqe->flags;
	if (!(cqe->flags & IORING_CQE_F_MORE))
		return false;
	op->backend[PEAL_URING_OP_STATE] |= PEAL_URING_OP_MORE;
	op->backend[PEAL_URING_OP_FIRST] = (uint64_t)(int64_t)cqe->res;
	return true;
}

static void finish(struct peal_ring *ring, struct peal_op *op, const struct io_uring_cqe *cqe,
	struct peal_reap *reap)
{
	uint64_t state = op->backend[PEAL_URING_OP_STATE];
	int64_t result = cqe->res;

	/* Otherwise the op was freed or started again while the kernel had it. */
	peal_assert(op->backend[PEAL_URING_OP_DATA] == cqe->user_data);
	if (!(cqe->flags & IORING_CQE_F_MORE))
		peal_uring_cancel_ended(op);
	if (op->opcode == PEAL_OP_RAW && more_to_come(op, cqe))
		return;
	if (op->opcode == PEAL_OP_SEND_ZC && peal_uring_send_zc_goes_on(ring, op, cqe))
		return;
	peal_uring_take_buffer(ring, op, cqe);
	if (peal_op_stands(op) && peal_uring_deliver(ring, op, cqe))
		return;
	if (state & PEAL_URING_OP_MORE)
		result = (int64_t)op->backend[PEAL_URING_OP_FIRST];
	if (peal_op_stands(op) && (result > 0 || op->opcode == PEAL_OP_ACCEPT_MANY) && result >= 0)
		result = 1;
	ring->inflight--;
	if (given_up(ring, op)) {
		result = result_when_given_up(state, result);
	} else if ((state & PEAL_URING_OP_POLLING) && result >= 0) {
		try_again(ring, op, 0);
		return;
	} else if (PEAL_UNLIKELY(op->opcode == PEAL_OP_SEND_ZC) &&
		peal_uring_send_zc_refused(ring, op, result)) {
		try_again(ring, op, 0);
		return;
	} else if (result == -EAGAIN && peal_uring_verb(op)->readiness && !only_tries(op)) {
		peal_uring_doubt(ring, op);
		try_again(ring, op, PEAL_URING_OP_POLLING);
		return;
	}
	peal_uring_learn(ring, op, cqe);
	peal_reap_add(reap, op, result);
}

/*
 * The kernel refused a bell of ours: ring it as a foreign thread would. False when that cannot be done
 * just now either; the completion then stays where it is, and nothing sleeps before it is dealt with.
 */
static bool ring_otherwise(struct peal_ring *to, int why, struct peal_reap *reap)
{
	int err = peal_uring_bell_from_outside(to);

	if (err == -ENOMEM || err == -EAGAIN || err == -EOVERFLOW)
		return false;
	reap->bells_failed++;
	if (err)
		peal_log(PEAL_LOG_ERROR,
			"io_uring: the bell of shard %u could not be rung, neither by MSG_RING (%s) "
			"nor from outside (%s)",
			to->shard, strerror(-why), strerror(-err));
	return true;
}

static bool take(struct peal_ring *ring, const struct io_uring_cqe *cqe, struct peal_reap *reap)
{
	void *address = peal_uring_address(cqe->user_data);

	switch (peal_uring_kind(cqe->user_data)) {
	case PEAL_URING_OP:
		finish(ring, address, cqe, reap);
		return true;
	case PEAL_URING_BELL_HEARD:
		reap->bells++;
		return true;
	case PEAL_URING_BELL_SENT:
		return cqe->res >= 0 || ring_otherwise(address, cqe->res, reap);
	case PEAL_URING_BELL_READ:
		ring->inflight--;
		ring->bell_armed = false;
		reap->bells += cqe->res > 0;
		return true;
	case PEAL_URING_ASIDE:
		ring->missed |= cqe->res == -ENOENT && !peal_list_empty(&ring->cancelled);
		return true;
	}
	peal_fatal("io_uring: a completion of no known kind (%#llx)",
		(unsigned long long)cqe->user_data);
}

static void take_all(struct peal_ring *ring, struct peal_reap *reap)
{
	struct io_uring_cq *cq = &ring->uring.cq;
	unsigned int count = io_uring_cq_ready(&ring->uring);
	unsigned int head = *cq->khead;
	unsigned int taken;

	for (taken = 0; taken < count; taken++) {
		const struct io_uring_cqe *entry = &cq->cqes[(head + taken) & cq->ring_mask];
		const struct io_uring_cqe cqe = {
			.user_data = entry->user_data, .res = entry->res, .flags = entry->flags
		};

		if (!take(ring, &cqe, reap))
			break;
	}
	io_uring_cq_advance(&ring->uring, taken);
}

/* Has nobody read the bell's eventfd again yet? */
static bool bell_is_deaf(const struct peal_ring *ring)
{
	return ring->bell_fd >= 0 && !ring->bell_armed && !ring->closing;
}

/* Queue what must be queued before the kernel is entered: ops that go on, and the read of the bell. */
static void queue_again(struct peal_ring *ring, struct peal_reap *reap)
{
	struct io_uring_sqe *sqe;
	struct peal_op *op;

	if (bell_is_deaf(ring))
		peal_uring_arm_bell(ring);
	peal_uring_cancel_again(ring);
	while (ring->again) {
		if (given_up(ring, ring->again)) {
			peal_reap_add(reap, next_again(ring), -ECANCELED);
			continue;
		}
		sqe = peal_uring_entry(ring, ring->reserve);
		if (!sqe)
			return;
		op = next_again(ring);
		if (op->backend[PEAL_URING_OP_STATE] & PEAL_URING_OP_POLLING)
			io_uring_prep_poll_add(sqe, op->fd, peal_uring_verb(op)->readiness);
		else
			peal_uring_verb(op)->prepare(ring, sqe, op);
		peal_uring_activate(ring, sqe, op);
	}
}

/* Some loads: this is what a shard that spins comes by again and again. */
static bool is_calm(const struct peal_ring *ring)
{
	return !io_uring_cq_ready(&ring->uring) && !peal_uring_stirs(ring) &&
		!peal_uring_queued(ring) && !ring->again && !ring->missed && !bell_is_deaf(ring);
}

int peal_uring_peek(struct peal_ring *ring, struct peal_reap *reap)
{
	bool stuck = false;
	int err = 0;

	if (is_calm(ring))
		return 0;
	for (int round = 0; round < ROUNDS && !err && !stuck; round++) {
		take_all(ring, reap);
		queue_again(ring, reap);
		if (!peal_uring_queued(ring) && !peal_uring_stirs(ring))
			break;
		err = peal_uring_turn(ring, &stuck);
	}
	take_all(ring, reap);
	return err;
}

static bool is_past(int64_t deadline)
{
	return deadline != PEAL_NEVER && deadline <= peal_uring_now();
}

/* Sleeping with a deadline that is past costs 15 us, so that is looked at here. */
static bool may_sleep(struct peal_ring *ring, int64_t deadline, struct peal_reap *reap)
{
	if (io_uring_cq_ready(&ring->uring) || peal_uring_stirs(ring))
		return false;
	queue_again(ring, reap);
	if (reap->count || ring->again || ring->missed || bell_is_deaf(ring))
		return false;
	return !is_past(deadline);
}

int peal_uring_wait(struct peal_ring *ring, int64_t deadline, struct peal_reap *reap)
{
	int err, rest;

	if (!may_sleep(ring, deadline, reap))
		return peal_uring_peek(ring, reap);
	err = peal_uring_sleep(ring, deadline);
	rest = peal_uring_peek(ring, reap);
	return err ? err : rest;
}
