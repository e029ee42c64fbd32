/* SPDX-License-Identifier: MIT */
/*
 * The I/O calls, made from their table, and the few that are not like the others.
 */
#include <errno.h>
#include <sys/socket.h>

#include <peal/io.h>

#include "core/ops.h"
#include "core/shard.h"

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
