/* SPDX-License-Identifier: MIT */
/*
 * The operations: each is tried without blocking, at once and again at every event, until it has a
 * result.
 *
 * Descriptors stay blocking. recv and send are told not to wait by a flag; accept and connect know
 * none, so they need O_NONBLOCK on the open file. A connect takes it off again. A listener keeps it,
 * because other shards, and other processes, may be between an event and their accept.
 */
#include <netinet/in.h>

#include "core/sys.h"

#include "backends/epoll/epoll.h"

/* Such a receive looks at something else than the stream, and does not stand in its queue. */
#define ASIDE    (MSG_OOB | MSG_ERRQUEUE)
/* Flags under which a receive of fewer bytes than there was room for has emptied a TCP socket. */
#define DRAINING (MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL)
/* Parts of a message that are handed over again at a time. */
#define REST     16
/* After such events it has not: there is an end, an error or an urgent byte to come. */
#define SPECIAL  (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)

static int64_t blocked_if_again(int64_t result)
{
	return result == -EAGAIN ? EPOLL_BLOCKED : result;
}

/* On success the flags as they were. */
static long set_nonblocking(int fd)
{
	long flags = peal_sys_fcntl(fd, F_GETFL, 0);
	long err;

	if (flags < 0 || flags & O_NONBLOCK)
		return flags;
	err = peal_sys_fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	return err < 0 ? err : flags;
}

/*
 * Asked each time: the number may have gone to another listener, which would block the shard. The flags
 * of what is no listener, on which accept fails at once, are none of our business.
 */
static long prepare_listener(int fd)
{
	long flags = peal_sys_fcntl(fd, F_GETFL, 0);
	int listens = 0;
	socklen_t size = sizeof(listens);
	long err;

	if (flags < 0 || flags & O_NONBLOCK)
		return flags;
	err = peal_sys_getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size);
	return err == 0 && listens ? set_nonblocking(fd) : err;
}

/*
 * A Unix listener that was shut down says "not now" for ever where a blocking accept gets EINVAL. What
 * the last event told may have been of an earlier listener of that number.
 */
static bool is_shut_down(const struct epoll_slot *slot)
{
	struct pollfd now = { .events = POLLRDHUP };

	if (!slot || !(slot->events & (EPOLLHUP | EPOLLRDHUP)))
		return false;
	now.fd = slot->fd;
	return peal_sys_poll(&now, 1, 0) == 1 && now.revents & (POLLHUP | POLLRDHUP);
}

static int64_t try_accept(struct peal_ring *ring, struct epoll_slot *slot, struct peal_op *op)
{
	long n = prepare_listener(op->fd);

	if (n < 0)
		return n;
	n = peal_sys_accept(
		op->fd, op->args.accept.address, op->args.accept.size, op->args.accept.flags);
	if (n >= 0 && n != op->fd)
		peal_epoll_forget(ring, (int)n);
	if (n == -EAGAIN && is_shut_down(slot))
		return -EINVAL;
	return blocked_if_again(n);
}

/* ECONNABORTED tells of an earlier attempt, of which somebody else has heard already. */
static long connect_without_waiting(struct peal_op *op)
{
	const struct sockaddr *address = op->args.connect.address;
	long flags = set_nonblocking(op->fd);
	long err;

	if (flags < 0)
		return flags;
	err = peal_sys_connect(op->fd, address, op->args.connect.size);
	if (err == -ECONNABORTED && !peal_epoll_room(op)->connecting)
		err = peal_sys_connect(op->fd, address, op->args.connect.size);
	if (!(flags & O_NONBLOCK))
		peal_sys_fcntl(op->fd, F_SETFL, flags);
	return err;
}

/* How an attempt went that is under way, the next connect(2) tells (and SO_ERROR alone does not). */
static int64_t try_connect(struct peal_op *op)
{
	struct epoll_room *room = peal_epoll_room(op);
	bool again = room->connecting;
	long err = connect_without_waiting(op);

	if (err == -EINPROGRESS)
		room->connecting = true;
	if (err == -EINPROGRESS || (again && err == -EALREADY))
		return EPOLL_BLOCKED;
	return again && err == -EISCONN ? 0 : blocked_if_again(err);
}

static bool is_tcp(struct epoll_slot *slot)
{
	int protocol = 0;
	socklen_t size = sizeof(protocol);

	if (slot->stream == EPOLL_STREAM_UNKNOWN) {
		peal_sys_getsockopt(slot->fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size);
		slot->stream = protocol == IPPROTO_TCP ? EPOLL_STREAM_TCP : EPOLL_STREAM_OTHER;
	}
	return slot->stream == EPOLL_STREAM_TCP;
}

/*
 * A receive got less than it had room for. On TCP the next one would find nothing, so it need not try:
 * what arrived since the last event makes another event (epoll(7), question 9). Not so where the last
 * event told of the stream's end, an error, or urgent data, which also end a receive early; nor for
 * other sockets, which stop at the borders of messages, or where descriptors are passed.
 */
static void note_short_recv(struct epoll_slot *slot, int flags)
{
	if (slot && slot->interest & EPOLLIN && !(slot->events & SPECIAL) && !(flags & ~DRAINING) &&
		is_tcp(slot))
		slot->dry[EPOLL_READ] = true;
}

/* Does MSG_WAITALL mean anything here? Peeking does not get on, and messages are whole. */
static bool wants_all(int fd, int flags)
{
	int type = 0;
	socklen_t size = sizeof(type);

	if ((flags & (MSG_WAITALL | MSG_DONTWAIT | MSG_PEEK)) != MSG_WAITALL)
		return false;
	peal_sys_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
	return type == SOCK_STREAM;
}

/* Bytes that were moved are the result, whatever happened then: it will happen again. */
static int64_t moved(const struct epoll_room *room, long n, int flags)
{
	if (n == -EAGAIN && !(flags & MSG_DONTWAIT))
		return EPOLL_BLOCKED;
	if (n < 0)
		return room->done ? (int64_t)room->done : n;
	return (int64_t)room->done + n;
}

static int64_t try_recv(struct epoll_slot *slot, struct peal_op *op)
{
	struct epoll_room *room = peal_epoll_room(op);
	int flags = op->args.recv.flags;
	size_t size = op->args.recv.size;
	long n;

	for (;;) {
		n = peal_sys_recv(op->fd, (char *)op->args.recv.buf + room->done, size - room->done,
			flags | MSG_DONTWAIT);
		if (n <= 0 || (size_t)n >= size - room->done)
			break;
		note_short_recv(slot, flags);
		if (!wants_all(op->fd, flags))
			break;
		room->done += (size_t)n;
	}
	return moved(room, n, flags);
}

/* A buffer is picked for each try, so that nobody holds one while he waits. */
static int64_t try_recv_lease(struct epoll_slot *slot, struct peal_op *op)
{
	struct peal_buffers *buffers = op->args.lease.buffers;
	int flags = op->args.lease.flags;
	uint32_t buffer = peal_buffers_pick(buffers);
	long n;

	if (buffer == PEAL_NO_BUFFER)
		return -ENOBUFS;
	n = peal_sys_recv(op->fd, buffers->memory + (size_t)buffer * buffers->size, buffers->size,
		flags | MSG_DONTWAIT);
	if (n <= 0)
		peal_buffers_put(buffers, buffer);
	else if (n < buffers->size)
		note_short_recv(slot, flags);
	op->args.lease.buffer = buffer;
	return n == -EAGAIN && !(flags & MSG_DONTWAIT) ? EPOLL_BLOCKED : n;
}

static int64_t try_send(struct peal_op *op)
{
	struct epoll_room *room = peal_epoll_room(op);
	int flags = op->args.send.flags;
	size_t size = op->args.send.size;
	long n;

	for (;;) {
		n = peal_sys_send(op->fd, (const char *)op->args.send.buf + room->done,
			size - room->done, flags | MSG_DONTWAIT);
		if (n <= 0 || (size_t)n >= size - room->done || !wants_all(op->fd, flags))
			break;
		room->done += (size_t)n;
	}
	return moved(room, n, flags);
}

/* What is left of a message after `done` bytes; of a long one not all, which is no harm in a loop. */
static struct msghdr rest_of(const struct msghdr *message, size_t done, struct iovec rest[REST])
{
	struct msghdr left = *message;
	size_t count = 0;

	for (size_t i = 0; i < message->msg_iovlen && count < REST; i++) {
		const struct iovec *part = &message->msg_iov[i];
		size_t skip = done < part->iov_len ? done : part->iov_len;

		done -= skip;
		if (skip == part->iov_len && part->iov_len)
			continue;
		rest[count].iov_base = (char *)part->iov_base + skip;
		rest[count++].iov_len = part->iov_len - skip;
	}
	left.msg_iov = rest;
	left.msg_iovlen = count;
	left.msg_control = NULL; /* what came with the first bytes came with the first call */
	left.msg_controllen = 0;
	return left;
}

static size_t size_of(const struct msghdr *message)
{
	size_t size = 0;

	for (size_t i = 0; i < message->msg_iovlen; i++)
		size += message->msg_iov[i].iov_len;
	return size;
}

static long move_message(struct peal_op *op, struct msghdr *message)
{
	int flags = op->args.msg.flags | MSG_DONTWAIT;

	return op->opcode == PEAL_OP_RECVMSG ? peal_sys_recvmsg(op->fd, message, flags)
					     : peal_sys_sendmsg(op->fd, message, flags);
}

static long move_rest(struct peal_op *op, size_t done)
{
	struct iovec rest[REST];
	struct msghdr left = rest_of(op->args.msg.message, done, rest);

	return move_message(op, &left);
}

static int64_t try_message(struct peal_op *op)
{
	struct epoll_room *room = peal_epoll_room(op);
	int flags = op->args.msg.flags;
	size_t size = size_of(op->args.msg.message);
	long n;

	for (;;) {
		n = room->done ? move_rest(op, room->done) : move_message(op, op->args.msg.message);
		if (n <= 0 || (size_t)n >= size - room->done || !wants_all(op->fd, flags))
			break;
		room->done += (size_t)n;
	}
	return moved(room, n, flags);
}

/* Unix sockets do not tell a sender that waits for room that it may give up. */
static int64_t do_shutdown(struct peal_ring *ring, const struct peal_op *op)
{
	long err = peal_sys_shutdown(op->fd, op->args.shutdown.how);

	if (!err)
		peal_epoll_retry(ring, op->fd);
	return err;
}

static int64_t do_close(struct peal_ring *ring, const struct peal_op *op)
{
	peal_epoll_unregister(ring, op->fd);
	return peal_sys_close(op->fd);
}

static uint32_t poll_events(const struct peal_op *op)
{
	return (op->args.poll.events & UINT16_MAX) | POLLRDHUP;
}

static int64_t try_poll(const struct peal_op *op)
{
	struct pollfd fd = { .fd = op->fd, .events = (short)poll_events(op) };
	long n;

	if (op->fd < 0)
		return -EBADF;
	n = peal_sys_poll(&fd, 1, 0);
	if (n <= 0)
		return n < 0 ? n : EPOLL_BLOCKED;
	return fd.revents & POLLNVAL ? -EBADF : (uint16_t)fd.revents;
}

int64_t peal_epoll_try(struct peal_ring *ring, struct epoll_slot *slot, struct peal_op *op)
{
	switch (op->opcode) {
	case PEAL_OP_NOP:
		return 0;
	case PEAL_OP_ACCEPT:
		return try_accept(ring, slot, op);
	case PEAL_OP_CONNECT:
		return try_connect(op);
	case PEAL_OP_RECV:
		return try_recv(slot, op);
	case PEAL_OP_RECV_LEASE:
		return try_recv_lease(slot, op);
	case PEAL_OP_SEND:
	case PEAL_OP_SEND_ZC:
		return try_send(op);
	case PEAL_OP_SHUTDOWN:
		return do_shutdown(ring, op);
	case PEAL_OP_CLOSE:
		return do_close(ring, op);
	case PEAL_OP_POLL:
		return try_poll(op);
	case PEAL_OP_READ:
	case PEAL_OP_WRITE:
	case PEAL_OP_READV:
	case PEAL_OP_WRITEV:
		return peal_direct_try_stream(op);
	case PEAL_OP_RECVMSG:
	case PEAL_OP_SENDMSG:
		return try_message(op);
	case PEAL_OP_RAW:
		return -EOPNOTSUPP;
	default:
		return -ENOSYS;
	}
}

/* Where an op waits, and for what. */
static enum epoll_queue queue_of(const struct peal_op *op, uint32_t *events)
{
	*events = EPOLLIN | EPOLLPRI | EPOLLRDHUP;
	switch (op->opcode) {
	case PEAL_OP_CONNECT:
	case PEAL_OP_SEND:
	case PEAL_OP_SEND_ZC:
	case PEAL_OP_SENDMSG:
	case PEAL_OP_WRITE:
	case PEAL_OP_WRITEV:
		*events = EPOLLOUT;
		return EPOLL_WRITE;
	case PEAL_OP_POLL:
		*events = poll_events(op); /* the same bits */
		return EPOLL_ANY;
	case PEAL_OP_RECV:
		return op->args.recv.flags & ASIDE ? EPOLL_ANY : EPOLL_READ;
	case PEAL_OP_RECV_LEASE:
		return op->args.lease.flags & ASIDE ? EPOLL_ANY : EPOLL_READ;
	case PEAL_OP_RECVMSG:
		return op->args.msg.flags & ASIDE ? EPOLL_ANY : EPOLL_READ;
	default:
		return EPOLL_READ;
	}
}

/* Did the caller ask not to wait? */
static bool only_tries(const struct peal_op *op)
{
	switch (op->opcode) {
	case PEAL_OP_RECV:
		return op->args.recv.flags & MSG_DONTWAIT;
	case PEAL_OP_SEND:
	case PEAL_OP_SEND_ZC:
		return op->args.send.flags & MSG_DONTWAIT;
	case PEAL_OP_RECV_LEASE:
		return op->args.lease.flags & MSG_DONTWAIT;
	case PEAL_OP_RECVMSG:
	case PEAL_OP_SENDMSG:
		return op->args.msg.flags & MSG_DONTWAIT;
	case PEAL_OP_READV:
	case PEAL_OP_WRITEV:
		return op->args.vector.flags & RWF_NOWAIT;
	default:
		return false;
	}
}

static bool is_dry(const struct epoll_slot *slot, const struct peal_op *op, enum epoll_queue queue)
{
	return !only_tries(op) && (slot->dry[queue] || !peal_list_empty(&slot->ops[queue]));
}

/* Only at the position of a stream there is anything to wait for; elsewhere it has none, and says so. */
static bool is_stream_dry(
	const struct epoll_slot *slot, const struct peal_op *op, enum epoll_queue queue)
{
	bool vector = op->opcode == PEAL_OP_READV || op->opcode == PEAL_OP_WRITEV;
	int64_t offset = vector ? op->args.vector.offset : op->args.read.offset;

	return offset == -1 && is_dry(slot, op, queue);
}

/* Would a try be in vain, or overtake another op? */
static bool has_to_wait(const struct epoll_slot *slot, const struct peal_op *op)
{
	switch (op->opcode) {
	case PEAL_OP_RECV:
		return !(op->args.recv.flags & ASIDE) && is_dry(slot, op, EPOLL_READ);
	case PEAL_OP_RECV_LEASE:
		return !(op->args.lease.flags & ASIDE) && is_dry(slot, op, EPOLL_READ);
	case PEAL_OP_RECVMSG:
		return !(op->args.msg.flags & ASIDE) && is_dry(slot, op, EPOLL_READ);
	case PEAL_OP_ACCEPT:
		return is_dry(slot, op, EPOLL_READ);
	case PEAL_OP_READ:
	case PEAL_OP_READV:
		return is_stream_dry(slot, op, EPOLL_READ);
	case PEAL_OP_SEND:
	case PEAL_OP_SEND_ZC:
	case PEAL_OP_SENDMSG:
		return is_dry(slot, op, EPOLL_WRITE);
	case PEAL_OP_WRITE:
	case PEAL_OP_WRITEV:
		return is_stream_dry(slot, op, EPOLL_WRITE);
	default:
		return false;
	}
}

/* Ops that end outside of a reap make no event by themselves. */
static void tell_watcher(struct peal_ring *ring)
{
	if (ring->watched && ring->ended.count)
		peal_epoll_bell_from_outside(ring);
}

/* Let it wait, or end it. */
static int park(struct peal_ring *ring, struct peal_op *op)
{
	uint32_t events;
	enum epoll_queue queue = queue_of(op, &events);
	int err = peal_epoll_park(ring, op, queue, events);

	if (!err)
		return 0;
	if (err == -EINVAL && peal_epoll_is_transfer(op) && peal_epoll_is_silent(op->fd))
		return PEAL_SUBMIT_BLOCKS;
	op->result = err;
	return 1;
}

static int64_t try_first(struct peal_ring *ring, struct epoll_slot *slot, struct peal_op *op)
{
	if (peal_epoll_is_transfer(op))
		return peal_epoll_try_transfer(ring, op);
	if (peal_epoll_is_about_files(op))
		return peal_epoll_try_file(ring, op);
	return peal_epoll_try(ring, slot, op);
}

static int start(struct peal_ring *ring, struct peal_op *op)
{
	struct epoll_slot *slot = peal_epoll_slot(ring, op->fd);
	bool transfer = peal_epoll_is_transfer(op);

	*peal_epoll_room(op) = (struct epoll_room){ 0 };
	if (slot && has_to_wait(slot, op))
		return transfer && peal_direct_is_file(op->fd) ? PEAL_SUBMIT_BLOCKS
							       : park(ring, op);
	op->result = try_first(ring, slot, op);
	if (op->result == EPOLL_IS_FILE)
		return PEAL_SUBMIT_BLOCKS;
	return op->result == EPOLL_BLOCKED ? park(ring, op) : 1;
}

int peal_epoll_submit(struct peal_ring *ring, struct peal_op *op)
{
	int n = start(ring, op);

	tell_watcher(ring);
	return n;
}

void peal_epoll_end(struct peal_ring *ring, struct peal_op *op, int64_t result)
{
	size_t done = peal_epoll_room(op)->done;

	peal_reap_add(&ring->ended, op, result < 0 && done ? (int64_t)done : result);
}

int peal_epoll_cancel(struct peal_ring *ring, struct peal_op *op)
{
	if (peal_epoll_room(op)->waiting) {
		peal_epoll_unpark(ring, op);
		peal_epoll_end(ring, op, -ECANCELED);
		tell_watcher(ring);
	}
	return 0;
}
