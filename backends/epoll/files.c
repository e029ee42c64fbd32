/* SPDX-License-Identifier: MIT */
/*
 * Files, and what reads and writes have to do with them.
 *
 * read and write: of streams, they are like recv and send; files never tell when they are ready, so what
 * cannot be done from memory goes to the core's pool. Which of the two a descriptor is, is asked of the
 * kernel before an op waits: the slot may speak of one that was closed long ago.
 *
 * Everything else about files goes to the pool as well, unless it can be had from memory.
 */
#include "core/sys.h"

#include "backends/epoll/epoll.h"

/* NOLINTNEXTLINE(misc-redundant-expression): two headers, one meaning */
_Static_assert(PEAL_DIRECT_BLOCKS == EPOLL_BLOCKED, "the same word for the same thing");

bool peal_epoll_is_about_files(const struct peal_op *op)
{
	switch (op->opcode) {
	case PEAL_OP_OPENAT:
	case PEAL_OP_STATX:
	case PEAL_OP_FSYNC:
	case PEAL_OP_FALLOCATE:
	case PEAL_OP_FTRUNCATE:
	case PEAL_OP_FADVISE:
	case PEAL_OP_MADVISE:
	case PEAL_OP_SPLICE:
	case PEAL_OP_SENDFILE:
	case PEAL_OP_WAITID:
		return true;
	default:
		return false;
	}
}

bool peal_epoll_is_silent(int fd)
{
	struct stat st;

	return !peal_sys_fstat(fd, &st) && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode);
}

int64_t peal_epoll_try_file(struct peal_ring *ring, struct peal_op *op)
{
	int64_t result = peal_direct_try(&ring->direct, op);

	if (result == PEAL_DIRECT_BLOCKS || result == PEAL_DIRECT_UNKNOWN)
		return EPOLL_IS_FILE;
	if (op->opcode == PEAL_OP_OPENAT && result >= 0)
		peal_epoll_forget(ring, (int)result);
	return result;
}

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
