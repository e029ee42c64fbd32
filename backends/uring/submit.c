/* SPDX-License-Identifier: MIT */
/* Taking ops. */
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
