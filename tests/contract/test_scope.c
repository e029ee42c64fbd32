/* SPDX-License-Identifier: MIT */
/*
 * Scopes: who is waited for, what failures mean, misuse, and reports; on every backend. That each call can
 * be cancelled at each of its suspensions is test_cancel.c's.
 */
#include <pthread.h>
#include <unistd.h>

#include "tests/contract/scopes.h"

TASK_TEST(closing_waits_for_all_tasks)
{
	for (int i = 0; i < PLACES; i++) {
		struct peal_scope scope;
		atomic_int count = 0;

		OPEN(&scope);
		for (int task = 0; task < 50; task++)
			spawn_in(&scope, count_up, &count, places[i]);
		ck_assert_int_eq(peal_scope_close(&scope), 0);
		ck_assert_int_eq(atomic_load(&count), 50);
	}
	return 0;
}

TASK_TEST(an_empty_scope_is_nothing)
{
	struct peal_scope scope;

	for (int i = 0; i < 1000; i++) {
		OPEN(&scope);
		ck_assert_ptr_eq(peal_scope_current(), &scope);
		ck_assert_int_eq(peal_scope_close(&scope), 0);
	}
	ck_assert_uint_ge(counter("scopes_opened"), 1000);
	ck_assert_uint_eq(counter("scopes_cancelled"), 0);
	return 0;
}

TASK_TEST(options_are_checked)
{
	struct peal_scope scope;
	struct {
		struct peal_scope_opts opts;
		uint64_t tail;
	} newer = { { .size = sizeof(newer) }, 1 };

	ck_assert_int_eq(peal_scope_open(NULL, NULL), -EINVAL);
	ck_assert_int_eq(peal_scope_open(&scope, PEAL_SCOPE_OPTS(.policy = 3)), -EINVAL);
	ck_assert_int_eq(peal_scope_open(&scope, PEAL_SCOPE_OPTS(.shield = 2)), -EINVAL);
	ck_assert_int_eq(peal_scope_open(&scope, &newer.opts), -E2BIG);
	ck_assert_int_eq(peal_scope_run(NULL, NULL, NULL), -EINVAL);
	return 0;
}

START_TEST(off_a_fiber_nothing_opens)
{
	struct peal_scope scope;
	int runs = 0, err = 0;

	ck_assert_int_eq(peal_scope_open(&scope, NULL), -EPERM);
	PEAL_SCOPE (block, .result = &err)
		runs++;
	ck_assert_int_eq(err, -EPERM);
	PEAL_WITHIN (PEAL_S)
		runs++;
	ck_assert_int_eq(runs, 2);
	ck_assert_int_eq(PEAL_WITHIN_GET(PEAL_S, runs), 2);
	ck_assert_ptr_null(peal_scope_current());
	ck_assert_int_eq(peal_cancelled(), 0);
	ck_assert(!peal_expired());
	ck_assert_int_eq(peal_deadline(), PEAL_NEVER);
}
END_TEST

/* Misuse */

static int close_it(void *arg)
{
	return peal_scope_close(arg);
}

TASK_TEST(only_the_opener_closes_and_only_once)
{
	struct peal_scope outer, inner;
	struct peal_task *task;
	int result;

	OPEN(&outer);
	ck_assert_int_eq(peal_scope_open(&outer, NULL), -EBUSY);
	OPEN(&inner);
	ck_assert_int_eq(peal_scope_open(&outer, NULL), -EBUSY);
	ck_assert_int_eq(peal_scope_close(&outer), -EBUSY);
	for (unsigned int i = 0; i < 2; i++) {
		ck_assert_int_eq(peal_task_spawn(&task, close_it, &inner,
					 PEAL_SPAWN(.place = PEAL_PINNED(i))),
			0);
		ck_assert_int_eq(peal_task_join(task, &result), 0);
		ck_assert_int_eq(result, -EPERM);
	}
	ck_assert_int_eq(peal_scope_close(&inner), 0);
	ck_assert_int_eq(peal_scope_close(&inner), -EINVAL);
	ck_assert_int_eq(peal_scope_spawn(&inner, give_back, NULL, NULL), -EINVAL);
	ck_assert_int_eq(peal_scope_cancel(&inner), -EINVAL);
	ck_assert_int_eq(peal_scope_close(&outer), 0);
	ck_assert_int_eq(peal_scope_close(NULL), -EINVAL);
	return 0;
}

static void expect_words(const char *text)
{
	_exit(strstr(text, "task \"forgetful\" ended with a scope open: \"mine\"") ? 7 : 8);
}

static int forget(void *arg)
{
	return peal_scope_open(arg, PEAL_SCOPE_OPTS(.name = "mine"));
}

static int spawn_forgetful(void *arg)
{
	peal_spawn(forget, arg, PEAL_SPAWN(.name = "forgetful"));
	return peal_sleep(LONG);
}

START_TEST(a_task_that_ends_with_a_scope_open_ends_the_program)
{
	struct peal_scope scope;

	peal_set_fatal(expect_words);
	run_on(_i, spawn_forgetful, &scope, (struct peal_rt_opts){ 0 });
}
END_TEST

/* Failures */

static int policy_outcome(uint32_t policy, peal_task_fn *first, void *arg, peal_task_fn *second)
{
	struct peal_scope scope;
	int err = peal_scope_open(&scope, PEAL_SCOPE_OPTS(.policy = policy));

	ck_assert_int_eq(err, 0);
	for (unsigned int i = 0; i < 3; i++)
		spawn_in(&scope, second, NULL, places[i]);
	spawn_in(&scope, first, arg, PEAL_HERE);
	return peal_scope_close(&scope);
}

TASK_TEST(the_first_failure_cancels_the_others)
{
	ck_assert_int_eq(
		policy_outcome(PEAL_FAIL_FAST, give_back, (void *)-EDOM, sleep_long), -EDOM);
	ck_assert_int_eq(policy_outcome(PEAL_FAIL_FAST, give_back, (void *)3, sleep_a_little), 0);
	ck_assert_uint_eq(counter("scopes_cancelled"), 1);
	return 0;
}

TASK_TEST(or_all_results_are_collected)
{
	ck_assert_int_eq(
		policy_outcome(PEAL_COLLECT_ALL, give_back, (void *)-EDOM, sleep_a_little), -EDOM);
	ck_assert_int_eq(policy_outcome(PEAL_COLLECT_ALL, give_back, NULL, sleep_a_little), 0);
	ck_assert_uint_eq(counter("scopes_cancelled"), 0);
	return 0;
}

TASK_TEST(or_the_first_success_is_enough)
{
	ck_assert_int_eq(policy_outcome(PEAL_FIRST_SUCCESS, give_back, (void *)5, sleep_long), 0);
	ck_assert_int_eq(
		policy_outcome(PEAL_FIRST_SUCCESS, give_back, (void *)-EDOM, sleep_a_little), 0);
	ck_assert_int_eq(
		policy_outcome(PEAL_FIRST_SUCCESS, give_back, (void *)-EDOM, give_back), 0);
	return 0;
}

static int fail_with_eio(void *arg)
{
	(void)arg;
	return -EIO;
}

TASK_TEST(without_any_success_the_first_failure_is_told)
{
	ck_assert_int_eq(
		policy_outcome(PEAL_FIRST_SUCCESS, fail_with_eio, NULL, fail_with_eio), -EIO);
	return 0;
}

TASK_TEST(a_refused_spawn_is_a_failure, .max_tasks = 8, .shards = 1)
{
	struct peal_scope scope;
	int refused = 0;

	OPEN(&scope);
	for (int i = 0; i < 20; i++)
		refused += peal_scope_spawn(&scope, sleep_long, NULL, NULL) == -EAGAIN;
	ck_assert_int_eq(refused, 13); /* the main task is one of the eight */
	ck_assert_int_eq(peal_cancelled(), -ECANCELED);
	ck_assert_int_eq(peal_scope_close(&scope), -EAGAIN);
	ck_assert_int_eq(peal_cancelled(), 0);
	return 0;
}

TASK_TEST(handles_of_tasks_in_a_scope_can_be_joined)
{
	struct peal_task *tasks[2];
	struct peal_scope scope;
	int result;

	OPEN(&scope, .policy = PEAL_COLLECT_ALL);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(peal_scope_task_spawn(&scope, &tasks[i], give_back,
					 (void *)(intptr_t)(i ? 6 : -7),
					 PEAL_SPAWN(.place = PEAL_PINNED(i))),
			0);
	ck_assert_int_eq(peal_scope_task_spawn(&scope, NULL, give_back, NULL, NULL), -EINVAL);
	ck_assert_int_eq(peal_task_join(tasks[0], &result), 0);
	ck_assert_int_eq(result, -7);
	ck_assert_int_eq(peal_scope_close(&scope), -7);
	ck_assert_int_eq(peal_task_join(tasks[1], &result), 0);
	ck_assert_int_eq(result, 6);
	return 0;
}

/* What takes long is reported */

static char report[1000];
static pthread_mutex_t report_lock = PTHREAD_MUTEX_INITIALIZER;

static void keep_reports(void *arg, enum peal_log_level level, const char *text)
{
	(void)arg;
	if (level != PEAL_LOG_WARNING)
		return;
	pthread_mutex_lock(&report_lock);
	strncat(report, text, sizeof(report) - strlen(report) - 1);
	pthread_mutex_unlock(&report_lock);
}

static int sleep_in_a_shield(void *arg)
{
	(void)arg;
	PEAL_SCOPE (shield, .shield = true)
		peal_sleep(5500 * PEAL_MS);
	return 0;
}

static int wait_for_slow_ones(void *arg)
{
	int err = 0;

	(void)arg;
	PEAL_SCOPE (scope, .name = "patient", .result = &err) {
		peal_scope_spawn(&scope, sleep_in_a_shield, NULL, PEAL_SPAWN(.name = "near"));
		peal_scope_spawn(&scope, sleep_in_a_shield, NULL,
			PEAL_SPAWN(.name = "far", .place = PEAL_PINNED(1)));
		peal_sleep(PEAL_MS);
		peal_scope_cancel(&scope);
	}
	return err == -ECANCELED ? 0 : -EINVAL;
}

START_TEST(a_scope_that_does_not_end_is_reported)
{
	peal_set_log(keep_reports, NULL);
	run_on(_i, wait_for_slow_ones, NULL, (struct peal_rt_opts){ 0 });
	ck_assert_ptr_nonnull(strstr(
		report, "scope \"patient\" of task \"main\" waits for task \"near\" on shard 0"));
	ck_assert_ptr_nonnull(strstr(report, "waits for task \"far\" on shard 1"));
	ck_assert_ptr_nonnull(strstr(report, "sleep"));
}
END_TEST

static Suite *scope_suite(void)
{
	Suite *suite = suite_create("scope");
	TCase *tcase = tcase_create("scope");
	TCase *misuse = tcase_create("misuse");
	TCase *slow = tcase_create("slow");

	tcase_set_timeout(tcase, 30);
	ADD_TASK_TEST(tcase, closing_waits_for_all_tasks);
	ADD_TASK_TEST(tcase, an_empty_scope_is_nothing);
	ADD_TASK_TEST(tcase, options_are_checked);
	tcase_add_test(tcase, off_a_fiber_nothing_opens);
	ADD_TASK_TEST(tcase, only_the_opener_closes_and_only_once);
	ADD_TASK_TEST(tcase, the_first_failure_cancels_the_others);
	ADD_TASK_TEST(tcase, or_all_results_are_collected);
	ADD_TASK_TEST(tcase, or_the_first_success_is_enough);
	ADD_TASK_TEST(tcase, without_any_success_the_first_failure_is_told);
	ADD_TASK_TEST(tcase, a_refused_spawn_is_a_failure);
	ADD_TASK_TEST(tcase, handles_of_tasks_in_a_scope_can_be_joined);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(misuse, 10);
	tcase_add_loop_exit_test(
		misuse, a_task_that_ends_with_a_scope_open_ends_the_program, 7, 0, backend_count);
	suite_add_tcase(suite, misuse);
	tcase_set_timeout(slow, 30);
	ADD_TASK_TEST(slow, a_scope_that_does_not_end_is_reported);
	suite_add_tcase(suite, slow);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(scope_suite());
}
