/* SPDX-License-Identifier: MIT */
/*
 * Where tasks start: placement and stealing, on every backend.
 */
#include <stdatomic.h>

#include "tests/contract/runtime.h"

static int give_back(void *arg)
{
	return (int)(intptr_t)arg;
}

static int where(void *arg)
{
	return peal_shard();
}

static int spawn_and_join(peal_task_fn *fn, void *arg, uint64_t place)
{
	struct peal_task *task;
	int result = -12345;

	ck_assert_int_eq(peal_task_spawn(&task, fn, arg, PEAL_SPAWN(.place = place)), 0);
	ck_assert_int_eq(peal_task_join(task, &result), 0);
	return result;
}

TASK_TEST(pinned_tasks_run_where_they_were_put, .shards = 4)
{
	for (int shard = 0; shard < 4; shard++)
		ck_assert_int_eq(spawn_and_join(where, NULL, PEAL_PINNED(shard)), shard);
	return 0;
}

TASK_TEST(round_robin_goes_round, .shards = 3)
{
	int seen[3] = { 0 };

	for (int i = 0; i < 30; i++)
		seen[spawn_and_join(where, NULL, PEAL_ROUND_ROBIN)]++;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(seen[i], 10);
	return 0;
}

TASK_TEST(a_task_without_a_place_stays_here, .shards = 4)
{
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(spawn_and_join(where, NULL, PEAL_HERE), peal_shard());
	return 0;
}

static int hold(void *arg)
{
	while (!atomic_load((atomic_int *)arg))
		peal_sleep(PEAL_MS);
	return peal_shard();
}

/* As they are spawned in one go, nobody has told yet what they brought: those on the way count. */
TASK_TEST(the_least_loaded_shard_gets_the_next, .shards = 4)
{
	struct peal_task *tasks[42];
	atomic_int over = 0;
	int seen[4] = { 0 }, shard;

	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(peal_task_spawn(&tasks[i], hold, &over,
					 PEAL_SPAWN(.place = PEAL_LEAST_LOADED)),
			0);
	for (int i = 40; i < 42; i++) /* beside us, so that this shard has more than the others */
		ck_assert_int_eq(peal_task_spawn(&tasks[i], hold, &over, NULL), 0);
	ck_assert_int_ne(spawn_and_join(where, NULL, PEAL_LEAST_LOADED), peal_shard());
	atomic_store(&over, 1);
	for (int i = 0; i < 40; i++) {
		ck_assert_int_eq(peal_task_join(tasks[i], &shard), 0);
		seen[shard]++;
	}
	ck_assert_int_eq(peal_task_join(tasks[40], NULL), 0);
	ck_assert_int_eq(peal_task_join(tasks[41], NULL), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_ge(seen[i], 8);
	return 0;
}

TASK_TEST(a_key_sticks_to_its_shard, .shards = 3)
{
	int seen[3] = { 0 };

	for (uintptr_t key = 0; key < 300; key++) {
		int shard = spawn_and_join(where, NULL, PEAL_STICKY(key * 64));

		seen[shard]++;
		ck_assert_int_eq(spawn_and_join(where, NULL, PEAL_STICKY(key * 64)), shard);
	}
	for (int i = 0; i < 3; i++)
		ck_assert_int_ge(seen[i], 50);
	return 0;
}

TASK_TEST(a_near_task_starts_there_when_nobody_steals, .shards = 4, .no_stealing = 1)
{
	for (int shard = 0; shard < 4; shard++)
		ck_assert_int_eq(spawn_and_join(where, NULL, PEAL_NEAR(shard)), shard);
	return 0;
}

static atomic_int visited;

static int visit(void *arg)
{
	atomic_fetch_or(&visited, 1 << peal_shard());
	return 0;
}

TASK_TEST(spawn_each_reaches_every_shard, .shards = 5)
{
	atomic_store(&visited, 0);
	ck_assert_int_eq(peal_spawn_each(visit, NULL, NULL), 0);
	while (atomic_load(&visited) != 31)
		peal_sleep(PEAL_MS);
	return 0;
}

/* Holds its shard until somebody on another one has run: only stealing can make it end. */
static int wait_for_the_other(void *arg)
{
	atomic_int *running = arg;

	atomic_fetch_add(running, 1);
	while (atomic_load(running) < 2)
		;
	return peal_shard();
}

TASK_TEST(stealable_tasks_are_stolen, .shards = 2)
{
	struct peal_task *tasks[2];
	atomic_int running = 0;
	int results[2];

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(peal_task_spawn(&tasks[i], wait_for_the_other, &running,
					 PEAL_SPAWN(.place = PEAL_STEALABLE)),
			0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(peal_task_join(tasks[i], &results[i]), 0);
	ck_assert_int_ne(results[0], results[1]);
	ck_assert_uint_ge(counter("tasks_stolen"), 1);
	ck_assert_uint_ge(counter("steals"), 1);
	return 0;
}

/* Whoever was sent to steal and went to sleep again must be found the next time, too: not by the watch,
 * which comes after 10 ms, but by a bell. */
TASK_TEST(a_shard_is_sent_to_steal_again_and_again, .shards = 2)
{
	for (int round = 0; round < 20; round++) {
		struct peal_task *tasks[2];
		atomic_int running = 0;

		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(peal_task_spawn(&tasks[i], wait_for_the_other, &running,
						 PEAL_SPAWN(.place = PEAL_STEALABLE)),
				0);
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(peal_task_join(tasks[i], NULL), 0);
		ck_assert_int_eq(peal_sleep(2 * PEAL_MS), 0); /* the other one goes to sleep */
	}
	ck_assert_uint_ge(counter("tasks_stolen"), 20);
	ck_assert_uint_ge(counter("wakes_sent"), 2);
	return 0;
}

static int nothing(void *arg)
{
	for (int i = 0; i < 10; i++)
		peal_yield();
	return 0;
}

TASK_TEST(no_more_is_stolen_at_a_time_than_was_asked_for, .shards = 2, .steal_batch = 1)
{
	struct peal_task *tasks[100];
	atomic_int running = 0;

	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(peal_task_spawn(&tasks[i], i < 2 ? wait_for_the_other : nothing,
					 &running, PEAL_SPAWN(.place = PEAL_STEALABLE)),
			0);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(peal_task_join(tasks[i], NULL), 0);
	ck_assert_uint_ge(counter("steals"), 1);
	ck_assert_uint_eq(counter("steals"), counter("tasks_stolen"));
	return 0;
}

TASK_TEST(nobody_spins_where_that_is_forbidden, .shards = 2, .no_spinning = 1)
{
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(spawn_and_join(where, NULL, PEAL_PINNED(1)), 1);
	ck_assert_uint_eq(counter("spins"), 0);
	ck_assert_uint_ge(counter("parks"), 1);
	return 0;
}

TASK_TEST(without_stealing_they_stay, .shards = 2, .no_stealing = 1)
{
	struct peal_task *tasks[500];
	int result;

	for (int i = 0; i < 500; i++)
		ck_assert_int_eq(peal_task_spawn(&tasks[i], where, NULL,
					 PEAL_SPAWN(.place = PEAL_STEALABLE)),
			0);
	for (int i = 0; i < 500; i++) {
		ck_assert_int_eq(peal_task_join(tasks[i], &result), 0);
		ck_assert_int_eq(result, peal_shard());
	}
	ck_assert_uint_eq(counter("tasks_stolen"), 0);
	return 0;
}

/* More than the ring of fresh tasks holds: the rest goes by way of the shared list. */
TASK_TEST(fresh_tasks_beyond_the_ring_are_not_lost, .shards = 2)
{
	enum { MANY = 10000 };
	static struct peal_task *tasks[MANY];
	long sum = 0;
	int result;

	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(peal_task_spawn(&tasks[i], give_back, (void *)(intptr_t)i,
					 PEAL_SPAWN(.place = PEAL_STEALABLE)),
			0);
	for (int i = 0; i < MANY; i++) {
		ck_assert_int_eq(peal_task_join(tasks[i], &result), 0);
		sum += result;
	}
	ck_assert_int_eq(sum, (long)MANY * (MANY - 1) / 2);
	ck_assert_uint_ge(counter("fresh_overflows"), 1);
	return 0;
}

static Suite *place_suite(void)
{
	Suite *suite = suite_create("place");
	TCase *tcase = tcase_create("place");

	find_backends();
	ADD_TASK_TEST(tcase, pinned_tasks_run_where_they_were_put);
	ADD_TASK_TEST(tcase, round_robin_goes_round);
	ADD_TASK_TEST(tcase, a_task_without_a_place_stays_here);
	ADD_TASK_TEST(tcase, the_least_loaded_shard_gets_the_next);
	ADD_TASK_TEST(tcase, a_key_sticks_to_its_shard);
	ADD_TASK_TEST(tcase, a_near_task_starts_there_when_nobody_steals);
	ADD_TASK_TEST(tcase, spawn_each_reaches_every_shard);
	ADD_TASK_TEST(tcase, stealable_tasks_are_stolen);
	ADD_TASK_TEST(tcase, a_shard_is_sent_to_steal_again_and_again);
	ADD_TASK_TEST(tcase, no_more_is_stolen_at_a_time_than_was_asked_for);
	ADD_TASK_TEST(tcase, nobody_spins_where_that_is_forbidden);
	ADD_TASK_TEST(tcase, without_stealing_they_stay);
	ADD_TASK_TEST(tcase, fresh_tasks_beyond_the_ring_are_not_lost);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(place_suite());
}
