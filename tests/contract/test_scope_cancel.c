/* SPDX-License-Identifier: MIT */
/*
 * Scopes: a cancel finds everybody inside, and nobody else; shields; on every backend.
 */
#include <pthread.h>
#include <unistd.h>

#include "tests/contract/scopes.h"

/* Cancelling */

static int cancel_it(void *arg)
{
	ck_assert_int_eq(peal_scope_cancel(arg), 0);
	ck_assert_int_eq(peal_scope_cancel(arg), 0);
	/* Sticky: again and again. */
	ck_assert_int_eq(peal_sleep(LONG), -ECANCELED);
	ck_assert_int_eq(peal_sleep(LONG), -ECANCELED);
	ck_assert_int_eq(peal_yield(), -ECANCELED);
	ck_assert_int_eq(peal_cancelled(), -ECANCELED);
	return 0;
}

TASK_TEST(any_task_inside_cancels_from_any_shard, .shards = 3)
{
	for (unsigned int i = 0; i < 3; i++) {
		struct peal_scope scope;

		OPEN(&scope);
		for (unsigned int task = 0; task < 9; task++)
			spawn_in(&scope, sleep_long, NULL, PEAL_PINNED(task % 3));
		spawn_in(&scope, cancel_it, &scope, PEAL_PINNED(i));
		ck_assert_int_eq(peal_sleep(LONG), -ECANCELED);
		ck_assert_int_eq(peal_scope_close(&scope), -ECANCELED);
		ck_assert_int_eq(peal_sleep(0), 0);
	}
	return 0;
}

static atomic_bool inside;

static void *cancel_from_thread(void *arg)
{
	while (!atomic_load(&inside))
		usleep(1000);
	ck_assert_int_eq(peal_scope_cancel(arg), 0);
	return NULL;
}

static int tell_and_sleep(void *arg)
{
	(void)arg;
	atomic_store(&inside, true);
	return peal_sleep(LONG);
}

static int join_thread(void *arg)
{
	return pthread_join(*(pthread_t *)arg, NULL);
}

TASK_TEST(a_thread_that_is_no_shard_cancels)
{
	struct peal_scope scope;
	pthread_t thread;

	atomic_store(&inside, false);
	OPEN(&scope);
	ck_assert_int_eq(pthread_create(&thread, NULL, cancel_from_thread, &scope), 0);
	for (int i = 0; i < 4; i++)
		spawn_in(&scope, tell_and_sleep, NULL, PEAL_PINNED(i % 2));
	ck_assert_int_eq(peal_sleep(LONG), -ECANCELED);
	PEAL_SCOPE (shield, .shield = true) /* the scope stays open until the thread is done */
		ck_assert_int_eq(peal_blocking(join_thread, &thread, NULL), 0);
	ck_assert_int_eq(peal_scope_close(&scope), -ECANCELED);
	return 0;
}

static int note_that_it_ran(void *arg)
{
	ck_assert_int_eq(peal_cancelled(), -ECANCELED);
	ck_assert_int_eq(peal_sleep(0), -ECANCELED);
	atomic_fetch_add((atomic_int *)arg, 1);
	return -ECANCELED;
}

TASK_TEST(a_fresh_task_that_is_cancelled_still_runs)
{
	for (int i = 0; i < PLACES; i++) {
		struct peal_scope scope;
		atomic_int ran = 0;

		OPEN(&scope);
		ck_assert_int_eq(peal_scope_cancel(&scope), 0);
		for (int task = 0; task < 10; task++)
			spawn_in(&scope, note_that_it_ran, &ran, places[i]);
		ck_assert_int_eq(peal_scope_close(&scope), -ECANCELED);
		ck_assert_int_eq(atomic_load(&ran), 10);
	}
	return 0;
}

/* Two levels of tasks under the scope, each with a scope of its own, on all shards. */
struct tree {
	int depth;
	atomic_int *ended;
};

static int grow(void *arg)
{
	struct tree *tree = arg, child = { tree->depth - 1, tree->ended };
	struct peal_scope scope;
	int err;

	OPEN(&scope);
	for (int i = 0; child.depth >= 0 && i < 3; i++)
		spawn_in(&scope, grow, &child, PEAL_PINNED((i + peal_shard()) % 3));
	err = peal_sleep(LONG);
	ck_assert_int_eq(err, -ECANCELED);
	ck_assert_int_eq(peal_scope_close(&scope), -ECANCELED);
	atomic_fetch_add(tree->ended, 1);
	return err;
}

TASK_TEST(a_cancel_reaches_scopes_within_scopes, .shards = 3)
{
	for (int wait = 0; wait < 4; wait++) {
		atomic_int ended = 0;
		struct tree tree = { 3, &ended };
		struct peal_scope scope;

		OPEN(&scope);
		spawn_in(&scope, grow, &tree, PEAL_HERE);
		/* At once, while it grows, and when it has grown. */
		if (wait)
			ck_assert_int_eq(peal_sleep(wait * wait * PEAL_MS), 0);
		ck_assert_int_eq(peal_scope_cancel(&scope), 0);
		ck_assert_int_eq(peal_scope_close(&scope), -ECANCELED);
		ck_assert_int_eq(atomic_load(&ended), 1 + 3 + 9 + 27);
	}
	return 0;
}

TASK_TEST(scopes_may_nest_deep)
{
	enum { DEPTH = 100 };
	static struct peal_scope scopes[DEPTH];

	for (int i = 0; i < DEPTH; i++) {
		OPEN(&scopes[i]);
		spawn_in(&scopes[i], sleep_long, NULL, PEAL_PINNED(i % 2));
	}
	ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	ck_assert_int_eq(peal_scope_cancel(&scopes[DEPTH / 2]), 0);
	for (int i = DEPTH; i-- > DEPTH / 2;)
		ck_assert_int_eq(peal_scope_close(&scopes[i]), -ECANCELED);
	ck_assert_int_eq(peal_cancelled(), 0);
	ck_assert_int_eq(peal_scope_cancel(&scopes[0]), 0);
	for (int i = DEPTH / 2; i-- > 0;)
		ck_assert_int_eq(peal_scope_close(&scopes[i]), -ECANCELED);
	return 0;
}

/* A recursion of tasks, each in a scope of the one before: the cancel must not recurse with it. */
static int descend(void *arg)
{
	intptr_t depth = (intptr_t)arg;
	struct peal_scope scope;

	OPEN(&scope);
	if (depth)
		spawn_in(&scope, descend, (void *)(depth - 1), PEAL_HERE);
	else
		ck_assert_int_eq(peal_sleep(LONG), -ECANCELED);
	return peal_scope_close(&scope);
}

TASK_TEST(a_cancel_goes_down_ten_thousand_levels, .shards = 1)
{
	struct peal_scope scope;

	OPEN(&scope);
	spawn_in(&scope, descend, (void *)10000, PEAL_HERE);
	ck_assert_int_eq(peal_sleep(50 * PEAL_MS), 0);
	ck_assert_int_eq(peal_scope_cancel(&scope), 0);
	ck_assert_int_eq(peal_scope_close(&scope), -ECANCELED);
	return 0;
}

/* What was spawned without a scope is not inside. */
TASK_TEST(other_tasks_are_not_cancelled)
{
	struct peal_scope scope;
	struct peal_task *task;
	int result = 1;

	OPEN(&scope);
	ck_assert_int_eq(peal_task_spawn(&task, sleep_a_little, NULL, NULL), 0);
	ck_assert_int_eq(peal_scope_cancel(&scope), 0);
	ck_assert_int_eq(peal_task_join(task, &result), -ECANCELED); /* the handle stays ours */
	ck_assert_int_eq(peal_scope_close(&scope), -ECANCELED);
	ck_assert_int_eq(peal_task_join(task, &result), 0);
	ck_assert_int_eq(result, 0);
	return 0;
}

/* Tokens */

static int wait_for_token(void *arg)
{
	int err = 0;

	PEAL_SCOPE (scope, .token = arg, .result = &err) {
		spawn_in(&scope, sleep_long, NULL, PEAL_PINNED(0));
		spawn_in(&scope, sleep_long, NULL, PEAL_PINNED(1));
	}
	return err;
}

static void *cancel_token(void *arg)
{
	usleep(2000);
	peal_token_cancel(arg);
	peal_token_free(arg);
	return NULL;
}

TASK_TEST(a_token_cancels_all_its_scopes)
{
	struct peal_token *token;
	struct peal_task *tasks[6];
	pthread_t thread;
	int result;

	ck_assert_int_eq(peal_token_create(&token), 0);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(peal_task_spawn(&tasks[i], wait_for_token, token,
					 PEAL_SPAWN(.place = PEAL_PINNED(i % 2))),
			0);
	ck_assert(!peal_token_cancelled(token));
	ck_assert_int_eq(pthread_create(&thread, NULL, cancel_token, peal_token_ref(token)), 0);
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(peal_task_join(tasks[i], &result), 0);
		ck_assert_int_eq(result, -ECANCELED);
	}
	ck_assert(peal_token_cancelled(token));
	/* And those that come later. */
	ck_assert_int_eq(wait_for_token(token), -ECANCELED);
	pthread_join(thread, NULL);
	peal_token_free(token);
	return 0;
}

/* Scopes come and go while the token is cancelled. */
static int open_and_close(void *arg)
{
	int err = 0;

	for (int i = 0; !err && i < 100000; i++)
		PEAL_SCOPE (scope, .token = arg, .result = &err)
			if (i % 8 == 0)
				spawn_in(&scope, give_back, NULL, places[i / 8 % PLACES]);
	return err;
}

TASK_TEST(a_token_meets_scopes_that_come_and_go)
{
	for (int round = 0; round < 20; round++) {
		struct peal_task *tasks[4];
		struct peal_token *token;
		pthread_t thread;

		ck_assert_int_eq(peal_token_create(&token), 0);
		ck_assert_int_eq(
			pthread_create(&thread, NULL, cancel_token, peal_token_ref(token)), 0);
		for (int i = 0; i < 4; i++)
			ck_assert_int_eq(peal_task_spawn(&tasks[i], open_and_close, token,
						 PEAL_SPAWN(.place = PEAL_PINNED(i % 2))),
				0);
		for (int i = 0; i < 4; i++)
			ck_assert_int_eq(peal_task_join(tasks[i], NULL), 0);
		pthread_join(thread, NULL);
		peal_token_free(token);
	}
	return 0;
}

TASK_TEST(no_token_is_nothing)
{
	peal_token_cancel(NULL);
	peal_token_free(NULL);
	ck_assert(!peal_token_cancelled(NULL));
	ck_assert_ptr_null(peal_token_ref(NULL));
	ck_assert_int_eq(peal_token_create(NULL), -EINVAL);
	return 0;
}

/* Shields */

TASK_TEST(nothing_from_outside_reaches_into_a_shield)
{
	struct peal_scope outer, shield, inner;
	atomic_int count = 0;

	OPEN(&outer, .deadline = peal_in(PEAL_MS));
	OPEN(&shield, .shield = true);
	ck_assert_int_eq(peal_deadline(), PEAL_NEVER);
	OPEN(&inner);
	spawn_in(&inner, count_up, &count, PEAL_PINNED(1));
	ck_assert_int_eq(peal_sleep(3 * PEAL_MS), 0);
	ck_assert_int_eq(peal_scope_close(&inner), 0);
	ck_assert_int_eq(atomic_load(&count), 1);
	/* Its own cancel works. */
	ck_assert_int_eq(peal_scope_cancel(&shield), 0);
	ck_assert_int_eq(peal_sleep(LONG), -ECANCELED);
	ck_assert_int_eq(peal_scope_close(&shield), -ECANCELED);
	ck_assert_int_eq(peal_sleep(LONG), -ETIMEDOUT);
	/* One that is opened too late still holds. */
	OPEN(&shield, .shield = true, .deadline = peal_in(200 * PEAL_MS));
	ck_assert_int_eq(peal_sleep(0), 0);
	ck_assert_int_eq(peal_sleep(LONG), -ETIMEDOUT);
	ck_assert_int_eq(peal_scope_close(&shield), -ETIMEDOUT);
	ck_assert_int_eq(peal_scope_close(&outer), -ETIMEDOUT);
	return 0;
}

static int shielded_sleep(void *arg)
{
	int err = -1;

	PEAL_SCOPE (shield, .shield = true)
		err = peal_sleep(5 * PEAL_MS);
	atomic_fetch_add((atomic_int *)arg, err == 0);
	return peal_sleep(0);
}

TASK_TEST(tasks_shield_themselves_on_any_shard)
{
	struct peal_scope scope;
	atomic_int held = 0;

	OPEN(&scope);
	for (int i = 0; i < 4; i++)
		spawn_in(&scope, shielded_sleep, &held, PEAL_PINNED(i % 2));
	ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	ck_assert_int_eq(peal_scope_cancel(&scope), 0);
	ck_assert_int_eq(peal_scope_close(&scope), -ECANCELED);
	ck_assert_int_eq(atomic_load(&held), 4);
	return 0;
}

/* Also when the runtime is stopped. */
static atomic_int cleaned;

static int clean_up_at_the_end(void *arg)
{
	(void)arg;
	ck_assert_int_eq(peal_sleep(LONG), -ECANCELED);
	PEAL_SCOPE (shield, .shield = true)
		if (!peal_sleep(2 * PEAL_MS))
			atomic_fetch_add(&cleaned, 1);
	return 0;
}

static int leave_some_behind(void *arg)
{
	(void)arg;
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(peal_spawn(clean_up_at_the_end, NULL,
					 PEAL_SPAWN(.place = PEAL_PINNED(i % 2))),
			0);
	return 0;
}

START_TEST(shields_hold_when_the_runtime_stops)
{
	atomic_store(&cleaned, 0);
	run_on(_i, leave_some_behind, NULL, (struct peal_rt_opts){ .drain_timeout = PEAL_MS });
	ck_assert_int_eq(atomic_load(&cleaned), 4);
}
END_TEST

static int just_cancel(void *arg)
{
	return peal_scope_cancel(arg);
}

/* Tasks come and go on all shards while the scope is cancelled, over and over. */
static int come_and_go(void *arg)
{
	struct peal_scope *scope = arg;

	for (int i = 0; i < 20; i++) {
		uint64_t place = places[(unsigned int)i % 4];

		peal_scope_spawn(scope, i % 5 ? sleep_a_little : give_back, NULL,
			PEAL_SPAWN(.place = place));
		if (peal_yield())
			break;
	}
	return 0;
}

TASK_TEST(cancels_meet_tasks_that_come_and_go, .shards = 3)
{
	for (int round = 0; round < 60; round++) {
		struct peal_scope scope;

		OPEN(&scope, .deadline = peal_in(round % 6 * 100 * PEAL_US + 1));
		for (int i = 0; i < 3; i++)
			peal_scope_spawn(
				&scope, come_and_go, &scope, PEAL_SPAWN(.place = PEAL_PINNED(i)));
		if (round % 2)
			peal_scope_spawn(&scope, just_cancel, &scope,
				PEAL_SPAWN(.place = PEAL_PINNED(round % 3)));
		peal_scope_close(&scope);
	}
	return 0;
}

/* Until the runtime drains */

static int sleep_until_drain(void *arg)
{
	int err = 0;

	(void)arg;
	PEAL_SCOPE (scope, .until_drain = 1) {
		PEAL_SCOPE (inner)
			err = peal_sleep(LONG);
		ck_assert_int_eq(err, -ECANCELED);
		err = peal_sleep(LONG);
	}
	ck_assert_int_eq(err, -ECANCELED);
	/* What it has begun it may finish. */
	return peal_sleep(PEAL_MS);
}

static void spawn_and_drain(void)
{
	struct peal_scope refused;
	int err = 0;

	ck_assert_int_eq(peal_scope_open(&refused, PEAL_SCOPE_OPTS(.until_drain = 2)), -EINVAL);
	PEAL_SCOPE (scope, .policy = PEAL_COLLECT_ALL, .result = &err)
		PEAL_SCOPE (idle, .until_drain = 1, .policy = PEAL_COLLECT_ALL) {
			for (int i = 0; i < 2 * PLACES; i++)
				spawn_in(i < PLACES ? &scope : &idle,
					i < PLACES ? sleep_until_drain : sleep_long, NULL,
					places[i % PLACES]);
			PEAL_SCOPE (shield, .shield = 1) {
				peal_rt_drain(peal_rt_current());
				ck_assert_int_eq(peal_sleep(5 * PEAL_MS), 0);
			}
			ck_assert_int_eq(peal_sleep(LONG), -ECANCELED);
		}
	ck_assert_int_eq(err, 0);
	/* From now on they are over before they begin. */
	ck_assert_int_eq(sleep_until_drain(NULL), 0);
}

TASK_TEST(scopes_last_until_the_runtime_drains, .shards = 3, .drain_timeout = 3600 * PEAL_S)
{
	PEAL_SCOPE (shield, .shield = 1)
		spawn_and_drain();
	return 0;
}

static Suite *scope_cancel_suite(void)
{
	Suite *suite = suite_create("scope_cancel");
	TCase *tcase = tcase_create("scope_cancel");

	tcase_set_timeout(tcase, 30);
	ADD_TASK_TEST(tcase, any_task_inside_cancels_from_any_shard);
	ADD_TASK_TEST(tcase, a_thread_that_is_no_shard_cancels);
	ADD_TASK_TEST(tcase, a_fresh_task_that_is_cancelled_still_runs);
	ADD_TASK_TEST(tcase, a_cancel_reaches_scopes_within_scopes);
	ADD_TASK_TEST(tcase, scopes_may_nest_deep);
	ADD_TASK_TEST(tcase, a_cancel_goes_down_ten_thousand_levels);
	ADD_TASK_TEST(tcase, other_tasks_are_not_cancelled);
	ADD_TASK_TEST(tcase, a_token_cancels_all_its_scopes);
	ADD_TASK_TEST(tcase, a_token_meets_scopes_that_come_and_go);
	ADD_TASK_TEST(tcase, no_token_is_nothing);
	ADD_TASK_TEST(tcase, nothing_from_outside_reaches_into_a_shield);
	ADD_TASK_TEST(tcase, tasks_shield_themselves_on_any_shard);
	ADD_TASK_TEST(tcase, shields_hold_when_the_runtime_stops);
	ADD_TASK_TEST(tcase, cancels_meet_tasks_that_come_and_go);
	ADD_TASK_TEST(tcase, scopes_last_until_the_runtime_drains);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(scope_cancel_suite());
}
