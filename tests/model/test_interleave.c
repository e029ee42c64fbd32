/* SPDX-License-Identifier: MIT */
/* The explorer of interleave.h finds what C11 allows, and nothing else: the well-known litmus tests. */
#define PEAL_ATOMIC_HOOK "tests/model/interleave.h"
#include "core/base/atomic.h"
#include "tests/check_main.h"
#include "tests/model/explore.h"

static PEAL_ATOMIC(uint32_t) x, y;
static uint32_t seen[4];
static int data;

static void setup(void)
{
	x = y = 0;
	data = 0;
	memset(seen, 0, sizeof(seen));
}

/* Store buffering: may both miss the other's store? */

static void store_x_load_y(void)
{
	peal_store_release(&x, 1);
	seen[0] = peal_load_acquire(&y);
}

static void store_y_load_x(void)
{
	peal_store_release(&y, 1);
	seen[1] = peal_load_acquire(&x);
}

static void one_saw_the_other(void)
{
	il_check(seen[0] || seen[1]);
}

START_TEST(stores_are_seen_late_unless_seq_cst)
{
	static const struct il_scenario buffered = { "store buffering", setup,
		{ store_x_load_y, store_y_load_x }, one_saw_the_other };

	check_fails(&buffered, NULL);
}
END_TEST

static void seq_cst_store_x_load_y(void)
{
	peal_store_seq_cst(&x, 1);
	seen[0] = peal_load_seq_cst(&y);
}

static void seq_cst_store_y_load_x(void)
{
	peal_store_seq_cst(&y, 1);
	seen[1] = peal_load_seq_cst(&x);
}

START_TEST(seq_cst_accesses_order_stores_before_loads)
{
	static const struct il_scenario ordered = { "seq_cst store buffering", setup,
		{ seq_cst_store_x_load_y, seq_cst_store_y_load_x }, one_saw_the_other };
	static const struct il_mutation mutations[] = { { "seq_cst_store_x_load_y", IL_STORE,
								IL_SEQ_CST, IL_RELEASE, false },
		{ "seq_cst_store_x_load_y", IL_LOAD, IL_SEQ_CST, IL_ACQUIRE, false }, { 0 } };

	check_holds(&ordered);
	check_each_fails(&ordered, mutations);
}
END_TEST

/* Message passing. */

static void send_data(void)
{
	il_write(&data);
	data = 1;
	peal_store_release(&x, 1);
}

static void receive_data(void)
{
	if (!peal_load_acquire(&x))
		return;
	il_read(&data);
	il_check(data == 1);
}

START_TEST(release_and_acquire_hand_over_plain_data)
{
	static const struct il_scenario passing = { "message passing", setup,
		{ send_data, receive_data }, NULL };
	static const struct il_mutation mutations[] = { { "send_data", IL_STORE, IL_RELEASE,
								IL_RELAXED, false },
		{ "receive_data", IL_LOAD, IL_ACQUIRE, IL_RELAXED, false }, { 0 } };

	check_holds(&passing);
	check_each_fails(&passing, mutations);
}
END_TEST

/* A relaxed read-modify-write continues a release sequence, a relaxed store does not. */

static void bump(void)
{
	peal_add_relaxed(&x, 1);
}

static void receive_bumped(void)
{
	if (peal_load_acquire(&x) != 2)
		return;
	il_read(&data);
}

static void overwrite(void)
{
	if (peal_load_relaxed(&x) == 1)
		peal_store_relaxed(&x, 2);
}

START_TEST(release_sequences_are_made_of_read_modify_writes)
{
	static const struct il_scenario bumped = { "a bumped message", setup,
		{ send_data, bump, receive_bumped }, NULL };
	static const struct il_scenario overwritten = { "an overwritten message", setup,
		{ send_data, overwrite, receive_bumped }, NULL };

	check_fails(&overwritten, "data race with a write");
	check_holds(&bumped);
}
END_TEST

/* Independent reads of independent writes: may two disagree about the order of two stores? */

static void store_x(void)
{
	peal_store_seq_cst(&x, 1);
}

static void store_y(void)
{
	peal_store_seq_cst(&y, 1);
}

static void load_x_y(void)
{
	seen[0] = peal_load_seq_cst(&x);
	seen[1] = peal_load_seq_cst(&y);
}

static void load_y_x(void)
{
	seen[2] = peal_load_seq_cst(&y);
	seen[3] = peal_load_seq_cst(&x);
}

static uint32_t outcomes; /* of all runs: which were seen */

static void they_agree(void)
{
	outcomes |= 1u << (seen[0] | seen[1] << 1 | seen[2] << 2 | seen[3] << 3);
	il_check(!(seen[0] && !seen[1] && seen[2] && !seen[3]));
}

START_TEST(seq_cst_has_one_order_that_all_agree_on)
{
	static const struct il_scenario independent = { "independent reads", setup,
		{ store_x, store_y, load_x_y, load_y_x }, they_agree };
	static const struct il_mutation mutations[] = { { "load_x_y", IL_LOAD, IL_SEQ_CST,
								IL_ACQUIRE, false },
		{ "load_y_x", IL_LOAD, IL_SEQ_CST, IL_ACQUIRE, false },
		{ "store_x", IL_STORE, IL_SEQ_CST, IL_RELEASE, false }, { 0 } };

	outcomes = 0;
	check_holds(&independent);
	ck_assert_int_eq(__builtin_popcount(outcomes), 15); /* all but that */
	check_each_fails(&independent, mutations);
}
END_TEST

/* A location's stores are seen in one order, even with relaxed accesses. */

static void store_twice(void)
{
	peal_store_relaxed(&x, 1);
	peal_store_relaxed(&x, 2);
}

static void load_twice(void)
{
	seen[0] = peal_load_relaxed(&x);
	seen[1] = peal_load_relaxed(&x);
}

static void never_back(void)
{
	il_check(seen[0] <= seen[1]);
}

START_TEST(a_location_is_coherent)
{
	static const struct il_scenario coherent = { "coherence", setup,
		{ store_twice, load_twice }, never_back };

	check_holds(&coherent);
}
END_TEST

/* Two threads that each store to both: relaxed stores may end with the first of each. */

static void store_x1_y2(void)
{
	peal_store_relaxed(&x, 1);
	peal_store_relaxed(&y, 2);
}

static void store_y1_x2(void)
{
	peal_store_relaxed(&y, 1);
	peal_store_relaxed(&x, 2);
}

static void a_second_store_stays(void)
{
	il_check(peal_load_relaxed(&x) == 2 || peal_load_relaxed(&y) == 2);
}

START_TEST(a_store_may_come_before_one_that_was_made_earlier)
{
	static const struct il_scenario crossed = { "crossed stores", setup,
		{ store_x1_y2, store_y1_x2 }, a_second_store_stays };

	check_fails(&crossed, NULL);
}
END_TEST

/* Nothing is lost when three add, and it is found when an addition is torn. */

static void all_were_added(void)
{
	il_check(peal_load_relaxed(&x) == 3);
}

START_TEST(read_modify_writes_are_atomic)
{
	static const struct il_scenario adding = { "adding", setup, { bump, bump, bump },
		all_were_added };
	static const struct il_mutation mutations[] = {
		{ "bump", IL_ADD, IL_RELAXED, IL_RELAXED, true }, { 0 }
	};
	struct il_result result = il_explore(&adding, NULL, true);

	ck_assert_uint_eq(result.runs, 6); /* the orders of three steps */
	check_holds(&adding);
	check_each_fails(&adding, mutations);
}
END_TEST

/* What does not depend on each other is not run in both orders. */

static void bump_y(void)
{
	peal_add_relaxed(&y, 1);
}

START_TEST(independent_steps_are_run_once)
{
	static const struct il_scenario apart = { "apart", setup, { bump, bump_y }, NULL };

	ck_assert_uint_eq(il_explore(&apart, NULL, true).runs, 1);
}
END_TEST

/* A wait that nobody ends. */

static void ring_if_x(void)
{
	if (peal_load_relaxed(&x))
		il_bell_ring(&y);
}

static void wait_for_bell(void)
{
	peal_store_relaxed(&x, 1);
	il_bell_wait(&y);
}

START_TEST(a_bell_that_is_not_rung_is_found)
{
	static const struct il_scenario forgotten = { "forgotten bell", setup,
		{ ring_if_x, wait_for_bell }, NULL };

	check_fails(&forgotten, "stuck: whoever waits is never woken");
}
END_TEST

static Suite *interleave_suite(void)
{
	Suite *suite = suite_create("interleave");
	TCase *tcase = explore_tcase("litmus");

	tcase_add_test(tcase, stores_are_seen_late_unless_seq_cst);
	tcase_add_test(tcase, seq_cst_accesses_order_stores_before_loads);
	tcase_add_test(tcase, release_and_acquire_hand_over_plain_data);
	tcase_add_test(tcase, release_sequences_are_made_of_read_modify_writes);
	tcase_add_test(tcase, seq_cst_has_one_order_that_all_agree_on);
	tcase_add_test(tcase, a_location_is_coherent);
	tcase_add_test(tcase, a_store_may_come_before_one_that_was_made_earlier);
	tcase_add_test(tcase, read_modify_writes_are_atomic);
	tcase_add_test(tcase, independent_steps_are_run_once);
	tcase_add_test(tcase, a_bell_that_is_not_rung_is_found);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(interleave_suite());
}
