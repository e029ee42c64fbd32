/* SPDX-License-Identifier: MIT */
/* Fibers: who runs when, and who overran its stack. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/sys_fail.h"
#include "tests/unit/fiber_pool.h"

START_TEST(a_fiber_runs_and_ends)
{
	struct peal_fiber fiber;
	int n = 0;

	make(&fiber, end_at_once, &n);
	ck_assert_int_eq(n, 0);
	resume(&fiber);
	ck_assert_int_eq(n, 1);
	end(&fiber);
}
END_TEST

START_TEST(fibers_take_turns)
{
	struct stepper stepper[10] = { 0 };

	for (int i = 0; i < 10; i++) {
		stepper[i].steps = 100;
		make(&stepper[i].fiber, step, &stepper[i]);
	}
	for (int round = 0; round <= 100; round++)
		for (int i = 0; i < 10; i++) {
			ck_assert_int_eq(stepper[i].done, round ? round - 1 : 0);
			resume(&stepper[i].fiber);
		}
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(stepper[i].done, 100);
		end(&stepper[i].fiber);
	}
}
END_TEST

/* Stacks, and what the sanitizers keep with them, are used over and over. */
START_TEST(many_fibers_one_after_another)
{
	struct peal_fiber fiber;
	int n = 0;

	for (int i = 0; i < 100000; i++) {
		make(&fiber, end_at_once, &n);
		resume(&fiber);
		end(&fiber);
	}
	ck_assert_int_eq(n, 100000);
	ck_assert_uint_eq(peal_stack_pool_count(pool), 1);
}
END_TEST

struct relay {
	struct peal_fiber fiber;
	struct peal_fiber *next;
	int *order, n;
};

static struct peal_fiber *run_relay(void *arg)
{
	struct relay *relay = arg;

	relay->n = ++*relay->order;
	peal_fiber_switch(&relay->fiber, relay->next);
	relay->n += 100;
	return &thread;
}

START_TEST(fibers_switch_to_each_other)
{
	int order = 0;
	struct relay second = { .next = &thread, .order = &order };
	struct relay first = { .next = &second.fiber, .order = &order };

	make(&first.fiber, run_relay, &first);
	make(&second.fiber, run_relay, &second);
	resume(&first.fiber);
	ck_assert_int_eq(first.n, 1);
	ck_assert_int_eq(second.n, 2);
	resume(&first.fiber);
	ck_assert_int_eq(first.n, 101);
	resume(&second.fiber);
	ck_assert_int_eq(second.n, 102);
	end(&first.fiber);
	end(&second.fiber);
}
END_TEST

START_TEST(a_fiber_ends_into_another)
{
	struct peal_fiber first, second;
	int n = 0;

	make(&second, end_at_once, &n);
	make(&first, end_into, &second);
	resume(&first);
	ck_assert_int_eq(n, 1);
	end(&first);
	end(&second);
}
END_TEST

START_TEST(an_ended_fiber_is_not_continued)
{
	struct peal_fiber fiber;
	int n = 0;

	make(&fiber, end_at_once, &n);
	resume(&fiber);
	resume(&fiber);
}
END_TEST

START_TEST(fibers_need_an_adopted_thread)
{
	struct peal_fiber fiber;

	peal_fiber_release_thread(&thread);
	make(&fiber, end_at_once, NULL);
}
END_TEST

/* Canaries */

static bool no_guards(struct peal_sys_hook *hook, long number, long *result)
{
	(void)hook;
	*result = -EINVAL;
	return number == SYS_madvise || number == SYS_mprotect;
}

static struct peal_sys_hook without_guards = { .call = no_guards };

static struct peal_fiber *overrun(void *arg)
{
	struct peal_fiber *fiber = arg;

	suspend(fiber);
	fiber->stack->low[-16] = 1;
	suspend(fiber);
	return &thread;
}

static int read_end;

static void capture_stderr(void)
{
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_ge(dup2(fd[1], STDERR_FILENO), 0);
	read_end = fd[0];
}

static void check_message(int signal_number)
{
	char text[256];
	ssize_t n = read(read_end, text, sizeof(text) - 1);

	(void)signal_number;
	text[n > 0 ? n : 0] = '\0';
	if (strstr(text, "fiber test overflowed its "))
		_exit(77);
	_exit(1);
}

START_TEST(an_overrun_canary_names_the_fiber)
{
	struct peal_fiber fiber;

	peal_stack_pool_destroy(pool);
	peal_sys_hook = &without_guards;
	ck_assert_int_eq(peal_stack_pool_create(&pool, &(struct peal_stack_limits){ 0 }), 0);
	make(&fiber, overrun, &fiber);
	ck_assert(fiber.canary);
	resume(&fiber);
	peal_fiber_check(&fiber);
	resume(&fiber);
	capture_stderr();
	signal(SIGABRT, check_message);
	peal_fiber_check(&fiber);
}
END_TEST

START_TEST(guarded_fibers_need_no_canary)
{
	struct peal_fiber fiber;

	make(&fiber, end_at_once, NULL);
	ck_assert(fiber.canary == (fiber.stack->guard == PEAL_GUARD_CANARY));
	end(&fiber);
}
END_TEST

static TCase *turns(void)
{
	TCase *tcase = tcase_create("turns");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_fiber_runs_and_ends);
	tcase_add_test(tcase, fibers_take_turns);
	tcase_add_test(tcase, many_fibers_one_after_another);
	tcase_add_test(tcase, fibers_switch_to_each_other);
	tcase_add_test(tcase, a_fiber_ends_into_another);
	tcase_add_test_raise_signal(tcase, an_ended_fiber_is_not_continued, SIGABRT);
	tcase_add_test_raise_signal(tcase, fibers_need_an_adopted_thread, SIGABRT);
	return tcase;
}

static TCase *canaries(void)
{
	TCase *tcase = tcase_create("canaries");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_exit_test(tcase, an_overrun_canary_names_the_fiber, 77);
	tcase_add_test(tcase, guarded_fibers_need_no_canary);
	return tcase;
}

static Suite *fiber_suite(void)
{
	Suite *suite = suite_create("fiber");

	suite_add_tcase(suite, turns());
	suite_add_tcase(suite, canaries());
	return suite;
}

int main(void)
{
	return peal_check_main(fiber_suite());
}
