/* SPDX-License-Identifier: MIT */
/*
 * Asking the kernel to give ops up.
 *
 * It looks for them where they wait: among those that are polled, and with its threads. One that has just
 * become ready is on its way from there to another try, and is not found (-ENOENT); when the try fails it
 * waits again, and has not heard of the cancel. A Unix socket that connects to a full backlog is on that
 * way most of the time, for it always seems ready, until the kernel leaves it to a thread (after 128
 * tries, APOLL_MAX_RETRY in io_uring/poll.c). So whoever may wait there is asked again, as long as it is in
 * flight and as often as that takes. Not for ever: what a disk is busy with is not found either, and ends
 * by itself.
 */
#include <errno.h>

#include "backends/uring/uring.h"

#define ASKED_MOST 200

static struct peal_list *link_of(struct peal_op *op)
{
	return (struct peal_list *)(void *)&op->backend[PEAL_URING_OP_LINK];
}

static struct peal_op *op_of(struct peal_list *link)
{
	return PEAL_CONTAINER_OF(
		(uint64_t *)(void *)link, struct peal_op, backend[PEAL_URING_OP_LINK]);
}

/*
 * The entry names its target by user_data. That it also carries the descriptor, which the kernel
 * ignores here, is for close (verbs.c): it must not overtake the cancels.
 */
static bool ask(struct peal_ring *ring, struct peal_op *op, uint32_t keep)
{
	struct io_uring_sqe *sqe = peal_uring_entry(ring, keep);

	if (!sqe)
		return false;
	io_uring_prep_cancel64(sqe, op->backend[PEAL_URING_OP_DATA], 0);
	sqe->fd = op->fd;
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	sqe->user_data = peal_uring_data(NULL, 0, PEAL_URING_ASIDE);
	op->backend[PEAL_URING_OP_ASKED]++;
	return true;
}

static bool may_be_polled(const struct peal_op *op)
{
	return op->opcode == PEAL_OP_CONNECT || peal_uring_verb(op)->readiness;
}

int peal_uring_cancel(struct peal_ring *ring, struct peal_op *op)
{
	uint64_t *state = &op->backend[PEAL_URING_OP_STATE];

	if (!(*state & (PEAL_URING_OP_CANCELLED | PEAL_URING_OP_AGAIN))) {
		op->backend[PEAL_URING_OP_ASKED] = 0;
		if (!ask(ring, op, 0))
			return -EAGAIN;
		if (may_be_polled(op)) {
			peal_list_append(&ring->cancelled, link_of(op));
			*state |= PEAL_URING_OP_LISTED;
		}
	}
	*state |= PEAL_URING_OP_CANCELLED;
	return 0;
}

void peal_uring_cancel_again(struct peal_ring *ring)
{
	if (!ring->missed)
		return;
	ring->missed = false;
	PEAL_LIST_EACH (link, &ring->cancelled) {
		struct peal_op *op = op_of(link);

		if (op->backend[PEAL_URING_OP_ASKED] < ASKED_MOST &&
			!ask(ring, op, ring->reserve)) {
			ring->missed = true;
			return;
		}
	}
}

void peal_uring_cancel_ended(struct peal_op *op)
{
	if (op->backend[PEAL_URING_OP_STATE] & PEAL_URING_OP_LISTED)
		peal_list_remove(link_of(op));
	op->backend[PEAL_URING_OP_STATE] &= ~PEAL_URING_OP_LISTED;
}
