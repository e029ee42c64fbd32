/* SPDX-License-Identifier: MIT */
/* connect: accepted, refused, under way, impossible. */
#include <netinet/in.h>

#include "tests/contract/ring/ring.h"

static void connect_succeeds(struct contract *c)
{
	struct listener listener = make_listener(c, 8);
	struct peal_op op = { 0 };
	int ours = make_socket(&listener), theirs;

	ck_assert_int_eq(ring_run(c, op_connect_to(&op, ours, &listener)), 0);
	theirs = accept(listener.fd, NULL, NULL);
	put(theirs, "hello");
	ck_assert_int_eq(ring_run(c, op_recv(&op, ours, (char[8]){ 0 }, 8, 0)), 5);
	close_pair((struct pair){ ours, theirs });
	close(listener.fd);
}

/* The descriptor is left as it was: blocking, if it was. */
static void connect_leaves_the_flags(struct contract *c)
{
	struct listener listener = make_listener(c, 8);
	struct peal_op op = { 0 };

	for (int flag = 0; flag <= O_NONBLOCK; flag += O_NONBLOCK) {
		int ours = make_socket(&listener);

		fcntl(ours, F_SETFL, fcntl(ours, F_GETFL) | flag);
		ck_assert_int_eq(ring_run(c, op_connect_to(&op, ours, &listener)), 0);
		ck_assert_int_eq(fcntl(ours, F_GETFL) & O_NONBLOCK, flag);
		close(ours);
	}
	close(listener.fd);
}

static void connect_is_refused(struct contract *c)
{
	struct listener listener = make_listener(c, 8);
	struct peal_op op = { 0 };
	int ours = make_socket(&listener);

	close(listener.fd);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ring_run(c, op_connect_to(&op, ours, &listener)), -ECONNREFUSED);
	close(ours);
}

/* A listener whose backlog is full: TCP drops the request and asks again after a second. */
struct crowd {
	struct listener listener;
	int inside[4];
	int count;
};

static struct crowd fill_backlog(struct contract *c)
{
	struct crowd crowd = { .listener = make_listener(c, 0) };

	while (crowd.count < 4) {
		int fd = make_socket(&crowd.listener);
		struct pollfd ask = { .fd = fd, .events = POLLOUT };

		fcntl(fd, F_SETFL, O_NONBLOCK);
		if (connect(fd, (struct sockaddr *)&crowd.listener.address, crowd.listener.size) <
				0 &&
			(errno == EAGAIN || poll(&ask, 1, 20) == 0)) {
			close(fd);
			return crowd;
		}
		crowd.inside[crowd.count++] = fd;
	}
	ck_abort_msg("a backlog of 0 that takes %d", crowd.count);
	return crowd;
}

static void let_in(struct crowd *crowd)
{
	for (int i = 0; i < crowd->count; i++)
		close(accept(crowd->listener.fd, NULL, NULL));
}

static void disperse(struct crowd *crowd)
{
	for (int i = 0; i < crowd->count; i++)
		close(crowd->inside[i]);
	close(crowd->listener.fd);
}

static void connect_waits_for_room(struct contract *c)
{
	struct crowd crowd = fill_backlog(c);
	struct peal_op op = { 0 };
	int ours = make_socket(&crowd.listener);

	ring_start(c, op_connect_to(&op, ours, &crowd.listener));
	ring_leave_pending(c, &op);
	let_in(&crowd);
	ck_assert_int_eq(ring_finish(c, &op), 0);
	close(accept(crowd.listener.fd, NULL, NULL));
	close(ours);
	disperse(&crowd);
}

static void connect_under_way_can_be_cancelled(struct contract *c)
{
	struct crowd crowd = fill_backlog(c);
	struct peal_op op = { 0 };
	int ours = make_socket(&crowd.listener);

	ring_start(c, op_connect_to(&op, ours, &crowd.listener));
	ring_leave_pending(c, &op);
	ring_cancel(c, &op);
	ck_assert_int_eq(ring_finish(c, &op), -ECANCELED);
	close(ours);
	disperse(&crowd);
}

static void send_waits_for_the_connection(struct contract *c)
{
	struct crowd crowd = fill_backlog(c);
	struct peal_op op = { 0 }, hello = { 0 };
	int ours = make_socket(&crowd.listener), theirs;

	ring_start(c, op_connect_to(&op, ours, &crowd.listener));
	ring_start(c, op_send(&hello, ours, "hello", 5, 0));
	ring_leave_pending(c, &hello);
	let_in(&crowd);
	ck_assert_int_eq(ring_finish(c, &op), 0);
	ck_assert_int_eq(ring_finish(c, &hello), 5);
	theirs = accept(crowd.listener.fd, NULL, NULL);
	ck_assert_uint_eq(drain_socket(theirs), 5);
	close_pair((struct pair){ ours, theirs });
	disperse(&crowd);
}

static void connect_twice(struct contract *c)
{
	struct listener listener = make_listener(c, 8);
	struct peal_op op = { 0 };
	int ours = make_socket(&listener);

	ck_assert_int_eq(ring_run(c, op_connect_to(&op, ours, &listener)), 0);
	ck_assert_int_eq(ring_run(c, op_connect_to(&op, ours, &listener)), -EISCONN);
	close(ours);
	close(listener.fd);
}

static void connect_while_connecting(struct contract *c)
{
	struct crowd crowd = fill_backlog(c);
	struct peal_op op = { 0 }, second = { 0 };
	int ours = make_socket(&crowd.listener);

	ring_start(c, op_connect_to(&op, ours, &crowd.listener));
	ring_leave_pending(c, &op);
	ck_assert_int_eq(ring_run(c, op_connect_to(&second, ours, &crowd.listener)), -EALREADY);
	ring_cancel(c, &op);
	ck_assert_int_eq(ring_finish(c, &op), -ECANCELED);
	close(ours);
	disperse(&crowd);
}

static void connect_tells_why_not(struct contract *c)
{
	const struct sockaddr_in everybody = { .sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_BROADCAST) };
	const struct sockaddr_in *to = &everybody;
	struct peal_op op = { 0 };
	int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	int ours = socket(AF_INET, SOCK_STREAM, 0);
	const struct sockaddr *address = (const struct sockaddr *)to;

	ck_assert_int_eq(ring_run(c, op_connect(&op, ours, address, sizeof(*to))), -ENETUNREACH);
	ck_assert_int_eq(ring_run(c, op_connect(&op, ours, address, 3)), -EINVAL);
	ck_assert_int_eq(ring_run(c, op_connect(&op, -1, address, sizeof(*to))), -EBADF);
	ck_assert_int_eq(ring_run(c, op_connect(&op, file, address, sizeof(*to))), -ENOTSOCK);
	close(file);
	close(ours);
}

const struct contract_case connect_cases[] = {
	{ "connect_succeeds", connect_succeeds, NEEDS_OPS | BOTH_SOCKETS },
	{ "connect_leaves_the_flags", connect_leaves_the_flags, NEEDS_OPS | BOTH_SOCKETS },
	{ "connect_is_refused", connect_is_refused, NEEDS_OPS | BOTH_SOCKETS },
	{ "connect_waits_for_room", connect_waits_for_room, NEEDS_OPS | BOTH_SOCKETS },
	{ "connect_under_way_can_be_cancelled", connect_under_way_can_be_cancelled,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "send_waits_for_the_connection", send_waits_for_the_connection, NEEDS_OPS },
	{ "connect_twice", connect_twice, NEEDS_OPS | BOTH_SOCKETS },
	{ "connect_while_connecting", connect_while_connecting, NEEDS_OPS },
	{ "connect_tells_why_not", connect_tells_why_not, NEEDS_OPS },
	{ 0 },
};
