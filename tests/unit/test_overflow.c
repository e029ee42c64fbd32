/* SPDX-License-Identifier: MIT */
/* The report of an overflow: what it says of whom, and when nothing is said. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sys_fail.h"
#include "tests/unit/overflow_help.h"

START_TEST(an_overflow_is_reported_and_kills)
{
	in_child(hold_and_overflow);
	check_killed(SIGSEGV);
	check_report("glutton");
}
END_TEST

static void overflow_mprotect(void)
{
	static struct sys_fail fail = {
		.number = SYS_madvise, .times = SYS_FAIL_ALWAYS, .answer = -EINVAL
	};

	sys_fail_begin(&fail);
	hold_and_overflow();
}

/* The kernel gives another si_code for these. */
START_TEST(guards_of_mprotect_are_recognised)
{
	in_child(overflow_mprotect);
	check_killed(SIGSEGV);
	check_report("glutton");
}
END_TEST

static void overflow_without_name(void)
{
	if (peal_overflow_hold() || peal_overflow_enter_thread())
		abort();
	run_fiber("", overflow);
}

START_TEST(fibers_without_a_name_are_reported)
{
	in_child(overflow_without_name);
	check_killed(SIGSEGV);
	check_report("(no name)");
}
END_TEST

static void overflow_with_long_name(void)
{
	static char name[5000];

	memset(name, 'x', sizeof(name) - 1);
	if (peal_overflow_hold() || peal_overflow_enter_thread())
		abort();
	run_fiber(name, overflow);
}

START_TEST(long_names_are_cut)
{
	in_child(overflow_with_long_name);
	check_killed(SIGSEGV);
	ck_assert_ptr_nonnull(strstr(fate.text, "xxx overflowed its "));
	ck_assert_uint_lt(strlen(fate.text), 256);
	ck_assert_int_eq(fate.text[strlen(fate.text) - 1], '\n');
}
END_TEST

static void overflow_unasked(void)
{
	run_fiber("glutton", overflow);
}

START_TEST(nothing_is_said_unasked)
{
	in_child(overflow_unasked);
	check_killed(SIGSEGV);
	ck_assert_str_eq(fate.text, "");
}
END_TEST

static void overflow_after_release(void)
{
	if (peal_overflow_hold() || peal_overflow_hold() || peal_overflow_enter_thread())
		abort();
	peal_overflow_release();
	peal_overflow_release();
	peal_overflow_leave_thread();
	run_fiber("glutton", overflow);
}

START_TEST(nothing_is_said_after_the_last_release)
{
	in_child(overflow_after_release);
	check_killed(SIGSEGV);
	ck_assert_str_eq(fate.text, "");
}
END_TEST

static void overflow_while_held_once(void)
{
	if (peal_overflow_hold())
		abort();
	peal_overflow_release();
	if (peal_overflow_hold() || peal_overflow_hold() || peal_overflow_enter_thread())
		abort();
	peal_overflow_release();
	run_fiber("glutton", overflow);
}

START_TEST(one_holder_is_enough)
{
	in_child(overflow_while_held_once);
	check_killed(SIGSEGV);
	check_report("glutton");
}
END_TEST

/* Other faults */

static void touch_null(void)
{
	if (peal_overflow_hold() || peal_overflow_enter_thread())
		abort();
	touch_nowhere();
}

START_TEST(other_faults_go_by)
{
	in_child(touch_null);
	check_killed(SIGSEGV);
	ck_assert_str_eq(fate.text, "");
}
END_TEST

/* The guard of a stack that no fiber uses: a wild pointer, not an overflow. */
static void touch_idle_guard(void)
{
	struct peal_stack_pool *pool;
	struct peal_stack *stack;

	if (peal_overflow_hold() || peal_stack_pool_create(&pool, &(struct peal_stack_limits){ 0 }))
		abort();
	stack = peal_stack_get(pool);
	stack->owner = "earlier";
	peal_stack_put(pool, stack);
	stack->low[-1] = 1;
}

START_TEST(guards_of_idle_stacks_are_nobodys)
{
	in_child(touch_idle_guard);
	check_killed(SIGSEGV);
	ck_assert_str_eq(fate.text, "");
}
END_TEST

static void send_signal(void)
{
	if (peal_overflow_hold())
		abort();
	raise(SIGSEGV);
	_exit(9);
}

START_TEST(a_signal_that_was_sent_kills_too)
{
	in_child(send_signal);
	check_killed(SIGSEGV);
	ck_assert_str_eq(fate.text, "");
}
END_TEST

static TCase *reports(void)
{
	TCase *tcase = tcase_create("reports");

	tcase_add_test(tcase, an_overflow_is_reported_and_kills);
	tcase_add_test(tcase, guards_of_mprotect_are_recognised);
	tcase_add_test(tcase, fibers_without_a_name_are_reported);
	tcase_add_test(tcase, long_names_are_cut);
	tcase_add_test(tcase, nothing_is_said_unasked);
	tcase_add_test(tcase, nothing_is_said_after_the_last_release);
	tcase_add_test(tcase, one_holder_is_enough);
	tcase_add_test(tcase, other_faults_go_by);
	tcase_add_test(tcase, guards_of_idle_stacks_are_nobodys);
	tcase_add_test(tcase, a_signal_that_was_sent_kills_too);
	return tcase;
}

static Suite *overflow_suite(void)
{
	Suite *suite = suite_create("overflow");

	suite_add_tcase(suite, reports());
	return suite;
}

int main(void)
{
	return peal_check_main(overflow_suite());
}
