/* SPDX-License-Identifier: MIT */
/* Cancels: before, while and after the op completes. */
#include <pthread.h>

#include "tests/contract/ring/ring.h"

static void pending_ops_are_cancelled(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct listener listener = make_listener(c, 8);
	struct peal_op ops[4] = { 0 };
	char buf[4];

	ring_start(c, op_recv(&ops[0], pair.ours, buf, 4, 0));
	ring_start_stuck_send(c, &ops[1], pair.ours);
	ring_start(c, op_accept(&ops[2], listener.fd, NULL, NULL, 0));
	ring_start(c, op_poll(&ops[3], listener.fd, POLLIN));
	ring_leave_pending(c, &ops[0]);
	for (int i = 0; i < 4; i++)
		ring_cancel(c, &ops[i]);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(ring_finish(c, &ops[i]), -ECANCELED);
	close(listener.fd);
	close_pair(pair);
}

/* Before the kernel has heard of the op at all. */
static void cancel_right_after_the_start(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[4];

	for (int i = 0; i < 100; i++) {
		ring_start(c, op_recv(&op, pair.ours, buf, 4, 0));
		ring_cancel(c, &op);
		ck_assert_int_eq(ring_finish(c, &op), -ECANCELED);
	}
	close_pair(pair);
}

static void cancelled_op_can_be_started_again(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[4];

	for (int i = 0; i < 3; i++) {
		ring_start(c, op_recv(&op, pair.ours, buf, 4, 0));
		ring_leave_pending(c, &op);
		ring_cancel(c, &op);
		ck_assert_int_eq(ring_finish(c, &op), -ECANCELED);
		ring_start(c, op_recv(&op, pair.ours, buf, 4, 0));
		put(pair.theirs, "abc");
		ck_assert_int_eq(ring_finish(c, &op), 3);
	}
	close_pair(pair);
}

static void cancel_ends_one_of_several(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op ops[3] = { 0 };
	char buf[3];

	for (int i = 0; i < 3; i++)
		ring_start(c, op_recv(&ops[i], pair.ours, &buf[i], 1, 0));
	ring_leave_pending(c, &ops[0]);
	ring_cancel(c, &ops[1]);
	ck_assert_int_eq(ring_finish(c, &ops[1]), -ECANCELED);
	put(pair.theirs, "ab");
	ck_assert_int_eq(ring_finish(c, &ops[0]), 1);
	ck_assert_int_eq(ring_finish(c, &ops[2]), 1);
	close_pair(pair);
}

static void cancel_of_the_first_lets_the_next_go_on(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op ops[2] = { 0 };
	char buf[2];

	ring_start(c, op_recv(&ops[0], pair.ours, &buf[0], 1, 0));
	ring_start(c, op_recv(&ops[1], pair.ours, &buf[1], 1, 0));
	ring_leave_pending(c, &ops[1]);
	put(pair.theirs, "x");
	ring_cancel(c, &ops[0]);
	ring_finish(c, &ops[0]);
	if (ops[0].result == 1)
		put(pair.theirs, "y");
	else
		ck_assert_int_eq(ops[0].result, -ECANCELED);
	ck_assert_int_eq(ring_finish(c, &ops[1]), 1);
	close_pair(pair);
}

static void cancel_twice_completes_once(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[4];

	ring_start(c, op_recv(&op, pair.ours, buf, 4, 0));
	ring_peek(c);
	ring_cancel(c, &op);
	if (!ring_done(&op))
		ring_cancel(c, &op);
	ck_assert_int_eq(ring_finish(c, &op), -ECANCELED);
	ring_drive(c, 5 * PEAL_MS);
	close_pair(pair);
}

/* Its own result, or -ECANCELED and the data is still there. */
static void check_nothing_lost(struct contract *c, struct peal_op *op, struct pair pair)
{
	char byte;
	ssize_t left;

	ring_finish(c, op);
	left = recv(pair.ours, &byte, 1, MSG_DONTWAIT);
	if (op->result == 1)
		ck_assert_int_eq(left, -1);
	else
		ck_assert_msg(op->result == -ECANCELED && left == 1, "result %lld, %zd bytes left",
			(long long)op->result, left);
}

static void cancel_meets_data_that_came_before(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[4];

	for (int i = 0; i < 200; i++) {
		ring_start(c, op_recv(&op, pair.ours, buf, 1, 0));
		if (i % 2)
			ring_peek(c);
		put(pair.theirs, "x");
		ring_cancel(c, &op);
		check_nothing_lost(c, &op, pair);
	}
	close_pair(pair);
}

static void *send_a_byte_soon(void *arg)
{
	const int *theirs = arg;

	usleep((unsigned int)(*theirs % 7) * 10);
	put(*theirs, "x");
	return NULL;
}

static void cancel_races_with_data(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[4];

	for (int i = 0; i < 300; i++) {
		pthread_t sender;

		ring_start(c, op_recv(&op, pair.ours, buf, 1, 0));
		ring_peek(c);
		pthread_create(&sender, NULL, send_a_byte_soon, &pair.theirs);
		usleep((unsigned int)i % 100);
		if (!ring_done(&op))
			ring_cancel(c, &op);
		ring_finish(c, &op);
		pthread_join(sender, NULL);
		check_nothing_lost(c, &op, pair);
	}
	close_pair(pair);
}

/* What it had gathered is not lost: it is the result. */
static void cancelled_waitall_keeps_its_bytes(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char buf[8] = "";

	put(pair.theirs, "abc");
	ring_start(c, op_recv(&op, pair.ours, buf, 8, MSG_WAITALL));
	ring_leave_pending(c, &op);
	ring_cancel(c, &op);
	ck_assert_int_eq(ring_finish(c, &op), 3);
	ck_assert_str_eq(buf, "abc");
	close_pair(pair);
}

static void thousand_cancels(struct contract *c)
{
	enum { COUNT = 1000 };
	static struct peal_op ops[COUNT];
	static char buf[COUNT];
	struct pair pair = make_pair(c);

	for (int i = 0; i < COUNT; i++)
		ring_start(c, op_recv(&ops[i], pair.ours, &buf[i], 1, 0));
	for (int i = 0; i < COUNT; i++)
		ring_cancel(c, &ops[i]);
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(ring_finish(c, &ops[i]), -ECANCELED);
	close_pair(pair);
}

/* As the core does it: cancel what is in flight, then close; the number is free at once. */
static void cancel_then_close_then_reuse(struct contract *c)
{
	struct peal_op op = { 0 }, closing = { 0 };
	char buf[4];

	for (int i = 0; i < 20; i++) {
		struct pair pair = make_pair(c);

		ring_start(c, op_recv(&op, pair.ours, buf, 4, 0));
		ring_peek(c);
		ring_cancel(c, &op);
		ck_assert_int_eq(ring_run(c, op_close(&closing, pair.ours)), 0);
		ck_assert_int_eq(ring_finish(c, &op), -ECANCELED);
		pair.ours = -1;
		close_pair(pair);
	}
}

const struct contract_case cancel_cases[] = {
	{ "pending_ops_are_cancelled", pending_ops_are_cancelled, NEEDS_OPS | BOTH_SOCKETS },
	{ "cancel_right_after_the_start", cancel_right_after_the_start, NEEDS_OPS | BOTH_SOCKETS },
	{ "cancelled_op_can_be_started_again", cancelled_op_can_be_started_again,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "cancel_ends_one_of_several", cancel_ends_one_of_several, NEEDS_OPS | BOTH_SOCKETS },
	{ "cancel_of_the_first_lets_the_next_go_on", cancel_of_the_first_lets_the_next_go_on,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "cancel_twice_completes_once", cancel_twice_completes_once, NEEDS_OPS | BOTH_SOCKETS },
	{ "cancel_meets_data_that_came_before", cancel_meets_data_that_came_before,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "cancel_races_with_data", cancel_races_with_data, NEEDS_OPS | BOTH_SOCKETS },
	{ "cancelled_waitall_keeps_its_bytes", cancelled_waitall_keeps_its_bytes,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "thousand_cancels", thousand_cancels, NEEDS_OPS | BOTH_SOCKETS },
	{ "cancel_then_close_then_reuse", cancel_then_close_then_reuse, NEEDS_OPS | BOTH_SOCKETS },
	{ 0 },
};
