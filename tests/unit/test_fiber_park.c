/* SPDX-License-Identifier: MIT */
/* How many fibers can be parked, what they weigh, and what they own meanwhile. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/fiber/sanitizer.h"

#include "tests/sys_fail.h"
#include "tests/unit/fiber_pool.h"

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

static TCase *parking(void)
{
	TCase *tcase = tcase_create("parking");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_hundred_thousand_fibers_park);
	tcase_add_test(tcase, a_hundred_thousand_fibers_park_without_advice);
	tcase_add_test(tcase, a_thousand_fibers_park_and_end_again);
	tcase_add_test(tcase, what_parked_fibers_own_is_no_leak);
	tcase_set_timeout(tcase, 60);
	return tcase;
}

static Suite *fiber_park_suite(void)
{
	Suite *suite = suite_create("fiber park");

	suite_add_tcase(suite, parking());
	return suite;
}

int main(void)
{
	return peal_check_main(fiber_park_suite());
}
