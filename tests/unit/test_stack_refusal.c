/* SPDX-License-Identifier: MIT */
/* Pools of stacks when the kernel gives no more: they do with less, or say so and go on. */
#include <errno.h>
#include <sys/resource.h>

#include "tests/unit/stack_help.h"

static const struct peal_stack_limits defaults;

/* Until there are no more; linked by next. */
static struct peal_stack *get_all(struct peal_stack_pool *pool)
{
	struct peal_stack *all = NULL, *stack;

	while ((stack = peal_stack_get(pool))) {
		stack->next = all;
		all = stack;
	}
	return all;
}

START_TEST(a_refused_reservation_is_halved)
{
	/* 4 MiB, 2, 1, and half of it is given. */
	struct sys_fail fail = { .number = SYS_mmap, .times = 3, .answer = -ENOMEM };
	struct peal_stack_pool *pool;

	sys_fail_begin(&fail);
	pool = pool_with(0, 0);
	ck_assert_int_eq(fail.seen, 4);
	sys_fail_end();
	get_and_put(pool, 100);
	peal_stack_pool_destroy(pool);
}
END_TEST

START_TEST(without_memory_there_is_no_pool)
{
	struct sys_fail fail = { .number = SYS_mmap, .times = SYS_FAIL_ALWAYS, .answer = -ENOMEM };
	struct peal_stack_pool *pool = (struct peal_stack_pool *)&fail;

	sys_fail_begin(&fail);
	ck_assert_int_eq(peal_stack_pool_create(&pool, &defaults), -ENOMEM);
	sys_fail_end();
	ck_assert_ptr_eq(pool, &fail);
	ck_assert_int_ge(fail.seen, 4); /* down to a single slot */
}
END_TEST

/* What is there still works while the kernel gives nothing, and then it goes on. */
START_TEST(without_memory_there_is_no_stack)
{
	struct sys_fail fail = { .number = SYS_mmap, .times = SYS_FAIL_ALWAYS, .answer = -EAGAIN };
	struct peal_stack_pool *pool = pool_with(0, 0);
	struct peal_stack *all, *last;
	size_t count;

	sys_fail_begin(&fail);
	all = get_all(pool);
	count = peal_stack_pool_count(pool);
	ck_assert_uint_gt(count, 1);
	ck_assert_ptr_null(peal_stack_get(pool));
	last = all;
	all = all->next;
	peal_stack_put(pool, last);
	ck_assert_ptr_eq(peal_stack_get(pool), last);
	ck_assert_uint_eq(peal_stack_pool_count(pool), count);
	peal_stack_put(pool, last);
	sys_fail_end();
	put_all(pool, all);
	get_and_put(pool, count + 1);
	ck_assert_uint_eq(peal_stack_pool_count(pool), count + 1);
	peal_stack_pool_destroy(pool);
}
END_TEST

/* Each call in its turn, so that no path is left out. */
START_TEST(any_failing_call_is_survived)
{
	const long numbers[] = { SYS_mmap, SYS_madvise, SYS_mprotect, SYS_munmap, SYS_openat,
		SYS_read, SYS_uname };
	struct sys_fail fail = {
		.number = numbers[_i % 7], .from = _i / 7, .times = 1, .answer = -ENOMEM
	};
	struct peal_stack_pool *pool = NULL;

	sys_fail_begin(&fail);
	if (peal_stack_pool_create(&pool, &(struct peal_stack_limits){ .max_cached = 1 }) == 0) {
		get_and_put(pool, 200);
		peal_stack_pool_trim(pool, 0);
		peal_stack_pool_trim(pool, 1000);
		get_and_put(pool, 10);
	}
	ck_assert_uint_eq(peal_stack_pool_destroy(pool), 0);
	sys_fail_end();
}
END_TEST

START_TEST(limited_address_space_is_used_up_and_no_more)
{
	struct peal_stack_pool *pool = pool_with(0, 1);
	struct rlimit limit;
	struct peal_stack *all;
	size_t count, more = 32;

	if (PEAL_ASAN || PEAL_TSAN || peal_on_valgrind())
		peal_skip("sanitizers need the address space");
	limit.rlim_cur = limit.rlim_max = ((size_t)status_value("VmSize") + more * 1024) * KIB;
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
	all = get_all(pool);
	count = peal_stack_pool_count(pool);
	/* Most of what was left was found in smaller pieces. */
	ck_assert_uint_ge(count * 68, (more - 2) * 1024);
	put_all(pool, all);
	peal_stack_pool_trim(pool, 0);
	peal_stack_pool_trim(pool, count);
	ck_assert_uint_eq(peal_stack_pool_count(pool), 1);
	get_and_put(pool, count);
	peal_stack_pool_destroy(pool);
}
END_TEST

static TCase *refusals(void)
{
	TCase *tcase = tcase_create("refusals");

	tcase_add_test(tcase, a_refused_reservation_is_halved);
	tcase_add_test(tcase, without_memory_there_is_no_pool);
	tcase_add_test(tcase, without_memory_there_is_no_stack);
	tcase_add_loop_test(tcase, any_failing_call_is_survived, 0, 7 * 6);
	tcase_add_test(tcase, limited_address_space_is_used_up_and_no_more);
	return tcase;
}

static Suite *stack_refusal_suite(void)
{
	Suite *suite = suite_create("stack refusal");

	suite_add_tcase(suite, refusals());
	return suite;
}

int main(void)
{
	return peal_check_main(stack_refusal_suite());
}
