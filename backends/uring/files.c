/* SPDX-License-Identifier: MIT */
/*
 * Reads, writes, and what else there is to files. What is in memory is had sooner by a direct call than through the ring, as long as
 * nothing else waits to be handed to the kernel; so is a small write, which the ring would give to a
 * kernel thread on most file systems. A read that has missed was begun by the attempt already, and the
 * ring waits for the rest.
 */
#include <errno.h>
#include <linux/openat2.h>
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

void peal_uring_prepare_openat(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_openat2(sqe, op->fd, op->args.openat.path,
		(struct open_how *)(uintptr_t)&op->args.openat.flags);
}

_Static_assert(sizeof(struct open_how) == 3 * sizeof(uint64_t) &&
		offsetof(struct open_how, flags) == 0 && offsetof(struct open_how, mode) == 8 &&
		offsetof(struct open_how, resolve) == 16,
	"an op's arguments hold one of these");

void peal_uring_prepare_statx(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_statx(sqe, op->fd, op->args.statx.path, op->args.statx.flags,
		op->args.statx.mask, op->args.statx.buf);
}

void peal_uring_prepare_fsync(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_fsync(sqe, op->fd, op->args.fsync.data_only ? IORING_FSYNC_DATASYNC : 0);
}

void peal_uring_prepare_fallocate(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_fallocate(sqe, op->fd, op->args.fallocate.mode, op->args.fallocate.offset,
		op->args.fallocate.size);
}

void peal_uring_prepare_fadvise(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_fadvise(sqe, op->fd, (uint64_t)op->args.fadvise.offset, op->args.fadvise.size,
		op->args.fadvise.advice);
}

void peal_uring_prepare_madvise(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_madvise(sqe, op->args.madvise.address, (off_t)op->args.madvise.size,
		op->args.madvise.advice);
}

/* Is there no entry that says it? Truncating came with Linux 6.9, and lengths have 32 bits. */
static bool exceeds_the_ring(const struct peal_op *op)
{
	switch (op->opcode) {
	case PEAL_OP_FTRUNCATE:
		return true;
	case PEAL_OP_FADVISE:
		return (uint64_t)op->args.fadvise.size > UINT32_MAX;
	case PEAL_OP_MADVISE:
		return op->args.madvise.size > UINT32_MAX;
	default:
		return false;
	}
}

int peal_uring_file_at_once(struct peal_ring *ring, struct peal_op *op)
{
	if (exceeds_the_ring(op))
		return PEAL_SUBMIT_BLOCKS;
	if (peal_uring_queued(ring))
		return 0;
	op->result = peal_direct_try(&ring->direct, op);
	return op->result != PEAL_DIRECT_BLOCKS && op->result != PEAL_DIRECT_UNKNOWN;
}

/* What it moves was sent before, perhaps, by an entry that the kernel has not seen yet. */
int peal_uring_part_at_once(struct peal_ring *ring, struct peal_op *op)
{
	bool stuck;

	if (peal_uring_queued(ring) && (peal_uring_turn(ring, &stuck) || peal_uring_queued(ring)))
		return -EAGAIN;
	op->result = peal_direct_try(&ring->direct, op);
	return op->result == PEAL_DIRECT_UNKNOWN ? PEAL_SUBMIT_BLOCKS : 1;
}
