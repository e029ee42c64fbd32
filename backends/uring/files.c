/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes. What is in memory is had sooner by a direct call than through the ring, as long as
 * nothing else waits to be handed to the kernel; so is a small write, which the ring would give to a
 * kernel thread on most file systems. A read that has missed was begun by the attempt already, and the
 * ring waits for the rest.
 */
#include <errno.h>
#include <sys/uio.h>

#include "backends/uring/uring.h"
#include "core/sys.h"

/* Lengths in entries have 32 bits, and the kernel transfers no more in one call. */
static unsigned int length(size_t size)
{
	return size < PEAL_URING_TRANSFER_MOST ? (unsigned int)size : PEAL_URING_TRANSFER_MOST;
}

void peal_uring_prepare_read(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_read(sqe, op->fd, op->args.read.buf, length(op->args.read.size),
		(uint64_t)op->args.read.offset);
}

void peal_uring_prepare_write(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_write(sqe, op->fd, op->args.write.buf, length(op->args.write.size),
		(uint64_t)op->args.write.offset);
}

void peal_uring_prepare_readv(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_readv2(sqe, op->fd, op->args.vector.vector, op->args.vector.count,
		(uint64_t)op->args.vector.offset, op->args.vector.flags);
}

void peal_uring_prepare_writev(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_writev2(sqe, op->fd, op->args.vector.vector, op->args.vector.count,
		(uint64_t)op->args.vector.offset, op->args.vector.flags);
}

static int64_t offset_of(const struct peal_op *op)
{
	bool vector = op->opcode == PEAL_OP_READV || op->opcode == PEAL_OP_WRITEV;

	return vector ? op->args.vector.offset : op->args.read.offset;
}

/* Unlike pread(2), the ring does not mind an offset where there is no position. 0, or why not. */
static long check_position(struct peal_ring *ring, const struct peal_op *op)
{
	uint8_t *known = &ring->hints[(unsigned int)op->fd % PEAL_URING_HINTS];
	long at;

	if (offset_of(op) == -1 || (*known & PEAL_URING_SEEKS))
		return 0;
	if (offset_of(op) < 0)
		return -EINVAL;
	at = peal_sys_lseek(op->fd, 0, SEEK_CUR);
	if (at < 0)
		return at;
	*known |= PEAL_URING_SEEKS;
	return 0;
}

int peal_uring_transfer_at_once(struct peal_ring *ring, struct peal_op *op)
{
	int64_t result = PEAL_DIRECT_UNKNOWN;

	if (!peal_uring_queued(ring))
		result = peal_direct_try(&ring->direct, op);
	if (result == PEAL_DIRECT_BLOCKS || result == PEAL_DIRECT_UNKNOWN) {
		result = check_position(ring, op);
		if (!result)
			return 0;
	}
	op->result = result;
	return 1;
}
