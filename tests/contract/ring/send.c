/* SPDX-License-Identifier: MIT */
/* send and shutdown: room, no room, a peer that is gone. */
#include "tests/contract/ring/ring.h"

static char bulk[8 << 20];

static void send_goes_through(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };

	ck_assert_int_eq(ring_run(c, op_send(&op, pair.ours, "hello", 5, 0)), 5);
	ck_assert_uint_eq(drain_socket(pair.theirs), 5);
	close_pair(pair);
}

static void send_waits_for_room(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };

	for (int i = 0; i < 3; i++) {
		size_t stuffed = ring_start_stuck_send(c, &op, pair.ours), got = 0;

		while (got < stuffed + 1) {
			got += drain_socket(pair.theirs);
			ring_peek(c);
		}
		ck_assert_int_eq(ring_finish(c, &op), 1);
	}
	close_pair(pair);
}

/* Without MSG_WAITALL some of the bytes are enough, and the result says how many. */
static void send_may_be_partial(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	int64_t n = ring_run(c, op_send(&op, pair.ours, bulk, sizeof(bulk), 0));
	int64_t got = 0;

	ck_assert_int_gt(n, 0);
	while (got < n)
		got += (int64_t)drain_socket(pair.theirs);
	ck_assert_int_eq(got, n);
	close_pair(pair);
}

static void send_waitall_sends_all(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	size_t got = 0;

	ring_start(c, op_send(&op, pair.ours, bulk, sizeof(bulk), MSG_WAITALL));
	ring_leave_pending(c, &op);
	while (got < sizeof(bulk)) {
		got += drain_socket(pair.theirs);
		ring_peek(c);
	}
	ck_assert_int_eq(ring_finish(c, &op), sizeof(bulk));
	close_pair(pair);
}

/* The bytes that went are the result, the error is the next one's. */
static void send_waitall_tells_how_much_went(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 }, down = { 0 };
	int64_t n;

	ring_start(c, op_send(&op, pair.ours, bulk, sizeof(bulk), MSG_WAITALL));
	ring_leave_pending(c, &op);
	ck_assert_int_eq(ring_run(c, op_shutdown(&down, pair.ours, SHUT_WR)), 0);
	n = ring_finish(c, &op);
	ck_assert_int_gt(n, 0);
	ck_assert_int_lt(n, sizeof(bulk));
	ck_assert_int_eq(ring_run(c, op_send(&op, pair.ours, "x", 1, 0)), -EPIPE);
	close_pair(pair);
}

static void send_dontwait_does_not_wait(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	int64_t n = 1;

	while (n > 0)
		n = ring_run(c, op_send(&op, pair.ours, bulk, 65536, MSG_DONTWAIT));
	ck_assert_int_eq(n, -EAGAIN);
	close_pair(pair);
}

static void several_sends_share_a_socket(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op ops[4] = { 0 };
	size_t stuffed = ring_start_stuck_send(c, &ops[0], pair.ours), got = 0;

	for (int i = 1; i < 4; i++)
		ring_start(c, op_send(&ops[i], pair.ours, "x", 1, 0));
	ring_leave_pending(c, &ops[0]);
	while (got < stuffed + 4) {
		got += drain_socket(pair.theirs);
		ring_peek(c);
	}
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(ring_finish(c, &ops[i]), 1);
	close_pair(pair);
}

/* A send that has no room does not keep a receive from its data, nor the other way round. */
static void directions_are_independent(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op sending = { 0 }, receiving = { 0 };
	char buf[4];

	ring_start_stuck_send(c, &sending, pair.ours);
	ring_start(c, op_recv(&receiving, pair.ours, buf, 4, 0));
	ring_leave_pending(c, &receiving);
	put(pair.theirs, "abc");
	ck_assert_int_eq(ring_finish(c, &receiving), 3);
	ck_assert(!ring_done(&sending));
	ring_start(c, op_recv(&receiving, pair.ours, buf, 4, 0));
	while (!ring_done(&sending)) {
		drain_socket(pair.theirs);
		ring_peek(c);
	}
	ck_assert_int_eq(sending.result, 1);
	ck_assert(!ring_done(&receiving));
	put(pair.theirs, "d");
	ck_assert_int_eq(ring_finish(c, &receiving), 1);
	close_pair(pair);
}

/* And no signal: op_send adds MSG_NOSIGNAL as the core does. */
static void send_to_nobody_is_a_broken_pipe(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	int64_t result;

	close(pair.theirs);
	pair.theirs = -1;
	do
		result = ring_run(c, op_send(&op, pair.ours, "x", 1, 0));
	while (result == 1); /* TCP learns it from the answer */
	ck_assert(result == -EPIPE || result == -ECONNRESET);
	ck_assert_int_eq(ring_run(c, op_send(&op, pair.ours, "x", 1, 0)), -EPIPE);
	close_pair(pair);
}

static void pending_send_hears_of_a_reset(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	int64_t result;

	ring_start_stuck_send(c, &op, pair.ours);
	close(pair.theirs); /* with unread data: a reset */
	pair.theirs = -1;
	result = ring_finish(c, &op);
	ck_assert(result == -EPIPE || result == -ECONNRESET);
	close_pair(pair);
}

static void shutdown_ends_a_pending_recv(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 }, down = { 0 };
	char buf[4];

	ring_start(c, op_recv(&op, pair.ours, buf, 4, 0));
	ring_leave_pending(c, &op);
	ck_assert_int_eq(ring_run(c, op_shutdown(&down, pair.ours, SHUT_RD)), 0);
	ck_assert_int_eq(ring_finish(c, &op), 0);
	close_pair(pair);
}

static void shutdown_ends_a_pending_send(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 }, down = { 0 };

	ring_start_stuck_send(c, &op, pair.ours);
	ck_assert_int_eq(ring_run(c, op_shutdown(&down, pair.ours, SHUT_WR)), 0);
	ck_assert_int_eq(ring_finish(c, &op), -EPIPE);
	close_pair(pair);
}

static void shutdown_is_seen_by_the_peer(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char byte;

	ck_assert_int_eq(ring_run(c, op_shutdown(&op, pair.ours, SHUT_WR)), 0);
	ck_assert_int_eq(recv(pair.theirs, &byte, 1, 0), 0);
	close_pair(pair);
}

static void bad_arguments_are_results(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	int unconnected = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_eq(ring_run(c, op_send(&op, -1, "x", 1, 0)), -EBADF);
	ck_assert_int_eq(ring_run(c, op_send(&op, unconnected, "x", 1, 0)), -ENOTCONN);
	ck_assert_int_eq(ring_run(c, op_shutdown(&op, -1, SHUT_WR)), -EBADF);
	ck_assert_int_eq(ring_run(c, op_shutdown(&op, pair.ours, 99)), -EINVAL);
	ck_assert_int_eq(ring_run(c, op_close(&op, -1)), -EBADF);
	close(unconnected);
	close_pair(pair);
}

const struct contract_case send_cases[] = {
	{ "send_goes_through", send_goes_through, NEEDS_OPS | BOTH_SOCKETS },
	{ "send_waits_for_room", send_waits_for_room, NEEDS_OPS | BOTH_SOCKETS },
	{ "send_may_be_partial", send_may_be_partial, NEEDS_OPS | BOTH_SOCKETS },
	{ "send_waitall_sends_all", send_waitall_sends_all, NEEDS_OPS | BOTH_SOCKETS },
	{ "send_waitall_tells_how_much_went", send_waitall_tells_how_much_went,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "send_dontwait_does_not_wait", send_dontwait_does_not_wait, NEEDS_OPS | BOTH_SOCKETS },
	{ "several_sends_share_a_socket", several_sends_share_a_socket, NEEDS_OPS | BOTH_SOCKETS },
	{ "directions_are_independent", directions_are_independent, NEEDS_OPS | BOTH_SOCKETS },
	{ "send_to_nobody_is_a_broken_pipe", send_to_nobody_is_a_broken_pipe,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "pending_send_hears_of_a_reset", pending_send_hears_of_a_reset,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "shutdown_ends_a_pending_recv", shutdown_ends_a_pending_recv, NEEDS_OPS | BOTH_SOCKETS },
	{ "shutdown_ends_a_pending_send", shutdown_ends_a_pending_send, NEEDS_OPS | BOTH_SOCKETS },
	{ "shutdown_is_seen_by_the_peer", shutdown_is_seen_by_the_peer, NEEDS_OPS | BOTH_SOCKETS },
	{ "bad_arguments_are_results", bad_arguments_are_results, NEEDS_OPS | BOTH_SOCKETS },
	{ 0 },
};
