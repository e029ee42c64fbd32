/* SPDX-License-Identifier: MIT */
/* accept: connections that wait, that come, that cannot be taken; several rings at one listener. */
#include <netinet/in.h>
#include <sys/resource.h>

#include "tests/contract/ring/ring.h"

static void accept_takes_what_waits(struct contract *c)
{
	struct listener listener = make_listener(c, 8);
	struct peal_op op = { 0 };

	for (int i = 0; i < 3; i++) {
		int theirs = connect_to(&listener);
		int ours = (int)ring_run(c, op_accept(&op, listener.fd, NULL, NULL, 0));

		ck_assert_int_ge(ours, 0);
		put(theirs, "x");
		ck_assert_int_eq(ring_run(c, op_recv(&op, ours, (char[1]){ 0 }, 1, 0)), 1);
		close_pair((struct pair){ ours, theirs });
	}
	close(listener.fd);
}

static void accept_waits_for_a_connection(struct contract *c)
{
	struct listener listener = make_listener(c, 8);
	struct peal_op op = { 0 };

	for (int i = 0; i < 3; i++) {
		int theirs;

		ring_start(c, op_accept(&op, listener.fd, NULL, NULL, 0));
		ring_leave_pending(c, &op);
		theirs = connect_to(&listener);
		ck_assert_int_ge(ring_finish(c, &op), 0);
		close_pair((struct pair){ (int)op.result, theirs });
	}
	close(listener.fd);
}

static void accept_tells_the_address(struct contract *c)
{
	struct listener listener = make_listener(c, 8);
	struct sockaddr_storage seen = { 0 }, real = { 0 };
	uint32_t size = sizeof(seen);
	socklen_t real_size = sizeof(real);
	struct peal_op op = { 0 };
	int theirs;

	ring_start(c, op_accept(&op, listener.fd, (struct sockaddr *)&seen, &size, 0));
	theirs = connect_to(&listener);
	ck_assert_int_ge(ring_finish(c, &op), 0);
	getsockname(theirs, (struct sockaddr *)&real, &real_size);
	ck_assert_uint_eq(size, real_size);
	ck_assert_int_eq(memcmp(&seen, &real, size), 0);
	close_pair((struct pair){ (int)op.result, theirs });
	close(listener.fd);
}

static void accept_sets_flags(struct contract *c)
{
	struct listener listener = make_listener(c, 8);
	struct peal_op op = { 0 };

	for (int flags = 0; flags <= SOCK_NONBLOCK; flags += SOCK_NONBLOCK) {
		int theirs = connect_to(&listener);
		int ours = (int)ring_run(c, op_accept(&op, listener.fd, NULL, NULL, flags));

		ck_assert_int_ge(ours, 0);
		ck_assert_int_eq(fcntl(ours, F_GETFD), FD_CLOEXEC);
		ck_assert_int_eq(!!(fcntl(ours, F_GETFL) & O_NONBLOCK), !!flags);
		close_pair((struct pair){ ours, theirs });
	}
	close(listener.fd);
}

static void several_accepts_wait(struct contract *c)
{
	struct listener listener = make_listener(c, 8);
	struct peal_op ops[4] = { 0 };
	int theirs[4];

	for (int i = 0; i < 4; i++)
		ring_start(c, op_accept(&ops[i], listener.fd, NULL, NULL, 0));
	ring_leave_pending(c, &ops[3]);
	for (int i = 0; i < 4; i++)
		theirs[i] = connect_to(&listener);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_ge(ring_finish(c, &ops[i]), 0);
		close_pair((struct pair){ (int)ops[i].result, theirs[i] });
	}
	close(listener.fd);
}

/* Whoever comes too late goes on waiting, and its ring goes on working. */
static void two_rings_accept_at_one_listener(struct contract *c)
{
	struct listener listener = make_listener(c, 8);
	struct contract other = second_ring(c, NULL);
	struct peal_op ours = { 0 }, others = { 0 };
	int theirs[2];

	ring_start(c, op_accept(&ours, listener.fd, NULL, NULL, 0));
	ring_start(&other, op_accept(&others, listener.fd, NULL, NULL, 0));
	ring_leave_pending(c, &ours);
	ring_leave_pending(&other, &others);
	theirs[0] = connect_to(&listener);
	while (!ring_done(&ours) && !ring_done(&others)) {
		ring_peek(c);
		ring_peek(&other);
	}
	ring_drive(c, 5 * PEAL_MS);
	ring_drive(&other, 5 * PEAL_MS);
	ck_assert(ring_done(&ours) != ring_done(&others));
	theirs[1] = connect_to(&listener);
	ck_assert_int_ge(ring_finish(c, &ours), 0);
	ck_assert_int_ge(ring_finish(&other, &others), 0);
	close_pair((struct pair){ (int)ours.result, theirs[0] });
	close_pair((struct pair){ (int)others.result, theirs[1] });
	close_second_ring(&other);
	close(listener.fd);
}

/* The connection stays in the backlog, and can be taken when there is room again. */
static void accept_without_room_for_a_descriptor(struct contract *c)
{
	struct listener listener = make_listener(c, 8);
	int theirs = connect_to(&listener);
	struct rlimit before, none;
	struct peal_op op = { 0 };

	ring_peek(c);
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = 1; /* the lowest free number is beyond it */
	setrlimit(RLIMIT_NOFILE, &none);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ring_run(c, op_accept(&op, listener.fd, NULL, NULL, 0)), -EMFILE);
	setrlimit(RLIMIT_NOFILE, &before);
	ck_assert_int_ge(ring_run(c, op_accept(&op, listener.fd, NULL, NULL, 0)), 0);
	close_pair((struct pair){ (int)op.result, theirs });
	close(listener.fd);
}

/* The kernel takes a number first, and looks for a connection then. */
static void accept_without_room_does_not_wait(struct contract *c)
{
	struct listener listener = make_listener(c, 8);
	struct rlimit before, none;
	struct peal_op op = { 0 };

	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = 1;
	setrlimit(RLIMIT_NOFILE, &none);
	ck_assert_int_eq(ring_run(c, op_accept(&op, listener.fd, NULL, NULL, 0)), -EMFILE);
	setrlimit(RLIMIT_NOFILE, &before);
	close(listener.fd);
}

static void accept_refuses_what_does_not_listen(struct contract *c)
{
	struct peal_op op = { 0 };
	int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	int quiet = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(ring_run(c, op_accept(&op, -1, NULL, NULL, 0)), -EBADF);
	ck_assert_int_eq(ring_run(c, op_accept(&op, file, NULL, NULL, 0)), -ENOTSOCK);
	ck_assert_int_eq(ring_run(c, op_accept(&op, quiet, NULL, NULL, 0)), -EINVAL);
	ck_assert_int_eq(fcntl(file, F_GETFL) & O_NONBLOCK, 0);
	close(file);
	close(quiet);
}

/* A listener that is shut down accepts no more; who waits at it must not wait for ever. */
static void shutdown_ends_a_pending_accept(struct contract *c)
{
	struct listener listener = make_listener(c, 8);
	struct peal_op op = { 0 }, down = { 0 };

	ring_start(c, op_accept(&op, listener.fd, NULL, NULL, 0));
	ring_leave_pending(c, &op);
	ck_assert_int_eq(ring_run(c, op_shutdown(&down, listener.fd, SHUT_RDWR)), 0);
	ck_assert_int_eq(ring_finish(c, &op), -EINVAL);
	close(listener.fd);
}

const struct contract_case accept_cases[] = {
	{ "accept_takes_what_waits", accept_takes_what_waits, NEEDS_OPS | BOTH_SOCKETS },
	{ "accept_waits_for_a_connection", accept_waits_for_a_connection,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "accept_tells_the_address", accept_tells_the_address, NEEDS_OPS | BOTH_SOCKETS },
	{ "accept_sets_flags", accept_sets_flags, NEEDS_OPS | BOTH_SOCKETS },
	{ "several_accepts_wait", several_accepts_wait, NEEDS_OPS | BOTH_SOCKETS },
	{ "two_rings_accept_at_one_listener", two_rings_accept_at_one_listener,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "accept_without_room_for_a_descriptor", accept_without_room_for_a_descriptor,
		NEEDS_OPS | BOTH_SOCKETS | LIMITS_FILES },
	{ "accept_without_room_does_not_wait", accept_without_room_does_not_wait,
		NEEDS_OPS | BOTH_SOCKETS | LIMITS_FILES },
	{ "accept_refuses_what_does_not_listen", accept_refuses_what_does_not_listen, NEEDS_OPS },
	{ "shutdown_ends_a_pending_accept", shutdown_ends_a_pending_accept,
		NEEDS_OPS | BOTH_SOCKETS },
	{ 0 },
};
