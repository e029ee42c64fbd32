/* SPDX-License-Identifier: MIT */
/* Pools of stacks: the shape of what they give, and how pools end. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/stack_help.h"

/* Shape */

START_TEST(a_stack_is_what_was_asked_for)
{
	struct peal_stack_pool *pool = pool_with(0, 0);
	struct peal_stack *stack = peal_stack_get(pool);

	ck_assert_ptr_nonnull(stack);
	ck_assert_ptr_eq(stack->low + stack->size, (char *)stack);
	/* A page more where that makes the slot odd: with the large guard of aarch64. */
	ck_assert_uint_ge(peal_stack_kib(stack), 64 * PEAL_STACK_GROWTH);
	ck_assert_uint_le(peal_stack_kib(stack), 64 * PEAL_STACK_GROWTH + page_size() / KIB);
	memset(stack->low, 0x5a, stack->size);
	peal_stack_put(pool, stack);
	ck_assert_uint_eq(peal_stack_pool_destroy(pool), 0);
}
END_TEST

START_TEST(slots_are_an_odd_number_of_pages)
{
	const size_t sizes[] = { 16 * KIB, 20 * KIB, 64 * KIB, 68 * KIB, 256 * KIB, 300001 };
	struct peal_stack_pool *pool = pool_with(sizes[_i], 0);
	struct peal_stack *first = peal_stack_get(pool), *second = peal_stack_get(pool);

	ck_assert_ptr_nonnull(second);
	ck_assert_uint_eq((size_t)(second->low - first->low) / page_size() % 2, 1);
	ck_assert_uint_eq((size_t)(second->low - first->low) % page_size(), 0);
	ck_assert_uint_ge(first->size + sizeof(*first), sizes[_i]);
	peal_stack_put(pool, first);
	peal_stack_put(pool, second);
	peal_stack_pool_destroy(pool);
}
END_TEST

START_TEST(senseless_sizes_are_refused)
{
	const size_t sizes[] = { 1, PEAL_STACK_MIN - 1, (size_t)PEAL_STACK_MAX + 1, SIZE_MAX };
	const struct peal_stack_limits limits = { .size = sizes[_i] };
	struct peal_stack_pool *pool = (struct peal_stack_pool *)&limits;

	ck_assert_int_eq(peal_stack_pool_create(&pool, &limits), -EINVAL);
	ck_assert_ptr_eq(pool, &limits);
}
END_TEST

START_TEST(no_pool_is_destroyed_quietly)
{
	ck_assert_uint_eq(peal_stack_pool_destroy(NULL), 0);
}
END_TEST

/* Ends */

static size_t count_mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	size_t n = 0;

	ck_assert_ptr_nonnull(file);
	for (int c; (c = getc(file)) != EOF;)
		n += c == '\n';
	fclose(file);
	return n;
}

START_TEST(nothing_stays_behind)
{
	size_t before = 0;

	for (int round = 0; round < 20; round++) {
		struct peal_stack_pool *pool = pool_with(0, 0);

		get_and_put(pool, 300);
		ck_assert_uint_eq(peal_stack_pool_destroy(pool), 0);
		if (round == 2)
			before = count_mappings();
	}
	if (!PEAL_ASAN && !PEAL_TSAN && !peal_on_valgrind()) /* they map as they like */
		ck_assert_uint_le(count_mappings(), before);
}
END_TEST

START_TEST(stacks_in_use_outlive_their_pool)
{
	struct peal_stack_pool *pool = pool_with(0, 0);
	struct peal_stack *used = peal_stack_get(pool), *idle = peal_stack_get(pool);
	char *low = used->low;

	peal_stack_put(pool, idle);
	ck_assert_uint_eq(peal_stack_pool_destroy(pool), 1);
	memset(low, 1, used->size);
	ck_assert_ptr_eq(peal_stack_by_guard(low - 1), used);
}
END_TEST

START_TEST(a_destroyed_pool_is_not_found)
{
	struct peal_stack_pool *pool = pool_with(0, 0);
	struct peal_stack *stack = peal_stack_get(pool);
	char *guard = stack->low - 1;

	ck_assert_ptr_eq(peal_stack_by_guard(guard), stack);
	peal_stack_put(pool, stack);
	ck_assert_ptr_eq(peal_stack_by_guard(guard), stack);
	peal_stack_pool_destroy(pool);
	ck_assert_ptr_null(peal_stack_by_guard(guard));
	ck_assert_ptr_null(peal_stack_by_guard(NULL));
	ck_assert_ptr_null(peal_stack_by_guard(&pool));
	ck_assert_ptr_null(peal_stack_by_guard((void *)UINTPTR_MAX));
}
END_TEST

/* Pools come and go on other threads while somebody searches. */
static void *come_and_go(void *arg)
{
	for (int i = 0; i < 300; i++) {
		struct peal_stack_pool *pool = pool_with((size_t)(i % 5 + 1) * 16 * KIB, 0);

		get_and_put(pool, 10);
		peal_stack_pool_destroy(pool);
	}
	return arg;
}

START_TEST(searching_goes_on_beside_changes)
{
	struct peal_stack_pool *pool = pool_with(0, 0);
	struct peal_stack *stack = peal_stack_get(pool);
	pthread_t thread[2];

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, come_and_go, NULL), 0);
	for (int i = 0; i < 5000; i++) {
		ck_assert_ptr_eq(peal_stack_by_guard(stack->low - 1), stack);
		ck_assert_ptr_null(peal_stack_by_guard(&pool));
	}
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	peal_stack_put(pool, stack);
	peal_stack_pool_destroy(pool);
}
END_TEST

static TCase *shape(void)
{
	TCase *tcase = tcase_create("shape");

	tcase_add_test(tcase, a_stack_is_what_was_asked_for);
	tcase_add_loop_test(tcase, slots_are_an_odd_number_of_pages, 0, 6);
	tcase_add_loop_test(tcase, senseless_sizes_are_refused, 0, 4);
	tcase_add_test(tcase, no_pool_is_destroyed_quietly);
	return tcase;
}

static TCase *ends(void)
{
	TCase *tcase = tcase_create("ends");

	tcase_add_test(tcase, nothing_stays_behind);
	tcase_add_test(tcase, stacks_in_use_outlive_their_pool);
	tcase_add_test(tcase, a_destroyed_pool_is_not_found);
	tcase_add_test(tcase, searching_goes_on_beside_changes);
	return tcase;
}

static Suite *stack_suite(void)
{
	Suite *suite = suite_create("stack");

	suite_add_tcase(suite, shape());
	suite_add_tcase(suite, ends());
	return suite;
}

int main(void)
{
	return peal_check_main(stack_suite());
}
