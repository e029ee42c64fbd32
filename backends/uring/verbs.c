/* SPDX-License-Identifier: MIT */
/*
 * How each operation is done: as an entry of the ring, or by a direct call where that is better.
 *
 * Direct calls. shutdown(2) and close(2): the ring would hand the first to a kernel thread and gains
 * nothing with the second. send(2), always when nothing is queued: it mostly succeeds, and entering the
 * kernel for it alone would cost more; when something is queued the ring takes it along for nothing.
 * recv(2), when nothing is queued and the last completion on that descriptor left data behind. A
 * stream that was emptied is not even tried by the kernel before it waits (POLL_FIRST).
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "backends/uring/uring.h"
#include "core/sys.h"

/* Enterings to let the completions of cancelled ops out before a close. */
#define CLOSE_ROUNDS 64

/* With these a partial or an empty answer means something else. */
#define RECV_UNUSUAL (MSG_WAITALL | MSG_ERRQUEUE | MSG_OOB)

static unsigned int length(size_t size)
{
	return size < PEAL_URING_TRANSFER_MOST ? (unsigned int)size : PEAL_URING_TRANSFER_MOST;
}

static uint8_t *hint(struct peal_ring *ring, int fd)
{
	return &ring->hints[(unsigned int)fd % PEAL_URING_HINTS];
}

static void believe(struct peal_ring *ring, int fd, uint8_t state)
{
	uint8_t *known = hint(ring, fd);

	*known = (uint8_t)((*known & (PEAL_URING_STREAM | PEAL_URING_SEEKS | PEAL_URING_COPIES)) |
		state);
}

/* Does an entry that the kernel has not seen yet speak of this descriptor? */
static bool queued_for(const struct peal_ring *ring, int fd)
{
	const struct io_uring_sq *sq = &ring->uring.sq;

	for (unsigned int i = sq->sqe_tail - io_uring_sq_ready(&ring->uring); i != sq->sqe_tail;
		i++)
		if (sq->sqes[i & sq->ring_mask].fd == fd)
			return true;
	return false;
}

static void prepare_nop(struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	(void)op;
	io_uring_prep_nop(sqe);
}

static void prepare_accept(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_accept(
		sqe, op->fd, op->args.accept.address, op->args.accept.size, op->args.accept.flags);
}

static void prepare_connect(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_connect(sqe, op->fd, op->args.connect.address, op->args.connect.size);
}

static void prepare_recv(struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	io_uring_prep_recv(
		sqe, op->fd, op->args.recv.buf, length(op->args.recv.size), op->args.recv.flags);
	if ((*hint(ring, op->fd) & ~PEAL_URING_COPIES) == (PEAL_URING_STREAM | PEAL_URING_EMPTY) &&
		!(op->args.recv.flags & (RECV_UNUSUAL | MSG_DONTWAIT)))
		sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
}

void peal_uring_prepare_send(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_send(
		sqe, op->fd, op->args.send.buf, length(op->args.send.size), op->args.send.flags);
}

static void prepare_recvmsg(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_recvmsg(sqe, op->fd, op->args.msg.message, (unsigned int)op->args.msg.flags);
}

static void prepare_sendmsg(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_sendmsg(sqe, op->fd, op->args.msg.message, (unsigned int)op->args.msg.flags);
}

static void prepare_poll(struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_poll_add(sqe, op->fd, op->args.poll.events);
}

static int recv_at_once(struct peal_ring *ring, struct peal_op *op)
{
	const int flags = op->args.recv.flags;
	long n;

	if (peal_uring_queued(ring) || (flags & RECV_UNUSUAL) ||
		!((*hint(ring, op->fd) & PEAL_URING_READY) || (flags & MSG_DONTWAIT)))
		return 0;
	n = peal_sys_recv(op->fd, op->args.recv.buf, op->args.recv.size, flags | MSG_DONTWAIT);
	if (n < 0 || (size_t)n < op->args.recv.size)
		believe(ring, op->fd, PEAL_URING_EMPTY);
	if (n == -EAGAIN && !(flags & MSG_DONTWAIT))
		return 0;
	op->result = n;
	return 1;
}

int peal_uring_send_at_once(struct peal_ring *ring, struct peal_op *op)
{
	const int flags = op->args.send.flags;
	long n;

	if (peal_uring_queued(ring) ||
		(flags & MSG_WAITALL)) /* the ring goes on until all is sent */
		return 0;
	n = peal_sys_send(op->fd, op->args.send.buf, op->args.send.size, flags | MSG_DONTWAIT);
	if (n == -EAGAIN && !(flags & MSG_DONTWAIT))
		return 0;
	op->result = n;
	return 1;
}

static int recvmsg_at_once(struct peal_ring *ring, struct peal_op *op)
{
	const int flags = op->args.msg.flags;
	long n;

	if (peal_uring_queued(ring) || (flags & RECV_UNUSUAL) ||
		!((*hint(ring, op->fd) & PEAL_URING_READY) || (flags & MSG_DONTWAIT)))
		return 0;
	n = peal_sys_recvmsg(op->fd, op->args.msg.message, flags | MSG_DONTWAIT);
	if (n == -EAGAIN && !(flags & MSG_DONTWAIT)) {
		believe(ring, op->fd, PEAL_URING_EMPTY);
		return 0;
	}
	op->result = n;
	return 1;
}

static int sendmsg_at_once(struct peal_ring *ring, struct peal_op *op)
{
	const int flags = op->args.msg.flags;
	long n;

	if (peal_uring_queued(ring) || (flags & MSG_WAITALL))
		return 0;
	n = peal_sys_sendmsg(op->fd, op->args.msg.message, flags | MSG_DONTWAIT);
	if (n == -EAGAIN && !(flags & MSG_DONTWAIT))
		return 0;
	op->result = n;
	return 1;
}

/* What was queued for the descriptor before comes first, a send above all. */
static int shutdown_at_once(struct peal_ring *ring, struct peal_op *op)
{
	bool stuck;

	if (queued_for(ring, op->fd) && (peal_uring_turn(ring, &stuck) || queued_for(ring, op->fd)))
		return -EAGAIN;
	op->result = peal_sys_shutdown(op->fd, op->args.shutdown.how);
	return 1;
}

/*
 * Before a descriptor is closed, the kernel must have seen every entry that speaks of it: afterwards
 * the number may be that of another file. Cancels are among them (submit.c writes the descriptor into
 * those, too), and they must have taken effect, because an op in the ring keeps the file open: a
 * listener's port would stay bound. Their completions come out of the queue of deferred work, some
 * at each entering.
 */
static int close_at_once(struct peal_ring *ring, struct peal_op *op)
{
	bool stuck = false;

	if (queued_for(ring, op->fd)) {
		for (int round = 0; round < CLOSE_ROUNDS && !stuck; round++) {
			if (peal_uring_turn(ring, &stuck))
				return -EAGAIN;
			if (!peal_uring_stirs(ring))
				break;
		}
		if (queued_for(ring, op->fd))
			return -EAGAIN;
	}
	*hint(ring, op->fd) = 0;
	op->result = peal_sys_close(op->fd);
	return 1;
}

static void prepare_raw(struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	*sqe = *op->args.raw.sqe;
}

/* What would have another number of completions than one. */
static int raw_at_once(struct peal_ring *ring, struct peal_op *op)
{
	(void)ring;
	if (!(op->args.raw.sqe->flags &
		    (IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_CQE_SKIP_SUCCESS)))
		return 0;
	op->result = -EINVAL;
	return 1;
}

static const struct peal_uring_verb verbs[PEAL_OP_COUNT_] = {
	[PEAL_OP_NOP] = { .prepare = prepare_nop },
	[PEAL_OP_ACCEPT] = { .prepare = prepare_accept, .readiness = POLLIN },
	[PEAL_OP_CONNECT] = { .prepare = prepare_connect },
	[PEAL_OP_RECV] = { .prepare = prepare_recv, .at_once = recv_at_once, .readiness = POLLIN },
	[PEAL_OP_SEND] = { .prepare = peal_uring_prepare_send,
		.at_once = peal_uring_send_at_once,
		.readiness = POLLOUT },
	[PEAL_OP_SEND_ZC] = { .prepare = peal_uring_prepare_send_zc,
		.at_once = peal_uring_send_zc_at_once,
		.readiness = POLLOUT },
	[PEAL_OP_SHUTDOWN] = { .at_once = shutdown_at_once },
	[PEAL_OP_CLOSE] = { .at_once = close_at_once },
	[PEAL_OP_POLL] = { .prepare = prepare_poll },
	[PEAL_OP_READ] = { .prepare = peal_uring_prepare_read,
		.at_once = peal_uring_transfer_at_once,
		.readiness = POLLIN },
	[PEAL_OP_WRITE] = { .prepare = peal_uring_prepare_write,
		.at_once = peal_uring_transfer_at_once,
		.readiness = POLLOUT },
	[PEAL_OP_READV] = { .prepare = peal_uring_prepare_readv,
		.at_once = peal_uring_transfer_at_once,
		.readiness = POLLIN },
	[PEAL_OP_RECVMSG] = { .prepare = prepare_recvmsg,
		.at_once = recvmsg_at_once,
		.readiness = POLLIN },
	[PEAL_OP_SENDMSG] = { .prepare = prepare_sendmsg,
		.at_once = sendmsg_at_once,
		.readiness = POLLOUT },
	[PEAL_OP_OPENAT] = { .prepare = peal_uring_prepare_openat },
	[PEAL_OP_STATX] = { .prepare = peal_uring_prepare_statx,
		.at_once = peal_uring_file_at_once },
	[PEAL_OP_FSYNC] = { .prepare = peal_uring_prepare_fsync },
	[PEAL_OP_FALLOCATE] = { .prepare = peal_uring_prepare_fallocate },
	[PEAL_OP_FTRUNCATE] = { .at_once = peal_uring_file_at_once },
	[PEAL_OP_FADVISE] = { .prepare = peal_uring_prepare_fadvise,
		.at_once = peal_uring_file_at_once },
	[PEAL_OP_MADVISE] = { .prepare = peal_uring_prepare_madvise,
		.at_once = peal_uring_file_at_once },
	[PEAL_OP_SPLICE] = { .at_once = peal_uring_part_at_once },
	[PEAL_OP_SENDFILE] = { .at_once = peal_uring_part_at_once },
	[PEAL_OP_WAITID] = { .at_once = peal_uring_part_at_once },
	[PEAL_OP_RAW] = { .prepare = prepare_raw, .at_once = raw_at_once },
	[PEAL_OP_RECV_LEASE] = { .prepare = peal_uring_prepare_recv_lease, .readiness = POLLIN },
	[PEAL_OP_RECV_MANY] = { .prepare = peal_uring_prepare_recv_many, .readiness = POLLIN },
	[PEAL_OP_ACCEPT_MANY] = { .prepare = peal_uring_prepare_accept_many, .readiness = POLLIN },
	[PEAL_OP_WRITEV] = { .prepare = peal_uring_prepare_writev,
		.at_once = peal_uring_transfer_at_once,
		.readiness = POLLOUT },
};

const struct peal_uring_verb *peal_uring_verb(const struct peal_op *op)
{
	const struct peal_uring_verb *verb = op->opcode < PEAL_OP_COUNT_ ? &verbs[op->opcode]
									 : NULL;

	return verb && (verb->prepare || verb->at_once) ? verb : NULL;
}

/* Only TCP tells with each receive whether more is there; of others, less than was asked for means that
 * there was no more. */
static uint8_t state_after(const struct peal_op *op, const struct io_uring_cqe *cqe)
{
	if (cqe->flags & IORING_CQE_F_SOCK_NONEMPTY)
		return PEAL_URING_READY;
	return cqe->res >= 0 && (size_t)cqe->res == op->args.recv.size ? 0 : PEAL_URING_EMPTY;
}

static void opened(struct peal_ring *ring, const struct peal_op *op, int fd)
{
	*hint(ring, fd) = 0;
	peal_direct_opened(op, fd);
}

void peal_uring_learn(
	struct peal_ring *ring, const struct peal_op *op, const struct io_uring_cqe *cqe)
{
	if (op->opcode == PEAL_OP_RECV)
		believe(ring, op->fd, state_after(op, cqe));
	else if ((op->opcode == PEAL_OP_ACCEPT || op->opcode == PEAL_OP_ACCEPT_MANY) &&
		cqe->res >= 0)
		*hint(ring, cqe->res) = PEAL_URING_STREAM;
	else if (op->opcode == PEAL_OP_CONNECT && !cqe->res)
		*hint(ring, op->fd) = PEAL_URING_STREAM;
	else if (op->opcode == PEAL_OP_RECVMSG && cqe->flags & IORING_CQE_F_SOCK_NONEMPTY)
		believe(ring, op->fd, PEAL_URING_READY);
	else if (op->opcode == PEAL_OP_OPENAT && cqe->res >= 0)
		opened(ring, op, cqe->res);
}

/*
 * The number may be that of another file by now. One that is no socket, and is told to be polled first,
 * gives -EAGAIN for ever where a receive would be refused.
 */
void peal_uring_doubt(struct peal_ring *ring, const struct peal_op *op)
{
	*hint(ring, op->fd) = 0;
}
