/* SPDX-License-Identifier: MIT */
/*
 * Tasks: spawning, joining, names, bounds; on every backend.
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

static int count_up(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
	return 0;
}

/* The bound is exact when it is small, and a refused spawn leaves everything as it was. */
TASK_TEST(the_bound_refuses_and_never_waits, .max_tasks = 10)
{
	struct peal_task *tasks[9], *refused = NULL;
	static atomic_int runs; /* the last one outlives the body */
	int result;

	atomic_store(&runs, 0);
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
	static atomic_int over; /* they outlive the body */
	atomic_int runs = 0;

	atomic_store(&over, 0);
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
