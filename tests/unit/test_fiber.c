/* SPDX-License-Identifier: MIT */
/* Fibers: who runs when, what travels with them, and how many fit. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/fiber.h"

#include "tests/check_main.h"
#include "tests/sys_fail.h"

static struct peal_stack_pool *pool;
static struct peal_fiber thread;

static void setup(void)
{
	ck_assert_int_eq(peal_stack_pool_create(&pool, &(struct peal_stack_limits){ 0 }), 0);
	ck_assert_int_eq(peal_fiber_adopt_thread(&thread), 0);
}

static void teardown(void)
{
	peal_fiber_release_thread(&thread);
	ck_assert_uint_eq(peal_stack_pool_destroy(pool), 0);
}

static void make(struct peal_fiber *fiber, peal_fiber_entry *entry, void *arg)
{
	struct peal_stack *stack = peal_stack_get(pool);

	ck_assert_ptr_nonnull(stack);
	peal_fiber_init(fiber, stack, "test", entry, arg);
}

static void resume(struct peal_fiber *fiber)
{
	peal_fiber_switch(&thread, fiber);
}

static void suspend(struct peal_fiber *fiber)
{
	peal_fiber_switch(fiber, &thread);
}

static void end(struct peal_fiber *fiber)
{
	peal_stack_put(pool, fiber->stack);
}

static struct peal_fiber *end_at_once(void *arg)
{
	*(int *)arg += 1;
	return &thread;
}

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

struct stepper {
	struct peal_fiber fiber;
	int steps, done;
};

static struct peal_fiber *step(void *arg)
{
	struct stepper *stepper = arg;

	for (; stepper->done < stepper->steps; stepper->done++)
		suspend(&stepper->fiber);
	return &thread;
}

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

static struct peal_fiber *end_into(void *arg)
{
	return arg;
}

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

/* What travels */

struct with_errno {
	struct peal_fiber fiber;
	int at_start, mine, after;
};

static struct peal_fiber *keep_errno(void *arg)
{
	struct with_errno *with = arg;

	with->at_start = errno;
	errno = with->mine;
	suspend(&with->fiber);
	with->after = errno;
	errno = 0;
	return &thread;
}

START_TEST(errno_travels)
{
	struct with_errno a = { .mine = EBADF }, b = { .mine = ENOSPC };

	make(&a.fiber, keep_errno, &a);
	make(&b.fiber, keep_errno, &b);
	errno = EXDEV;
	resume(&a.fiber);
	ck_assert_int_eq(errno, EXDEV);
	resume(&b.fiber);
	ck_assert_int_eq(errno, EXDEV);
	errno = ELOOP;
	resume(&a.fiber);
	resume(&b.fiber);
	ck_assert_int_eq(errno, ELOOP);
	ck_assert_int_eq(a.at_start, 0);
	ck_assert_int_eq(b.at_start, 0);
	ck_assert_int_eq(a.after, EBADF);
	ck_assert_int_eq(b.after, ENOSPC);
	end(&a.fiber);
	end(&b.fiber);
}
END_TEST

struct printer {
	struct peal_fiber fiber;
	double number;
	char text[64];
};

/* Uses SSE with aligned accesses to the stack. */
static struct peal_fiber *print(void *arg)
{
	struct printer *printer = arg;
	double half = printer->number / 2;

	suspend(&printer->fiber);
	snprintf(printer->text, sizeof(printer->text), "%.4f %s", half * 2, "done");
	return &thread;
}

START_TEST(floating_point_works)
{
	struct printer printer[2] = { { .number = 3.25 }, { .number = -1e6 } };

	for (int i = 0; i < 2; i++) {
		make(&printer[i].fiber, print, &printer[i]);
		resume(&printer[i].fiber);
	}
	for (int i = 0; i < 2; i++) {
		resume(&printer[i].fiber);
		end(&printer[i].fiber);
	}
	ck_assert_str_eq(printer[0].text, "3.2500 done");
	ck_assert_str_eq(printer[1].text, "-1000000.0000 done");
}
END_TEST

/* A thread of its own, with its own errno and its own fibers, next to the first one. */
static void *on_a_thread(void *arg)
{
	struct peal_stack_pool *stacks;
	struct peal_fiber self;
	struct peal_fiber fiber;

	ck_assert_int_eq(peal_stack_pool_create(&stacks, &(struct peal_stack_limits){ 0 }), 0);
	ck_assert_int_eq(peal_fiber_adopt_thread(&self), 0);
	for (int i = 0; i < 1000; i++) {
		peal_fiber_init(&fiber, peal_stack_get(stacks), "other", end_into, &self);
		errno = i;
		peal_fiber_switch(&self, &fiber);
		ck_assert_int_eq(errno, i);
		peal_stack_put(stacks, fiber.stack);
	}
	peal_fiber_release_thread(&self);
	ck_assert_uint_eq(peal_stack_pool_destroy(stacks), 0);
	return arg;
}

START_TEST(threads_do_not_mix)
{
	pthread_t other[2];
	struct peal_fiber fiber;
	int n = 0;

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&other[i], NULL, on_a_thread, NULL), 0);
	for (int i = 0; i < 1000; i++) {
		make(&fiber, end_at_once, &n);
		resume(&fiber);
		end(&fiber);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(other[i], NULL);
}
END_TEST

START_TEST(a_thread_is_adopted_again)
{
	struct peal_fiber fiber;
	int n = 0;

	for (int i = 0; i < 3; i++) {
		peal_fiber_release_thread(&thread);
		ck_assert_int_eq(peal_fiber_adopt_thread(&thread), 0);
		make(&fiber, end_at_once, &n);
		resume(&fiber);
		end(&fiber);
	}
	ck_assert_int_eq(n, 3);
}
END_TEST

/* Deep use: red zones of frames that were never left, seen by the next fiber on the same stack. */
static PEAL_NOINLINE int eat(int depth)
{
	char block[200];

	memset(block, depth, sizeof(block));
	return depth ? eat(depth - 1) + block[depth] : block[0];
}

struct eater {
	struct peal_fiber fiber;
	int depth, sum;
};

static struct peal_fiber *eat_and_suspend(void *arg)
{
	struct eater *eater = arg;
	char frame[300];

	memset(frame, 1, sizeof(frame));
	eater->sum = eat(eater->depth) + frame[10];
	suspend(&eater->fiber);
	return &thread;
}

START_TEST(a_stack_is_clean_for_the_next_fiber)
{
	struct eater eater;

	for (int i = 0; i < 100; i++) {
		eater.depth = i;
		make(&eater.fiber, eat_and_suspend, &eater);
		resume(&eater.fiber);
		ck_assert_int_ge(eater.sum, 1);
		end(&eater.fiber); /* in the middle of it: its frames are never left */
	}
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

/* Numbers */

static long resident_kib(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long size, resident;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%ld %ld", &size, &resident), 2);
	fclose(file);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct stepper *park(int count)
{
	struct stepper *stepper = calloc((size_t)count, sizeof(*stepper));

	ck_assert_ptr_nonnull(stepper);
	for (int i = 0; i < count; i++) {
		stepper[i].steps = 1;
		make(&stepper[i].fiber, step, &stepper[i]);
		resume(&stepper[i].fiber);
	}
	return stepper;
}

#define FEWER 5000 /* where they are slow */

/* With the limits of a fresh machine: 65,530 mappings, 64 KiB each. */
static void park_and_end(int count, bool weigh)
{
	long before = resident_kib();
	struct stepper *stepper = park(count);

	if (weigh)
		ck_assert_int_le((resident_kib() - before) * 2, (long)count * 9); /* 4.5 KiB */
	ck_assert_uint_eq(peal_stack_pool_count(pool), (size_t)count);
	for (int i = 0; i < count; i++) {
		resume(&stepper[i].fiber);
		ck_assert_int_eq(stepper[i].done, 1);
	}
	for (int i = 0; i < count; i++)
		end(&stepper[i].fiber);
	free(stepper);
}

START_TEST(a_hundred_thousand_fibers_park)
{
	if (PEAL_TSAN)
		peal_skip("ThreadSanitizer holds some thousand fibers at most");
	if (PEAL_ASAN || peal_on_valgrind())
		park_and_end(FEWER, false);
	else
		park_and_end(100000, true);
}
END_TEST

/* The same on a kernel that only has mprotect: guards as far as the budget goes, canaries beyond. */
START_TEST(a_hundred_thousand_fibers_park_without_advice)
{
	struct sys_fail fail = {
		.number = SYS_madvise, .times = SYS_FAIL_ALWAYS, .answer = -EINVAL
	};

	if (PEAL_TSAN)
		peal_skip("ThreadSanitizer holds some thousand fibers at most");
	peal_stack_pool_destroy(pool);
	sys_fail_begin(&fail);
	ck_assert_int_eq(peal_stack_pool_create(&pool, &(struct peal_stack_limits){ 0 }), 0);
	park_and_end(PEAL_ASAN || peal_on_valgrind() ? FEWER : 100000, false);
	sys_fail_end();
}
END_TEST

START_TEST(a_thousand_fibers_park_and_end_again)
{
	for (int i = 0; i < 5; i++)
		park_and_end(1000, false);
}
END_TEST

/* Only a parked fiber knows where this is: LeakSanitizer must look on its stack. (In a register that
 * the switch saves: it does not look at the frames that ASan keeps elsewhere for a fiber that is parked,
 * with detect_stack_use_after_return.) */
static struct peal_fiber *own_memory(void *arg)
{
	struct stepper *stepper = arg;
	char *memory = malloc(1000);

	__asm__("" : "+r"(memory)); /* so that the compiler does without neither */
	suspend(&stepper->fiber);
	free(memory);
	return &thread;
}

START_TEST(what_parked_fibers_own_is_no_leak)
{
	static struct stepper stepper[3];

	for (int i = 0; i < 3; i++) {
		make(&stepper[i].fiber, own_memory, &stepper[i]);
		resume(&stepper[i].fiber);
	}
#if PEAL_ASAN
	ck_assert_int_eq(__lsan_do_recoverable_leak_check(), 0);
#endif
	for (int i = 0; i < 3; i++) {
		resume(&stepper[i].fiber);
		end(&stepper[i].fiber);
	}
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

static TCase *travel(void)
{
	TCase *tcase = tcase_create("travel");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, errno_travels);
	tcase_add_test(tcase, floating_point_works);
	tcase_add_test(tcase, threads_do_not_mix);
	tcase_add_test(tcase, a_thread_is_adopted_again);
	tcase_add_test(tcase, a_stack_is_clean_for_the_next_fiber);
	tcase_add_exit_test(tcase, an_overrun_canary_names_the_fiber, 77);
	tcase_add_test(tcase, guarded_fibers_need_no_canary);
	return tcase;
}

static TCase *numbers(void)
{
	TCase *tcase = tcase_create("numbers");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_hundred_thousand_fibers_park);
	tcase_add_test(tcase, a_hundred_thousand_fibers_park_without_advice);
	tcase_add_test(tcase, a_thousand_fibers_park_and_end_again);
	tcase_add_test(tcase, what_parked_fibers_own_is_no_leak);
	tcase_set_timeout(tcase, 60);
	return tcase;
}

static Suite *fiber_suite(void)
{
	Suite *suite = suite_create("fiber");

	suite_add_tcase(suite, turns());
	suite_add_tcase(suite, travel());
	suite_add_tcase(suite, numbers());
	return suite;
}

int main(void)
{
	return peal_check_main(fiber_suite());
}
