/* SPDX-License-Identifier: MIT */
/*
 * read and write. Of streams, they are like recv and send; files never tell when they are ready, so what
 * cannot be done from memory goes to the core's pool. Which of the two a descriptor is, is asked of the
 * kernel before an op waits: the slot may speak of one that was closed long ago.
 */
#include "backends/epoll/epoll.h"

_Static_assert(PEAL_DIRECT_BLOCKS == EPOLL_BLOCKED, "the same word for the same thing");

bool peal_epoll_is_transfer(const struct peal_op *op)
{
	return op->opcode == PEAL_OP_READ || op->opcode == PEAL_OP_WRITE ||
		op->opcode == PEAL_OP_READV || op->opcode == PEAL_OP_WRITEV;
}

int64_t peal_epoll_try_transfer(struct peal_ring *ring, struct peal_op *op)
{
	int64_t result = peal_direct_try(&ring->direct, op);

	if (result != PEAL_DIRECT_BLOCKS && result != PEAL_DIRECT_UNKNOWN)
		return result;
	if (peal_direct_is_file(op->fd))
		return EPOLL_IS_FILE;
	return result == PEAL_DIRECT_UNKNOWN ? peal_direct_try_stream(op) : EPOLL_BLOCKED;
}
