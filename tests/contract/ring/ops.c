/* SPDX-License-Identifier: MIT */
/* Ops, filled as the core's calls fill them. */
#include "tests/contract/ring/ring.h"

static struct peal_op *fill_in(struct peal_op *op, enum peal_opcode opcode, int fd)
{
	op->opcode = (uint8_t)opcode;
	op->fd = fd;
	op->result = 0x5eed; /* not what any op gives by chance */
	return op;
}

struct peal_op *op_nop(struct peal_op *op)
{
	return fill_in(op, PEAL_OP_NOP, -1);
}

struct peal_op *op_accept(
	struct peal_op *op, int fd, struct sockaddr *address, uint32_t *size, int flags)
{
	op->args.accept.address = address;
	op->args.accept.size = size;
	op->args.accept.flags = flags | SOCK_CLOEXEC;
	return fill_in(op, PEAL_OP_ACCEPT, fd);
}

struct peal_op *op_connect(
	struct peal_op *op, int fd, const struct sockaddr *address, uint32_t size)
{
	op->args.connect.address = address;
	op->args.connect.size = size;
	return fill_in(op, PEAL_OP_CONNECT, fd);
}

struct peal_op *op_recv(struct peal_op *op, int fd, void *buf, size_t size, int flags)
{
	op->args.recv.buf = buf;
	op->args.recv.size = size;
	op->args.recv.flags = flags;
	return fill_in(op, PEAL_OP_RECV, fd);
}

struct peal_op *op_send(struct peal_op *op, int fd, const void *buf, size_t size, int flags)
{
	op->args.send.buf = buf;
	op->args.send.size = size;
	op->args.send.flags = flags | MSG_NOSIGNAL;
	return fill_in(op, PEAL_OP_SEND, fd);
}

struct peal_op *op_shutdown(struct peal_op *op, int fd, int how)
{
	op->args.shutdown.how = how;
	return fill_in(op, PEAL_OP_SHUTDOWN, fd);
}

struct peal_op *op_close(struct peal_op *op, int fd)
{
	return fill_in(op, PEAL_OP_CLOSE, fd);
}

struct peal_op *op_poll(struct peal_op *op, int fd, uint32_t events)
{
	op->args.poll.events = events;
	return fill_in(op, PEAL_OP_POLL, fd);
}

struct peal_op *op_read(struct peal_op *op, int fd, void *buf, size_t size, int64_t offset)
{
	op->args.read.buf = buf;
	op->args.read.size = size;
	op->args.read.offset = offset;
	return fill_in(op, PEAL_OP_READ, fd);
}

struct peal_op *op_write(struct peal_op *op, int fd, const void *buf, size_t size, int64_t offset)
{
	op->args.write.buf = buf;
	op->args.write.size = size;
	op->args.write.offset = offset;
	return fill_in(op, PEAL_OP_WRITE, fd);
}

static struct peal_op *op_vector(struct peal_op *op, enum peal_opcode opcode, int fd,
	const struct iovec *vector, int count, int64_t offset, int flags)
{
	op->args.vector.vector = vector;
	op->args.vector.count = (uint32_t)count;
	op->args.vector.offset = offset;
	op->args.vector.flags = flags;
	return fill_in(op, opcode, fd);
}

struct peal_op *op_readv(struct peal_op *op, int fd, const struct iovec *vector, int count,
	int64_t offset, int flags)
{
	return op_vector(op, PEAL_OP_READV, fd, vector, count, offset, flags);
}

struct peal_op *op_writev(struct peal_op *op, int fd, const struct iovec *vector, int count,
	int64_t offset, int flags)
{
	return op_vector(op, PEAL_OP_WRITEV, fd, vector, count, offset, flags);
}

static struct peal_op *op_message(
	struct peal_op *op, enum peal_opcode opcode, int fd, struct msghdr *message, int flags)
{
	op->args.msg.message = message;
	op->args.msg.flags = flags;
	return fill_in(op, opcode, fd);
}

struct peal_op *op_recvmsg(struct peal_op *op, int fd, struct msghdr *message, int flags)
{
	return op_message(op, PEAL_OP_RECVMSG, fd, message, flags | MSG_CMSG_CLOEXEC);
}

struct peal_op *op_sendmsg(struct peal_op *op, int fd, struct msghdr *message, int flags)
{
	return op_message(op, PEAL_OP_SENDMSG, fd, message, flags | MSG_NOSIGNAL);
}

struct peal_op *op_open(struct peal_op *op, int dir, const char *path, int flags, unsigned int mode)
{
	op->args.openat.path = path;
	op->args.openat.flags = (uint64_t)(flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NONBLOCK));
	op->args.openat.mode = mode;
	op->args.openat.resolve = 0;
	op->args.openat.added_nonblock = !(flags & (O_NONBLOCK | O_PATH));
	return fill_in(op, PEAL_OP_OPENAT, dir);
}

struct peal_op *op_statx(
	struct peal_op *op, int dir, const char *path, int flags, struct statx *buf)
{
	op->args.statx.path = path;
	op->args.statx.flags = flags;
	op->args.statx.mask = STATX_BASIC_STATS;
	op->args.statx.buf = buf;
	return fill_in(op, PEAL_OP_STATX, dir);
}

struct peal_op *op_fsync(struct peal_op *op, int fd, bool data_only)
{
	op->args.fsync.data_only = data_only;
	return fill_in(op, PEAL_OP_FSYNC, fd);
}

struct peal_op *op_fallocate(struct peal_op *op, int fd, int mode, int64_t offset, int64_t size)
{
	op->args.fallocate.mode = mode;
	op->args.fallocate.offset = offset;
	op->args.fallocate.size = size;
	return fill_in(op, PEAL_OP_FALLOCATE, fd);
}

struct peal_op *op_ftruncate(struct peal_op *op, int fd, int64_t size)
{
	op->args.ftruncate.size = size;
	return fill_in(op, PEAL_OP_FTRUNCATE, fd);
}

struct peal_op *op_fadvise(struct peal_op *op, int fd, int64_t offset, int64_t size, int advice)
{
	op->args.fadvise.offset = offset;
	op->args.fadvise.size = size;
	op->args.fadvise.advice = advice;
	return fill_in(op, PEAL_OP_FADVISE, fd);
}

struct peal_op *op_madvise(struct peal_op *op, void *address, size_t size, int advice)
{
	op->args.madvise.address = address;
	op->args.madvise.size = size;
	op->args.madvise.advice = advice;
	return fill_in(op, PEAL_OP_MADVISE, -1);
}
