/* SPDX-License-Identifier: MIT */
/* The uring backend: bells that must be heard. Most cases run on three kinds of kernel (test_tiers). */
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "backends/uring/test_uring.h"
#include "core/base/atomic.h"

START_TEST(a_bell_rung_before_the_wait_ends_it)
{
	struct peal_ring *ring = open_tier(_i);
	struct peal_reap reap;

	for (int round = 0; round < 3; round++) {
		peal_reap_init(&reap);
		ck_assert_int_eq(peal_uring_bell_from_outside(ring), 0);
		ck_assert_int_eq(peal_uring_wait(ring, PEAL_NEVER, &reap), 0);
		ck_assert_uint_eq(reap.bells, 1);
		ck_assert_uint_eq(reap.count, 0);
	}
	peal_uring_close(ring);
}
END_TEST

START_TEST(a_bell_is_heard_by_a_peek)
{
	struct peal_ring *ring = open_tier(_i), *from = open_ring();
	struct peal_reap reap, other;

	for (int round = 0; round < 3; round++) {
		peal_reap_init(&reap);
		peal_reap_init(&other);
		ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
		ck_assert_uint_eq(reap.bells, 0);
		ck_assert_int_eq(peal_uring_bell_from_outside(ring), 0);
		ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
		ck_assert_uint_eq(reap.bells, 1);
		ck_assert_int_eq(peal_uring_bell(from, ring), 0);
		ck_assert_int_eq(peal_uring_peek(from, &other), 0);
		ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
		ck_assert_uint_eq(reap.bells, 2);
		ck_assert_uint_eq(other.bells_failed, 0);
	}
	peal_uring_close(from);
	peal_uring_close(ring);
}
END_TEST

START_TEST(a_ring_can_ring_its_own_bell)
{
	struct peal_ring *ring = open_tier(_i);
	struct peal_reap reap;

	peal_reap_init(&reap);
	ck_assert_int_eq(peal_uring_bell(ring, ring), 0);
	reap_until(ring, &reap, 0, 1);
	peal_uring_close(ring);
}
END_TEST

/* Two threads that wake each other, one by its ring and one from outside, and both sleep in between. */
struct partner {
	PEAL_ATOMIC(struct peal_ring *) ring;
	PEAL_ATOMIC(bool) deserted; /* nobody will ring it any more */
	struct peal_ring *other;
	bool outside;
	int rounds, heard;
};

static void listen_once(struct peal_ring *ring, int *heard)
{
	struct peal_reap reap;

	do {
		peal_reap_init(&reap);
		ck_assert_int_eq(peal_uring_wait(ring, PEAL_NEVER, &reap), 0);
		ck_assert_uint_eq(reap.bells_failed, 0);
	} while (!reap.bells);
	*heard += (int)reap.bells;
}

static void *answer(void *arg)
{
	struct partner *partner = arg;
	struct peal_ring *ring = open_ring();
	struct peal_reap reap;

	peal_store_release(&partner->ring, ring);
	for (int i = 0; i < partner->rounds; i++) {
		listen_once(ring, &partner->heard);
		ck_assert_int_eq(partner->outside ? peal_uring_bell_from_outside(partner->other)
						  : peal_uring_bell(ring, partner->other),
			0);
	}
	peal_reap_init(&reap);
	ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
	while (!peal_load_acquire(&partner->deserted))
		sched_yield();
	peal_uring_close(ring);
	return NULL;
}

static void ping_pong(struct peal_ring *ring, bool outside)
{
	struct partner partner = { .other = ring, .outside = outside, .rounds = 2000 };
	struct peal_ring *other;
	pthread_t thread;
	int heard = 0;

	ck_assert_int_eq(pthread_create(&thread, NULL, answer, &partner), 0);
	while (!(other = peal_load_acquire(&partner.ring)))
		sched_yield();
	for (int i = 0; i < partner.rounds; i++) {
		ck_assert_int_eq(peal_uring_bell(ring, other), 0);
		listen_once(ring, &heard);
	}
	peal_store_release(&partner.deserted, true);
	pthread_join(thread, NULL);
	ck_assert_int_eq(heard, partner.rounds);
	ck_assert_int_eq(partner.heard, partner.rounds);
}

START_TEST(sleepers_wake_each_other_by_their_rings)
{
	struct peal_ring *ring = open_tier(_i);

	ping_pong(ring, false);
	peal_uring_close(ring);
}
END_TEST

START_TEST(sleepers_are_woken_from_outside)
{
	struct peal_ring *ring = open_tier(_i);

	ping_pong(ring, true);
	peal_uring_close(ring);
}
END_TEST

static void *ring_often(void *arg)
{
	struct peal_ring *ring = arg;

	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(peal_uring_bell_from_outside(ring), 0);
	return NULL;
}

static uint32_t work_and_listen(struct peal_ring *ring)
{
	struct peal_op nops[64] = { 0 };
	struct peal_reap reap;

	peal_reap_init(&reap);
	for (size_t i = 0; i < LENGTH(nops); i++)
		ck_assert_int_eq(submit(ring, &nops[i], &reap), 0);
	while (reap.count < LENGTH(nops))
		ck_assert_int_eq(peal_uring_wait(ring, PEAL_NEVER, &reap), 0);
	return reap.bells;
}

/* The owner is awake and busy with operations of its own. Eventfds add bells up, messages do not. */
START_TEST(a_busy_owner_hears_bells_and_loses_nothing)
{
	struct peal_ring *ring = open_tier(_i);
	struct peal_reap reap;
	pthread_t thread;
	uint32_t bells = 0;

	ck_assert_int_eq(pthread_create(&thread, NULL, ring_often, ring), 0);
	for (int round = 0; round < 200; round++)
		bells += work_and_listen(ring);
	pthread_join(thread, NULL);
	do {
		peal_reap_init(&reap);
		ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
		bells += reap.bells;
	} while (reap.bells);
	if (ring->bell_fd < 0)
		ck_assert_uint_eq(bells, 1000);
	else
		ck_assert_uint_ge(bells, 1);
	peal_uring_close(ring);
}
END_TEST

static void ring_by_ring(struct peal_ring *from, struct peal_ring *to, uint32_t bells)
{
	struct peal_reap reap;

	peal_reap_init(&reap);
	while (bells--) {
		ck_assert_int_eq(peal_uring_bell(from, to), 0);
		if (!(bells % 64))
			ck_assert_int_eq(peal_uring_peek(from, &reap), 0);
	}
	ck_assert_uint_eq(reap.bells_failed, 0);
}

/* With deferred work the kernel lets 20 completions out at each entering. */
START_TEST(one_peek_brings_in_all_there_is)
{
	struct peal_ring *ring = open_tier(_i), *from = open_ring();
	struct peal_reap reap;

	peal_reap_init(&reap);
	ring_by_ring(from, ring, 150);
	ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
	ck_assert_uint_eq(reap.bells, 150);
	peal_uring_close(from);
	peal_uring_close(ring);
}
END_TEST

/* Far more bells than the completion queue holds: the kernel keeps them, and gives them back. */
START_TEST(an_overflowing_queue_keeps_its_bells)
{
	struct peal_ring *ring = open_tier(_i), *from = open_ring();
	uint32_t bells = ring->uring.cq.ring_entries * 3, before;
	struct peal_reap reap;

	peal_reap_init(&reap);
	ring_by_ring(from, ring, bells);
	do {
		before = reap.bells;
		ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
	} while (reap.bells > before);
	ck_assert_uint_eq(reap.bells, bells);
	peal_uring_close(from);
	peal_uring_close(ring);
}
END_TEST

/* A ring whose bell cannot be reached by MSG_RING: its descriptor is none of a ring. */
static struct peal_ring *unreachable(void)
{
	struct peal_ring *to = aligned_alloc(_Alignof(struct peal_ring), sizeof(*to));

	ck_assert_ptr_nonnull(to);
	memset(to, 0, sizeof(*to));
	to->fd = to->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return to;
}

static uint64_t rung(struct peal_ring *to)
{
	uint64_t count = 0;

	return read(to->bell_fd, &count, sizeof(count)) < 0 ? 0 : count;
}

START_TEST(a_bell_that_the_kernel_refuses_is_rung_another_way)
{
	struct peal_ring *ring = open_tier(_i), *to = unreachable();
	struct peal_reap reap;

	peal_reap_init(&reap);
	ck_assert_int_eq(peal_uring_bell(ring, to), 0);
	ck_assert_int_eq(peal_uring_wait(ring, test_now() + PEAL_S, &reap), 0);
	ck_assert_uint_eq(reap.bells_failed, 1);
	ck_assert_uint_eq(reap.bells, 0);
	ck_assert_uint_eq(rung(to), 1);
	peal_uring_close(ring);
	close(to->fd);
	free(to);
}
END_TEST

START_TEST(a_bell_that_cannot_be_rung_now_is_rung_later)
{
	struct fault fault = FAULT(.number = SYS_write, .result = -EAGAIN, .times = 2);
	struct peal_ring *ring = open_tier(_i), *to = unreachable();
	struct peal_op nop = { .opcode = PEAL_OP_NOP };
	struct peal_reap reap;
	int waits = 0;

	peal_reap_init(&reap);
	ck_assert_int_eq(peal_uring_bell(ring, to), 0);
	ck_assert_int_eq(submit(ring, &nop, &reap), 0);
	peal_sys_hook = &fault.hook;
	for (; !reap.bells_failed; waits++)
		ck_assert_int_eq(peal_uring_wait(ring, PEAL_NEVER, &reap), 0);
	peal_sys_hook = NULL;
	ck_assert_int_eq(fault.seen, 3);
	ck_assert_int_ge(waits, 1);
	ck_assert_uint_eq(reap.bells_failed, 1);
	ck_assert_uint_eq(rung(to), 1);
	reap_until(ring, &reap, 1, 0);
	peal_uring_close(ring);
	close(to->fd);
	free(to);
}
END_TEST

START_TEST(a_bell_finds_a_way_around_a_full_queue)
{
	struct peal_ring *ring = open_sized(8), *to = unreachable();
	uint32_t bells = io_uring_sq_space_left(&ring->uring);
	struct peal_reap reap;

	for (uint32_t i = 0; i < bells; i++)
		ck_assert_int_eq(peal_uring_bell(ring, to), 0);
	ck_assert_uint_eq(rung(to), 0);
	ck_assert_int_eq(peal_uring_bell(ring, to), 0);
	ck_assert_uint_eq(rung(to), 1);
	peal_reap_init(&reap);
	ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
	ck_assert_uint_eq(reap.bells_failed, bells);
	peal_uring_close(ring);
	close(to->fd);
	free(to);
}
END_TEST

static int signalled;
static struct peal_ring *signalled_ring;

static void ring_in_handler(int number)
{
	int before = errno;

	(void)number;
	if (!peal_uring_bell_from_outside(signalled_ring) && errno == before)
		signalled++;
}

START_TEST(a_signal_handler_may_ring)
{
	struct sigaction action = { .sa_handler = ring_in_handler };
	struct peal_reap reap;

	signalled_ring = open_tier(_i);
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	errno = EDOM;
	raise(SIGUSR1);
	ck_assert_int_eq(errno, EDOM);
	ck_assert_int_eq(signalled, 1);
	peal_reap_init(&reap);
	reap_until(signalled_ring, &reap, 0, 1);
	peal_uring_close(signalled_ring);
}
END_TEST

START_TEST(a_failure_from_outside_leaves_errno_alone)
{
	struct peal_ring *to = unreachable();

	close(to->fd);
	errno = EDOM;
	ck_assert_int_eq(peal_uring_bell_from_outside(to), -EBADF);
	ck_assert_int_eq(errno, EDOM);
	to->bell_fd = -1;
	ck_assert_int_lt(peal_uring_bell_from_outside(to), 0);
	ck_assert_int_eq(errno, EDOM);
	free(to);
}
END_TEST

static TCase *bell_cases(void)
{
	TCase *tc = tcase_create("bells");
	const int all = (int)LENGTH(test_tiers);

	tcase_set_timeout(tc, 20);
	tcase_add_loop_test(tc, a_bell_rung_before_the_wait_ends_it, 0, all);
	tcase_add_loop_test(tc, a_bell_is_heard_by_a_peek, 0, all);
	tcase_add_loop_test(tc, a_ring_can_ring_its_own_bell, 0, all);
	tcase_add_loop_test(tc, sleepers_wake_each_other_by_their_rings, 0, all);
	tcase_add_loop_test(tc, sleepers_are_woken_from_outside, 0, all);
	tcase_add_loop_test(tc, a_busy_owner_hears_bells_and_loses_nothing, 0, all);
	tcase_add_loop_test(tc, one_peek_brings_in_all_there_is, 0, all);
	tcase_add_loop_test(tc, an_overflowing_queue_keeps_its_bells, 0, all);
	tcase_add_loop_test(tc, a_bell_that_the_kernel_refuses_is_rung_another_way, 0, all);
	tcase_add_loop_test(tc, a_bell_that_cannot_be_rung_now_is_rung_later, 0, all);
	tcase_add_test(tc, a_bell_finds_a_way_around_a_full_queue);
	tcase_add_loop_test(tc, a_signal_handler_may_ring, 0, all);
	tcase_add_test(tc, a_failure_from_outside_leaves_errno_alone);
	return tc;
}

static Suite *bells_suite(void)
{
	Suite *suite = suite_create("uring bells");

	suite_add_tcase(suite, bell_cases());
	return suite;
}

int main(void)
{
	return uring_check_main(bells_suite);
}
