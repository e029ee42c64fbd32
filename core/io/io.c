/* SPDX-License-Identifier: MIT */
/*
 * The I/O calls, made from their table, and the few that are not like the others.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <sys/socket.h>

#include <peal/io.h>

#include "core/io/ops.h"
#include "core/runtime/shard.h"

#define UNPACK(...)  __VA_ARGS__
#define PEAL_IO_ALSO PEAL_IO
#define POSITION     (-1) /* as an offset: where the file stands */

/* An offset that may not be POSITION. The kernel refuses every other negative one. */
static int64_t at(int64_t offset)
{
	return offset < 0 ? INT64_MIN : offset;
}

static void fill_vector(
	struct peal_op *op, const struct iovec *vector, int count, int64_t offset, int flags)
{
	op->args.vector.vector = vector;
	op->args.vector.count = (uint32_t)count;
	op->args.vector.offset = offset;
	op->args.vector.flags = flags;
}

static bool creates(int flags)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

/* With O_NONBLOCK, so that opening a FIFO does not wait; who opens takes it off again (direct.h). */
static void fill_open(
	struct peal_op *op, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	op->args.openat.path = path;
	op->args.openat.flags = flags | O_CLOEXEC;
	op->args.openat.mode = mode;
	op->args.openat.resolve = resolve;
	op->args.openat.added_nonblock = !(flags & (O_NONBLOCK | O_PATH));
	if (op->args.openat.added_nonblock)
		op->args.openat.flags |= O_NONBLOCK;
}

/* The op form. */
#define PEAL_IO(name, code, type, params, args_, fill)                                   \
	void peal_op_##name(struct peal_op *op, int fd, UNPACK params, peal_op_fn *done) \
	{                                                                                \
		struct peal_shard *shard = peal_ops_begin(op, PEAL_OP_##code, fd);       \
                                                                                         \
		fill peal_ops_start(shard, op, done);                                    \
	}
#include "core/io.tbl"
#undef PEAL_IO

/* The fiber form: an op on the fiber's own stack. */
#define PEAL_IO(name, code, type, params, args_, fill)       \
	type peal_##name(int fd, UNPACK params)              \
	{                                                    \
		struct peal_op op = { 0 };                   \
                                                             \
		if (!peal_task_current())                    \
			return -EPERM;                       \
		peal_op_##name(&op, fd, UNPACK args_, NULL); \
		return (type)peal_op_wait(&op);              \
	}
#include "core/io.tbl"
#undef PEAL_IO

void peal_op_nop(struct peal_op *op, peal_op_fn *done)
{
	peal_ops_start(peal_ops_begin(op, PEAL_OP_NOP, -1), op, done);
}

static void start_fsync(struct peal_op *op, int fd, bool data_only, peal_op_fn *done)
{
	struct peal_shard *shard = peal_ops_begin(op, PEAL_OP_FSYNC, fd);

	op->args.fsync.data_only = data_only;
	peal_ops_start(shard, op, done);
}

void peal_op_fsync(struct peal_op *op, int fd, peal_op_fn *done)
{
	start_fsync(op, fd, false, done);
}

void peal_op_fdatasync(struct peal_op *op, int fd, peal_op_fn *done)
{
	start_fsync(op, fd, true, done);
}

static int sync_and_wait(int fd, bool data_only)
{
	struct peal_op op = { 0 };

	if (!peal_task_current())
		return -EPERM;
	start_fsync(&op, fd, data_only, NULL);
	return (int)peal_op_wait(&op);
}

int peal_fsync(int fd)
{
	return sync_and_wait(fd, false);
}

int peal_fdatasync(int fd)
{
	return sync_and_wait(fd, true);
}

void peal_op_madvise(struct peal_op *op, void *address, size_t size, int advice, peal_op_fn *done)
{
	struct peal_shard *shard = peal_ops_begin(op, PEAL_OP_MADVISE, -1);

	op->args.madvise.address = address;
	op->args.madvise.size = size;
	op->args.madvise.advice = advice;
	peal_ops_start(shard, op, done);
}

int peal_madvise(void *address, size_t size, int advice)
{
	struct peal_op op = { 0 };

	if (!peal_task_current())
		return -EPERM;
	peal_op_madvise(&op, address, size, advice, NULL);
	return (int)peal_op_wait(&op);
}

void peal_op_raw(
	struct peal_op *op, const struct io_uring_sqe *sqe, uint32_t *flags, peal_op_fn *done)
{
	struct peal_shard *shard = peal_ops_begin(op, PEAL_OP_RAW, sqe->fd);

	op->args.raw.sqe = sqe;
	op->args.raw.flags = flags;
	peal_ops_start(shard, op, done);
}

int peal_raw(const struct io_uring_sqe *sqe, uint32_t *flags)
{
	struct peal_op op = { 0 };

	if (!peal_task_current())
		return -EPERM;
	peal_op_raw(&op, sqe, flags, NULL);
	return (int)peal_op_wait(&op);
}

void peal_op_close(struct peal_op *op, int fd, peal_op_fn *done)
{
	peal_ops_start(peal_ops_begin(op, PEAL_OP_CLOSE, fd), op, done);
}

int peal_close(int fd)
{
	struct peal_op op = { 0 };

	if (!peal_task_current())
		return -EPERM;
	peal_op_close(&op, fd, NULL);
	return (int)peal_op_wait(&op);
}

ssize_t peal_send_all(int fd, const void *buf, size_t size, int flags)
{
	const char *bytes = buf;
	size_t sent = 0;

	while (sent < size) {
		ssize_t n = peal_send(fd, bytes + sent, size - sent, flags);

		if (n < 0)
			return n;
		sent += (size_t)n;
	}
	return (ssize_t)sent;
}
