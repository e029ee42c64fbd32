/* SPDX-License-Identifier: MIT */
/* The uring backend: operations that are many, cancelled, or interrupted. */
#include "backends/uring/test_uring.h"

#include <netinet/in.h>
#include <sys/un.h>

#include <peal/runtime.h>

START_TEST(more_operations_than_entries)
{
	struct peal_ring *ring = open_sized(16);
	struct peal_op *ops = calloc(5000, sizeof(*ops));
	struct peal_reap reap;
	int refusals = 0;

	ck_assert_ptr_nonnull(ops);
	peal_reap_init(&reap);
	for (int i = 0; i < 5000; i++) {
		struct peal_op before = ops[i];

		while (peal_uring_submit(ring, &ops[i]) == -EAGAIN) {
			refusals++;
			ck_assert_mem_eq(&ops[i], &before, sizeof(before));
			ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
		}
	}
	reap_until(ring, &reap, 5000, 0);
	ck_assert_int_gt(refusals, 0);
	ck_assert_uint_eq(ring->inflight, ring->bell_armed);
	peal_uring_close(ring);
	free(ops);
}
END_TEST

START_TEST(as_many_operations_fit_as_were_asked_for)
{
	static const uint32_t entries[] = { 1, 8, 100, 192, 1000 };

	for (size_t i = 0; i < LENGTH(entries); i++) {
		struct peal_ring *ring = open_sized(entries[i]);
		struct peal_op *ops = calloc(entries[i], sizeof(*ops));
		struct peal_reap reap;

		peal_reap_init(&reap);
		ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
		for (uint32_t n = 0; n < entries[i]; n++)
			ck_assert_int_eq(peal_uring_submit(ring, &ops[n]), 0);
		reap_until(ring, &reap, entries[i], 0);
		peal_uring_close(ring);
		free(ops);
	}
}
END_TEST

START_TEST(a_full_queue_still_takes_cancels)
{
	struct peal_ring *ring = open_sized(32);
	struct peal_op nops[256] = { 0 };
	struct peal_reap reap;
	char byte;
	struct peal_op parked;
	uint32_t n = 0;
	int fds[2];

	peal_reap_init(&reap);
	socket_pair(fds, 0);
	parked = recv_op(fds[0], &byte, 1);
	ck_assert_int_eq(submit(ring, &parked, &reap), 0);
	while (n < LENGTH(nops) && !peal_uring_submit(ring, &nops[n]))
		n++;
	ck_assert_uint_lt(n, LENGTH(nops));
	ck_assert_int_eq(peal_uring_cancel(ring, &parked), 0);
	reap_until(ring, &reap, n + 1, 0);
	ck_assert_int_eq(parked.result, -ECANCELED);
	peal_uring_close(ring);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

#define STORM 3000

START_TEST(a_storm_of_cancels_ends_each_operation_once)
{
	struct peal_ring *ring = open_sized(32);
	struct peal_op *ops = calloc(STORM, sizeof(*ops));
	struct peal_reap reap;
	char byte = 0;
	int fds[2];

	peal_reap_init(&reap);
	socket_pair(fds, 0);
	for (int i = 0; i < STORM; i++) {
		ops[i] = recv_op(fds[0], &byte, 1);
		ck_assert_int_eq(submit(ring, &ops[i], &reap), 0);
	}
	ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
	ck_assert_uint_eq(reap.count, 0);
	cancel_all(ring, ops, STORM, &reap);
	cancel_all(ring, ops, STORM / 2, &reap);
	reap_until(ring, &reap, STORM, 0);
	for (int i = 0; i < STORM; i++)
		ck_assert_int_eq(ops[i].result, -ECANCELED);
	ck_assert_uint_eq(ring->inflight, ring->bell_armed);
	ck_assert_int_eq(send(fds[1], "x", 1, 0), 1);
	ck_assert_int_eq(perform(ring, &ops[0]), 1);
	peal_uring_close(ring);
	close(fds[0]);
	close(fds[1]);
	free(ops);
}
END_TEST

START_TEST(a_cancel_that_succeeds_leaves_no_completion_of_its_own)
{
	struct peal_ring *ring = open_ring();
	struct peal_reap reap;
	struct peal_op in;
	char byte;
	int fds[2];
	unsigned int before;

	peal_reap_init(&reap);
	socket_pair(fds, 0);
	in = recv_op(fds[0], &byte, 1);
	ck_assert_int_eq(submit(ring, &in, &reap), 0);
	ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
	before = *ring->uring.cq.ktail;
	ck_assert_int_eq(peal_uring_cancel(ring, &in), 0);
	reap_until(ring, &reap, 1, 0);
	ck_assert_uint_eq(*ring->uring.cq.ktail - before, 1);
	peal_uring_close(ring);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(a_cancel_may_follow_at_once)
{
	struct peal_ring *ring = open_ring();
	struct peal_reap reap;
	struct peal_op in;
	char byte;
	int fds[2];

	peal_reap_init(&reap);
	socket_pair(fds, 0);
	in = recv_op(fds[0], &byte, 1);
	ck_assert_int_eq(submit(ring, &in, &reap), 0);
	ck_assert_int_eq(peal_uring_cancel(ring, &in), 0);
	ck_assert_int_eq(peal_uring_cancel(ring, &in), 0);
	reap_until(ring, &reap, 1, 0);
	ck_assert_int_eq(in.result, -ECANCELED);
	peal_uring_close(ring);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* A Unix socket that connects to a full backlog is on its way from one try to the next, where the kernel does
 * not look for it, when the cancel comes. */
START_TEST(a_cancel_that_misses_is_asked_for_again)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct sockaddr_un bound = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(address.sun_family);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int second = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct peal_ring *ring = open_ring();
	struct peal_reap reap;
	struct peal_op connects = { .opcode = PEAL_OP_CONNECT, .fd = second };

	ck_assert_int_eq(bind(listener, (const struct sockaddr *)&address, size), 0);
	size = sizeof(bound); /* the kernel has chosen an abstract name */
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&bound, &size), 0);
	ck_assert_int_eq(listen(listener, 0), 0);
	ck_assert_int_eq(connect(first, (const struct sockaddr *)&bound, size), 0);
	connects.args.connect.address = (const struct sockaddr *)&bound;
	connects.args.connect.size = size;
	peal_reap_init(&reap);
	ck_assert_int_eq(submit(ring, &connects, &reap), 0);
	ck_assert_int_eq(peal_uring_cancel(ring, &connects), 0);
	reap_until(ring, &reap, 1, 0);
	ck_assert_int_eq(connects.result, -ECANCELED);
	ck_assert(peal_list_empty(&ring->cancelled));
	peal_uring_close(ring);
	close(listener);
	close(first);
	close(second);
}
END_TEST

START_TEST(what_has_completed_keeps_its_result)
{
	struct peal_ring *ring = open_ring();
	struct peal_reap reap;
	struct peal_op in;
	char byte = 0;
	int fds[2];

	peal_reap_init(&reap);
	socket_pair(fds, 0);
	in = recv_op(fds[0], &byte, 1);
	ck_assert_int_eq(submit(ring, &in, &reap), 0);
	ck_assert_int_eq(send(fds[1], "x", 1, 0), 1);
	ck_assert_int_eq(peal_uring_cancel(ring, &in), 0);
	reap_until(ring, &reap, 1, 0);
	ck_assert_int_eq(in.result, 1);
	ck_assert_int_eq(byte, 'x');
	peal_uring_close(ring);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* Otherwise a cancel that comes late would hit the op when it was started anew. */
START_TEST(each_activation_is_known_by_another_number)
{
	struct peal_ring *ring = open_ring();
	struct peal_op nop = { .opcode = PEAL_OP_NOP };
	uint64_t last = 0;

	for (int i = 0; i < 300; i++) {
		ck_assert_int_eq(perform(ring, &nop), 0);
		ck_assert_uint_ne(nop.backend[PEAL_URING_OP_DATA], last);
		last = nop.backend[PEAL_URING_OP_DATA];
		ck_assert_ptr_eq(peal_uring_address(last), &nop);
		ck_assert_int_eq(peal_uring_kind(last), PEAL_URING_OP);
	}
	peal_uring_close(ring);
}
END_TEST

static const int passing[] = { -EINTR, -EAGAIN, -EBUSY, -ENOMEM };

START_TEST(entering_may_fail_for_a_while)
{
	struct fault fault = FAULT(.number = SYS_io_uring_enter, .result = passing[_i], .times = 2);
	struct peal_ring *ring = open_ring();
	struct peal_op nop = { .opcode = PEAL_OP_NOP, .result = -1 };
	struct peal_reap reap;

	peal_reap_init(&reap);
	ck_assert_int_eq(submit(ring, &nop, &reap), 0);
	peal_sys_hook = &fault.hook;
	ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
	ck_assert_int_eq(fault.seen, 1); /* no loop inside: the core decides when */
	ck_assert_int_eq(peal_uring_wait(ring, test_now() + PEAL_S, &reap), 0);
	reap_until(ring, &reap, 1, 0);
	peal_sys_hook = NULL;
	ck_assert_int_eq(nop.result, 0);
	peal_uring_close(ring);
}
END_TEST

START_TEST(a_lost_ring_is_an_error)
{
	struct fault fault = FAULT(.number = SYS_io_uring_enter, .result = -EBADF, .times = 2);
	struct peal_ring *ring = open_ring();
	struct peal_op nop = { .opcode = PEAL_OP_NOP };
	struct peal_reap reap;

	peal_reap_init(&reap);
	ck_assert_int_eq(submit(ring, &nop, &reap), 0);
	peal_sys_hook = &fault.hook;
	ck_assert_int_eq(peal_uring_peek(ring, &reap), -EBADF);
	ck_assert_int_eq(peal_uring_wait(ring, PEAL_NEVER, &reap), -EBADF);
	peal_sys_hook = NULL;
	reap_until(ring, &reap, 1, 0);
	peal_uring_close(ring);
}
END_TEST

static int log_lines;

static void count_lines(void *arg, enum peal_log_level level, const char *text)
{
	(void)arg;
	(void)text;
	log_lines += level == PEAL_LOG_ERROR;
}

START_TEST(closing_a_ring_takes_back_what_is_in_it)
{
	struct peal_ring *ring = open_ring();
	struct peal_reap reap;
	struct peal_op ops[100];
	char byte = 0;
	int fds[2];

	peal_set_log(count_lines, NULL);
	peal_reap_init(&reap);
	socket_pair(fds, 0);
	for (size_t i = 0; i < LENGTH(ops); i++) {
		ops[i] = recv_op(fds[0], &byte, 1);
		ck_assert_int_eq(submit(ring, &ops[i], &reap), 0);
	}
	peal_uring_close(ring);
	ck_assert_int_eq(log_lines, 1);
	ck_assert_int_eq(send(fds[1], "x", 1, 0), 1);
	ck_assert_int_eq(byte, 0);
	ck_assert_int_eq(recv(fds[0], &byte, 1, MSG_DONTWAIT), 1);
	log_lines = 0;
	peal_uring_close(open_ring());
	ck_assert_int_eq(log_lines, 0);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

static void tcp_pair(int fds[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, size), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(fds[0], (struct sockaddr *)&address, size), 0);
	fds[1] = accept(listener, NULL, NULL);
	ck_assert_int_ge(fds[1], 0);
	close(listener);
}

/* Loopback copies what is to be sent from where it lies; the notification says so, and it is believed. */
START_TEST(zero_copy_is_given_up_where_it_is_none)
{
	static char large[65536];
	struct peal_ring *ring = open_ring();
	struct peal_op op = send_op(0, large, sizeof(large));
	struct peal_reap reap;
	int fds[2];

	if (!(ring->has & PEAL_URING_ZERO_COPY))
		peal_skip("this kernel's sends do not tell whether they copy");
	tcp_pair(fds);
	op.opcode = PEAL_OP_SEND_ZC;
	op.fd = fds[0];
	peal_reap_init(&reap);
	ck_assert_int_eq(submit(ring, &op, &reap), 0);
	reap_until(ring, &reap, 1, 0);
	ck_assert_int_gt(op.result, 0);
	ck_assert_uint_eq(recv(fds[1], large, (size_t)op.result, MSG_WAITALL), op.result);
	ck_assert(ring->hints[fds[0] % PEAL_URING_HINTS] & PEAL_URING_COPIES);
	ck_assert_uint_eq(ring->inflight, ring->bell_armed);
	/* From now on at once. */
	op = send_op(fds[0], large, sizeof(large));
	op.opcode = PEAL_OP_SEND_ZC;
	ck_assert_int_eq(submit(ring, &op, &reap), 1);
	ck_assert_int_gt(op.result, 0);
	close(fds[0]);
	close(fds[1]);
	peal_uring_close(ring);
}
END_TEST

static TCase *crowd_cases(void)
{
	TCase *tc = tcase_create("crowds and cancels");

	tcase_add_test(tc, more_operations_than_entries);
	tcase_add_test(tc, as_many_operations_fit_as_were_asked_for);
	tcase_add_test(tc, a_full_queue_still_takes_cancels);
	tcase_add_test(tc, a_storm_of_cancels_ends_each_operation_once);
	tcase_add_test(tc, a_cancel_that_succeeds_leaves_no_completion_of_its_own);
	tcase_add_test(tc, a_cancel_may_follow_at_once);
	tcase_add_test(tc, a_cancel_that_misses_is_asked_for_again);
	tcase_add_test(tc, what_has_completed_keeps_its_result);
	tcase_add_test(tc, each_activation_is_known_by_another_number);
	tcase_add_loop_test(tc, entering_may_fail_for_a_while, 0, (int)LENGTH(passing));
	tcase_add_test(tc, a_lost_ring_is_an_error);
	tcase_add_test(tc, zero_copy_is_given_up_where_it_is_none);
	tcase_add_test(tc, closing_a_ring_takes_back_what_is_in_it);
	return tc;
}

static Suite *ops_suite(void)
{
	Suite *suite = suite_create("uring operations");

	suite_add_tcase(suite, crowd_cases());
	return suite;
}

int main(void)
{
	return uring_check_main(ops_suite);
}
