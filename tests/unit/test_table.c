/* SPDX-License-Identifier: MIT */
/* The map from numbers to objects: what is in it is found, what is not is not, also without memory. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <peal/runtime.h>

#include "core/base/table.h"
#include "tests/check_main.h"

enum { KEYS = 10000 };

static int objects[KEYS];

/* Keys that are close together, far apart, and alike in their low bits. */
static uint64_t key(int i)
{
	return i % 3 == 0 ? (uint64_t)i : i % 3 == 1 ? (uint64_t)i << 32 : ~(uint64_t)i;
}

START_TEST(what_was_added_is_found)
{
	struct peal_table table = { 0 };
	int count = 0;

	ck_assert_ptr_null(peal_table_find(&table, 0));
	for (int i = 0; i < KEYS; i++) {
		ck_assert_ptr_null(peal_table_find(&table, key(i)));
		ck_assert_int_eq(peal_table_add(&table, key(i), &objects[i]), 0);
	}
	for (int i = 0; i < KEYS; i++)
		ck_assert_ptr_eq(peal_table_find(&table, key(i)), &objects[i]);
	ck_assert_ptr_null(peal_table_find(&table, (uint64_t)1 << 60));
	ck_assert_uint_eq(table.count, KEYS);
	for (uint32_t i = 0; i < table.size; i++)
		count += table.slots[i].value != NULL;
	ck_assert_int_eq(count, KEYS);
	peal_table_free(&table);
	ck_assert_ptr_null(peal_table_find(&table, 0));
}
END_TEST

static bool no_memory;

static void *allocate(size_t alignment, size_t size)
{
	return no_memory ? NULL : aligned_alloc(alignment, size);
}

START_TEST(without_memory_it_stays_as_it_is)
{
	struct peal_table table = { 0 };
	int n = 0;

	ck_assert_int_eq(peal_set_allocator(allocate, free), 0);
	no_memory = true;
	ck_assert_int_eq(peal_table_add(&table, 1, &objects[0]), -ENOMEM);
	no_memory = false;
	ck_assert_int_eq(peal_table_add(&table, 0, &objects[0]), 0);
	no_memory = true;
	while (peal_table_add(&table, (uint64_t)n + 1, &objects[n + 1]) == 0)
		n++;
	ck_assert_int_ge(n, 1);
	for (int i = 0; i <= n; i++)
		ck_assert_ptr_eq(peal_table_find(&table, (uint64_t)i), &objects[i]);
	ck_assert_ptr_null(peal_table_find(&table, (uint64_t)n + 1));
	peal_table_free(&table);
}
END_TEST

static Suite *table_suite(void)
{
	Suite *suite = suite_create("table");
	TCase *tcase = tcase_create("table");

	tcase_add_test(tcase, what_was_added_is_found);
	tcase_add_test(tcase, without_memory_it_stays_as_it_is);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(table_suite());
}
