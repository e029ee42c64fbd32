/* SPDX-License-Identifier: MIT */
/* Guards of stacks: by advice, by mprotect within its budget, canaries where neither works. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/stack_help.h"

static void check_guard(struct peal_stack *stack)
{
	ck_assert_int_eq(write_kills(stack->low), 0);
	ck_assert_int_eq(write_kills(stack->low - 1), SIGSEGV);
	ck_assert_int_eq(write_kills(stack->low - page_size()), SIGSEGV);
	ck_assert_ptr_eq(peal_stack_by_guard(stack->low - 1), stack);
	ck_assert_ptr_eq(peal_stack_by_guard(stack->low - page_size()), stack);
	ck_assert_ptr_null(peal_stack_by_guard(stack->low));
	ck_assert_ptr_null(peal_stack_by_guard(stack));
}

static bool kernel_guards(void)
{
	struct peal_stack_pool *pool = pool_with(0, 0);
	bool advice = peal_stack_pool_guard(pool) == PEAL_GUARD_ADVICE;

	peal_stack_pool_destroy(pool);
	return advice;
}

START_TEST(guards_by_advice_stop_a_write)
{
	struct peal_stack_pool *pool;
	struct peal_stack *stack[3];

	if (!kernel_guards())
		peal_skip("this kernel has no MADV_GUARD_INSTALL");
	pool = pool_with(0, 0);
	for (int i = 0; i < 3; i++)
		stack[i] = peal_stack_get(pool);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(stack[i]->guard, PEAL_GUARD_ADVICE);
		check_guard(stack[i]);
		peal_stack_put(pool, stack[i]);
	}
	peal_stack_pool_destroy(pool);
}
END_TEST

static void check_protected(struct peal_stack_pool *pool)
{
	struct peal_stack *stack = peal_stack_get(pool);

	ck_assert_int_eq(peal_stack_pool_guard(pool), PEAL_GUARD_PROTECT);
	ck_assert_int_eq(stack->guard, PEAL_GUARD_PROTECT);
	check_guard(stack);
	peal_stack_put(pool, stack);
	peal_stack_pool_destroy(pool);
}

START_TEST(an_older_kernel_gets_mprotect)
{
	struct sys_fail fail = {
		.number = SYS_madvise, .times = SYS_FAIL_ALWAYS, .answer = -EINVAL
	};

	sys_fail_begin(&fail);
	check_protected(pool_with(0, 0));
	sys_fail_end();
}
END_TEST

/* As emulators do: the advice is taken, and nothing happens. */
START_TEST(advice_that_guards_nothing_is_seen_through)
{
	struct sys_fail fail = { .number = SYS_madvise, .times = SYS_FAIL_ALWAYS, .answer = 0 };

	sys_fail_begin(&fail);
	check_protected(pool_with(0, 0));
	sys_fail_end();
}
END_TEST

/* The process has locked its memory, and from then on the advice is refused. */
START_TEST(advice_that_ends_later_is_replaced)
{
	struct sys_fail fail = {
		.number = SYS_madvise, .times = SYS_FAIL_ALWAYS, .answer = -EINVAL
	};
	struct peal_stack_pool *pool;
	struct peal_stack *first, *second;

	if (!kernel_guards())
		peal_skip("this kernel has no MADV_GUARD_INSTALL");
	pool = pool_with(0, 0);
	first = peal_stack_get(pool);
	sys_fail_begin(&fail);
	second = peal_stack_get(pool);
	sys_fail_end();
	ck_assert_int_eq(first->guard, PEAL_GUARD_ADVICE);
	ck_assert_int_eq(second->guard, PEAL_GUARD_PROTECT);
	ck_assert_int_eq(peal_stack_pool_guard(pool), PEAL_GUARD_PROTECT);
	check_guard(first);
	check_guard(second);
	peal_stack_put(pool, first);
	peal_stack_put(pool, second);
	peal_stack_pool_destroy(pool);
}
END_TEST

START_TEST(one_failed_advice_does_not_end_it)
{
	struct sys_fail fail = { .number = SYS_madvise, .times = 1, .answer = -ENOMEM };
	struct peal_stack_pool *pool;
	struct peal_stack *first, *second;

	if (!kernel_guards())
		peal_skip("this kernel has no MADV_GUARD_INSTALL");
	pool = pool_with(0, 0);
	sys_fail_begin(&fail);
	first = peal_stack_get(pool);
	second = peal_stack_get(pool);
	sys_fail_end();
	ck_assert_int_eq(first->guard, PEAL_GUARD_PROTECT);
	ck_assert_int_eq(second->guard, PEAL_GUARD_ADVICE);
	check_guard(first);
	check_guard(second);
	peal_stack_put(pool, first);
	peal_stack_put(pool, second);
	peal_stack_pool_destroy(pool);
}
END_TEST

/* Neither advice nor mprotect. */
static bool no_guards(struct peal_sys_hook *hook, long number, long *result)
{
	(void)hook;
	*result = number == SYS_madvise ? -EINVAL : -ENOMEM;
	return number == SYS_madvise || number == SYS_mprotect;
}

static struct peal_sys_hook without_guards = { .call = no_guards };

START_TEST(without_guards_a_canary_watches)
{
	struct peal_stack_pool *pool;
	struct peal_stack *stack;

	peal_sys_hook = &without_guards;
	pool = pool_with(0, 0);
	stack = peal_stack_get(pool);
	ck_assert_int_eq(stack->guard, PEAL_GUARD_CANARY);
	ck_assert(!peal_stack_overrun(stack));
	memset(stack->low, 0xff, stack->size);
	ck_assert(!peal_stack_overrun(stack));
	stack->low[-1] = 1;
	ck_assert(peal_stack_overrun(stack));
	stack->low[-1] = 0;
	stack->low[-500] = 1;
	ck_assert(peal_stack_overrun(stack));
	stack->low[-500] = 0;
	peal_stack_put(pool, stack);
	peal_stack_pool_destroy(pool);
}
END_TEST

START_TEST(a_stack_that_was_overrun_is_not_taken_back)
{
	struct peal_stack_pool *pool;
	struct peal_stack *stack;

	peal_sys_hook = &without_guards;
	pool = pool_with(0, 0);
	stack = peal_stack_get(pool);
	stack->owner = "deep";
	stack->low[-8] = 1;
	peal_stack_put(pool, stack);
}
END_TEST

/* Watching costs no memory: the kernel's page of zeroes is nobody's. */
START_TEST(a_canary_is_not_resident)
{
	enum { COUNT = 2000 };
	struct peal_stack_pool *pool;
	long before, after;

	if (PEAL_ASAN || PEAL_TSAN || peal_on_valgrind())
		peal_skip("sanitizers use memory of their own");
	peal_sys_hook = &without_guards;
	pool = pool_with(0, 0);
	before = status_value("VmRSS");
	for (int i = 0; i < COUNT; i++)
		ck_assert(!peal_stack_overrun(peal_stack_get(pool)));
	after = status_value("VmRSS");
	ck_assert_int_le(after - before, COUNT * 9 / 2); /* 4.5 KiB */
}
END_TEST

/* A quarter of max_map_count; above it canaries, and the memory of the rest of the process goes on. */
START_TEST(mprotect_keeps_to_its_budget)
{
	struct sys_fail fail = {
		.number = SYS_madvise, .times = SYS_FAIL_ALWAYS, .answer = -EINVAL
	};
	struct peal_stack_pool *pool;
	struct peal_stack *stack;
	long protect = 0, canary = 0, most;
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");

	if (PEAL_TSAN || PEAL_ASAN || peal_on_valgrind())
		peal_skip("sanitizers cannot have that many mappings");
	if (!file || fscanf(file, "%ld", &most) != 1 || most > 200000)
		peal_skip("too many mappings are allowed to try them all");
	fclose(file);
	sys_fail_begin(&fail);
	pool = pool_with(PEAL_STACK_MIN, 0);
	while (canary < 10) {
		stack = peal_stack_get(pool);
		ck_assert_ptr_nonnull(stack);
		if (stack->guard == PEAL_GUARD_CANARY)
			canary++;
		else
			protect++;
	}
	sys_fail_end();
	ck_assert_int_eq(protect, most / 4);
}
END_TEST

/* What a pool used of the budget is there again when it is gone. */
START_TEST(the_budget_comes_back)
{
	struct sys_fail fail = {
		.number = SYS_madvise, .times = SYS_FAIL_ALWAYS, .answer = -EINVAL
	};

	sys_fail_begin(&fail);
	for (int round = 0; round < 200; round++) {
		struct peal_stack_pool *pool = pool_with(PEAL_STACK_MIN, 1);
		struct peal_stack *all = NULL;

		for (int i = 0; i < 200; i++) {
			struct peal_stack *stack = peal_stack_get(pool);

			ck_assert_int_eq(stack->guard, PEAL_GUARD_PROTECT);
			stack->next = all;
			all = stack;
		}
		put_all(pool, all);
		ck_assert_uint_eq(peal_stack_pool_destroy(pool), 0);
	}
	sys_fail_end();
}
END_TEST

static TCase *guards(void)
{
	TCase *tcase = tcase_create("guards");

	tcase_add_test(tcase, guards_by_advice_stop_a_write);
	tcase_add_test(tcase, an_older_kernel_gets_mprotect);
	tcase_add_test(tcase, advice_that_guards_nothing_is_seen_through);
	tcase_add_test(tcase, advice_that_ends_later_is_replaced);
	tcase_add_test(tcase, one_failed_advice_does_not_end_it);
	tcase_add_test(tcase, without_guards_a_canary_watches);
	tcase_add_test_raise_signal(tcase, a_stack_that_was_overrun_is_not_taken_back, SIGABRT);
	tcase_add_test(tcase, a_canary_is_not_resident);
	tcase_add_test(tcase, mprotect_keeps_to_its_budget);
	tcase_add_test(tcase, the_budget_comes_back);
	return tcase;
}

static Suite *stack_guard_suite(void)
{
	Suite *suite = suite_create("stack guard");

	suite_add_tcase(suite, guards());
	return suite;
}

int main(void)
{
	return peal_check_main(stack_guard_suite());
}
