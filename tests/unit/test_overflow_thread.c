/* SPDX-License-Identifier: MIT */
/* Overflows on threads, and the alternate stacks on which they are reported. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sys_fail.h"
#include "tests/unit/overflow_help.h"

static void *overflow_on_a_thread(void *arg)
{
	if (peal_overflow_enter_thread())
		abort();
	run_fiber("threaded", overflow);
	return arg;
}

static void overflow_elsewhere(void)
{
	pthread_t other;

	if (peal_overflow_hold() || pthread_create(&other, NULL, overflow_on_a_thread, NULL))
		abort();
	pthread_join(other, NULL);
}

START_TEST(other_threads_are_reported)
{
	in_child(overflow_elsewhere);
	check_killed(SIGSEGV);
	check_report("threaded");
}
END_TEST

static void drop_alternate_stack(void)
{
	const stack_t none = { .ss_flags = SS_DISABLE };

	ck_assert_int_eq(sigaltstack(&none, NULL), 0);
}

START_TEST(entering_and_leaving_leaves_nothing)
{
	stack_t now;

	drop_alternate_stack();
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(peal_overflow_enter_thread(), 0);
		sigaltstack(NULL, &now);
		ck_assert(!(now.ss_flags & SS_DISABLE));
		ck_assert_uint_ge(now.ss_size, 64 * 1024);
		memset(now.ss_sp, 0, now.ss_size);
		peal_overflow_leave_thread();
		sigaltstack(NULL, &now);
		ck_assert(now.ss_flags & SS_DISABLE);
	}
	peal_overflow_leave_thread();
}
END_TEST

START_TEST(an_alternate_stack_of_others_is_kept)
{
	static char memory[65536];
	const stack_t theirs = { .ss_sp = memory, .ss_size = sizeof(memory) };
	stack_t now;

	ck_assert_int_eq(sigaltstack(&theirs, NULL), 0);
	ck_assert_int_eq(peal_overflow_enter_thread(), 0);
	sigaltstack(NULL, &now);
	ck_assert_ptr_eq(now.ss_sp, memory);
	peal_overflow_leave_thread();
	sigaltstack(NULL, &now);
	ck_assert_ptr_eq(now.ss_sp, memory);

	drop_alternate_stack();
	ck_assert_int_eq(peal_overflow_enter_thread(), 0);
	ck_assert_int_eq(sigaltstack(&theirs, NULL), 0); /* they come later */
	peal_overflow_leave_thread();
	sigaltstack(NULL, &now);
	ck_assert_ptr_eq(now.ss_sp, memory);
}
END_TEST

START_TEST(refusals_are_errors)
{
	struct sys_fail mmap_fails = { .number = SYS_mmap, .times = 1, .answer = -ENOMEM };
	struct sys_fail stack_fails = {
		.number = SYS_sigaltstack, .from = 1, .times = 1, .answer = -EPERM
	};
	struct sys_fail action_fails = {
		.number = SYS_rt_sigaction, .from = _i, .times = 1, .answer = -EINVAL
	};
	struct sigaction before, now;

	drop_alternate_stack();
	sigaction(SIGSEGV, NULL, &before);
	sys_fail_begin(&mmap_fails);
	ck_assert_int_eq(peal_overflow_enter_thread(), -ENOMEM);
	sys_fail_begin(&stack_fails);
	ck_assert_int_eq(peal_overflow_enter_thread(), -EPERM);
	sys_fail_begin(&action_fails);
	ck_assert_int_eq(peal_overflow_hold(), -EINVAL);
	sys_fail_end();
	sigaction(SIGSEGV, NULL, &now);
	ck_assert(now.sa_sigaction == before.sa_sigaction);
	ck_assert_int_eq(peal_overflow_hold(), 0);
	peal_overflow_release();
	peal_overflow_leave_thread();
}
END_TEST

static TCase *alternate_stacks(void)
{
	TCase *tcase = tcase_create("alternate stacks");

	tcase_add_test(tcase, other_threads_are_reported);
	tcase_add_test(tcase, entering_and_leaving_leaves_nothing);
	tcase_add_test(tcase, an_alternate_stack_of_others_is_kept);
	tcase_add_loop_test(tcase, refusals_are_errors, 0, 2);
	return tcase;
}

static Suite *overflow_thread_suite(void)
{
	Suite *suite = suite_create("overflow thread");

	suite_add_tcase(suite, alternate_stacks());
	return suite;
}

int main(void)
{
	return peal_check_main(overflow_thread_suite());
}
