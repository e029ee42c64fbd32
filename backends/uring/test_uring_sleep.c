/* SPDX-License-Identifier: MIT */
/* The uring backend: sleeping, how long, and by way of a descriptor. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "backends/uring/test_uring.h"

START_TEST(a_wait_ends_at_its_deadline_and_not_before)
{
	struct peal_ring *ring = open_tier(_i);
	struct peal_reap reap;

	for (int64_t ns = 1; ns < 100 * PEAL_MS; ns *= 7) {
		int64_t deadline = test_now() + ns;

		peal_reap_init(&reap);
		do {
			ck_assert_int_eq(peal_uring_wait(ring, deadline, &reap), 0);
			ck_assert_uint_eq(reap.count + reap.bells, 0);
		} while (test_now() < deadline);
	}
	peal_uring_close(ring);
}
END_TEST

/* Sleeping even for no time at all costs 15 us; it must not be tried. */
START_TEST(a_past_deadline_does_not_enter_the_kernel)
{
	struct fault fault = FAULT(.number = SYS_io_uring_enter);
	const int64_t past[] = { test_now(), 0, -1, INT64_MIN };
	struct peal_ring *ring = open_ring();
	struct peal_reap reap;

	peal_reap_init(&reap);
	ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
	peal_sys_hook = &fault.hook;
	for (size_t i = 0; i < LENGTH(past); i++)
		ck_assert_int_eq(peal_uring_wait(ring, past[i], &reap), 0);
	ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
	peal_sys_hook = NULL;
	ck_assert_int_eq(fault.seen, 0);
	peal_uring_close(ring);
}
END_TEST

START_TEST(a_wait_enters_the_kernel_once)
{
	struct fault fault = FAULT(.number = SYS_io_uring_enter);
	struct peal_ring *ring = open_ring();
	struct peal_op nop = { .opcode = PEAL_OP_NOP };
	struct peal_reap reap;

	peal_reap_init(&reap);
	ck_assert_int_eq(submit(ring, &nop, &reap), 0);
	ck_assert_int_eq(peal_uring_bell(ring, ring), 0);
	peal_sys_hook = &fault.hook;
	ck_assert_int_eq(peal_uring_wait(ring, test_now() + PEAL_S, &reap), 0);
	peal_sys_hook = NULL;
	ck_assert_int_eq(fault.seen, 1);
	ck_assert_uint_eq(reap.count, 1);
	peal_uring_close(ring);
}
END_TEST

static struct peal_ring *alarmed_ring;

static void ring_in_handler(int number)
{
	(void)number;
	peal_uring_bell_from_outside(alarmed_ring);
}

START_TEST(far_deadlines_do_not_overflow)
{
	const int64_t far[] = { INT64_MAX - 1, INT64_MAX / 2, PEAL_NEVER };
	const struct sigaction action = { .sa_handler = ring_in_handler };
	struct peal_ring *ring = open_tier(_i);
	struct peal_reap reap;

	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	for (size_t i = 0; i < LENGTH(far); i++) {
		int64_t begun = test_now();
		timer_t timer;
		struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
		const struct itimerspec soon = { .it_value = { .tv_nsec = 20 * PEAL_MS } };

		alarmed_ring = ring;
		ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
		ck_assert_int_eq(timer_settime(timer, 0, &soon, NULL), 0);
		peal_reap_init(&reap);
		ck_assert_int_eq(peal_uring_wait(ring, far[i], &reap), 0);
		ck_assert_int_ge(test_now() - begun, 20 * PEAL_MS);
		reap_until(ring, &reap, 0, 1);
		timer_delete(timer);
	}
	peal_uring_close(ring);
}
END_TEST

static bool readable(int fd, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&poll_fd, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

static void look(struct peal_ring *ring, struct peal_reap *reap)
{
	ck_assert_int_eq(peal_uring_peek(ring, reap), 0);
}

static struct peal_ring *open_polled(int i)
{
	use_tier(i);
	return open_with((struct peal_ring_opts){ .polled = 1 });
}

START_TEST(the_descriptor_tells_when_to_look)
{
	struct peal_ring *ring = open_polled(_i);
	int fds[2], fd = peal_uring_poll_fd(ring);
	struct peal_reap reap;
	struct peal_op in;
	char byte = 0;

	ck_assert_int_ge(fd, 0);
	peal_reap_init(&reap);
	socket_pair(fds, 0);
	in = recv_op(fds[0], &byte, 1);
	ck_assert_int_eq(submit(ring, &in, &reap), 0);
	look(ring, &reap);
	ck_assert(!readable(fd, 0));
	ck_assert_int_eq(peal_uring_bell_from_outside(ring), 0);
	ck_assert(readable(fd, 1000));
	look(ring, &reap);
	ck_assert_uint_eq(reap.bells, 1);
	ck_assert(!readable(fd, 0));
	ck_assert_int_eq(send(fds[1], "x", 1, 0), 1);
	ck_assert(readable(fd, 1000));
	look(ring, &reap);
	ck_assert_uint_eq(reap.count, 1);
	ck_assert_int_eq(in.result, 1);
	peal_uring_close(ring);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

static void *signal_often(void *arg)
{
	const int *fd = arg;
	const uint64_t one = 1;

	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(write(*fd, &one, sizeof(one)), sizeof(one));
		usleep(500);
	}
	return NULL;
}

/* Completions that are caused by an eventfd are those that a registered eventfd would not tell of. */
START_TEST(the_descriptor_wakes_a_foreign_loop)
{
	struct peal_ring *ring = open_polled(_i);
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), fd = peal_uring_poll_fd(ring);
	struct peal_op watch = { .opcode = PEAL_OP_POLL, .fd = event, .args.poll.events = POLLIN };
	struct peal_reap reap;
	pthread_t thread;
	uint64_t total = 0, count;

	ck_assert_int_eq(pthread_create(&thread, NULL, signal_often, &event), 0);
	while (total < 100) {
		peal_reap_init(&reap);
		ck_assert_int_eq(submit(ring, &watch, &reap), 0);
		look(ring, &reap);
		while (!reap.count) {
			ck_assert(readable(fd, 2000));
			look(ring, &reap);
		}
		if (read(event, &count, sizeof(count)) == sizeof(count))
			total += count;
	}
	pthread_join(thread, NULL);
	peal_uring_close(ring);
	close(event);
}
END_TEST

START_TEST(a_ring_with_deferred_work_has_no_descriptor)
{
	struct peal_ring *ring = open_tier(_i);
	int fd = peal_uring_poll_fd(ring);

	if (ring->has & PEAL_URING_DEFER)
		ck_assert_int_eq(fd, -EOPNOTSUPP);
	else
		ck_assert_int_eq(fd, ring->fd);
	peal_uring_close(ring);
}
END_TEST

static TCase *sleep_cases(void)
{
	TCase *tc = tcase_create("sleeping");
	const int all = (int)LENGTH(test_tiers);

	tcase_add_loop_test(tc, a_wait_ends_at_its_deadline_and_not_before, 0, all);
	tcase_add_test(tc, a_past_deadline_does_not_enter_the_kernel);
	tcase_add_test(tc, a_wait_enters_the_kernel_once);
	tcase_add_loop_test(tc, far_deadlines_do_not_overflow, 0, all);
	tcase_add_loop_test(tc, the_descriptor_tells_when_to_look, 0, all);
	tcase_add_loop_test(tc, the_descriptor_wakes_a_foreign_loop, 0, all);
	tcase_add_loop_test(tc, a_ring_with_deferred_work_has_no_descriptor, 0, all);
	return tc;
}

static Suite *sleep_suite(void)
{
	Suite *suite = suite_create("uring sleep");

	suite_add_tcase(suite, sleep_cases());
	return suite;
}

int main(void)
{
	return uring_check_main(sleep_suite);
}
