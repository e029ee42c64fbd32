/* SPDX-License-Identifier: MIT */
/*
 * Mutexes, semaphores, conditions, barriers and once: they hold, in order, across shards, and whoever is
 * cancelled has taken nothing.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

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

static uint32_t random_of(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Everything that a case's tasks share; zeroed when it begins. */
static struct {
	struct peal_mutex mutex;
	struct peal_condition condition;
	struct peal_semaphore semaphore;
	struct peal_barrier barrier;
	struct peal_once once;
	atomic_long inside, total;
	int order[16];
	atomic_int arrived;
	atomic_int failures, done, late;
	atomic_bool stop;
} shared;

static void begin(void)
{
	memset(&shared, 0, sizeof(shared));
}

/* Mutex */

static int lock_often(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		ck_assert_int_eq(peal_mutex_lock(&shared.mutex), 0);
		ck_assert_int_eq(shared.inside++, 0);
		if (i % 16 == 0)
			peal_yield();
		shared.total++;
		ck_assert_int_eq(--shared.inside, 0);
		ck_assert_int_eq(peal_mutex_unlock(&shared.mutex), 0);
	}
	return *(int *)arg;
}

TASK_TEST(a_mutex_excludes, .shards = 4)
{
	struct peal_task *tasks[12];
	int result = 7;

	(void)arg;
	begin();
	for (unsigned int i = 0; i < 12; i++)
		tasks[i] = go(lock_often, &result, i % 4);
	for (int i = 0; i < 12; i++)
		ck_assert_int_eq(join(tasks[i]), 7);
	ck_assert_int_eq(shared.total, 12 * 2000);
	return 0;
}

static int lock_in_line(void *arg)
{
	ck_assert_int_eq(peal_mutex_lock(&shared.mutex), 0);
	shared.order[shared.arrived++] = (int)(intptr_t)arg;
	return peal_mutex_unlock(&shared.mutex);
}

/* Wait until so many fibers sleep on something of sync.h. */
static void wait_for_sleepers(uint64_t before, uint64_t count)
{
	while (counter("sync_waits") - before < count)
		ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	ck_assert_int_eq(peal_sleep(PEAL_MS), 0); /* the count comes before the park */
}

TASK_TEST(mutexes_are_fair)
{
	struct peal_task *tasks[16];
	uint64_t before = counter("sync_waits");

	(void)arg;
	begin();
	ck_assert_int_eq(peal_mutex_lock(&shared.mutex), 0);
	for (int i = 0; i < 16; i++) {
		tasks[i] = go(lock_in_line, (void *)(intptr_t)i, (unsigned int)i % 2);
		wait_for_sleepers(before, (uint64_t)i + 1);
	}
	ck_assert_int_eq(peal_mutex_unlock(&shared.mutex), 0);
	ck_assert_int_eq(peal_mutex_try_lock(&shared.mutex), -EBUSY); /* handed over */
	for (int i = 0; i < 16; i++)
		ck_assert_int_eq(join(tasks[i]), 0);
	for (int i = 0; i < 16; i++)
		ck_assert_int_eq(shared.order[i], i);
	return 0;
}

static int misuse_mutex(void *arg)
{
	(void)arg;
	ck_assert_int_eq(peal_mutex_try_lock(&shared.mutex), -EBUSY);
	ck_assert_int_eq(peal_mutex_unlock(&shared.mutex), -EPERM);
	ck_assert_int_eq(peal_condition_wait(&shared.condition, &shared.mutex), -EPERM);
	return 0;
}

TASK_TEST(misuse_of_mutexes)
{
	(void)arg;
	begin();
	ck_assert_int_eq(peal_mutex_lock(NULL), -EINVAL);
	ck_assert_int_eq(peal_mutex_try_lock(NULL), -EINVAL);
	ck_assert_int_eq(peal_mutex_unlock(NULL), -EINVAL);
	ck_assert_int_eq(peal_mutex_unlock(&shared.mutex), -EPERM);
	ck_assert_int_eq(peal_mutex_try_lock(&shared.mutex), 0);
	ck_assert_int_eq(peal_mutex_lock(&shared.mutex), -EDEADLK);
	ck_assert_int_eq(peal_mutex_try_lock(&shared.mutex), -EDEADLK);
	ck_assert_int_eq(join(go(misuse_mutex, NULL, 1)), 0);
	ck_assert_int_eq(peal_mutex_unlock(&shared.mutex), 0);
	ck_assert_int_eq(peal_condition_wait(&shared.condition, &shared.mutex), -EPERM);
	ck_assert_int_eq(peal_mutex_try_lock(&shared.mutex), 0);
	return 0;
}

static int lock_for_a_while(void *arg)
{
	(void)arg;
	return PEAL_WITHIN_GET(PEAL_MS, peal_mutex_lock(&shared.mutex));
}

TASK_TEST(waiting_for_a_mutex_is_cancelled)
{
	struct peal_task *task;
	int err = 0;

	(void)arg;
	begin();
	ck_assert_int_eq(peal_mutex_lock(&shared.mutex), 0);
	ck_assert_int_eq(join(go(lock_for_a_while, NULL, 0)), -ETIMEDOUT);
	ck_assert_int_eq(join(go(lock_for_a_while, NULL, 1)), -ETIMEDOUT);
	/* The one behind is served. */
	task = go(lock_in_line, (void *)5, 1);
	ck_assert_int_eq(join(go(lock_for_a_while, NULL, 0)), -ETIMEDOUT);
	ck_assert_int_eq(peal_mutex_unlock(&shared.mutex), 0);
	ck_assert_int_eq(join(task), 0);
	ck_assert_int_eq(shared.order[0], 5);
	/* Who is cancelled already gets not even a free one. */
	PEAL_SCOPE (scope, .result = &err) {
		peal_scope_cancel(&scope);
		ck_assert_int_eq(peal_mutex_lock(&shared.mutex), -ECANCELED);
		ck_assert_int_eq(peal_mutex_try_lock(&shared.mutex), 0);
	}
	ck_assert_int_eq(peal_mutex_unlock(&shared.mutex), 0);
	return 0;
}

/* Semaphore */

static int acquire(void *arg)
{
	uint32_t permits = (uint32_t)(intptr_t)arg;
	int err = PEAL_WITHIN_GET(permits == 99 ? 20 * PEAL_MS : 20 * PEAL_S,
		peal_semaphore_acquire(&shared.semaphore, permits));

	if (!err)
		shared.order[shared.arrived++] = (int)permits;
	return err;
}

TASK_TEST(semaphores_serve_in_order)
{
	struct peal_task *one, *three, *two;
	uint64_t before = counter("sync_waits");

	(void)arg;
	begin();
	ck_assert_int_eq(peal_semaphore_try_acquire(&shared.semaphore, 1), -EAGAIN);
	ck_assert_int_eq(peal_semaphore_acquire(&shared.semaphore, 0), 0);
	three = go(acquire, (void *)3, 0);
	wait_for_sleepers(before, 1);
	one = go(acquire, (void *)1, 0);
	wait_for_sleepers(before, 2);
	two = go(acquire, (void *)2, 0);
	wait_for_sleepers(before, 3);
	ck_assert_int_eq(peal_semaphore_release(&shared.semaphore, 2), 0);
	ck_assert_int_eq(peal_semaphore_try_acquire(&shared.semaphore, 1), -EAGAIN);
	ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	ck_assert_int_eq(shared.arrived, 0); /* the first wants three */
	ck_assert_int_eq(peal_semaphore_release(&shared.semaphore, 4), 0);
	ck_assert_int_eq(join(one) + join(two) + join(three), 0);
	ck_assert_int_eq(shared.order[0], 3);
	ck_assert_int_eq(shared.order[1], 1);
	ck_assert_int_eq(shared.order[2], 2);
	ck_assert_int_eq(peal_semaphore_try_acquire(&shared.semaphore, 1), -EAGAIN);
	return 0;
}

TASK_TEST(who_leaves_a_semaphore_holds_nobody_up)
{
	struct peal_task *many, *one;
	uint64_t before = counter("sync_waits");

	(void)arg;
	begin();
	ck_assert_int_eq(peal_semaphore_init(&shared.semaphore, 1), 0);
	many = go(acquire, (void *)99, 1);
	wait_for_sleepers(before, 1);
	one = go(acquire, (void *)1, 0);
	ck_assert_int_eq(join(many), -ETIMEDOUT);
	ck_assert_int_eq(join(one), 0);
	return 0;
}

static void *release_from_outside(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++)
		shared.failures += peal_semaphore_release(&shared.semaphore, 1) != 0;
	return NULL;
}

TASK_TEST(semaphores_hear_foreign_threads)
{
	pthread_t thread;

	(void)arg;
	begin();
	ck_assert_int_eq(pthread_create(&thread, NULL, release_from_outside, NULL), 0);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(peal_semaphore_acquire(&shared.semaphore, 1), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(shared.failures, 0);
	ck_assert_int_eq(peal_semaphore_release(&shared.semaphore, UINT32_MAX), 0);
	ck_assert_int_eq(peal_semaphore_release(&shared.semaphore, 1), -EOVERFLOW);
	ck_assert_int_eq(peal_semaphore_init(NULL, 1), -EINVAL);
	ck_assert_int_eq(peal_semaphore_acquire(NULL, 1), -EINVAL);
	ck_assert_int_eq(peal_semaphore_try_acquire(NULL, 1), -EINVAL);
	ck_assert_int_eq(peal_semaphore_release(NULL, 1), -EINVAL);
	return 0;
}

/* Condition */

static int wait_in_line(void *arg)
{
	int err;

	ck_assert_int_eq(peal_mutex_lock(&shared.mutex), 0);
	err = peal_condition_wait(&shared.condition, &shared.mutex);
	ck_assert_int_eq(peal_mutex_try_lock(&shared.mutex), -EDEADLK); /* it is ours */
	shared.order[shared.arrived++] = (int)(intptr_t)arg;
	ck_assert_int_eq(peal_mutex_unlock(&shared.mutex), 0);
	return err;
}

TASK_TEST(conditions_wake_in_order)
{
	struct peal_task *tasks[8];
	uint64_t before = counter("sync_waits");

	(void)arg;
	begin();
	ck_assert_int_eq(peal_condition_signal(&shared.condition), 0); /* is not kept */
	for (int i = 0; i < 8; i++) {
		tasks[i] = go(wait_in_line, (void *)(intptr_t)i, (unsigned int)i % 2);
		wait_for_sleepers(before, (uint64_t)i + 1);
	}
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(peal_condition_signal(&shared.condition), 0);
		ck_assert_int_eq(join(tasks[i]), 0);
		ck_assert_int_eq(shared.arrived, i + 1);
	}
	ck_assert_int_eq(peal_condition_broadcast(&shared.condition), 0);
	for (int i = 4; i < 8; i++)
		ck_assert_int_eq(join(tasks[i]), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(shared.order[i], i);
	ck_assert_int_eq(peal_condition_signal(NULL), -EINVAL);
	ck_assert_int_eq(peal_condition_broadcast(NULL), -EINVAL);
	ck_assert_int_eq(peal_condition_wait(NULL, &shared.mutex), -EINVAL);
	ck_assert_int_eq(peal_condition_wait(&shared.condition, NULL), -EINVAL);
	return 0;
}

/* Somebody has the mutex when the deadline comes: it is waited for all the same. */
static int wait_too_long(void *arg)
{
	int err;

	(void)arg;
	ck_assert_int_eq(peal_mutex_lock(&shared.mutex), 0);
	err = PEAL_WITHIN_GET(PEAL_MS, peal_condition_wait(&shared.condition, &shared.mutex));
	ck_assert_int_eq(shared.inside, 0);
	ck_assert_int_eq(peal_mutex_unlock(&shared.mutex), 0);
	return err;
}

TASK_TEST(a_cancelled_condition_locks_again)
{
	uint64_t before = counter("sync_waits");
	struct peal_task *task;

	(void)arg;
	for (unsigned int shard = 0; shard < 2; shard++) {
		begin();
		task = go(wait_too_long, NULL, shard);
		wait_for_sleepers(before, 1);
		ck_assert_int_eq(peal_mutex_lock(&shared.mutex), 0);
		shared.inside = 1;
		ck_assert_int_eq(peal_sleep(5 * PEAL_MS), 0);
		shared.inside = 0;
		ck_assert_int_eq(peal_mutex_unlock(&shared.mutex), 0);
		ck_assert_int_eq(join(task), -ETIMEDOUT);
		before = counter("sync_waits");
	}
	return 0;
}

/* Barrier */

static int meet_often(void *arg)
{
	atomic_int *rounds = arg;

	for (int i = 0; i < 200; i++) {
		int n = peal_barrier_wait(&shared.barrier);

		ck_assert_int_ge(n, 0);
		atomic_fetch_add(&shared.done, n);
		/* Nobody is a round ahead: all have come i + 1 times. */
		shared.failures += atomic_load(rounds) < i;
		atomic_store(rounds, i);
	}
	return 0;
}

TASK_TEST(barriers_part_rounds, .shards = 3)
{
	struct peal_task *tasks[6];
	atomic_int rounds = 0;

	(void)arg;
	begin();
	ck_assert_int_eq(peal_barrier_init(&shared.barrier, 6), 0);
	for (unsigned int i = 0; i < 6; i++)
		tasks[i] = go(meet_often, &rounds, i % 3);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(join(tasks[i]), 0);
	ck_assert_int_eq(shared.done, 200); /* one last in each round */
	return 0;
}

static int meet_for_a_while(void *arg)
{
	(void)arg;
	return PEAL_WITHIN_GET(PEAL_MS, peal_barrier_wait(&shared.barrier));
}

static int meet(void *arg)
{
	(void)arg;
	return peal_barrier_wait(&shared.barrier);
}

TASK_TEST(who_leaves_a_barrier_has_not_come)
{
	struct peal_task *task;

	(void)arg;
	begin();
	ck_assert_int_eq(peal_barrier_wait(&shared.barrier), -EINVAL);
	ck_assert_int_eq(peal_barrier_wait(NULL), -EINVAL);
	ck_assert_int_eq(peal_barrier_init(NULL, 1), -EINVAL);
	ck_assert_int_eq(peal_barrier_init(&shared.barrier, 0), -EINVAL);
	ck_assert_int_eq(peal_barrier_init(&shared.barrier, 1), 0);
	ck_assert_int_eq(peal_barrier_wait(&shared.barrier), 1);
	ck_assert_int_eq(peal_barrier_init(&shared.barrier, 2), 0);
	ck_assert_int_eq(join(go(meet_for_a_while, NULL, 1)), -ETIMEDOUT);
	task = go(meet, NULL, 1);
	ck_assert_int_eq(peal_barrier_wait(&shared.barrier) + join(task), 1);
	return 0;
}

/* Once */

static int build(void *arg)
{
	int *result = arg;

	ck_assert_int_eq(shared.inside++, 0);
	ck_assert_int_eq(peal_once(&shared.once, build, arg), -EDEADLK);
	while (shared.arrived)
		ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	shared.inside--;
	shared.total++;
	return (*result)++;
}

static int ask(void *arg)
{
	return peal_once(&shared.once, build, arg);
}

TASK_TEST(once_is_once)
{
	struct peal_task *tasks[8];
	int failed = 0, result = -2; /* two failures, then it is done */

	(void)arg;
	begin();
	for (unsigned int i = 0; i < 8; i++)
		tasks[i] = go(ask, &result, i % 2);
	for (int i = 0; i < 8; i++)
		failed += join(tasks[i]) < 0;
	ck_assert_int_eq(failed, 2);
	ck_assert_int_eq(shared.total, 3);
	ck_assert_int_eq(peal_once(&shared.once, build, &result), 0);
	ck_assert_int_eq(shared.total, 3);
	ck_assert_int_eq(peal_once(NULL, build, NULL), -EINVAL);
	ck_assert_int_eq(peal_once(&shared.once, NULL, NULL), -EINVAL);
	return 0;
}

static int ask_for_a_while(void *arg)
{
	return PEAL_WITHIN_GET(100 * PEAL_US, peal_once(&shared.once, build, arg));
}

TASK_TEST(waiting_for_once_is_cancelled)
{
	struct peal_task *task;
	int result = 0;

	(void)arg;
	begin();
	shared.arrived = 1; /* build waits for us */
	task = go(ask, &result, 1);
	while (!shared.inside)
		ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	ck_assert_int_eq(join(go(ask_for_a_while, &result, 0)), -ETIMEDOUT);
	ck_assert_int_eq(join(go(ask_for_a_while, &result, 1)), -ETIMEDOUT);
	shared.arrived = 0;
	ck_assert_int_eq(join(task), 0);
	return 0;
}

START_TEST(off_the_fibers)
{
	begin();
	ck_assert_int_eq(peal_mutex_lock(&shared.mutex), -EPERM);
	ck_assert_int_eq(peal_mutex_try_lock(&shared.mutex), -EPERM);
	ck_assert_int_eq(peal_mutex_unlock(&shared.mutex), -EPERM);
	ck_assert_int_eq(peal_condition_wait(&shared.condition, &shared.mutex), -EPERM);
	ck_assert_int_eq(peal_semaphore_acquire(&shared.semaphore, 1), -EPERM);
	ck_assert_int_eq(peal_barrier_init(&shared.barrier, 2), 0);
	ck_assert_int_eq(peal_barrier_wait(&shared.barrier), -EPERM);
	ck_assert_int_eq(peal_once(&shared.once, build, NULL), -EPERM);
}
END_TEST

/* Everything at once, with deadlines that come at any moment, on more shards than there are CPUs. */

static void wait_for_a_while(int64_t duration)
{
	int err;

	shared.inside--;
	err = PEAL_WITHIN_GET(duration, peal_condition_wait(&shared.condition, &shared.mutex));
	shared.failures += shared.inside++ != 0 || (err && err != -ETIMEDOUT);
}

static void use_mutex(uint32_t *random)
{
	int err = PEAL_WITHIN_GET(
		random_of(random) % (50 * PEAL_US), peal_mutex_lock(&shared.mutex));

	if (err) {
		shared.late++;
		return;
	}
	shared.failures += shared.inside++ != 0;
	if (random_of(random) % 4 == 0)
		wait_for_a_while(random_of(random) % (50 * PEAL_US));
	else if (random_of(random) % 2)
		peal_condition_signal(&shared.condition);
	else
		peal_yield();
	shared.failures += --shared.inside != 0;
	shared.total++;
	shared.failures += peal_mutex_unlock(&shared.mutex) != 0;
}

static void use_semaphore(uint32_t *random)
{
	uint32_t permits = 1 + random_of(random) % 3;

	if (PEAL_WITHIN_GET(random_of(random) % (50 * PEAL_US),
		    peal_semaphore_acquire(&shared.semaphore, permits))) {
		shared.late++;
		return;
	}
	shared.failures += atomic_fetch_add(&shared.done, (int)permits) + (int)permits > 4;
	if (random_of(random) % 2)
		peal_yield();
	atomic_fetch_sub(&shared.done, (int)permits);
	shared.failures += peal_semaphore_release(&shared.semaphore, permits) != 0;
}

static int use_all(void *arg)
{
	uint32_t random = (uint32_t)(uintptr_t)arg;

	while (!shared.stop) {
		if (random_of(&random) % 2)
			use_mutex(&random);
		else
			use_semaphore(&random);
	}
	return 0;
}

TASK_TEST(a_storm, .shards = 4)
{
	struct peal_task *tasks[16];

	(void)arg;
	begin();
	ck_assert_int_eq(peal_semaphore_init(&shared.semaphore, 4), 0);
	for (unsigned int i = 0; i < 16; i++)
		tasks[i] = go(use_all, (void *)(uintptr_t)i, i % 4);
	ck_assert_int_eq(peal_sleep(PEAL_S), 0);
	shared.stop = true;
	for (int i = 0; i < 16; i++)
		ck_assert_int_eq(join(tasks[i]), 0);
	ck_assert_int_eq(shared.failures, 0);
	ck_assert_int_gt(shared.total, 0);
	ck_assert_int_gt(shared.late, 0);
	/* Nothing was lost. */
	ck_assert_int_eq(peal_semaphore_try_acquire(&shared.semaphore, 4), 0);
	ck_assert_int_eq(peal_mutex_try_lock(&shared.mutex), 0);
	return 0;
}

static Suite *sync_suite(void)
{
	Suite *suite = suite_create("sync");
	TCase *tcase = tcase_create("sync");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, a_mutex_excludes);
	ADD_TASK_TEST(tcase, mutexes_are_fair);
	ADD_TASK_TEST(tcase, misuse_of_mutexes);
	ADD_TASK_TEST(tcase, waiting_for_a_mutex_is_cancelled);
	ADD_TASK_TEST(tcase, semaphores_serve_in_order);
	ADD_TASK_TEST(tcase, who_leaves_a_semaphore_holds_nobody_up);
	ADD_TASK_TEST(tcase, semaphores_hear_foreign_threads);
	ADD_TASK_TEST(tcase, conditions_wake_in_order);
	ADD_TASK_TEST(tcase, a_cancelled_condition_locks_again);
	ADD_TASK_TEST(tcase, barriers_part_rounds);
	ADD_TASK_TEST(tcase, who_leaves_a_barrier_has_not_come);
	ADD_TASK_TEST(tcase, once_is_once);
	ADD_TASK_TEST(tcase, waiting_for_once_is_cancelled);
	tcase_add_test(tcase, off_the_fibers);
	ADD_TASK_TEST(tcase, a_storm);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(sync_suite());
}
