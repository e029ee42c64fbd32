/* SPDX-License-Identifier: MIT */
/*
 * Which system calls may be made on a shard's own thread.
 *
 * Reads with RWF_NOWAIT say -EAGAIN instead of going to the disk (and start to read from it), so they may
 * be tried anywhere; files in memory alone do not know the flag and do not need it. Few file systems know
 * it for buffered writes. Those go to memory and wait only when too much of it is dirty: a small one is
 * made, its time is taken, and after slow ones none is made for a while. Where a write goes over a
 * network or to a program (NFS, FUSE, which may be served by this very shard), nothing is tried.
 */
#include <errno.h>
#include <limits.h>

#include "core/io/direct.h"
#include "core/sys.h"

#include <peal/time.h>

/* A call that took so long has waited for a disk, and others would. */
#define SLOW_NS     PEAL_MS
#define CAUTIOUS_NS (200 * PEAL_MS)

/* The vector of an op that has none. */
static const struct iovec *vector_of(const struct peal_op *op, struct iovec *own, int *count)
{
	if (op->opcode == PEAL_OP_READV || op->opcode == PEAL_OP_WRITEV) {
		*count = (int)op->args.vector.count;
		return op->args.vector.vector;
	}
	own->iov_base = op->args.read.buf; /* write's stand at the same places */
	own->iov_len = op->args.read.size;
	*count = 1;
	return own;
}

_Static_assert(offsetof(struct peal_op, args.read) == offsetof(struct peal_op, args.write) &&
		offsetof(struct peal_op, args.read.size) ==
			offsetof(struct peal_op, args.write.size) &&
		offsetof(struct peal_op, args.read.offset) ==
			offsetof(struct peal_op, args.write.offset),
	"vector_of() and offset_of() take one for the other");

static bool has_vector(const struct peal_op *op)
{
	return op->opcode == PEAL_OP_READV || op->opcode == PEAL_OP_WRITEV;
}

static int64_t offset_of(const struct peal_op *op)
{
	return has_vector(op) ? op->args.vector.offset : op->args.read.offset;
}

static int flags_of(const struct peal_op *op)
{
	return has_vector(op) ? op->args.vector.flags : 0;
}

static bool is_read(const struct peal_op *op)
{
	return op->opcode == PEAL_OP_READ || op->opcode == PEAL_OP_READV;
}

static long transfer(const struct peal_op *op, int more_flags)
{
	int flags = flags_of(op) | more_flags;
	struct iovec own;
	int count;
	const struct iovec *vector = vector_of(op, &own, &count);

	/* The plain calls are quicker. */
	if (!flags && count == 1 && offset_of(op) >= 0)
		return is_read(op)
			? peal_sys_pread(op->fd, vector->iov_base, vector->iov_len, offset_of(op))
			: peal_sys_pwrite(op->fd, vector->iov_base, vector->iov_len, offset_of(op));
	if (is_read(op))
		return peal_sys_preadv2(op->fd, vector, count, offset_of(op), flags);
	return peal_sys_pwritev2(op->fd, vector, count, offset_of(op), flags);
}

/* How much it wants, as far as that matters here; also where there are too many buffers. */
static size_t size_of(const struct peal_op *op)
{
	struct iovec own;
	int count;
	const struct iovec *vector = vector_of(op, &own, &count);
	size_t size = count <= IOV_MAX ? 0 : SIZE_MAX;

	for (int i = 0; i < count && size <= PEAL_DIRECT_MOST; i++)
		size = vector[i].iov_len < SIZE_MAX - size ? size + vector[i].iov_len : SIZE_MAX;
	return size;
}

int64_t peal_direct_now(void)
{
	struct timespec now = { 0 };

	peal_sys_clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * PEAL_S + now.tv_nsec;
}

/*
 * A write goes to memory; take its time all the same. One slow call may have been the scheduler's doing,
 * two in a row are the disk's.
 */
static int64_t make_write(struct peal_direct *direct, const struct peal_op *op)
{
	int64_t start = peal_direct_now();
	int64_t result, end;
	bool slow;

	if (flags_of(op) & (RWF_DSYNC | RWF_SYNC) || direct->slow_until > start)
		return PEAL_DIRECT_UNKNOWN;
	result = transfer(op, 0);
	end = peal_direct_now();
	slow = end - start >= SLOW_NS;
	if (slow && direct->was_slow)
		direct->slow_until = end + CAUTIOUS_NS;
	direct->was_slow = slow;
	return result;
}

static int64_t make(
	struct peal_direct *direct, const struct peal_op *op, enum peal_direct_kind kind)
{
	switch (kind) {
	case PEAL_DIRECT_MEMORY:
		return transfer(op, 0);
	case PEAL_DIRECT_BUFFERED:
		return make_write(direct, op);
	default:
		return PEAL_DIRECT_UNKNOWN;
	}
}

/*
 * A read without waiting gave fewer bytes than were asked for. That is its result unless there are more
 * on the disk: then it is undone, to be made anew as a whole.
 */
static int64_t judge_short(const struct peal_op *op, long n)
{
	int64_t end = offset_of(op);
	struct statx st;

	if (!peal_direct_look_at(op->fd, STATX_SIZE, &st) || !S_ISREG(st.stx_mode))
		return n;
	end = end < 0 ? peal_sys_lseek(op->fd, 0, SEEK_CUR) : end + n;
	if (end < 0 || end >= (int64_t)st.stx_size)
		return n;
	if (offset_of(op) < 0 && peal_sys_lseek(op->fd, -n, SEEK_CUR) < 0)
		return n;
	return PEAL_DIRECT_BLOCKS;
}

static int64_t try_without_waiting(
	struct peal_direct *direct, const struct peal_op *op, size_t size)
{
	long n = transfer(op, RWF_NOWAIT);

	if (flags_of(op) & RWF_NOWAIT)
		return n;
	switch (n) {
	case -EAGAIN:
		return PEAL_DIRECT_BLOCKS;
	case -EOPNOTSUPP: /* the op's own flags may be what is not supported */
		return make(direct, op, peal_direct_examine(direct, op->fd, is_read(op)));
	case -EINTR:
		return PEAL_DIRECT_UNKNOWN;
	default:
		return n > 0 && (size_t)n < size && is_read(op) ? judge_short(op, n) : n;
	}
}

static int64_t try_transfer(struct peal_direct *direct, const struct peal_op *op)
{
	size_t size = size_of(op);
	enum peal_direct_kind kind;

	if (size > PEAL_DIRECT_MOST)
		return PEAL_DIRECT_UNKNOWN;
	kind = flags_of(op) & RWF_NOWAIT ? PEAL_DIRECT_NOT_KNOWN
					 : peal_direct_recall(direct, op->fd, is_read(op));
	return kind == PEAL_DIRECT_NOT_KNOWN ? try_without_waiting(direct, op, size)
					     : make(direct, op, kind);
}

static long advise(const struct peal_op *op)
{
	return peal_sys_fadvise(
		op->fd, op->args.fadvise.offset, op->args.fadvise.size, op->args.fadvise.advice);
}

/* Advice that is kept in mind, and starts nothing. */
static bool only_notes(int advice)
{
	return advice == POSIX_FADV_NORMAL || advice == POSIX_FADV_RANDOM ||
		advice == POSIX_FADV_SEQUENTIAL;
}

int64_t peal_direct_try(struct peal_direct *direct, const struct peal_op *op)
{
	switch (op->opcode) {
	case PEAL_OP_READ:
	case PEAL_OP_WRITE:
	case PEAL_OP_READV:
	case PEAL_OP_WRITEV:
		return try_transfer(direct, op);
	case PEAL_OP_STATX:
		return peal_direct_try_statx(direct, op);
	case PEAL_OP_OPENAT:
		return peal_direct_try_open(op);
	case PEAL_OP_FADVISE:
		return only_notes(op->args.fadvise.advice) ? advise(op) : PEAL_DIRECT_UNKNOWN;
	case PEAL_OP_SPLICE:
	case PEAL_OP_SENDFILE:
		return peal_direct_try_splice(op);
	case PEAL_OP_WAITID:
		return peal_direct_try_waitid(op);
	default:
		return PEAL_DIRECT_UNKNOWN;
	}
}

int64_t peal_direct_run(const struct peal_op *op)
{
	switch (op->opcode) {
	case PEAL_OP_READ:
	case PEAL_OP_WRITE:
	case PEAL_OP_READV:
	case PEAL_OP_WRITEV:
		return transfer(op, 0);
	case PEAL_OP_OPENAT:
	case PEAL_OP_STATX:
		return peal_direct_run_path(op);
	case PEAL_OP_FSYNC:
		return op->args.fsync.data_only ? peal_sys_fdatasync(op->fd)
						: peal_sys_fsync(op->fd);
	case PEAL_OP_FALLOCATE:
		return peal_sys_fallocate(op->fd, op->args.fallocate.mode,
			op->args.fallocate.offset, op->args.fallocate.size);
	case PEAL_OP_FTRUNCATE:
		return peal_sys_ftruncate(op->fd, op->args.ftruncate.size);
	case PEAL_OP_FADVISE:
		return advise(op);
	case PEAL_OP_SPLICE:
	case PEAL_OP_SENDFILE:
		return peal_direct_run_splice(op);
	case PEAL_OP_MADVISE:
		return peal_sys_madvise(
			op->args.madvise.address, op->args.madvise.size, op->args.madvise.advice);
	default:
		return -ENOSYS;
	}
}

/* The flag of the open file stands in for that of the call, for the time of the call. */
static long transfer_nonblocking(const struct peal_op *op)
{
	long flags = peal_sys_fcntl(op->fd, F_GETFL, 0);
	long n;

	if (flags < 0)
		return flags;
	if (!(flags & O_NONBLOCK))
		peal_sys_fcntl(op->fd, F_SETFL, flags | O_NONBLOCK);
	n = transfer(op, 0);
	if (!(flags & O_NONBLOCK))
		peal_sys_fcntl(op->fd, F_SETFL, flags);
	return n;
}

int64_t peal_direct_try_stream(const struct peal_op *op)
{
	long n = transfer(op, RWF_NOWAIT);

	if (flags_of(op) & RWF_NOWAIT)
		return n;
	if (n == -EOPNOTSUPP)
		n = transfer_nonblocking(op);
	return n == -EAGAIN ? PEAL_DIRECT_BLOCKS : n;
}

bool peal_direct_is_file(int fd)
{
	struct statx st;

	return peal_direct_look_at(fd, 0, &st) &&
		(S_ISREG(st.stx_mode) || S_ISBLK(st.stx_mode) || S_ISDIR(st.stx_mode));
}
