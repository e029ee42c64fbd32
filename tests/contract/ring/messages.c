/* SPDX-License-Identifier: MIT */
/* recvmsg and sendmsg: vectors, addresses, and descriptors that are passed. */
#include <netinet/in.h>

#include "tests/contract/ring/ring.h"

static char bulk[8 << 20];

static struct msghdr message_of(struct iovec *parts, size_t count)
{
	return (struct msghdr){ .msg_iov = parts, .msg_iovlen = count };
}

static void messages_go_through(struct contract *c)
{
	struct pair pair = make_pair(c);
	char a[2] = "ab", b[6] = "cdefgh", d[8];
	struct iovec parts[2] = { { .iov_base = a, .iov_len = 2 },
		{ .iov_base = b, .iov_len = 6 } };
	struct msghdr message = message_of(parts, 2);
	struct peal_op op = { 0 }, receiving = { 0 };

	ck_assert_int_eq(ring_run(c, op_sendmsg(&op, pair.ours, &message, 0)), 8);
	ck_assert_int_eq(recv(pair.theirs, d, 8, MSG_WAITALL), 8);
	ck_assert_int_eq(memcmp(d, "abcdefgh", 8), 0);
	ring_start(c, op_recvmsg(&receiving, pair.ours, &message, 0));
	ring_leave_pending(c, &receiving);
	put(pair.theirs, "12345");
	ck_assert_int_eq(ring_finish(c, &receiving), 5);
	ck_assert_int_eq(memcmp(a, "12", 2), 0);
	ck_assert_int_eq(memcmp(b, "345", 3), 0);
	shutdown(pair.theirs, SHUT_WR);
	ck_assert_int_eq(ring_run(c, op_recvmsg(&op, pair.ours, &message, 0)), 0);
	close_pair(pair);
}

static void recvmsg_waitall_waits_for_all(struct contract *c)
{
	struct pair pair = make_pair(c);
	char a[3], b[1], d[4];
	struct iovec parts[4] = { { .iov_base = a, .iov_len = 3 }, { .iov_base = NULL },
		{ .iov_base = b, .iov_len = 1 }, { .iov_base = d, .iov_len = 4 } };
	struct msghdr message = message_of(parts, 4);
	struct peal_op op = { 0 };

	ring_start(c, op_recvmsg(&op, pair.ours, &message, MSG_WAITALL));
	for (int i = 0; i < 7; i++) {
		put(pair.theirs, (const char[]){ (char)('0' + i), 0 });
		ring_drive(c, PEAL_MS);
		ck_assert(!ring_done(&op));
	}
	put(pair.theirs, "7");
	ck_assert_int_eq(ring_finish(c, &op), 8);
	ck_assert_int_eq(memcmp(a, "012", 3), 0);
	ck_assert_int_eq(memcmp(b, "3", 1), 0);
	ck_assert_int_eq(memcmp(d, "4567", 4), 0);
	close_pair(pair);
}

static void sendmsg_waitall_sends_all(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct iovec parts[3] = { { .iov_base = bulk, .iov_len = 1 },
		{ .iov_base = bulk + 1, .iov_len = sizeof(bulk) - 2 },
		{ .iov_base = bulk + sizeof(bulk) - 1, .iov_len = 1 } };
	struct msghdr message = message_of(parts, 3);
	struct peal_op op = { 0 };
	size_t got = 0;

	ring_start(c, op_sendmsg(&op, pair.ours, &message, MSG_WAITALL));
	ring_leave_pending(c, &op);
	while (got < sizeof(bulk)) {
		got += drain_socket(pair.theirs);
		ring_peek(c);
	}
	ck_assert_int_eq(ring_finish(c, &op), sizeof(bulk));
	close_pair(pair);
}

static void messages_only_tried(struct contract *c)
{
	struct pair pair = make_pair(c);
	char a[4] = "";
	struct iovec part = { .iov_base = a, .iov_len = 4 };
	struct msghdr message = message_of(&part, 1);
	struct peal_op op = { 0 };

	ck_assert_int_eq(ring_run(c, op_recvmsg(&op, pair.ours, &message, MSG_DONTWAIT)), -EAGAIN);
	fill_socket(pair.ours);
	ring_drive(c, PEAL_MS);
	fill_socket(pair.ours);
	ck_assert_int_eq(ring_run(c, op_sendmsg(&op, pair.ours, &message, MSG_DONTWAIT)), -EAGAIN);
	ck_assert_int_eq(ring_run(c, op_recvmsg(&op, -1, &message, 0)), -EBADF);
	ring_start(c, op_recvmsg(&op, pair.ours, &message, 0));
	ring_leave_pending(c, &op);
	ring_cancel(c, &op);
	ck_assert_int_eq(ring_finish(c, &op), -ECANCELED);
	close_pair(pair);
}

static int bound_datagram_socket(struct sockaddr_storage *address, socklen_t *size)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in any = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	*size = sizeof(*address);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, size), 0);
	return fd;
}

static void datagrams_have_addresses(struct contract *c)
{
	struct sockaddr_storage to, own, from;
	socklen_t to_size, own_size;
	int theirs = bound_datagram_socket(&to, &to_size);
	int ours = bound_datagram_socket(&own, &own_size);
	char a[4] = "abc", b[16];
	struct iovec out = { .iov_base = a, .iov_len = 3 }, in = { .iov_base = b, .iov_len = 16 };
	struct msghdr sent = message_of(&out, 1), got = message_of(&in, 1);
	struct peal_op op = { 0 }, receiving = { 0 };

	got.msg_name = &from;
	got.msg_namelen = sizeof(from);
	sent.msg_name = &to;
	sent.msg_namelen = to_size;
	ring_start(c, op_recvmsg(&receiving, theirs, &got, 0));
	ring_leave_pending(c, &receiving);
	ck_assert_int_eq(ring_run(c, op_sendmsg(&op, ours, &sent, 0)), 3);
	ck_assert_int_eq(ring_finish(c, &receiving), 3);
	ck_assert_uint_eq(got.msg_namelen, own_size);
	ck_assert_int_eq(memcmp(&from, &own, own_size), 0);
	/* What does not fit is cut off, and said to be. */
	in.iov_len = 2;
	ck_assert_int_eq(ring_run(c, op_sendmsg(&op, ours, &sent, 0)), 3);
	ck_assert_int_eq(ring_run(c, op_recvmsg(&op, theirs, &got, 0)), 2);
	ck_assert(got.msg_flags & MSG_TRUNC);
	/* Empty ones are messages, too. */
	out.iov_len = 0;
	ck_assert_int_eq(ring_run(c, op_sendmsg(&op, ours, &sent, 0)), 0);
	ck_assert_int_eq(ring_run(c, op_recvmsg(&op, theirs, &got, 0)), 0);
	close(ours);
	close(theirs);
}

static void descriptors_are_passed(struct contract *c)
{
	int pair[2], passed = -1, fd = eventfd(3, EFD_CLOEXEC);
	char a[1] = "x";
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS } };
	struct iovec part = { .iov_base = a, .iov_len = 1 };
	struct msghdr message = message_of(&part, 1);
	struct peal_op op = { 0 }, receiving = { 0 };
	uint64_t value = 0;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	message.msg_control = &control;
	message.msg_controllen = sizeof(control);
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	ck_assert_int_eq(ring_run(c, op_sendmsg(&op, pair[0], &message, 0)), 1);
	memset(&control, 0, sizeof(control));
	message.msg_controllen = sizeof(control);
	ring_start(c, op_recvmsg(&receiving, pair[1], &message, MSG_WAITALL));
	ck_assert_int_eq(ring_finish(c, &receiving), 1);
	ck_assert_uint_eq(message.msg_controllen, sizeof(control));
	memcpy(&passed, CMSG_DATA(&control.header), sizeof(passed));
	ck_assert_int_eq(fcntl(passed, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(read(passed, &value, 8), 8);
	ck_assert_uint_eq(value, 3);
	close(passed);
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

const struct contract_case message_cases[] = {
	{ "messages_go_through", messages_go_through, NEEDS_OPS | BOTH_SOCKETS },
	{ "recvmsg_waitall_waits_for_all", recvmsg_waitall_waits_for_all,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "sendmsg_waitall_sends_all", sendmsg_waitall_sends_all, NEEDS_OPS | BOTH_SOCKETS },
	{ "messages_only_tried", messages_only_tried, NEEDS_OPS },
	{ "datagrams_have_addresses", datagrams_have_addresses, NEEDS_OPS },
	{ "descriptors_are_passed", descriptors_are_passed, NEEDS_OPS },
	{ 0 },
};
