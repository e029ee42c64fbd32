/* SPDX-License-Identifier: MIT */
/* poll: as poll(2) for one descriptor; but a bad one is an error, and a half close shows unasked. */
#include "tests/contract/ring/ring.h"

static void poll_answers_at_once(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };

	ck_assert_int_eq(ring_run(c, op_poll(&op, pair.ours, POLLOUT)), POLLOUT);
	put(pair.theirs, "x");
	ck_assert_int_eq(ring_run(c, op_poll(&op, pair.ours, POLLIN)), POLLIN);
	ck_assert_int_eq(ring_run(c, op_poll(&op, pair.ours, POLLIN | POLLOUT)), POLLIN | POLLOUT);
	close_pair(pair);
}

static void poll_waits_for_data(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };

	for (int i = 0; i < 3; i++) {
		ring_start(c, op_poll(&op, pair.ours, POLLIN));
		ring_leave_pending(c, &op);
		put(pair.theirs, "x");
		ck_assert_int_eq(ring_finish(c, &op), POLLIN);
		ck_assert_uint_eq(drain_socket(pair.ours), 1);
	}
	close_pair(pair);
}

static void poll_waits_for_room(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 }, stuck = { 0 };

	ring_start_stuck_send(c, &stuck, pair.ours);
	ring_start(c, op_poll(&op, pair.ours, POLLOUT));
	ring_leave_pending(c, &op);
	while (!ring_done(&op) || !ring_done(&stuck)) {
		drain_socket(pair.theirs);
		ring_peek(c);
	}
	ck_assert_int_eq(op.result, POLLOUT);
	ck_assert_int_eq(stuck.result, 1);
	close_pair(pair);
}

static void poll_tells_of_a_hangup_unasked(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };

	ring_start(c, op_poll(&op, pair.ours, POLLPRI));
	ring_leave_pending(c, &op);
	close(pair.theirs);
	pair.theirs = -1;
	ck_assert_int_eq(ring_finish(c, &op) & POLLRDHUP, POLLRDHUP);
	shutdown(pair.ours, SHUT_WR);
	usleep(1000);
	ck_assert_int_eq(ring_run(c, op_poll(&op, pair.ours, POLLPRI)), POLLHUP | POLLRDHUP);
	close_pair(pair);
}

/* As io_uring does it, which cannot be told not to. */
static void poll_tells_of_a_half_close_unasked(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };

	ring_start(c, op_poll(&op, pair.ours, POLLPRI));
	ring_leave_pending(c, &op);
	shutdown(pair.theirs, SHUT_WR);
	ck_assert_int_eq(ring_finish(c, &op), POLLRDHUP);
	ck_assert_int_eq(ring_run(c, op_poll(&op, pair.ours, POLLIN)), POLLIN | POLLRDHUP);
	close_pair(pair);
}

static void several_polls_on_one_descriptor(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op polls[4] = { 0 }, room = { 0 }, op = { 0 };
	char buf[4];

	ring_start(c, op_recv(&op, pair.ours, buf, 4, 0));
	for (int i = 0; i < 4; i++)
		ring_start(c, op_poll(&polls[i], pair.theirs, POLLIN));
	ring_leave_pending(c, &polls[3]);
	ck_assert_int_eq(ring_run(c, op_poll(&room, pair.ours, POLLOUT)), POLLOUT);
	put(pair.ours, "x");
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(ring_finish(c, &polls[i]), POLLIN);
	put(pair.theirs, "y");
	ck_assert_int_eq(ring_finish(c, &op), 1);
	close_pair(pair);
}

static void poll_a_pipe(struct contract *c)
{
	struct peal_op op = { 0 };
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(ring_run(c, op_poll(&op, ends[1], POLLOUT)), POLLOUT);
	ring_start(c, op_poll(&op, ends[0], POLLIN));
	ring_leave_pending(c, &op);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_int_eq(ring_finish(c, &op), POLLIN);
	ck_assert_int_eq(read(ends[0], (char[1]){ 0 }, 1), 1);
	ring_start(c, op_poll(&op, ends[0], POLLIN));
	ring_leave_pending(c, &op);
	close(ends[1]);
	ck_assert_int_eq(ring_finish(c, &op), POLLHUP);
	close(ends[0]);
}

static void poll_an_eventfd(struct contract *c)
{
	struct peal_op op = { 0 };
	uint64_t count = 1;
	int fd = eventfd(0, EFD_CLOEXEC);

	for (int i = 0; i < 3; i++) {
		ring_start(c, op_poll(&op, fd, POLLIN));
		ring_leave_pending(c, &op);
		ck_assert_int_eq(write(fd, &count, 8), 8);
		ck_assert_int_eq(ring_finish(c, &op), POLLIN);
		ck_assert_int_eq(read(fd, &count, 8), 8);
	}
	close(fd);
}

static void poll_a_regular_file(struct contract *c)
{
	struct peal_op op = { 0 };
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ring_run(c, op_poll(&op, fd, POLLIN)), POLLIN);
	/* Nothing else will ever happen to it: poll(2) would wait for ever. */
	ck_assert_int_eq(ring_run(c, op_poll(&op, fd, POLLPRI)), -EINVAL);
	close(fd);
}

static void poll_refuses_a_bad_descriptor(struct contract *c)
{
	struct peal_op op = { 0 };

	ck_assert_int_eq(ring_run(c, op_poll(&op, -1, POLLIN)), -EBADF);
	ck_assert_int_eq(ring_run(c, op_poll(&op, 1000000, POLLIN)), -EBADF);
}

const struct contract_case poll_cases[] = {
	{ "poll_answers_at_once", poll_answers_at_once, NEEDS_OPS | BOTH_SOCKETS },
	{ "poll_waits_for_data", poll_waits_for_data, NEEDS_OPS | BOTH_SOCKETS },
	{ "poll_waits_for_room", poll_waits_for_room, NEEDS_OPS | BOTH_SOCKETS },
	{ "poll_tells_of_a_hangup_unasked", poll_tells_of_a_hangup_unasked,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "poll_tells_of_a_half_close_unasked", poll_tells_of_a_half_close_unasked,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "several_polls_on_one_descriptor", several_polls_on_one_descriptor,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "poll_a_pipe", poll_a_pipe, NEEDS_OPS },
	{ "poll_an_eventfd", poll_an_eventfd, NEEDS_OPS },
	{ "poll_a_regular_file", poll_a_regular_file, NEEDS_OPS },
	{ "poll_refuses_a_bad_descriptor", poll_refuses_a_bad_descriptor, NEEDS_OPS },
	{ 0 },
};
