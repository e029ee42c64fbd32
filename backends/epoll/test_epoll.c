/* SPDX-License-Identifier: MIT */
/*
 * What the epoll backend does beyond the contract: how few system calls it makes, the order of what
 * waits, and how its table of descriptors heals.
 */
#include "backends/epoll/epoll.h"
#include "tests/contract/ring/ring.h"

extern const struct peal_backend peal_backend_epoll;

static struct contract c = { .backend = &peal_backend_epoll, .sockets = TCP };
static struct pair pair;

/* Counts calls by number, and lets them through. */
#define COUNTED 512

static struct {
	struct peal_sys_hook hook;
	unsigned int calls[COUNTED];
} counter;

static bool count_call(struct peal_sys_hook *hook, long number, long *result)
{
	if (number < COUNTED)
		counter.calls[number]++;
	return false;
}

static void count_from_here(void)
{
	memset(&counter, 0, sizeof(counter));
	counter.hook.call = count_call;
	peal_sys_hook = &counter.hook;
}

static unsigned int counted(long number)
{
	peal_sys_hook = NULL;
	return counter.calls[number];
}

static void begin(void)
{
	contract_begin(&c);
	pair = make_pair(&c);
}

static void end(void)
{
	close_pair(pair);
	contract_end(&c);
}

static void echo(int rounds)
{
	struct peal_op op = { 0 };
	char buf[64];

	for (int i = 0; i < rounds; i++) {
		ring_start(&c, op_recv(&op, pair.ours, buf, sizeof(buf), 0));
		ring_peek(&c);
		put(pair.theirs, "ping");
		ck_assert_int_eq(ring_finish(&c, &op), 4);
		ck_assert_int_eq(ring_run(&c, op_send(&op, pair.ours, buf, 4, 0)), 4);
		ck_assert_uint_eq(drain_socket(pair.theirs), 4);
	}
}

START_TEST(tcp_request_takes_one_recv_and_one_send)
{
	echo(2);
	count_from_here();
	echo(100);
	ck_assert_uint_eq(counted(SYS_recvfrom), 100);
	ck_assert_uint_eq(counted(SYS_sendto), 100);
	ck_assert_uint_le(counted(SYS_epoll_ctl), 2); /* ticks, on a slow machine */
	ck_assert_uint_le(counted(SYS_getsockopt), 2);
}
END_TEST

START_TEST(waiting_ops_are_served_in_order)
{
	struct peal_op ops[10] = { 0 };
	char buf[11] = "";

	for (int i = 0; i < 10; i++)
		ring_start(&c, op_recv(&ops[i], pair.ours, &buf[i], 1, 0));
	put(pair.theirs, "0123");
	ring_drive(&c, PEAL_MS);
	put(pair.theirs, "456789");
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(ring_finish(&c, &ops[i]), 1);
	ck_assert_str_eq(buf, "0123456789");
}
END_TEST

START_TEST(later_op_does_not_overtake)
{
	struct peal_op first = { 0 }, second = { 0 };
	char buf[2];

	ring_start(&c, op_recv(&first, pair.ours, &buf[0], 1, 0));
	put(pair.theirs, "ab");
	ring_start(&c, op_recv(&second, pair.ours, &buf[1], 1, 0));
	ck_assert_int_eq(ring_finish(&c, &first), 1);
	ck_assert_int_eq(ring_finish(&c, &second), 1);
	ck_assert_int_eq(memcmp(buf, "ab", 2), 0);
}
END_TEST

/* A registration that was lost in silence (ENOENT), and one that outlived its number (EEXIST). */
START_TEST(lost_registration_is_renewed)
{
	struct pair next = make_pair(&c);
	struct peal_op op = { 0 };
	uint32_t generation;
	char buf[4];

	echo(2);
	generation = peal_epoll_slot(c.ring, pair.ours)->generation;
	ck_assert_int_eq(dup3(next.ours, pair.ours, O_CLOEXEC), pair.ours);
	ring_start(&c, op_recv(&op, pair.ours, buf, 4, 0));
	ring_drive(&c, 50 * PEAL_MS);
	ck_assert_uint_gt(peal_epoll_slot(c.ring, pair.ours)->generation, generation);
	put(next.theirs, "x");
	ck_assert_int_eq(ring_finish(&c, &op), 1);
	close_pair(next);
}
END_TEST

START_TEST(left_over_registration_is_taken_over)
{
	struct peal_op op = { 0 };
	int twin = dup(pair.ours), fd = pair.ours;
	char buf[4];

	echo(2);
	peal_epoll_forget(c.ring, fd);
	close(fd);
	ck_assert_int_eq(dup3(twin, fd, O_CLOEXEC), fd);
	ring_start(&c, op_recv(&op, fd, buf, 4, 0));
	put(pair.theirs, "x");
	ck_assert_int_eq(ring_finish(&c, &op), 1);
	close(twin);
}
END_TEST

START_TEST(registration_that_is_refused_is_a_result)
{
	struct fault fault = { .number = SYS_epoll_ctl, .err = ENOSPC };
	struct peal_op op = { 0 };
	char buf[4];

	fault_begin(&fault);
	ck_assert_int_eq(ring_run(&c, op_recv(&op, pair.ours, buf, 4, 0)), -ENOSPC);
	fault_end();
	echo(2);
}
END_TEST

/* Descriptors that are ready for something else than what is waited for are no reason to wake up. */
START_TEST(idle_ring_sleeps_on)
{
	struct peal_op op = { 0 }, poll = { 0 };
	char buf[4];

	fill_socket(pair.theirs);
	ring_start(&c, op_poll(&poll, pair.ours, POLLPRI));
	ring_start(&c, op_recv(&op, pair.theirs, buf, 4, 0));
	ring_drive(&c, 100 * PEAL_MS);
	count_from_here();
	ring_wait(&c, 300 * PEAL_MS);
	ck_assert_uint_eq(counted(SYS_epoll_wait), 1);
	ring_cancel(&c, &op);
	ring_cancel(&c, &poll);
	ck_assert_int_eq(ring_finish(&c, &op), -ECANCELED);
	ck_assert_int_eq(ring_finish(&c, &poll), -ECANCELED);
}
END_TEST

/* Deadlines that move away before they come, as those of connections do, cost nothing. */
START_TEST(timer_is_not_set_for_each_sleep)
{
	count_from_here();
	for (int i = 0; i < 1000; i++) {
		peal_backend_epoll.bell(c.ring, c.ring);
		ring_wait(&c, PEAL_S);
	}
	ck_assert_uint_eq(counted(SYS_timerfd_settime), 1);
	ck_assert_uint_eq(c.bells, 1000);
}
END_TEST

START_TEST(alarm_that_is_early_does_not_end_the_wait)
{
	int64_t begin = ring_now(&c);

	peal_backend_epoll.bell(c.ring, c.ring);
	ring_wait(&c, 20 * PEAL_MS);
	count_from_here();
	ring_wait(&c, 60 * PEAL_MS);
	ck_assert_uint_eq(counted(SYS_timerfd_settime), 1);
	ck_assert_int_ge(ring_now(&c) - begin, 60 * PEAL_MS);
}
END_TEST

START_TEST(nearer_deadline_is_kept)
{
	int64_t begin = ring_now(&c);

	peal_backend_epoll.bell(c.ring, c.ring);
	ring_wait(&c, 30 * PEAL_S);
	ring_wait(&c, 2 * PEAL_MS);
	ck_assert_int_lt(ring_now(&c) - begin, 20 * PEAL_S);
}
END_TEST

START_TEST(listener_is_nonblocking_and_its_connections_are_not)
{
	struct listener listener = make_listener(&c, 4);
	struct peal_op op = { 0 };
	int theirs = connect_to(&listener), ours;

	ours = (int)ring_run(&c, op_accept(&op, listener.fd, NULL, NULL, 0));
	ck_assert_int_eq(fcntl(listener.fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(fcntl(ours, F_GETFL) & O_NONBLOCK, 0);
	close_pair((struct pair){ ours, theirs });
	close(listener.fd);
}
END_TEST

START_TEST(ring_that_nobody_watches_has_no_descriptor)
{
	ck_assert_int_eq(peal_backend_epoll.poll_fd(c.ring), -EOPNOTSUPP);
}
END_TEST

START_TEST(closing_cancels_what_waits)
{
	struct peal_op op = { 0 }, closing = { 0 };
	char buf[4];

	ring_start(&c, op_recv(&op, pair.ours, buf, 4, 0));
	ck_assert_int_eq(ring_run(&c, op_close(&closing, pair.ours)), 0);
	ck_assert_int_eq(ring_finish(&c, &op), -ECANCELED);
	pair.ours = -1;
}
END_TEST

static Suite *epoll_suite(void)
{
	Suite *suite = suite_create("epoll");
	TCase *tcase = tcase_create("ring");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, tcp_request_takes_one_recv_and_one_send);
	tcase_add_test(tcase, waiting_ops_are_served_in_order);
	tcase_add_test(tcase, later_op_does_not_overtake);
	tcase_add_test(tcase, lost_registration_is_renewed);
	tcase_add_test(tcase, left_over_registration_is_taken_over);
	tcase_add_test(tcase, registration_that_is_refused_is_a_result);
	tcase_add_test(tcase, idle_ring_sleeps_on);
	tcase_add_test(tcase, timer_is_not_set_for_each_sleep);
	tcase_add_test(tcase, alarm_that_is_early_does_not_end_the_wait);
	tcase_add_test(tcase, nearer_deadline_is_kept);
	tcase_add_test(tcase, listener_is_nonblocking_and_its_connections_are_not);
	tcase_add_test(tcase, ring_that_nobody_watches_has_no_descriptor);
	tcase_add_test(tcase, closing_cancels_what_waits);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(epoll_suite());
}
