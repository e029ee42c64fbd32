/* SPDX-License-Identifier: MIT */
/*
 * Tasks: spawning, joining, placement, stealing, bounds; on every backend.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

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

TASK_TEST(a_join_gives_the_tasks_own_result)
{
	ck_assert_int_eq(spawn_and_join(give_back, (void *)42, PEAL_HERE), 42);
	ck_assert_int_eq(spawn_and_join(give_back, (void *)-7, PEAL_HERE), -7);
	return 0;
}

TASK_TEST(a_join_also_works_when_the_task_has_ended_already)
{
	struct peal_task *task;
	int result = 0;

	ck_assert_int_eq(peal_task_spawn(&task, give_back, (void *)3, NULL), 0);
	for (int i = 0; i < 10; i++)
		peal_yield();
	ck_assert_int_eq(peal_task_join(task, &result), 0);
	ck_assert_int_eq(result, 3);
	return 0;
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

/* Nobody wakes anybody for a single task: whoever sleeps finds it when it looks round. */
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

struct outside {
	struct peal_rt *rt;
	atomic_int *running;
};

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

static int count_up(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
	return 0;
}

/* The bound is exact when it is small, and a refused spawn leaves everything as it was. */
TASK_TEST(the_bound_refuses_and_never_waits, .max_tasks = 10)
{
	struct peal_task *tasks[9], *refused = NULL;
	atomic_int runs = 0;
	int result;

	for (int i = 0; i < 9; i++) /* the tenth is the main task */
		ck_assert_int_eq(peal_task_spawn(&tasks[i], count_up, &runs, NULL), 0);
	ck_assert_int_eq(peal_task_spawn(&refused, count_up, &runs, NULL), -EAGAIN);
	ck_assert_ptr_null(refused);
	ck_assert_int_eq(peal_spawn(count_up, &runs, NULL), -EAGAIN);
	ck_assert_int_eq(peal_spawn_each(count_up, &runs, NULL), -EAGAIN);
	ck_assert_uint_eq(counter("tasks_refused"), 3);
	for (int i = 0; i < 9; i++)
		ck_assert_int_eq(peal_task_join(tasks[i], &result), 0);
	ck_assert_int_eq(atomic_load(&runs), 9);
	ck_assert_int_eq(peal_spawn(count_up, &runs, NULL), 0);
	return 0;
}

static int sleep_until_set(void *arg)
{
	while (!*(bool *)arg)
		peal_sleep(PEAL_MS);
	return 0;
}

static int join_the_same(void *arg)
{
	return peal_task_join(*(struct peal_task **)arg, NULL);
}

TASK_TEST(misuse_of_a_join_is_answered)
{
	struct peal_task *sleeper, *first;
	bool over = false;
	int result;

	ck_assert_int_eq(peal_task_join(NULL, &result), -EINVAL);
	ck_assert_int_eq(peal_task_spawn(&sleeper, sleep_until_set, &over, NULL), 0);
	ck_assert_int_eq(peal_task_spawn(&first, join_the_same, &sleeper, NULL), 0);
	peal_yield();
	peal_yield();
	ck_assert_int_eq(peal_task_join(sleeper, NULL), -EBUSY);
	over = true;
	ck_assert_int_eq(peal_task_join(first, &result), 0);
	ck_assert_int_eq(result, 0);
	return 0;
}

static struct peal_task *own_handle;

static int join_myself(void *arg)
{
	return peal_task_join(own_handle, NULL);
}

TASK_TEST(a_task_cannot_wait_for_itself)
{
	int result;

	ck_assert_int_eq(peal_task_spawn(&own_handle, join_myself, NULL, NULL), 0);
	ck_assert_int_eq(peal_task_join(own_handle, &result), 0);
	ck_assert_int_eq(result, -EDEADLK);
	return 0;
}

TASK_TEST(a_detached_task_goes_on)
{
	atomic_int runs = 0;
	struct peal_task *task;

	ck_assert_int_eq(peal_task_spawn(&task, count_up, &runs, NULL), 0);
	peal_task_detach(task);
	peal_task_detach(NULL);
	while (!atomic_load(&runs))
		peal_yield();
	return 0;
}

TASK_TEST(every_task_is_accounted_for, .shards = 3)
{
	struct peal_task *tasks[300];

	for (int i = 0; i < 300; i++)
		ck_assert_int_eq(peal_task_spawn(&tasks[i], give_back, (void *)(intptr_t) - (i % 2),
					 PEAL_SPAWN(.place = PEAL_ROUND_ROBIN)),
			0);
	for (int i = 0; i < 300; i++)
		ck_assert_int_eq(peal_task_join(tasks[i], NULL), 0);
	ck_assert_uint_eq(counter("tasks_spawned"), 301); /* the main task as well */
	ck_assert_uint_eq(counter("tasks_finished"), 300);
	ck_assert_uint_eq(counter("tasks_failed"), 150);
	ck_assert_uint_eq(counter("tasks_live"), 1);
	return 0;
}

static int check_name(void *arg)
{
	return strcmp(peal_task_name(), arg);
}

TASK_TEST(tasks_have_names)
{
	struct peal_task *task;
	int result;

	ck_assert_int_eq(
		peal_task_spawn(&task, check_name, (void *)"a name", PEAL_SPAWN(.name = "a name")),
		0);
	ck_assert_int_eq(peal_task_join(task, &result), 0);
	ck_assert_int_eq(result, 0);
	ck_assert_int_eq(
		peal_task_spawn(&task, check_name, (void *)"0123456789012345678901234567890",
			PEAL_SPAWN(.name = "0123456789012345678901234567890 and more")),
		0);
	ck_assert_int_eq(peal_task_join(task, &result), 0);
	ck_assert_int_eq(result, 0);
	ck_assert_int_eq(spawn_and_join(check_name, (void *)"", PEAL_HERE), 0);
	return 0;
}

TASK_TEST(wrong_options_are_refused)
{
	struct {
		struct peal_spawn_opts known;
		uint64_t newer;
	} longer = { .known = { .size = sizeof(longer) } };

	ck_assert_int_eq(peal_spawn(NULL, NULL, NULL), -EINVAL);
	ck_assert_int_eq(peal_spawn(where, NULL, PEAL_SPAWN(.place = PEAL_PINNED(2))), -EINVAL);
	ck_assert_int_eq(peal_spawn(where, NULL, PEAL_SPAWN(.place = (uint64_t)99 << 56)), -EINVAL);
	ck_assert_int_eq(peal_spawn(where, NULL, PEAL_SPAWN(.place = PEAL_STEALABLE | 1)), -EINVAL);
	ck_assert_int_eq(peal_spawn(where, NULL, PEAL_SPAWN(.priority = PEAL_IDLE + 1)), -EINVAL);
	ck_assert_int_eq(peal_spawn(where, NULL, PEAL_SPAWN(.reserved = { 0, 1 })), -EINVAL);
	ck_assert_int_eq(peal_spawn(where, NULL, &longer.known), 0);
	longer.newer = 1;
	ck_assert_int_eq(peal_spawn(where, NULL, &longer.known), -E2BIG);
	longer.known.size = 3;
	ck_assert_int_eq(peal_spawn(where, NULL, &longer.known), -EINVAL);
	/* An older program's options end earlier: the rest is the default. */
	longer.known.size = offsetof(struct peal_spawn_opts, name);
	longer.known.name = (const char *)1;
	ck_assert_int_eq(peal_spawn(where, NULL, &longer.known), 0);
	return 0;
}

START_TEST(off_the_shards_calls_say_so)
{
	struct peal_task *task = NULL;

	ck_assert_int_eq(peal_spawn(where, NULL, NULL), -EPERM);
	ck_assert_int_eq(peal_task_spawn(&task, where, NULL, NULL), -EPERM);
	ck_assert_int_eq(peal_spawn_each(where, NULL, NULL), -EPERM);
	ck_assert_int_eq(peal_yield(), -EPERM);
	ck_assert_int_eq(peal_sleep(1), -EPERM);
	ck_assert_int_eq(peal_blocking(where, NULL, NULL), -EPERM);
	ck_assert_int_eq(peal_shard(), -EPERM);
	ck_assert_ptr_null(peal_rt_current());
	ck_assert(!peal_draining());
	ck_assert_str_eq(peal_task_name(), "");
}
END_TEST

/* One that only yields must not keep a fresh task from starting, nor a timer from firing. */
static int yield_until(void *arg)
{
	while (!atomic_load((atomic_int *)arg))
		peal_yield();
	return 0;
}

TASK_TEST(yielding_starves_nobody, .shards = 1)
{
	atomic_int over = 0, runs = 0;

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(peal_spawn(yield_until, &over, NULL), 0);
	ck_assert_int_eq(peal_spawn(count_up, &runs, PEAL_SPAWN(.place = PEAL_STEALABLE)), 0);
	ck_assert_int_eq(peal_sleep(5 * PEAL_MS), 0);
	ck_assert_int_eq(atomic_load(&runs), 1);
	atomic_store(&over, 1);
	return 0;
}

TASK_TEST(sleeps_are_never_early_and_in_order)
{
	static const int64_t durations[] = { 0, 1, PEAL_US, 50 * PEAL_US, PEAL_MS, 3 * PEAL_MS };

	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		int64_t until = peal_in(durations[i]);

		ck_assert_int_eq(peal_sleep(durations[i]), 0);
		ck_assert_int_ge(peal_now(), until);
	}
	ck_assert_int_eq(peal_sleep_until(0), 0);
	ck_assert_int_eq(peal_in(PEAL_NEVER), PEAL_NEVER);
	return 0;
}

static int block(void *arg)
{
	ck_assert_int_eq(peal_shard(), -EPERM);
	usleep(1000);
	return (int)(intptr_t)arg;
}

static int block_in_task(void *arg)
{
	int result, err = peal_blocking(block, arg, &result);

	return err ? err : result;
}

TASK_TEST(blocking_calls_run_beside_each_other, .max_blocking = 4)
{
	struct peal_task *tasks[20];
	int result;

	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(peal_task_spawn(&tasks[i], block_in_task, (void *)(intptr_t)i,
					 PEAL_SPAWN(.place = PEAL_ROUND_ROBIN)),
			0);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(peal_task_join(tasks[i], &result), 0);
		ck_assert_int_eq(result, i);
	}
	ck_assert_uint_eq(counter("blocking_run"), 20);
	return 0;
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static int pass_gate(void *arg)
{
	if (arg)
		atomic_store((atomic_int *)arg, 1);
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return 0;
}

static int pass_gate_in_task(void *arg)
{
	return peal_blocking(pass_gate, arg, NULL);
}

TASK_TEST(a_full_blocking_queue_refuses, .max_blocking = 1, .max_blocking_queue = 1)
{
	struct peal_task *tasks[2];
	atomic_int begun = 0;
	int result;

	pthread_mutex_lock(&gate);
	/* One runs (and waits at the gate), one is queued. */
	ck_assert_int_eq(peal_task_spawn(&tasks[0], pass_gate_in_task, &begun, NULL), 0);
	while (!atomic_load(&begun))
		peal_yield();
	ck_assert_int_eq(peal_task_spawn(&tasks[1], pass_gate_in_task, NULL, NULL), 0);
	peal_yield();
	peal_yield();
	ck_assert_int_eq(peal_blocking(pass_gate, NULL, NULL), -EAGAIN);
	ck_assert_uint_eq(counter("blocking_refused"), 1);
	pthread_mutex_unlock(&gate);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(peal_task_join(tasks[i], &result), 0);
		ck_assert_int_eq(result, 0);
	}
	return 0;
}

static int wait_for_all(void *arg)
{
	int *left = arg;

	--*left;
	while (*left)
		peal_yield();
	return 0;
}

/* All at once, so that each has a stack of its own. */
static void burst(int count)
{
	int left = count;

	for (int i = 0; i < count; i++)
		ck_assert_int_eq(peal_spawn(wait_for_all, &left, NULL), 0);
	while (left)
		peal_yield();
	peal_yield();
}

/* Not at once, as the next burst may be near; and then the shard sleeps again. */
TASK_TEST(stacks_of_a_burst_are_given_back, .shards = 1)
{
	uint64_t before, after;

	burst(1500);
	peal_sleep(50 * PEAL_MS);
	ck_assert_uint_ge(counter("stacks"), 1500);
	peal_sleep(1500 * PEAL_MS);
	ck_assert_uint_le(counter("stacks"), 1100);
	before = counter("parks");
	peal_sleep(1100 * PEAL_MS);
	after = counter("parks");
	ck_assert_uint_le(after - before, 3);
	burst(1500);
	return 0;
}

static Suite *task_suite(void)
{
	Suite *suite = suite_create("task");
	TCase *tcase = tcase_create("task");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, a_join_gives_the_tasks_own_result);
	ADD_TASK_TEST(tcase, a_join_also_works_when_the_task_has_ended_already);
	ADD_TASK_TEST(tcase, pinned_tasks_run_where_they_were_put);
	ADD_TASK_TEST(tcase, round_robin_goes_round);
	ADD_TASK_TEST(tcase, a_task_without_a_place_stays_here);
	ADD_TASK_TEST(tcase, spawn_each_reaches_every_shard);
	ADD_TASK_TEST(tcase, the_least_loaded_shard_gets_the_next);
	ADD_TASK_TEST(tcase, a_key_sticks_to_its_shard);
	ADD_TASK_TEST(tcase, a_near_task_starts_there_when_nobody_steals);
	ADD_TASK_TEST(tcase, stealable_tasks_are_stolen);
	ADD_TASK_TEST(tcase, a_near_task_behind_a_hog_runs_elsewhere);
	ADD_TASK_TEST(tcase, a_single_task_behind_a_hog_runs_elsewhere);
	ADD_TASK_TEST(tcase, a_stealable_task_from_outside_is_not_stuck_behind_a_hog);
	ADD_TASK_TEST(tcase, a_shard_is_sent_to_steal_again_and_again);
	ADD_TASK_TEST(tcase, without_stealing_they_stay);
	ADD_TASK_TEST(tcase, fresh_tasks_beyond_the_ring_are_not_lost);
	ADD_TASK_TEST(tcase, the_bound_refuses_and_never_waits);
	ADD_TASK_TEST(tcase, misuse_of_a_join_is_answered);
	ADD_TASK_TEST(tcase, a_task_cannot_wait_for_itself);
	ADD_TASK_TEST(tcase, a_detached_task_goes_on);
	ADD_TASK_TEST(tcase, every_task_is_accounted_for);
	ADD_TASK_TEST(tcase, tasks_have_names);
	ADD_TASK_TEST(tcase, wrong_options_are_refused);
	tcase_add_test(tcase, off_the_shards_calls_say_so);
	ADD_TASK_TEST(tcase, yielding_starves_nobody);
	ADD_TASK_TEST(tcase, sleeps_are_never_early_and_in_order);
	ADD_TASK_TEST(tcase, blocking_calls_run_beside_each_other);
	ADD_TASK_TEST(tcase, a_full_blocking_queue_refuses);
	ADD_TASK_TEST(tcase, stacks_of_a_burst_are_given_back);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(task_suite());
}
