/* SPDX-License-Identifier: MIT */
/*
 * Stealable tasks behind one that does not give way: they are run elsewhere, whoever sleeps and however.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/contract/runtime.h"

static int spawn_and_join(peal_task_fn *fn, void *arg, uint64_t place)
{
	struct peal_task *task;
	int result = -12345;

	ck_assert_int_eq(peal_task_spawn(&task, fn, arg, PEAL_SPAWN(.place = place)), 0);
	ck_assert_int_eq(peal_task_join(task, &result), 0);
	return result;
}

/* One that does not give way, and will not before somebody has run. */
static int hog(void *arg)
{
	atomic_int *running = arg;

	atomic_fetch_add(running, 1);
	while (atomic_load(running) < 2)
		;
	return peal_shard();
}

static int free_the_hog(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
	return peal_shard();
}

static void start_hog(struct peal_task **task, atomic_int *running, int shard)
{
	ck_assert_int_eq(
		peal_task_spawn(task, hog, running, PEAL_SPAWN(.place = PEAL_PINNED(shard))), 0);
	while (!atomic_load(running))
		peal_sleep(PEAL_MS);
}

TASK_TEST(a_near_task_behind_a_hog_runs_elsewhere, .shards = 3)
{
	struct peal_task *hog_task;
	atomic_int running = 0;

	start_hog(&hog_task, &running, 2);
	ck_assert_int_ne(spawn_and_join(free_the_hog, &running, PEAL_NEAR(2)), 2);
	ck_assert_int_eq(peal_task_join(hog_task, NULL), 0);
	return 0;
}

/* Whoever sleeps looks round now and then while others work. */
TASK_TEST(a_single_task_behind_a_hog_runs_elsewhere, .shards = 2)
{
	struct peal_task *task;
	atomic_int running = 1;
	int result;

	ck_assert_int_eq(
		peal_task_spawn(&task, free_the_hog, &running, PEAL_SPAWN(.place = PEAL_STEALABLE)),
		0);
	while (atomic_load(&running) < 2)
		;
	ck_assert_int_eq(peal_task_join(task, &result), 0);
	ck_assert_int_ne(result, peal_shard());
	return 0;
}

/* But not when all have slept, as they do here: the first that is published then wakes somebody. */
TASK_TEST(a_single_task_is_found_though_all_others_sleep, .shards = 3)
{
	for (int round = 0; round < 3; round++) {
		struct peal_task *tasks[2];
		atomic_int running = 1;

		ck_assert_int_eq(peal_sleep(30 * PEAL_MS), 0);
		for (int i = 0; i < 2; i++) {
			atomic_store(&running, 1);
			ck_assert_int_eq(peal_task_spawn(&tasks[i], free_the_hog, &running,
						 PEAL_SPAWN(.place = PEAL_STEALABLE)),
				0);
			while (atomic_load(&running) < 2)
				;
		}
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(peal_task_join(tasks[i], NULL), 0);
	}
	return 0;
}

struct outside {
	struct peal_rt *rt;
	atomic_int *running;
};

static void *spawn_near_the_hog(void *arg)
{
	const struct outside *outside = arg;

	while (!atomic_load(outside->running))
		;
	ck_assert_int_eq(peal_rt_spawn(outside->rt, free_the_hog, outside->running,
				 PEAL_SPAWN(.place = PEAL_NEAR(1))),
		0);
	return NULL;
}

/* The same for one that a thread puts there that is no shard, while we do not give way, either. */
TASK_TEST(a_near_task_is_found_though_all_others_sleep, .shards = 3)
{
	struct peal_task *hog_task;
	atomic_int running = 0;
	struct outside outside = { peal_rt_current(), &running };
	pthread_t thread;

	ck_assert_int_eq(peal_sleep(30 * PEAL_MS), 0);
	ck_assert_int_eq(
		peal_task_spawn(&hog_task, hog, &running, PEAL_SPAWN(.place = PEAL_PINNED(1))), 0);
	ck_assert_int_eq(peal_yield(), 0); /* its bell is rung */
	ck_assert_int_eq(pthread_create(&thread, NULL, spawn_near_the_hog, &outside), 0);
	while (atomic_load(&running) < 2)
		;
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(peal_task_join(hog_task, NULL), 0);
	return 0;
}

static int spawn_from_outside(void *arg)
{
	const struct outside *outside = arg;

	return peal_rt_spawn(
		outside->rt, free_the_hog, outside->running, PEAL_SPAWN(.place = PEAL_STEALABLE));
}

/* From threads that are no shards, in turn to all shards, one of which does not look into its inbox. */
TASK_TEST(a_stealable_task_from_outside_is_not_stuck_behind_a_hog, .shards = 3)
{
	struct peal_task *hog_task;
	atomic_int running = 0;
	struct outside outside = { peal_rt_current(), &running };
	int result;

	start_hog(&hog_task, &running, 2);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(peal_blocking(spawn_from_outside, &outside, &result), 0);
		ck_assert_int_eq(result, 0);
	}
	while (atomic_load(&running) < 4)
		peal_sleep(PEAL_MS);
	ck_assert_int_eq(peal_task_join(hog_task, NULL), 0);
	return 0;
}

static Suite *stuck_suite(void)
{
	Suite *suite = suite_create("stuck");
	TCase *tcase = tcase_create("stuck");

	find_backends();
	ADD_TASK_TEST(tcase, a_near_task_behind_a_hog_runs_elsewhere);
	ADD_TASK_TEST(tcase, a_single_task_behind_a_hog_runs_elsewhere);
	ADD_TASK_TEST(tcase, a_single_task_is_found_though_all_others_sleep);
	ADD_TASK_TEST(tcase, a_near_task_is_found_though_all_others_sleep);
	ADD_TASK_TEST(tcase, a_stealable_task_from_outside_is_not_stuck_behind_a_hog);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(stuck_suite());
}
