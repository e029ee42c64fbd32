/* SPDX-License-Identifier: MIT */
/* recv: data that is there, that comes, that ends, and several receives at once. */
#include <netinet/in.h>

#include "tests/contract/ring/ring.h"

static void recv_takes_what_is_there(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[16] = "";

	put(pair.theirs, "hello");
	ck_assert_int_eq(ring_run(c, op_recv(&op, pair.ours, buf, sizeof(buf), 0)), 5);
	ck_assert_str_eq(buf, "hello");
	close_pair(pair);
}

static void recv_waits_for_data(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[16] = "";

	for (int i = 0; i < 3; i++) {
		ring_start(c, op_recv(&op, pair.ours, buf, sizeof(buf), 0));
		ring_leave_pending(c, &op);
		put(pair.theirs, "later");
		ck_assert_int_eq(ring_finish(c, &op), 5);
		ck_assert_str_eq(buf, "later");
	}
	close_pair(pair);
}

/* What a backend remembers of the descriptor must not make it miss anything, whatever came when. */
static void recv_in_every_rhythm(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[8];

	for (int round = 0; round < 64; round++) {
		if (round & 1)
			put(pair.theirs, "abc");
		if (round & 2)
			ring_peek(c);
		ring_start(c, op_recv(&op, pair.ours, buf, round & 4 ? 3 : 8, 0));
		if (!(round & 1)) {
			if (round & 8)
				ring_peek(c);
			put(pair.theirs, "abc");
		}
		ck_assert_int_eq(ring_finish(c, &op), 3);
		if (round & 16)
			ring_wait(c, 0);
	}
	close_pair(pair);
}

/* A short receive, then more: twice what was read, with and without a look at the ring between. */
static void short_recvs_lose_nothing(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char text[65] = "", buf[4];
	size_t total = 0;

	ring_start(c, op_recv(&op, pair.ours, buf, 1, 0));
	ring_leave_pending(c, &op);
	for (int i = 0; i < 16; i++) {
		put(pair.theirs, "wxyz");
		if (i % 3 == 0)
			ring_peek(c);
	}
	memcpy(text, buf, total += (size_t)ring_finish(c, &op));
	while (total < 64) {
		int64_t n = ring_run(c, op_recv(&op, pair.ours, buf, 1 + total % 4, 0));

		ck_assert_int_gt(n, 0);
		memcpy(text + total, buf, (size_t)n);
		total += (size_t)n;
	}
	for (int i = 0; i < 64; i++)
		ck_assert_int_eq(text[i], "wxyz"[i % 4]);
	ring_start(c, op_recv(&op, pair.ours, buf, 4, 0));
	ring_leave_pending(c, &op);
	put(pair.theirs, "!");
	ck_assert_int_eq(ring_finish(c, &op), 1);
	close_pair(pair);
}

static void recv_tells_end_from_empty(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[4];

	ring_start(c, op_recv(&op, pair.ours, buf, 4, 0));
	ring_leave_pending(c, &op);
	shutdown(pair.theirs, SHUT_WR);
	ck_assert_int_eq(ring_finish(c, &op), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ring_run(c, op_recv(&op, pair.ours, buf, 4, 0)), 0);
	close_pair(pair);
}

/* The end comes together with the last data. */
static void recv_after_half_close(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[16];

	ring_start(c, op_recv(&op, pair.ours, buf, sizeof(buf), 0));
	ring_leave_pending(c, &op);
	put(pair.theirs, "bye");
	shutdown(pair.theirs, SHUT_WR);
	usleep(1000);
	ck_assert_int_eq(ring_finish(c, &op), 3);
	ck_assert_int_eq(ring_run(c, op_recv(&op, pair.ours, buf, sizeof(buf), 0)), 0);
	ck_assert_int_eq(ring_run(c, op_send(&op, pair.ours, "still", 5, 0)), 5);
	ck_assert_uint_eq(drain_socket(pair.theirs), 5);
	close_pair(pair);
}

/* The end comes between two receives, of which the first was short. */
static void end_after_a_short_recv(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[16];

	for (int i = 0; i < 2; i++) {
		ring_start(c, op_recv(&op, pair.ours, buf, sizeof(buf), 0));
		ring_leave_pending(c, &op);
		put(pair.theirs, "abc");
		ck_assert_int_eq(ring_finish(c, &op), 3);
	}
	close(pair.theirs);
	pair.theirs = -1;
	ck_assert_int_eq(ring_run(c, op_recv(&op, pair.ours, buf, sizeof(buf), 0)), 0);
	close_pair(pair);
}

static void pending_recv_hears_of_a_reset(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[4];

	ring_start(c, op_recv(&op, pair.ours, buf, 4, 0));
	ring_leave_pending(c, &op);
	reset_peer(&pair);
	ck_assert_int_eq(ring_finish(c, &op), -ECONNRESET);
	ck_assert_int_eq(ring_run(c, op_recv(&op, pair.ours, buf, 4, 0)), 0);
	close_pair(pair);
}

static void recv_hears_of_a_reset_before_it(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[4];

	reset_peer(&pair);
	usleep(1000);
	ck_assert_int_eq(ring_run(c, op_recv(&op, pair.ours, buf, 4, 0)), -ECONNRESET);
	close_pair(pair);
}

static void recv_dontwait_does_not_wait(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 }, waiting = { 0 };
	char buf[4], late[4];

	ck_assert_int_eq(ring_run(c, op_recv(&op, pair.ours, buf, 4, MSG_DONTWAIT)), -EAGAIN);
	put(pair.theirs, "x");
	ck_assert_int_eq(ring_run(c, op_recv(&op, pair.ours, buf, 4, MSG_DONTWAIT)), 1);
	ring_start(c, op_recv(&waiting, pair.ours, late, 4, 0));
	ring_leave_pending(c, &waiting);
	ck_assert_int_eq(ring_run(c, op_recv(&op, pair.ours, buf, 4, MSG_DONTWAIT)), -EAGAIN);
	put(pair.theirs, "y");
	ck_assert_int_eq(ring_finish(c, &waiting), 1);
	close_pair(pair);
}

static void recv_peeks(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[8];

	ring_start(c, op_recv(&op, pair.ours, buf, 8, MSG_PEEK));
	ring_leave_pending(c, &op);
	put(pair.theirs, "look");
	ck_assert_int_eq(ring_finish(c, &op), 4);
	ck_assert_int_eq(ring_run(c, op_recv(&op, pair.ours, buf, 8, MSG_PEEK)), 4);
	ck_assert_int_eq(ring_run(c, op_recv(&op, pair.ours, buf, 8, 0)), 4);
	close_pair(pair);
}

static void recv_waitall_gathers(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[9] = "";

	put(pair.theirs, "ab");
	ring_start(c, op_recv(&op, pair.ours, buf, 8, MSG_WAITALL));
	ring_leave_pending(c, &op);
	put(pair.theirs, "cde");
	ring_leave_pending(c, &op);
	put(pair.theirs, "fgh+");
	ck_assert_int_eq(ring_finish(c, &op), 8);
	ck_assert_str_eq(buf, "abcdefgh");
	ck_assert_uint_eq(drain_socket(pair.ours), 1);
	close_pair(pair);
}

static void recv_waitall_ends_with_the_stream(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[8];

	ring_start(c, op_recv(&op, pair.ours, buf, 8, MSG_WAITALL));
	put(pair.theirs, "abc");
	ring_leave_pending(c, &op);
	shutdown(pair.theirs, SHUT_WR);
	ck_assert_int_eq(ring_finish(c, &op), 3);
	ck_assert_int_eq(ring_run(c, op_recv(&op, pair.ours, buf, 8, MSG_WAITALL)), 0);
	close_pair(pair);
}

/* Each byte goes to one of them; which one is not said. */
static void several_recvs_share_a_socket(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op ops[8] = { 0 };
	unsigned int seen = 0;
	char buf[8];

	for (int i = 0; i < 8; i++)
		ring_start(c, op_recv(&ops[i], pair.ours, &buf[i], 1, 0));
	ring_leave_pending(c, &ops[0]);
	put(pair.theirs, "\1\2\3");
	ring_drive(c, 10 * PEAL_MS);
	ck_assert_uint_eq(c->inflight, 5);
	put(pair.theirs, "\4\5\6\7\10");
	for (int i = 0; i < 8; i++) {
		ck_assert_int_eq(ring_finish(c, &ops[i]), 1);
		seen |= 1U << buf[i];
	}
	ck_assert_uint_eq(seen, 0x1fe);
	close_pair(pair);
}

static void end_reaches_every_waiting_recv(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op ops[4] = { 0 };
	char buf[4];

	for (int i = 0; i < 4; i++)
		ring_start(c, op_recv(&ops[i], pair.ours, &buf[i], 1, 0));
	ring_leave_pending(c, &ops[3]);
	close(pair.theirs);
	pair.theirs = -1;
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(ring_finish(c, &ops[i]), 0);
	close_pair(pair);
}

static void nonblocking_socket_waits_too(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[4];

	fcntl(pair.ours, F_SETFL, fcntl(pair.ours, F_GETFL) | O_NONBLOCK);
	ring_start(c, op_recv(&op, pair.ours, buf, 4, 0));
	ring_leave_pending(c, &op);
	put(pair.theirs, "x");
	ck_assert_int_eq(ring_finish(c, &op), 1);
	close_pair(pair);
}

static void recv_keeps_message_borders(struct contract *c)
{
	struct peal_op op = { 0 };
	int fds[2];
	char buf[8];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	ring_start(c, op_recv(&op, fds[0], buf, 8, 0));
	ring_leave_pending(c, &op);
	put(fds[1], "one");
	put(fds[1], "three");
	ck_assert_int_eq(ring_finish(c, &op), 3);
	ck_assert_int_eq(ring_run(c, op_recv(&op, fds[0], buf, 8, 0)), 5);
	close_pair((struct pair){ fds[0], fds[1] });
}

/* A receive stops before the urgent byte, and the next goes on after it, without a new event. */
static void urgent_data_does_not_stop_a_stream(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 }, urgent = { 0 };
	char buf[16], mark;

	ring_start(c, op_recv(&op, pair.ours, buf, 16, 0));
	ring_leave_pending(c, &op);
	put(pair.theirs, "abc");
	ck_assert_int_eq(ring_finish(c, &op), 3);
	put(pair.theirs, "def");
	ck_assert_int_eq(send(pair.theirs, "!", 1, MSG_OOB), 1);
	put(pair.theirs, "ghi");
	usleep(1000);
	ck_assert_int_eq(ring_run(c, op_recv(&op, pair.ours, buf, 16, 0)), 3);
	ck_assert_int_eq(ring_run(c, op_recv(&urgent, pair.ours, &mark, 1, MSG_OOB)), 1);
	ck_assert_int_eq(ring_run(c, op_recv(&op, pair.ours, buf, 16, 0)), 3);
	ck_assert_int_eq(memcmp(buf, "ghi", 3), 0);
	close_pair(pair);
}

static void recv_refuses_what_it_cannot_read(struct contract *c)
{
	struct peal_op op = { 0 };
	char buf[4];
	int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	int unconnected = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(ring_run(c, op_recv(&op, -1, buf, 4, 0)), -EBADF);
	ck_assert_int_eq(ring_run(c, op_recv(&op, 1000000, buf, 4, 0)), -EBADF);
	ck_assert_int_eq(ring_run(c, op_recv(&op, file, buf, 4, 0)), -ENOTSOCK);
	ck_assert_int_eq(ring_run(c, op_recv(&op, unconnected, buf, 4, 0)), -ENOTCONN);
	close(file);
	close(unconnected);
}

/* A kernel that says "not now" while it has data: the op completes all the same. */
static void recv_outlasts_false_alarms(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct fault storm = { .number = SYS_recvfrom, .err = EAGAIN, .times = 5 };
	struct peal_op op = { 0 };
	char buf[4];

	put(pair.theirs, "x");
	fault_begin(&storm);
	ck_assert_int_eq(ring_run(c, op_recv(&op, pair.ours, buf, 4, 0)), 1);
	fault_end();
	close_pair(pair);
}

const struct contract_case recv_cases[] = {
	{ "recv_takes_what_is_there", recv_takes_what_is_there, NEEDS_OPS | BOTH_SOCKETS },
	{ "recv_waits_for_data", recv_waits_for_data, NEEDS_OPS | BOTH_SOCKETS },
	{ "recv_in_every_rhythm", recv_in_every_rhythm, NEEDS_OPS | BOTH_SOCKETS },
	{ "short_recvs_lose_nothing", short_recvs_lose_nothing, NEEDS_OPS | BOTH_SOCKETS },
	{ "recv_tells_end_from_empty", recv_tells_end_from_empty, NEEDS_OPS | BOTH_SOCKETS },
	{ "recv_after_half_close", recv_after_half_close, NEEDS_OPS | BOTH_SOCKETS },
	{ "end_after_a_short_recv", end_after_a_short_recv, NEEDS_OPS | BOTH_SOCKETS },
	{ "pending_recv_hears_of_a_reset", pending_recv_hears_of_a_reset,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "recv_hears_of_a_reset_before_it", recv_hears_of_a_reset_before_it,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "recv_dontwait_does_not_wait", recv_dontwait_does_not_wait, NEEDS_OPS | BOTH_SOCKETS },
	{ "recv_peeks", recv_peeks, NEEDS_OPS | BOTH_SOCKETS },
	{ "recv_waitall_gathers", recv_waitall_gathers, NEEDS_OPS | BOTH_SOCKETS },
	{ "recv_waitall_ends_with_the_stream", recv_waitall_ends_with_the_stream,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "several_recvs_share_a_socket", several_recvs_share_a_socket, NEEDS_OPS | BOTH_SOCKETS },
	{ "end_reaches_every_waiting_recv", end_reaches_every_waiting_recv,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "nonblocking_socket_waits_too", nonblocking_socket_waits_too, NEEDS_OPS | BOTH_SOCKETS },
	{ "recv_keeps_message_borders", recv_keeps_message_borders, NEEDS_OPS },
	{ "urgent_data_does_not_stop_a_stream", urgent_data_does_not_stop_a_stream, NEEDS_OPS },
	{ "recv_refuses_what_it_cannot_read", recv_refuses_what_it_cannot_read, NEEDS_OPS },
	{ "recv_outlasts_false_alarms", recv_outlasts_false_alarms, NEEDS_OPS | BOTH_SOCKETS },
	{ 0 },
};
