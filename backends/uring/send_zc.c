/* SPDX-License-Identifier: MIT */
/*
 * Sends that do not copy. The result comes first, and a second completion when nobody reads the buffer any
 * more; that one tells whether it was copied nevertheless, as on loopback, which costs more than an ordinary
 * send. So it is remembered of the descriptor, and its next sends are ordinary ones. So they are where
 * the kernel refuses: for the kind of the socket, or since too much memory is pinned.
 */
#include <errno.h>

#include "backends/uring/uring.h"

/* Less than this is copied: pinning pages and a second completion are not free. Where exactly it begins to pay
 * was not measured; on loopback it never does. */
#define LEAST 32768

static uint8_t *hint(struct peal_ring *ring, const struct peal_op *op)
{
	return &ring->hints[(unsigned int)op->fd % PEAL_URING_HINTS];
}

static bool pays(struct peal_ring *ring, const struct peal_op *op)
{
	return ring->has & PEAL_URING_ZERO_COPY && op->args.send.size >= LEAST &&
		!(*hint(ring, op) & PEAL_URING_COPIES);
}

int peal_uring_send_zc_at_once(struct peal_ring *ring, struct peal_op *op)
{
	return pays(ring, op) ? 0 : peal_uring_send_at_once(ring, op);
}

void peal_uring_prepare_send_zc(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	peal_uring_prepare_send(ring, sqe, op);
	if (!pays(ring, op))
		return;
	sqe->opcode = IORING_OP_SEND_ZC;
	sqe->ioprio |= PEAL_IORING_SEND_ZC_REPORT_USAGE;
}

bool peal_uring_send_zc_goes_on(
	struct peal_ring *ring, struct peal_op *op, const struct io_uring_cqe *cqe)
{
	if (cqe->flags & IORING_CQE_F_NOTIF &&
		(uint32_t)cqe->res & PEAL_IORING_NOTIF_USAGE_ZC_COPIED)
		*hint(ring, op) |= PEAL_URING_COPIES;
	if (!(cqe->flags & IORING_CQE_F_MORE))
		return false;
	op->backend[PEAL_URING_OP_STATE] |= PEAL_URING_OP_MORE;
	op->backend[PEAL_URING_OP_FIRST] = (uint64_t)(int64_t)cqe->res;
	return true;
}

/* Two completions has only what did not copy; of one that has a single one the hint is as it was. */
bool peal_uring_send_zc_refused(struct peal_ring *ring, struct peal_op *op, int64_t result)
{
	bool tried = op->backend[PEAL_URING_OP_STATE] & PEAL_URING_OP_MORE || pays(ring, op);

	if (!tried || (result != -EINVAL && result != -EOPNOTSUPP && result != -ENOMEM))
		return false;
	*hint(ring, op) |= PEAL_URING_COPIES;
	return true;
}
