/* SPDX-License-Identifier: MIT */
/* close, and numbers that mean another file than they did a moment ago. */
#include "tests/contract/ring/ring.h"

/* Data that is there before the receive, that comes right after it, that takes its time. */
static void use(struct contract *c, struct pair pair)
{
	struct peal_op op = { 0 };
	char buf[4];

	for (int i = 0; i < 3; i++) {
		if (i == 0)
			put(pair.theirs, "abc");
		ring_start(c, op_recv(&op, pair.ours, buf, 4, 0));
		if (i == 2)
			ring_leave_pending(c, &op);
		if (i != 0)
			put(pair.theirs, "abc");
		ck_assert_int_eq(ring_finish(c, &op), 3);
	}
}

static struct pair make_pair_at(struct contract *c, int fd)
{
	struct pair pair = make_pair(c);

	ck_assert_int_ne(pair.theirs, fd);
	if (pair.ours != fd) {
		ck_assert_int_eq(dup3(pair.ours, fd, O_CLOEXEC), fd);
		close(pair.ours);
		pair.ours = fd;
	}
	return pair;
}

static void close_closes(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char byte;

	ck_assert_int_eq(ring_run(c, op_close(&op, pair.ours)), 0);
	ck_assert_int_eq(fcntl(pair.ours, F_GETFD), -1);
	ck_assert_int_eq(recv(pair.theirs, &byte, 1, 0), 0);
	ck_assert_int_eq(ring_run(c, op_close(&op, pair.ours)), -EBADF);
	pair.ours = -1;
	close_pair(pair);
}

static void closed_by_op_and_reused(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };

	for (int i = 0; i < 5; i++) {
		int fd = pair.ours;

		use(c, pair);
		ck_assert_int_eq(ring_run(c, op_close(&op, fd)), 0);
		close(pair.theirs);
		pair = make_pair_at(c, fd);
	}
	close_pair(pair);
}

static void closed_behind_its_back_and_reused(struct contract *c)
{
	struct pair pair = make_pair(c);

	for (int i = 0; i < 5; i++) {
		int fd = pair.ours;

		use(c, pair);
		close_pair(pair);
		pair = make_pair_at(c, fd);
	}
	use(c, pair);
	close_pair(pair);
}

/* The old file lives on under another number, and has news that are not for the new one. */
static void replaced_behind_its_back(struct contract *c)
{
	struct pair old = make_pair(c), pair;
	struct peal_op op = { 0 };
	int saved, fd = old.ours;
	char buf[4];

	use(c, old);
	saved = dup(fd);
	pair = make_pair_at(c, fd);
	ring_start(c, op_recv(&op, fd, buf, 4, 0));
	put(old.theirs, "old");
	ring_leave_pending(c, &op);
	put(pair.theirs, "x");
	ck_assert_int_eq(ring_finish(c, &op), 1);
	ck_assert_int_eq(buf[0], 'x');
	/* And back again. */
	ck_assert_int_eq(dup3(saved, fd, O_CLOEXEC), fd);
	ck_assert_int_eq(ring_run(c, op_recv(&op, fd, buf, 4, 0)), 3);
	use(c, (struct pair){ fd, old.theirs });
	close(saved);
	close(old.theirs);
	close_pair(pair);
}

/* Another socket of another kind, or no socket at all. */
static void reused_for_something_else(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	int ends[2], file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char buf[4];

	use(c, pair);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(dup3(ends[0], pair.ours, O_CLOEXEC), pair.ours);
	ring_start(c, op_poll(&op, pair.ours, POLLIN));
	ring_leave_pending(c, &op);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_int_eq(ring_finish(c, &op), POLLIN);
	ck_assert_int_eq(dup3(file, pair.ours, O_CLOEXEC), pair.ours);
	ck_assert_int_eq(ring_run(c, op_poll(&op, pair.ours, POLLIN)), POLLIN);
	ck_assert_int_eq(ring_run(c, op_recv(&op, pair.ours, buf, 4, 0)), -ENOTSOCK);
	close(file);
	close(ends[0]);
	close(ends[1]);
	close_pair(pair);
}

/* What accept returns is new, whatever was known of that number. */
static void accepted_after_a_close_behind_its_back(struct contract *c)
{
	struct listener listener = make_listener(c, 8);
	struct peal_op op = { 0 };

	for (int i = 0; i < 5; i++) {
		int theirs = connect_to(&listener);
		int ours = (int)ring_run(c, op_accept(&op, listener.fd, NULL, NULL, 0));

		ck_assert_int_ge(ours, 0);
		use(c, (struct pair){ ours, theirs });
		close_pair((struct pair){ ours, theirs });
	}
	close(listener.fd);
}

static void close_leaves_duplicates_alone(struct contract *c)
{
	struct pair pair = make_pair(c);
	int twin = dup(pair.ours);
	struct peal_op op = { 0 };

	use(c, pair);
	ck_assert_int_eq(ring_run(c, op_close(&op, pair.ours)), 0);
	pair.ours = twin;
	use(c, pair);
	close_pair(pair);
}

/* Descriptors far apart, as in a process with many files. */
static void high_descriptors(struct contract *c)
{
	static const int places[] = { 100, 700, 1000 };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct pair pair = make_pair_at(c, places[i]);

		use(c, pair);
		close_pair(pair);
	}
}

const struct contract_case reuse_cases[] = {
	{ "close_closes", close_closes, NEEDS_OPS | BOTH_SOCKETS },
	{ "closed_by_op_and_reused", closed_by_op_and_reused, NEEDS_OPS | BOTH_SOCKETS },
	{ "closed_behind_its_back_and_reused", closed_behind_its_back_and_reused,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "replaced_behind_its_back", replaced_behind_its_back, NEEDS_OPS | BOTH_SOCKETS },
	{ "reused_for_something_else", reused_for_something_else, NEEDS_OPS | BOTH_SOCKETS },
	{ "accepted_after_a_close_behind_its_back", accepted_after_a_close_behind_its_back,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "close_leaves_duplicates_alone", close_leaves_duplicates_alone,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "high_descriptors", high_descriptors, NEEDS_OPS | BOTH_SOCKETS },
	{ 0 },
};
