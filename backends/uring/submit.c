/* SPDX-License-Identifier: MIT */
/* Taking ops, and asking the kernel to give them up. */
#include <errno.h>

#include "backends/uring/uring.h"

void peal_uring_activate(struct peal_ring *ring, struct io_uring_sqe *sqe, struct peal_op *op)
{
	uint64_t data = peal_uring_data(op, ring->generation++, PEAL_URING_OP);

	sqe->user_data = data;
	op->backend[PEAL_URING_OP_DATA] = data;
	ring->inflight++;
}

int peal_uring_submit(struct peal_ring *ring, struct peal_op *op)
{
	const struct peal_uring_verb *verb = peal_uring_verb(op);
	struct io_uring_sqe *sqe;
	int done;

	if (!verb) {
		op->result = -ENOSYS;
		return 1;
	}
	done = verb->at_once ? verb->at_once(ring, op) : 0;
	if (done)
		return done;
	sqe = peal_uring_entry(ring, ring->reserve);
	if (!sqe)
		return -EAGAIN;
	verb->prepare(ring, sqe, op);
	op->backend[PEAL_URING_OP_STATE] = 0;
	peal_uring_activate(ring, sqe, op);
	return 0;
}

/*
 * The entry names its target by user_data. That it also carries the descriptor, which the kernel
 * ignores here, is for close (verbs.c): it must not overtake the cancels.
 */
int peal_uring_cancel(struct peal_ring *ring, struct peal_op *op)
{
	uint64_t *state = &op->backend[PEAL_URING_OP_STATE];
	struct io_uring_sqe *sqe;

	if (!(*state & (PEAL_URING_OP_CANCELLED | PEAL_URING_OP_AGAIN))) {
		sqe = peal_uring_entry(ring, 0);
		if (!sqe)
			return -EAGAIN;
		io_uring_prep_cancel64(sqe, op->backend[PEAL_URING_OP_DATA], 0);
		sqe->fd = op->fd;
		sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
		sqe->user_data = peal_uring_data(NULL, 0, PEAL_URING_ASIDE);
	}
	*state |= PEAL_URING_OP_CANCELLED;
	return 0;
}
