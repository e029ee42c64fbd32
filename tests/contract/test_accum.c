/* SPDX-License-Identifier: MIT */
/*
 * Accumulators: sums that travel instead of messages; on every backend.
 */
#include <errno.h>
#include <string.h>

#include "tests/contract/msg_help.h"

static _Atomic uint64_t sum;
static atomic_int calls;

static void take_sum(const struct peal_msg *msg, void *arg)
{
	ck_assert_ptr_eq(arg, &sum);
	ck_assert_uint_eq(msg->tag, WORK);
	ck_assert_uint_gt(msg->value, 0);
	got.last = *msg;
	atomic_fetch_add(&calls, 1);
	atomic_fetch_add(&sum, msg->value); /* the last: this is what is waited for */
}

static int handle_sums(void *arg)
{
	(void)arg;
	return peal_accum_handle(WORK, take_sum, &sum);
}

static void wait_for_sum(uint64_t value)
{
	while (atomic_load(&sum) != value)
		ck_assert_int_eq(peal_sleep(PEAL_MS / 10), 0);
}

START_TEST(a_thread_that_is_no_shard_is_refused)
{
	ck_assert_int_eq(peal_accum_add(0, WORK, 1), -EPERM);
	ck_assert_int_eq(peal_accum_threshold(0, WORK, 1), -EPERM);
	ck_assert_int_eq(peal_accum_handle(WORK, take_sum, NULL), -EPERM);
	ck_assert_int_eq(peal_accum_unhandle(WORK), -EPERM);
}
END_TEST

TASK_TEST(misuse_is_refused)
{
	ck_assert_int_eq(peal_accum_add(2, WORK, 1), -EINVAL);
	ck_assert_int_eq(peal_accum_threshold(2, WORK, 1), -EINVAL);
	ck_assert_int_eq(peal_accum_handle(WORK, NULL, NULL), -EINVAL);
	ck_assert_int_eq(peal_accum_unhandle(WORK), -ENOENT);
	ck_assert_int_eq(handle_sums(NULL), 0);
	ck_assert_int_eq(handle_sums(NULL), -EEXIST);
	ck_assert_int_eq(peal_accum_unhandle(WORK), 0);
	ck_assert_int_eq(peal_accum_unhandle(WORK), -ENOENT);
	return 0;
}

TASK_TEST(what_is_added_arrives_as_a_sum)
{
	ck_assert_int_eq(on_shard(1, handle_sums, NULL), 0);
	for (uint64_t i = 1; i <= 100; i++)
		ck_assert_int_eq(peal_accum_add(1, WORK, i), 0);
	ck_assert_int_eq(peal_accum_add(1, WORK, 0), 0);
	wait_for_sum(5050);
	ck_assert_uint_eq(got.last.from, 0);
	ck_assert_int_eq(atomic_load(&calls), 1);
	ck_assert_uint_eq(counter("sums_sent"), 1);
	ck_assert_uint_eq(counter("sums_received"), 1);
	/* Nothing is nothing to tell; and to oneself. */
	ck_assert_int_eq(peal_accum_add(1, WORK, 0), 0);
	ck_assert_int_eq(handle_sums(NULL), 0);
	ck_assert_int_eq(peal_accum_add(0, WORK, 1), 0);
	wait_for_sum(5051);
	ck_assert_int_eq(atomic_load(&calls), 2);
	return 0;
}

TASK_TEST(a_busy_receiver_is_told_once)
{
	struct peal_task *other;

	ck_assert_int_eq(on_shard(1, handle_sums, NULL), 0);
	other = start_hog(1);
	for (int i = 0; i < 1000; i++) {
		ck_assert_int_eq(peal_accum_add(1, WORK, 3), 0);
		ck_assert_int_eq(peal_yield(), 0);
	}
	end_hog(other);
	wait_for_sum(3000);
	ck_assert_int_eq(atomic_load(&calls), 1);
	ck_assert_uint_eq(counter("sums_sent"), 1);
	return 0;
}

TASK_TEST(sums_below_their_threshold_stay_here)
{
	ck_assert_int_eq(on_shard(1, handle_sums, NULL), 0);
	ck_assert_int_eq(peal_accum_threshold(1, WORK, 10), 0);
	for (int i = 0; i < 9; i++) {
		ck_assert_int_eq(peal_accum_add(1, WORK, 1), 0);
		ck_assert_int_eq(peal_yield(), 0);
	}
	ck_assert_int_eq(peal_sleep(2 * PEAL_MS), 0);
	ck_assert_int_eq(atomic_load(&calls), 0);
	ck_assert_int_eq(peal_accum_add(1, WORK, 1), 0);
	wait_for_sum(10);
	/* Other tags have thresholds of their own. */
	ck_assert_int_eq(peal_accum_add(1, OTHER, 1), 0);
	ck_assert_int_eq(peal_accum_add(1, WORK, 1), 0);
	ck_assert_int_eq(peal_sleep(2 * PEAL_MS), 0);
	ck_assert_int_eq(atomic_load(&calls), 1);
	ck_assert_uint_eq(counter("sums_sent"), 2);
	ck_assert_int_eq(peal_msg_flush(), 0);
	wait_for_sum(11);
	/* A lower threshold that is reached already. */
	ck_assert_int_eq(peal_accum_add(1, WORK, 4), 0);
	ck_assert_int_eq(peal_accum_threshold(1, WORK, 4), 0);
	wait_for_sum(15);
	return 0;
}

TASK_TEST(sums_wait_for_somebody_to_ask)
{
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(peal_accum_add(1, WORK, 1), 0);
		ck_assert_int_eq(peal_accum_add(1, OTHER, 1), 0);
		ck_assert_int_eq(peal_sleep(PEAL_MS / 2), 0);
	}
	ck_assert_uint_eq(counter("sums_sent"), 2);
	ck_assert_int_eq(on_shard(1, handle_sums, NULL), 0);
	wait_for_sum(10);
	ck_assert_int_eq(atomic_load(&calls), 1);
	ck_assert_int_eq(peal_accum_add(1, WORK, 1), 0);
	wait_for_sum(11);
	return 0;
}

TASK_TEST(sums_do_not_wrap)
{
	struct peal_task *other;

	ck_assert_int_eq(on_shard(1, handle_sums, NULL), 0);
	other = start_hog(1);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(peal_accum_add(1, WORK, UINT64_MAX - 1), 0);
		ck_assert_int_eq(peal_yield(), 0);
	}
	end_hog(other);
	wait_for_sum(UINT64_MAX);
	ck_assert_int_eq(atomic_load(&calls), 1);
	return 0;
}

/* Many senders, many tags, a handler that comes and goes: nothing is lost. */

enum { SHARDS = 8, ADDITIONS = 20000 };

static int add_up(void *arg)
{
	(void)arg;
	ck_assert_int_eq(peal_accum_threshold(0, WORK, 17), 0);
	for (int i = 0; i < ADDITIONS; i++) {
		ck_assert_int_eq(peal_accum_add(0, WORK, 1), 0);
		if (i % 13 == 0)
			ck_assert_int_eq(peal_yield(), 0);
	}
	return 0;
}

static int all_add_up(void *arg)
{
	ck_assert_int_eq(peal_spawn_each(add_up, arg, NULL), 0);
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(handle_sums(arg), 0);
		ck_assert_int_eq(peal_sleep(PEAL_MS / 10), 0);
		ck_assert_int_eq(peal_accum_unhandle(WORK), 0);
		ck_assert_int_eq(peal_sleep(PEAL_MS / 10), 0);
	}
	return handle_sums(arg);
}

START_TEST(nothing_is_lost_at_the_end)
{
	run_on(_i, all_add_up, NULL, (struct peal_rt_opts){ .shards = SHARDS });
	ck_assert_uint_eq(atomic_load(&sum), SHARDS * ADDITIONS);
	ck_assert_int_eq(atomic_load(&warnings), 0);
}
END_TEST

static int add_for_nobody(void *arg)
{
	(void)arg;
	ck_assert_int_eq(peal_accum_add(1, OTHER, 5), 0);
	return 0;
}

START_TEST(what_nobody_asked_for_is_reported_at_the_end)
{
	run_on(_i, add_for_nobody, NULL, (struct peal_rt_opts){ 0 });
	ck_assert_int_eq(atomic_load(&warnings), 1);
	ck_assert_ptr_nonnull(strstr(last_warning, "1 sums from shard 0"));
	ck_assert_ptr_nonnull(strstr(last_warning, "to shard 1 of tag 3"));
}
END_TEST

static Suite *accum_suite(void)
{
	Suite *suite = suite_create("accum");
	TCase *tcase = tcase_create("accum");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_thread_that_is_no_shard_is_refused);
	ADD_TASK_TEST(tcase, misuse_is_refused);
	ADD_TASK_TEST(tcase, what_is_added_arrives_as_a_sum);
	ADD_TASK_TEST(tcase, a_busy_receiver_is_told_once);
	ADD_TASK_TEST(tcase, sums_below_their_threshold_stay_here);
	ADD_TASK_TEST(tcase, sums_wait_for_somebody_to_ask);
	ADD_TASK_TEST(tcase, sums_do_not_wrap);
	ADD_TASK_TEST(tcase, nothing_is_lost_at_the_end);
	ADD_TASK_TEST(tcase, what_nobody_asked_for_is_reported_at_the_end);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	peal_set_log(note_warning, NULL);
	return peal_check_main(accum_suite());
}
