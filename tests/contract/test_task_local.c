/* SPDX-License-Identifier: MIT */
/*
 * Fiber-local slots.
 */
#include <errno.h>
#include <stdatomic.h>

#include "tests/contract/runtime.h"

/* Spawn a task on a shard, to be joined. */
static struct peal_task *go(peal_task_fn *fn, void *arg, unsigned int shard)
{
	struct peal_task *task;

	ck_assert_int_eq(
		peal_task_spawn(&task, fn, arg, PEAL_SPAWN(.place = PEAL_PINNED(shard))), 0);
	return task;
}

static int join(struct peal_task *task)
{
	int result;

	ck_assert_int_eq(peal_task_join(task, &result), 0);
	return result;
}

static unsigned int first_key, second_key;
static atomic_int destroyed;

static void destroy_first(void *value)
{
	/* The second went before; this is still the fiber that ends. */
	ck_assert_ptr_eq(value, (void *)1);
	ck_assert_ptr_null(peal_task_local_get(second_key));
	ck_assert_int_eq(peal_sleep(PEAL_US), 0);
	destroyed++;
}

static void destroy_second(void *value)
{
	ck_assert_ptr_eq(value, (void *)2);
	ck_assert_ptr_eq(peal_task_local_get(first_key), (void *)1);
	destroyed++;
}

static int use_locals(void *arg)
{
	(void)arg;
	ck_assert_ptr_null(peal_task_local_get(first_key));
	ck_assert_int_eq(peal_task_local_set(first_key, NULL), 0);
	ck_assert_int_eq(peal_task_local_set(first_key, (void *)1), 0);
	ck_assert_int_eq(peal_task_local_set(second_key, (void *)2), 0);
	ck_assert_int_eq(peal_yield(), 0);
	ck_assert_ptr_eq(peal_task_local_get(first_key), (void *)1);
	ck_assert_ptr_eq(peal_task_local_get(second_key), (void *)2);
	return 0;
}

TASK_TEST(each_fiber_has_its_own)
{
	struct peal_task *tasks[8];
	unsigned int key;

	(void)arg;
	destroyed = 0;
	ck_assert_int_eq(peal_task_local_create(NULL, &key, NULL), -EINVAL);
	ck_assert_int_eq(peal_task_local_create(peal_rt_current(), NULL, NULL), -EINVAL);
	ck_assert_int_eq(peal_task_local_create(peal_rt_current(), &first_key, destroy_first), 0);
	ck_assert_int_eq(peal_task_local_create(peal_rt_current(), &second_key, destroy_second), 0);
	for (int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < 8; i++)
			tasks[i] = go(use_locals, NULL, i % 2);
		for (int i = 0; i < 8; i++)
			ck_assert_int_eq(join(tasks[i]), 0);
		ck_assert_int_eq(destroyed, 16 * (round + 1));
	}
	ck_assert_ptr_null(peal_task_local_get(first_key));
	ck_assert_ptr_null(peal_task_local_get(1000));
	ck_assert_int_eq(peal_task_local_set(1000, NULL), -EINVAL);
	for (int i = 2; i < 32; i++)
		ck_assert_int_eq(peal_task_local_create(peal_rt_current(), &key, NULL), 0);
	ck_assert_int_eq(peal_task_local_create(peal_rt_current(), &key, NULL), -ENOSPC);
	return 0;
}

START_TEST(off_the_fibers)
{
	ck_assert_int_eq(peal_task_local_set(0, NULL), -EPERM);
	ck_assert_ptr_null(peal_task_local_get(0));
}
END_TEST

static Suite *task_local_suite(void)
{
	Suite *suite = suite_create("task_local");
	TCase *tcase = tcase_create("task_local");

	ADD_TASK_TEST(tcase, each_fiber_has_its_own);
	tcase_add_test(tcase, off_the_fibers);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(task_local_suite());
}
