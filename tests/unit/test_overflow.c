/* SPDX-License-Identifier: MIT */
/* The report of an overflow, in processes that die of it. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fiber.h"
#include "core/overflow.h"

#include "tests/check_main.h"
#include "tests/sys_fail.h"

static struct peal_fiber thread;

/* A child's end: what it wrote to stderr, and wait(2)'s status. */
static struct {
	char text[4096];
	int status;
} fate;

/* Sanitizers have a handler for SIGSEGV; the tests want the kernel's default below ours. */
static void become_plain(void)
{
	const struct rlimit none = { 0 };

	setrlimit(RLIMIT_CORE, &none);
	signal(SIGSEGV, SIG_DFL);
	signal(SIGABRT, SIG_DFL);
}

static void read_all(int fd)
{
	size_t used = 0;
	ssize_t n;

	memset(&fate, 0, sizeof(fate));
	while ((n = read(fd, fate.text + used, sizeof(fate.text) - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
}

static void in_child(void (*fn)(void))
{
	int fd[2];
	pid_t child;

	ck_assert_int_eq(pipe(fd), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		close(fd[1]);
		become_plain();
		fn();
		_exit(0);
	}
	close(fd[1]);
	read_all(fd[0]);
	ck_assert_int_eq(waitpid(child, &fate.status, 0), child);
}

static void check_killed(int signal_number)
{
	ck_assert_msg(WIFSIGNALED(fate.status), "status %x: %s", fate.status, fate.text);
	ck_assert_int_eq(WTERMSIG(fate.status), signal_number);
}

static void check_exited(int code)
{
	ck_assert_msg(WIFEXITED(fate.status), "status %x: %s", fate.status, fate.text);
	ck_assert_int_eq(WEXITSTATUS(fate.status), code);
}

static size_t smallest_kib(void)
{
	const struct peal_stack_limits limits = { .size = PEAL_STACK_MIN };
	struct peal_stack_pool *pool;
	struct peal_stack *stack;
	size_t kib;

	ck_assert_int_eq(peal_stack_pool_create(&pool, &limits), 0);
	stack = peal_stack_get(pool);
	kib = peal_stack_kib(stack);
	peal_stack_put(pool, stack);
	peal_stack_pool_destroy(pool);
	return kib;
}

/* "fiber NAME overflowed its N KiB stack (address 0x...)", once, and nothing else. */
static void check_report(const char *name)
{
	char expected[256];

	snprintf(expected, sizeof(expected), "fiber %s overflowed its %zu KiB stack (address 0x",
		name, smallest_kib());
	ck_assert_msg(!strncmp(fate.text, expected, strlen(expected)), "%s", fate.text);
	ck_assert_int_eq(fate.text[strlen(fate.text) - 1], '\n');
	ck_assert_ptr_eq(strchr(fate.text, '\n'), fate.text + strlen(fate.text) - 1);
}

/* Without end, in frames smaller than the guard; the compiler must believe that it might return. */
static PEAL_NOINLINE int recurse(volatile int *depth)
{
	volatile char block[512];

	block[0] = (char)++*depth;
	if (*depth < 0)
		return block[0];
	return recurse(depth) + block[0];
}

static struct peal_fiber *overflow(void *arg)
{
	volatile int depth = 0;

	(void)arg;
	recurse(&depth);
	return &thread;
}

static void run_fiber(const char *name, peal_fiber_entry *entry)
{
	const struct peal_stack_limits limits = { .size = PEAL_STACK_MIN };
	struct peal_stack_pool *pool;
	struct peal_fiber fiber;

	if (peal_stack_pool_create(&pool, &limits) || peal_fiber_adopt_thread(&thread))
		abort();
	peal_fiber_init(&fiber, peal_stack_get(pool), name, entry, NULL);
	peal_fiber_switch(&thread, &fiber);
	peal_stack_put(pool, fiber.stack);
	peal_fiber_release_thread(&thread);
	peal_stack_pool_destroy(pool);
}

static void hold_and_overflow(void)
{
	if (peal_overflow_hold() || peal_overflow_enter_thread())
		abort();
	run_fiber("glutton", overflow);
}

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

static volatile char *volatile nowhere = (volatile char *)16;

static void touch_null(void)
{
	if (peal_overflow_hold() || peal_overflow_enter_thread())
		abort();
	*nowhere = 1;
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

/* Handlers before and after ours */

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
			*nowhere = 1;
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

/* Alternate stacks */

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
	tcase_add_test(tcase, other_threads_are_reported);
	return tcase;
}

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

static TCase *alternate_stacks(void)
{
	TCase *tcase = tcase_create("alternate stacks");

	tcase_add_test(tcase, entering_and_leaving_leaves_nothing);
	tcase_add_test(tcase, an_alternate_stack_of_others_is_kept);
	tcase_add_loop_test(tcase, refusals_are_errors, 0, 2);
	return tcase;
}

static Suite *overflow_suite(void)
{
	Suite *suite = suite_create("overflow");

	suite_add_tcase(suite, reports());
	suite_add_tcase(suite, handlers());
	suite_add_tcase(suite, alternate_stacks());
	return suite;
}

int main(void)
{
	return peal_check_main(overflow_suite());
}
