/* SPDX-License-Identifier: MIT */
/* Rings come and go; clocks, waits without anything to wait for, fork. */
#include <sys/wait.h>

#include "tests/contract/ring/ring.h"

static void object_is_complete(struct contract *c)
{
	const struct peal_backend *b = c->backend;

	ck_assert_uint_eq(b->abi, PEAL_BACKEND_ABI);
	ck_assert_uint_eq(b->size, sizeof(*b));
	ck_assert_uint_gt(strlen(b->name), 0);
	ck_assert_uint_gt(strlen(b->summary), 0);
	ck_assert_uint_le(b->op_bytes, sizeof(((struct peal_op *)0)->backend));
	ck_assert(b->probe && b->open && b->close && b->submit && b->cancel && b->peek && b->wait);
	ck_assert(b->bell && b->bell_from_outside && b->poll_fd && b->after_fork);
}

static void probe_leaves_nothing_behind(struct contract *c)
{
	struct peal_reason reason = { "untouched" };
	int fds = count_fds();

	ck_assert_int_eq(c->backend->probe(&reason), 0);
	ck_assert_int_eq(c->backend->probe(NULL), 0);
	ck_assert_str_eq(reason.text, "untouched");
	ck_assert_int_eq(count_fds(), fds);
}

static void see_feature(void *arg, const char *name, bool present, const char *remark)
{
	unsigned int *seen = arg;

	ck_assert_uint_gt(strlen(name), 0);
	ck_assert_ptr_nonnull(remark);
	*seen += 1;
}

static void features_have_names(struct contract *c)
{
	unsigned int seen = 0;
	int fds = count_fds();

	if (!c->backend->features)
		return;
	c->backend->features(see_feature, &seen);
	ck_assert_uint_gt(seen, 0);
	ck_assert_int_eq(count_fds(), fds);
}

static void ring_caps_are_within_the_backends(struct contract *c)
{
	if (c->backend->ring_caps)
		ck_assert_uint_eq(c->backend->ring_caps(c->ring) & ~c->backend->caps, 0);
}

static void close_accepts_null(struct contract *c)
{
	c->backend->close(NULL);
}

static void thousand_rings_leave_nothing_behind(struct contract *c)
{
	struct contract other;
	int fds = 0, threads = 0, mappings = 0;

	for (int i = 0; i < 1000; i++) {
		if (i == 20) { /* by now libc has what it keeps */
			fds = count_fds();
			threads = count_threads();
			mappings = count_mappings();
		}
		other = second_ring(c, NULL);
		ring_peek(&other);
		close_second_ring(&other);
	}
	ck_assert_int_eq(count_fds(), fds);
	ck_assert_int_eq(count_threads(), threads);
	ck_assert_int_le(count_mappings(), mappings + 100); /* malloc may grow */
}

static void clock_does_not_go_backwards(struct contract *c)
{
	int64_t last = ring_now(c);

	for (int i = 0; i < 10000; i++) {
		int64_t now = ring_now(c);

		ck_assert_int_ge(now, last);
		last = now;
	}
}

static void peek_does_not_sleep(struct contract *c)
{
	int64_t begin = ring_now(c);

	for (int i = 0; i < 1000; i++)
		ck_assert_uint_eq(ring_peek(c), 0);
	ck_assert_int_lt(ring_now(c) - begin, PEAL_S);
}

static void past_deadline_does_not_sleep(struct contract *c)
{
	int64_t begin = ring_now(c);

	for (int i = 0; i < 1000; i++)
		ring_wait(c, -PEAL_S);
	for (int i = 0; i < 100; i++) {
		struct peal_reap reap;

		peal_reap_init(&reap);
		ck_assert_int_eq(c->backend->wait(c->ring, i, &reap), 0);
	}
	ck_assert_int_lt(ring_now(c) - begin, PEAL_S);
}

/* It may return early with nothing, but not over and over: that would be a busy loop. */
static void wait_sleeps_until_its_deadline(struct contract *c)
{
	static const int64_t durations[] = { 30 * PEAL_US, PEAL_MS, 3 * PEAL_MS, 120 * PEAL_MS };

	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		int64_t end = ring_now(c) + durations[i];
		int waits = 0;
		int64_t left;

		while ((left = end - ring_now(c)) > 0) {
			ring_wait(c, left);
			waits++;
		}
		ck_assert_int_le(waits, 8);
		ck_assert_int_lt(ring_now(c) - end, PEAL_S / 2);
	}
}

/* Most of them, even where the machine is busy with something else. */
static void deadlines_are_finer_than_a_millisecond(struct contract *c)
{
	int fine = 0;

	if (!c->backend->preference || on_valgrind())
		return; /* makes no such promise, or cannot keep it */
	for (int i = 0; i < 1000 && fine < 20; i++) {
		int64_t begin = ring_now(c);

		while (ring_now(c) < begin + 50 * PEAL_US)
			ring_wait(c, begin + 50 * PEAL_US - ring_now(c));
		fine += ring_now(c) - begin < 500 * PEAL_US;
	}
	ck_assert_int_eq(fine, 20);
}

static void wait_for_child(pid_t child)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child: %#x", status);
}

static void fork_leaves_the_parents_bell_alone(struct contract *c)
{
	pid_t child = fork();

	if (child == 0) {
		c->backend->after_fork(c->ring);
		_exit(count_fds() > c->fds_before);
	}
	wait_for_child(child);
	ck_assert_int_eq(c->backend->bell_from_outside(c->ring), 0);
	ring_wait(c, 5 * PEAL_S);
	ck_assert_uint_ge(c->bells, 1);
}

static void fork_leaves_the_parents_ops_alone(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op waiting = { 0 }, later = { 0 };
	char buf[8];
	pid_t child;

	ring_start(c, op_recv(&waiting, pair.ours, buf, 1, 0));
	ring_peek(c);
	child = fork();
	if (child == 0) {
		c->backend->after_fork(c->ring);
		_exit(0);
	}
	wait_for_child(child);
	put(pair.theirs, "ab");
	ck_assert_int_eq(ring_finish(c, &waiting), 1);
	ck_assert_int_eq(ring_run(c, op_recv(&later, pair.ours, buf, 1, 0)), 1);
	close_pair(pair);
}

static void every_op_is_refused(struct contract *c)
{
	for (int opcode = 0; opcode <= PEAL_OP_COUNT_; opcode++) {
		struct peal_op op = { .opcode = (uint8_t)opcode, .fd = -1 };

		ck_assert_int_eq(ring_run(c, &op), -ENOSYS);
	}
}

static void unknown_op_gives_enosys(struct contract *c)
{
	struct peal_op op = { .opcode = 255, .fd = -1 };

	ck_assert_int_eq(ring_run(c, &op), -ENOSYS);
	op.opcode = PEAL_OP_COUNT_;
	ck_assert_int_eq(ring_run(c, &op), -ENOSYS);
}

static void thousand_nops(struct contract *c)
{
	static struct peal_op ops[1000];

	for (int i = 0; i < 1000; i++)
		ring_start(c, op_nop(&ops[i]));
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(ring_finish(c, &ops[i]), 0);
}

/* Ops that complete at once too are told of only where the contract says: by submit or by a reap. */
static void small_ring_takes_many_ops(struct contract *c)
{
	enum { COUNT = 200 };
	struct contract small = second_ring(c, &(struct peal_ring_opts){ .entries = 4 });
	static struct peal_op ops[COUNT];
	struct pair pairs[COUNT];
	char buf[COUNT];

	for (int i = 0; i < COUNT; i++) {
		pairs[i] = make_pair(c);
		ring_start(&small, op_recv(&ops[i], pairs[i].ours, &buf[i], 1, 0));
	}
	ring_peek(&small);
	for (int i = 0; i < COUNT; i++)
		put(pairs[i].theirs, i % 2 ? "b" : "a");
	for (int i = 0; i < COUNT; i++) {
		ck_assert_int_eq(ring_finish(&small, &ops[i]), 1);
		ck_assert_int_eq(buf[i], i % 2 ? 'b' : 'a');
		close_pair(pairs[i]);
	}
	close_second_ring(&small);
}

const struct contract_case life_cases[] = {
	{ "object_is_complete", object_is_complete, 0 },
	{ "probe_leaves_nothing_behind", probe_leaves_nothing_behind, 0 },
	{ "features_have_names", features_have_names, 0 },
	{ "ring_caps_are_within_the_backends", ring_caps_are_within_the_backends, 0 },
	{ "close_accepts_null", close_accepts_null, 0 },
	{ "thousand_rings_leave_nothing_behind", thousand_rings_leave_nothing_behind, 0 },
	{ "clock_does_not_go_backwards", clock_does_not_go_backwards, 0 },
	{ "peek_does_not_sleep", peek_does_not_sleep, 0 },
	{ "past_deadline_does_not_sleep", past_deadline_does_not_sleep, 0 },
	{ "wait_sleeps_until_its_deadline", wait_sleeps_until_its_deadline, 0 },
	{ "deadlines_are_finer_than_a_millisecond", deadlines_are_finer_than_a_millisecond, 0 },
	{ "fork_leaves_the_parents_bell_alone", fork_leaves_the_parents_bell_alone, 0 },
	{ "fork_leaves_the_parents_ops_alone", fork_leaves_the_parents_ops_alone,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "every_op_is_refused", every_op_is_refused, REFUSES_OPS },
	{ "unknown_op_gives_enosys", unknown_op_gives_enosys, NEEDS_OPS },
	{ "thousand_nops", thousand_nops, NEEDS_OPS },
	{ "small_ring_takes_many_ops", small_ring_takes_many_ops, NEEDS_OPS | BOTH_SOCKETS },
	{ 0 },
};
