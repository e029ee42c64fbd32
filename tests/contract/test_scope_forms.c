/* SPDX-License-Identifier: MIT */
/*
 * Scopes: deadlines, and the ways to write a scope; on every backend.
 */
#include "tests/contract/scopes.h"

/* Deadlines */

TASK_TEST(a_deadline_ends_what_waits)
{
	struct peal_scope scope;
	int64_t before = peal_now();

	OPEN(&scope, .deadline = peal_in(5 * PEAL_MS));
	ck_assert_int_le(peal_deadline(), before + PEAL_S);
	for (int i = 0; i < 4; i++)
		spawn_in(&scope, sleep_long, NULL, PEAL_PINNED(i % 2));
	ck_assert_int_eq(peal_sleep(LONG), -ETIMEDOUT);
	ck_assert_int_ge(peal_now() - before, 5 * PEAL_MS);
	ck_assert(peal_expired());
	ck_assert_int_eq(peal_cancelled(), -ETIMEDOUT);
	ck_assert_int_eq(peal_scope_close(&scope), -ETIMEDOUT);
	ck_assert_uint_eq(counter("deadlines_expired"), 1);
	return 0;
}

/* The opener waits in close; and, with tasks elsewhere only, nothing else runs at its home. */
TASK_TEST(a_deadline_passes_while_closing)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct peal_scope scope;

		OPEN(&scope, .deadline = peal_in(5 * PEAL_MS));
		spawn_in(&scope, sleep_long, NULL, PEAL_PINNED(i));
		ck_assert_int_eq(peal_scope_close(&scope), -ETIMEDOUT);
		ck_assert(peal_expired());
	}
	return 0;
}

TASK_TEST(a_deadline_that_is_not_reached_does_nothing)
{
	for (int i = 0; i < 100; i++) {
		struct peal_scope scope;
		atomic_int runs = 0;

		OPEN(&scope, .deadline = peal_in(LONG));
		spawn_in(&scope, count_up, &runs, PEAL_HERE);
		ck_assert_int_eq(peal_scope_close(&scope), 0);
	}
	ck_assert_uint_eq(counter("deadlines_expired"), 0);
	return 0;
}

TASK_TEST(a_deadline_that_has_passed_expires_at_once)
{
	struct peal_scope scope;

	OPEN(&scope, .deadline = peal_now());
	ck_assert_int_eq(peal_cancelled(), -ETIMEDOUT);
	ck_assert_int_eq(peal_scope_close(&scope), -ETIMEDOUT);
	OPEN(&scope, .deadline = -1);
	ck_assert_int_eq(peal_sleep(0), -ETIMEDOUT);
	ck_assert_int_eq(peal_scope_close(&scope), -ETIMEDOUT);
	return 0;
}

/* Who says -ETIMEDOUT, and who -ECANCELED. */
TASK_TEST(the_scope_whose_deadline_passed_says_so_and_those_inside_are_cancelled)
{
	struct peal_scope outer, inner;

	OPEN(&outer, .deadline = peal_in(3 * PEAL_MS));
	OPEN(&inner, .deadline = peal_in(LONG));
	ck_assert_int_lt(peal_deadline(), peal_in(LONG / 2));
	spawn_in(&inner, sleep_long, NULL, PEAL_PINNED(1));
	ck_assert_int_eq(peal_sleep(LONG), -ECANCELED);
	ck_assert(!peal_expired());
	ck_assert_int_eq(peal_scope_close(&inner), -ECANCELED);
	ck_assert_int_eq(peal_sleep(LONG), -ETIMEDOUT);
	ck_assert_int_eq(peal_scope_close(&outer), -ETIMEDOUT);
	return 0;
}

TASK_TEST(an_inner_deadline_leaves_the_outer_scope_alone)
{
	struct peal_scope outer, inner;

	OPEN(&outer, .deadline = peal_in(LONG));
	OPEN(&inner, .deadline = peal_in(3 * PEAL_MS));
	ck_assert_int_eq(peal_sleep(LONG), -ETIMEDOUT);
	ck_assert_int_eq(peal_scope_close(&inner), -ETIMEDOUT);
	ck_assert_int_eq(peal_sleep(0), 0);
	ck_assert_int_eq(peal_scope_close(&outer), 0);
	return 0;
}

/* A task of the outer scope inherits its deadline, also under a scope that it opens itself. */
static int wait_in_a_scope(void *arg)
{
	struct peal_scope scope;
	int err;

	(void)arg;
	OPEN(&scope);
	ck_assert_int_lt(peal_deadline(), PEAL_NEVER);
	err = peal_sleep(LONG);
	ck_assert_int_eq(err, -ECANCELED);
	peal_scope_close(&scope);
	err = peal_sleep(LONG);
	ck_assert_int_eq(err, -ETIMEDOUT);
	return err;
}

TASK_TEST(deadlines_are_inherited_by_tasks)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct peal_scope scope;

		OPEN(&scope, .deadline = peal_in(3 * PEAL_MS));
		spawn_in(&scope, wait_in_a_scope, NULL, PEAL_PINNED(i));
		ck_assert_int_eq(peal_scope_close(&scope), -ETIMEDOUT);
	}
	return 0;
}

/* The deadline against the completion, over and over, at about the same time. */
TASK_TEST(a_deadline_races_with_success)
{
	int timed_out = 0;

	for (int i = 0; i < 500; i++) {
		int64_t until = peal_in(20 * PEAL_US + i % 7 * 10);
		struct peal_scope scope;
		int err;

		OPEN(&scope, .deadline = until);
		err = peal_sleep_until(until + (i % 3 - 1));
		ck_assert(err == 0 || err == -ETIMEDOUT);
		timed_out += err == -ETIMEDOUT;
		err = peal_scope_close(&scope);
		ck_assert(err == 0 || err == -ETIMEDOUT);
	}
	ck_assert_int_ge(timed_out, 1);
	return 0;
}

/* The other two forms */

static int run_body(struct peal_scope *scope, void *arg)
{
	ck_assert_ptr_eq(scope, peal_scope_current());
	spawn_in(scope, sleep_a_little, NULL, PEAL_HERE);
	return (int)(intptr_t)arg;
}

TASK_TEST(run_gives_what_close_gives)
{
	ck_assert_int_eq(peal_scope_run(run_body, NULL, NULL), 0);
	ck_assert_int_eq(peal_scope_run(run_body, (void *)9, NULL), 0);
	ck_assert_int_eq(peal_scope_run(run_body, (void *)-EDOM, NULL), -EDOM);
	ck_assert_int_eq(peal_scope_run(run_body, (void *)-EDOM,
				 PEAL_SCOPE_OPTS(.policy = PEAL_FIRST_SUCCESS)),
		0);
	ck_assert_int_eq(
		peal_scope_run(run_body, NULL, PEAL_SCOPE_OPTS(.deadline = peal_now() - 1)),
		-ETIMEDOUT);
	ck_assert_int_eq(peal_scope_run(run_body, NULL, PEAL_SCOPE_OPTS(.policy = 9)), -EINVAL);
	return 0;
}

TASK_TEST(a_block_that_is_left_at_its_end_waits)
{
	struct peal_scope *outside = peal_scope_current();
	atomic_int count = 0;
	int err = -1, runs = 0;

	PEAL_SCOPE (scope, .name = "block", .result = &err) {
		for (int i = 0; i < 5; i++)
			peal_scope_spawn(
				&scope, count_up, &count, PEAL_SPAWN(.place = PEAL_PINNED(i % 2)));
		runs++;
	}
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(runs, 1);
	ck_assert_int_eq(atomic_load(&count), 5);
	PEAL_SCOPE (again) {
		peal_scope_spawn(&again, count_up, &count, NULL);
		if (runs)
			continue;
		ck_abort_msg("continue leaves the block");
	}
	ck_assert_int_eq(atomic_load(&count), 6);
	ck_assert_ptr_eq(peal_scope_current(), outside);
	return 0;
}

static int sleep_and_note(void *arg)
{
	ck_assert_int_eq(peal_sleep(LONG), -ECANCELED);
	atomic_fetch_add((atomic_int *)arg, 1);
	return 0;
}

static int leave_by_return(int *err, atomic_int *ended)
{
	PEAL_SCOPE (scope, .result = err) {
		peal_scope_spawn(&scope, sleep_and_note, ended, NULL);
		return 17;
	}
	return 0;
}

TASK_TEST(any_other_way_out_cancels_and_waits)
{
	struct peal_scope *outside = peal_scope_current();
	atomic_int ended = 0;
	int err = 0;

	PEAL_SCOPE (scope, .result = &err) {
		peal_scope_spawn(
			&scope, sleep_and_note, &ended, PEAL_SPAWN(.place = PEAL_PINNED(1)));
		break;
	}
	ck_assert_int_eq(err, -ECANCELED);
	ck_assert_int_eq(atomic_load(&ended), 1);
	PEAL_SCOPE (scope, .result = &err) {
		PEAL_SCOPE (inner) {
			peal_scope_spawn(&inner, sleep_and_note, &ended, NULL);
			peal_scope_spawn(&scope, sleep_and_note, &ended, NULL);
			goto out;
		}
	}
out:
	ck_assert_int_eq(atomic_load(&ended), 3);
	ck_assert_int_eq(leave_by_return(&err, &ended), 17);
	ck_assert_int_eq(atomic_load(&ended), 4);
	ck_assert_int_eq(err, -ECANCELED);
	ck_assert_ptr_eq(peal_scope_current(), outside);
	return 0;
}

TASK_TEST(a_statement_has_a_deadline)
{
	int err = 0, runs = 0;
	int64_t before = peal_now();

	PEAL_WITHIN (3 * PEAL_MS)
		err = peal_sleep(LONG);
	ck_assert_int_eq(err, -ETIMEDOUT);
	ck_assert(peal_expired());
	ck_assert_int_ge(peal_now() - before, 3 * PEAL_MS);
	ck_assert_int_eq(peal_sleep(0), 0);
	PEAL_WITHIN (LONG)
		err = peal_sleep(PEAL_US);
	ck_assert_int_eq(err, 0);
	PEAL_WITHIN (0)
		err = peal_sleep(0);
	ck_assert_int_eq(err, -ETIMEDOUT);
	PEAL_WITHIN (-LONG)
		err = peal_sleep(0);
	ck_assert_int_eq(err, -ETIMEDOUT);
	PEAL_WITHIN (PEAL_NEVER)
		err = peal_sleep(0);
	ck_assert_int_eq(err, 0);
	for (int i = 0; i < 3; i++)
		PEAL_WITHIN (PEAL_S) {
			PEAL_WITHIN (2 * PEAL_S)
				runs++;
			if (i == 1)
				break; /* of the statement, not of the loop */
			runs += 10;
		}
	ck_assert_int_eq(runs, 23);
	return 0;
}

static int sleep_within(int64_t deadline)
{
	return PEAL_WITHIN_GET(deadline, peal_sleep(LONG));
}

TASK_TEST(an_expression_has_a_deadline)
{
	ck_assert_int_eq(PEAL_WITHIN_GET(PEAL_MS, peal_sleep(LONG)), -ETIMEDOUT);
	ck_assert_int_eq(PEAL_WITHIN_GET(LONG, peal_sleep(0)), 0);
	ck_assert_int_eq(PEAL_WITHIN_GET(LONG, sleep_within(PEAL_MS)), -ETIMEDOUT);
	ck_assert_int_eq(PEAL_WITHIN_GET(PEAL_MS, sleep_within(LONG)), -ECANCELED);
	return 0;
}

/* TCP's own timeout is not a deadline. (The peer's is played by a task's result that is passed on.) */
TASK_TEST(expired_tells_a_deadline_from_other_timeouts)
{
	struct peal_scope scope;

	ck_assert(!peal_expired());
	ck_assert_int_eq(PEAL_WITHIN_GET(0, peal_sleep(0)), -ETIMEDOUT);
	ck_assert(peal_expired());
	OPEN(&scope);
	spawn_in(&scope, give_back, (void *)-ETIMEDOUT, PEAL_HERE);
	ck_assert_int_eq(peal_scope_close(&scope), -ETIMEDOUT);
	ck_assert(!peal_expired());
	return 0;
}

static Suite *scope_forms_suite(void)
{
	Suite *suite = suite_create("scope_forms");
	TCase *tcase = tcase_create("scope_forms");

	tcase_set_timeout(tcase, 30);
	ADD_TASK_TEST(tcase, a_deadline_ends_what_waits);
	ADD_TASK_TEST(tcase, a_deadline_passes_while_closing);
	ADD_TASK_TEST(tcase, a_deadline_that_is_not_reached_does_nothing);
	ADD_TASK_TEST(tcase, a_deadline_that_has_passed_expires_at_once);
	ADD_TASK_TEST(
		tcase, the_scope_whose_deadline_passed_says_so_and_those_inside_are_cancelled);
	ADD_TASK_TEST(tcase, an_inner_deadline_leaves_the_outer_scope_alone);
	ADD_TASK_TEST(tcase, deadlines_are_inherited_by_tasks);
	ADD_TASK_TEST(tcase, a_deadline_races_with_success);
	ADD_TASK_TEST(tcase, run_gives_what_close_gives);
	ADD_TASK_TEST(tcase, a_block_that_is_left_at_its_end_waits);
	ADD_TASK_TEST(tcase, any_other_way_out_cancels_and_waits);
	ADD_TASK_TEST(tcase, a_statement_has_a_deadline);
	ADD_TASK_TEST(tcase, an_expression_has_a_deadline);
	ADD_TASK_TEST(tcase, expired_tells_a_deadline_from_other_timeouts);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(scope_forms_suite());
}
