/* SPDX-License-Identifier: MIT */
/* Overflows and the handlers of others, which were there before ours or come over it. */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/overflow_help.h"

static void check_exited(int code)
{
	ck_assert_msg(WIFEXITED(fate.status), "status %x: %s", fate.status, fate.text);
	ck_assert_int_eq(WEXITSTATUS(fate.status), code);
}

static volatile sig_atomic_t usr1_blocked, segv_blocked;

static void look_at_mask(void)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	usr1_blocked = sigismember(&set, SIGUSR1);
	segv_blocked = sigismember(&set, SIGSEGV);
}

static void say_and_exit(int number, siginfo_t *info, void *context)
{
	static const char text[] = "and the application's\n";

	(void)context;
	look_at_mask();
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(number == SIGSEGV && info->si_addr && usr1_blocked && segv_blocked ? 33 : 34);
}

static void overflow_with_handler_below(void)
{
	struct sigaction action = { .sa_sigaction = say_and_exit, .sa_flags = SA_SIGINFO };

	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGUSR1);
	sigaction(SIGSEGV, &action, NULL);
	hold_and_overflow();
}

START_TEST(an_earlier_handler_is_called_next)
{
	in_child(overflow_with_handler_below);
	check_exited(33);
	ck_assert_ptr_nonnull(strstr(fate.text, "fiber glutton overflowed its "));
	ck_assert_ptr_nonnull(strstr(fate.text, ")\nand the application's\n"));
}
END_TEST

static void exit_if_open(int number)
{
	look_at_mask();
	_exit(number == SIGSEGV && !segv_blocked ? 35 : 36);
}

static void overflow_with_old_handler_below(void)
{
	struct sigaction action = { .sa_handler = exit_if_open, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
	hold_and_overflow();
}

START_TEST(an_earlier_handler_keeps_its_flags)
{
	in_child(overflow_with_old_handler_below);
	check_exited(35);
}
END_TEST

static void overflow_while_ignored(void)
{
	signal(SIGSEGV, SIG_IGN);
	hold_and_overflow();
}

START_TEST(a_fault_cannot_be_ignored)
{
	in_child(overflow_while_ignored);
	check_killed(SIGSEGV);
	check_report("glutton");
}
END_TEST

static sigjmp_buf recovered;

static void recover(int number)
{
	(void)number;
	siglongjmp(recovered, 1);
}

/* A program that lives on after faults does so through us, as often as it likes. */
static void fault_and_recover(void)
{
	for (volatile int i = 0; i < 3; i++)
		if (!sigsetjmp(recovered, 1))
			touch_nowhere();
}

static void recover_three_times(void)
{
	signal(SIGSEGV, recover);
	if (peal_overflow_hold() || peal_overflow_enter_thread())
		abort();
	fault_and_recover();
	_exit(44);
}

START_TEST(recovering_handlers_go_on_working)
{
	if (peal_on_valgrind())
		peal_skip("Valgrind counts the faults as errors");
	in_child(recover_three_times);
	check_exited(44);
}
END_TEST

static struct sigaction ours;

static void polite(int number, siginfo_t *info, void *context)
{
	static const char text[] = "over it: ";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	ours.sa_sigaction(number, info, context);
}

static void cover(void)
{
	struct sigaction action = { .sa_sigaction = polite, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigaction(SIGSEGV, &action, &ours);
}

/* Installing ours once more over theirs would make the two call each other for ever. */
static void overflow_under_cover(void)
{
	if (peal_overflow_hold())
		abort();
	cover();
	peal_overflow_release();
	hold_and_overflow();
}

START_TEST(a_handler_over_ours_makes_no_circle)
{
	in_child(overflow_under_cover);
	check_killed(SIGSEGV);
	ck_assert_ptr_nonnull(strstr(fate.text, "over it: fiber glutton overflowed its "));
}
END_TEST

static void overflow_after_cover_was_lifted(void)
{
	if (peal_overflow_hold())
		abort();
	cover();
	peal_overflow_release();
	signal(SIGSEGV, SIG_DFL);
	hold_and_overflow();
}

START_TEST(a_handler_that_is_gone_is_installed_again)
{
	in_child(overflow_after_cover_was_lifted);
	check_killed(SIGSEGV);
	check_report("glutton");
}
END_TEST

START_TEST(a_handler_over_ours_is_left_alone)
{
	struct sigaction now;

	ck_assert_int_eq(peal_overflow_hold(), 0);
	cover();
	peal_overflow_release();
	sigaction(SIGSEGV, NULL, &now);
	ck_assert(now.sa_sigaction == polite);
}
END_TEST

START_TEST(the_earlier_handler_is_put_back)
{
	struct sigaction before = { .sa_sigaction = say_and_exit, .sa_flags = SA_SIGINFO }, now;

	sigaction(SIGSEGV, &before, NULL);
	ck_assert_int_eq(peal_overflow_hold(), 0);
	sigaction(SIGSEGV, NULL, &now);
	ck_assert(now.sa_sigaction != say_and_exit);
	peal_overflow_release();
	sigaction(SIGSEGV, NULL, &now);
	ck_assert(now.sa_sigaction == say_and_exit);
}
END_TEST

static TCase *handlers(void)
{
	TCase *tcase = tcase_create("handlers");

	tcase_add_test(tcase, an_earlier_handler_is_called_next);
	tcase_add_test(tcase, an_earlier_handler_keeps_its_flags);
	tcase_add_test(tcase, a_fault_cannot_be_ignored);
	tcase_add_test(tcase, recovering_handlers_go_on_working);
	tcase_add_test(tcase, a_handler_over_ours_makes_no_circle);
	tcase_add_test(tcase, a_handler_that_is_gone_is_installed_again);
	tcase_add_test(tcase, a_handler_over_ours_is_left_alone);
	tcase_add_test(tcase, the_earlier_handler_is_put_back);
	return tcase;
}

static Suite *overflow_chain_suite(void)
{
	Suite *suite = suite_create("overflow chain");

	suite_add_tcase(suite, handlers());
	return suite;
}

int main(void)
{
	return peal_check_main(overflow_chain_suite());
}
