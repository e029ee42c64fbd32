/* SPDX-License-Identifier: MIT */
/* Stacks that are used again: at no cost, without memory that nobody needs, and trimmed in time. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/unit/stack_help.h"

/* Bytes of [memory, memory + size) that are resident. */
static size_t resident(const void *memory, size_t size)
{
	size_t page = page_size(), n = 0;
	uintptr_t start = (uintptr_t)memory / page * page;
	size_t pages = ((uintptr_t)memory + size - start + page - 1) / page;
	unsigned char map[64];

	ck_assert_uint_le(pages, sizeof(map));
	ck_assert_int_eq(mincore((void *)start, pages * page, map), 0);
	for (size_t i = 0; i < pages; i++)
		n += map[i] & 1;
	return n * page;
}

/* Reuse */

START_TEST(the_last_stack_put_is_the_next_one_got)
{
	struct peal_stack_pool *pool = pool_with(0, 0);
	struct peal_stack *a = peal_stack_get(pool), *b = peal_stack_get(pool);

	ck_assert_ptr_ne(a, b);
	ck_assert_uint_eq(peal_stack_pool_count(pool), 2);
	peal_stack_put(pool, a);
	peal_stack_put(pool, b);
	ck_assert_uint_eq(peal_stack_pool_count(pool), 2);
	ck_assert_ptr_eq(peal_stack_get(pool), b);
	ck_assert_ptr_eq(peal_stack_get(pool), a);
	ck_assert_uint_eq(peal_stack_pool_count(pool), 2);
	peal_stack_put(pool, a);
	peal_stack_put(pool, b);
	peal_stack_pool_destroy(pool);
}
END_TEST

/* No system call at all, so that reuse costs a few nanoseconds. */
static bool no_calls(struct peal_sys_hook *hook, long number, long *result)
{
	(void)hook;
	(void)result;
	ck_abort_msg("system call %ld", number);
	return false;
}

START_TEST(reuse_does_not_ask_the_kernel)
{
	struct peal_sys_hook hook = { .call = no_calls };
	struct peal_stack_pool *pool = pool_with(0, 8);
	struct peal_stack *stack[100];

	for (int i = 0; i < 100; i++)
		stack[i] = peal_stack_get(pool);
	peal_sys_hook = &hook;
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 100; i++)
			peal_stack_put(pool, stack[i]);
		for (int i = 0; i < 100; i++)
			stack[i] = peal_stack_get(pool);
	}
	peal_sys_hook = NULL;
	for (int i = 0; i < 100; i++)
		peal_stack_put(pool, stack[i]);
	peal_stack_pool_destroy(pool);
}
END_TEST

/* As a fiber does that goes deep and comes back. */
static void use_deep(struct peal_stack *stack)
{
	memset(stack->low, 0x77, stack->size);
}

START_TEST(deep_stacks_beyond_the_bound_keep_8_kib)
{
	struct peal_stack_pool *pool = pool_with(64 * KIB, 2);
	struct peal_stack *stack[4];

	for (int i = 0; i < 4; i++) {
		stack[i] = peal_stack_get(pool);
		use_deep(stack[i]);
	}
	for (int i = 0; i < 4; i++)
		peal_stack_put(pool, stack[i]);
	for (int i = 0; i < 4; i++) {
		size_t kept = resident(stack[i]->low, stack[i]->size + sizeof(*stack[i]));

		if (i < 2)
			ck_assert_uint_eq(kept, peal_stack_kib(stack[i]) * KIB);
		else
			ck_assert_uint_le(kept, 2 * page_size());
	}
	peal_stack_pool_destroy(pool);
}
END_TEST

/* One that was not used below is not worth a system call. */
START_TEST(shallow_stacks_are_left_alone)
{
	struct sys_fail fail = { .number = SYS_madvise };
	struct peal_stack_pool *pool = pool_with(64 * KIB, 1);
	struct peal_stack *stack[4];

	for (int i = 0; i < 4; i++) {
		stack[i] = peal_stack_get(pool);
		memset((char *)stack[i] - 2 * KIB, 0x77, 2 * KIB);
	}
	sys_fail_begin(&fail);
	for (int i = 0; i < 4; i++)
		peal_stack_put(pool, stack[i]);
	sys_fail_end();
	ck_assert_int_eq(fail.seen, 0);
	peal_stack_pool_destroy(pool);
}
END_TEST

/* Trim */

START_TEST(what_was_needed_since_the_last_trim_stays)
{
	struct peal_stack_pool *pool = pool_with(0, 10);

	get_and_put(pool, 100);
	ck_assert_uint_eq(peal_stack_pool_trim(pool, 1000), 0);
	get_and_put(pool, 60);
	ck_assert_uint_eq(peal_stack_pool_trim(pool, 1000), 30);
	ck_assert_uint_eq(peal_stack_pool_count(pool), 70);
	peal_stack_pool_destroy(pool);
}
END_TEST

START_TEST(trim_goes_down_to_the_bound_in_steps)
{
	struct peal_stack_pool *pool = pool_with(0, 10);

	ck_assert_uint_eq(peal_stack_pool_excess(pool), 0);
	get_and_put(pool, 100);
	ck_assert_uint_eq(peal_stack_pool_excess(pool), 90);
	peal_stack_pool_trim(pool, 0);
	ck_assert_uint_eq(peal_stack_pool_trim(pool, 50), 50);
	ck_assert_uint_eq(peal_stack_pool_trim(pool, 50), 40);
	ck_assert_uint_eq(peal_stack_pool_trim(pool, 50), 0);
	ck_assert_uint_eq(peal_stack_pool_excess(pool), 0);
	ck_assert_uint_eq(peal_stack_pool_count(pool), 10);
	get_and_put(pool, 100); /* and up again */
	ck_assert_uint_eq(peal_stack_pool_count(pool), 100);
	peal_stack_pool_destroy(pool);
}
END_TEST

/* The memory is gone, the guard is not, and the stack comes back as good as new. */
START_TEST(a_trimmed_stack_comes_back_clean)
{
	struct peal_stack_pool *pool = pool_with(64 * KIB, 1);
	struct peal_stack *first = peal_stack_get(pool), *second = peal_stack_get(pool);

	use_deep(first);
	use_deep(second);
	peal_stack_put(pool, first);
	peal_stack_put(pool, second);
	peal_stack_pool_trim(pool, 0);
	ck_assert_uint_eq(peal_stack_pool_trim(pool, 10), 1);
	ck_assert_uint_eq(resident((char *)(second + 1) - 64 * KIB, 64 * KIB), 0);
	ck_assert_ptr_eq(peal_stack_get(pool), first);
	ck_assert_ptr_eq(peal_stack_get(pool), second);
	ck_assert_uint_eq(peal_stack_pool_count(pool), 2);
	for (size_t i = 0; i < second->size; i++)
		ck_assert_int_eq(second->low[i], 0);
	ck_assert_int_eq(write_kills(second->low - 1), SIGSEGV);
	peal_stack_put(pool, first);
	peal_stack_put(pool, second);
	peal_stack_pool_destroy(pool);
}
END_TEST

START_TEST(locked_memory_stays)
{
	struct sys_fail fail = {
		.number = SYS_madvise, .times = SYS_FAIL_ALWAYS, .answer = -EINVAL
	};
	struct peal_stack_pool *pool = pool_with(0, 10);

	get_and_put(pool, 100);
	peal_stack_pool_trim(pool, 0);
	sys_fail_begin(&fail);
	ck_assert_uint_eq(peal_stack_pool_trim(pool, 1000), 0);
	sys_fail_end();
	ck_assert_int_eq(fail.seen, 1);
	ck_assert_uint_eq(peal_stack_pool_excess(pool), 0); /* nobody need come back for it */
	ck_assert_uint_eq(peal_stack_pool_count(pool), 100);
	get_and_put(pool, 100);
	peal_stack_pool_destroy(pool);
}
END_TEST

/* Address space as well, when a chunk is empty: a burst of 20,000 is forgotten in the end. */
START_TEST(empty_chunks_go_back)
{
	const int count = PEAL_TSAN || peal_on_valgrind() ? 200 : 20000;
	struct peal_stack_pool *pool = pool_with(PEAL_STACK_MIN, 1);
	long before = status_value("VmSize"), burst, after;

	get_and_put(pool, count);
	burst = status_value("VmSize");
	peal_stack_pool_trim(pool, 0);
	while (peal_stack_pool_trim(pool, 1000))
		;
	after = status_value("VmSize");
	ck_assert_uint_eq(peal_stack_pool_count(pool), 1);
	if (!PEAL_ASAN && !PEAL_TSAN && !peal_on_valgrind()) {
		ck_assert_int_ge(burst - before, 20 * count / 2);
		ck_assert_int_le(after - before, 128 * 1024); /* at most two chunks */
	}
	get_and_put(pool, count);
	peal_stack_pool_destroy(pool);
}
END_TEST

/* Also in chunks that were full, and that one stack keeps from going back. */
START_TEST(vacant_slots_are_used_again)
{
	enum { COUNT = 300 };
	struct peal_stack_pool *pool = pool_with(0, 1);
	struct peal_stack *stack[COUNT];
	long size;

	for (int i = 0; i < COUNT; i++)
		stack[i] = peal_stack_get(pool);
	for (int i = 0; i < COUNT; i++)
		if (i % 10)
			peal_stack_put(pool, stack[i]);
	peal_stack_pool_trim(pool, 0);
	ck_assert_uint_eq(peal_stack_pool_trim(pool, COUNT), COUNT - COUNT / 10 - 1);
	size = status_value("VmSize");
	get_and_put(pool, COUNT - COUNT / 10);
	if (!PEAL_ASAN && !PEAL_TSAN && !peal_on_valgrind())
		ck_assert_int_eq(status_value("VmSize"), size);
	for (int i = 0; i < COUNT; i += 10)
		peal_stack_put(pool, stack[i]);
	ck_assert_uint_eq(peal_stack_pool_count(pool), COUNT);
	peal_stack_pool_destroy(pool);
}
END_TEST

static TCase *reuse(void)
{
	TCase *tcase = tcase_create("reuse");

	tcase_add_test(tcase, the_last_stack_put_is_the_next_one_got);
	tcase_add_test(tcase, reuse_does_not_ask_the_kernel);
	tcase_add_test(tcase, deep_stacks_beyond_the_bound_keep_8_kib);
	tcase_add_test(tcase, shallow_stacks_are_left_alone);
	tcase_add_test(tcase, what_was_needed_since_the_last_trim_stays);
	tcase_add_test(tcase, trim_goes_down_to_the_bound_in_steps);
	tcase_add_test(tcase, a_trimmed_stack_comes_back_clean);
	tcase_add_test(tcase, locked_memory_stays);
	tcase_add_test(tcase, empty_chunks_go_back);
	tcase_add_test(tcase, vacant_slots_are_used_again);
	return tcase;
}

static Suite *stack_reuse_suite(void)
{
	Suite *suite = suite_create("stack reuse");

	suite_add_tcase(suite, reuse());
	return suite;
}

int main(void)
{
	return peal_check_main(stack_reuse_suite());
}
