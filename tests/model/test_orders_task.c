/* SPDX-License-Identifier: MIT */
/* How a fiber sleeps, is woken and joined (core/sched/wakeword.h, core/task/joinword.h), in every order. */
#define PEAL_ATOMIC_HOOK "tests/model/interleave.h"
#include "core/task/joinword.h"
#include "core/sched/wakeword.h"
#include "tests/check_main.h"
#include "tests/model/explore.h"

static struct peal_wakeword word;
static uint32_t bell; /* the sleeper's shard is told to resume it */
static PEAL_ATOMIC(uint32_t) a, b;
static int data_a, data_b;

static struct peal_joinword joiner;
static PEAL_ATOMIC(uint32_t) owners; /* of the task that is joined */
static struct peal_task *const self = (struct peal_task *)&bell;
static int block, result, sleeps, resumed; /* block: its memory */
static bool joined, cancelled;

static void setup(void)
{
	peal_wakeword_init(&word);
	peal_joinword_init(&joiner);
	bell = a = b = 0;
	owners = 2;
	block = result = sleeps = resumed = 0;
	joined = cancelled = false;
}

/* As peal_task_park() does. */
static void park(void)
{
	if (peal_wakeword_sleep(&word)) {
		sleeps++;
		il_bell_wait(&bell);
		resumed++;
	}
	peal_wakeword_rise(&word);
}

static void wake(void)
{
	if (peal_wakeword_wake(&word))
		il_bell_ring(&bell);
}

/* Two wakers, and a sleeper that waits for both. */

static void do_a(void)
{
	peal_store_relaxed(&a, 1);
	wake();
}

static void do_b(void)
{
	peal_store_relaxed(&b, 1);
	wake();
}

static void wait_for_both(void)
{
	while (!peal_load_relaxed(&a) || !peal_load_relaxed(&b))
		park();
}

static void each_sleep_was_ended_once(void)
{
	il_check(sleeps == resumed);
	il_check(!bell);
}

static const struct il_scenario two_wakers = { "two wakers", setup, { wait_for_both, do_a, do_b },
	each_sleep_was_ended_once };

START_TEST(no_wake_is_lost)
{
	static const struct il_mutation mutations[] = { { "peal_wakeword_wake", IL_EXCHANGE,
								IL_ACQ_REL, IL_RELAXED, false },
		{ "peal_wakeword_wake", IL_EXCHANGE, IL_ACQ_REL, IL_ACQUIRE, false },
		{ "peal_wakeword_wake", IL_EXCHANGE, IL_ACQ_REL, IL_ACQ_REL, true },
		{ "peal_wakeword_rise", IL_EXCHANGE, IL_ACQ_REL, IL_RELAXED, false },
		{ "peal_wakeword_rise", IL_EXCHANGE, IL_ACQ_REL, IL_RELEASE, false },
		{ "peal_wakeword_rise", IL_EXCHANGE, IL_ACQ_REL, IL_ACQ_REL, true },
		{ "peal_wakeword_sleep", IL_CAS, IL_ACQ_REL, IL_ACQ_REL, true }, { 0 } };

	check_holds(&two_wakers);
	check_each_fails(&two_wakers, mutations);
}
END_TEST

/* tokio #7622: nothing to do when it is awake already? What was written is not published then. */

static void wake_with_an_early_way_out(void)
{
	if (peal_load_acquire(&word.state) != PEAL_WAKE_STORED)
		wake();
}

static void do_a_early(void)
{
	peal_store_relaxed(&a, 1);
	wake_with_an_early_way_out();
}

static void do_b_early(void)
{
	peal_store_relaxed(&b, 1);
	wake_with_an_early_way_out();
}

START_TEST(an_early_way_out_would_lose_one)
{
	static const struct il_scenario early = { "an early way out", setup,
		{ wait_for_both, do_a_early, do_b_early }, NULL };

	check_fails(&early, "stuck: whoever waits is never woken");
}
END_TEST

/* What a waker has written before is there after the sleep. */

static void do_data(void)
{
	il_write(&data_a);
	wake();
}

static void wait_for_data(void)
{
	park();
	il_read(&data_a);
	il_write(&data_b);
}

START_TEST(a_wake_hands_over_plain_data)
{
	static const struct il_scenario one = { "a waker", setup, { wait_for_data, do_data },
		each_sleep_was_ended_once };

	check_holds(&one);
}
END_TEST

/* Joining: the task and its handle share the block, the last to let go frees it. */

static void let_go(void)
{
	if (peal_sub_acq_rel(&owners, 1) == 1)
		il_write(&block);
}

static void end_task(void)
{
	struct peal_task *waits;

	il_read(&block);
	il_write(&result);
	result = 7;
	waits = peal_joinword_end(&joiner);
	if (waits) {
		il_check(waits == self);
		wake();
	}
	il_read(&block);
	let_go();
}

static void take_result(void)
{
	il_read(&result);
	il_check(result == 7);
	il_read(&block);
	joined = true;
	let_go();
}

static void join_task(void)
{
	if (peal_joinword_ended(&joiner) ||
		peal_joinword_enter(&joiner, self) == PEAL_JOIN_IS_OVER) {
		take_result();
		return;
	}
	park();
	take_result();
}

static void it_was_joined(void)
{
	il_check(joined);
	il_check(peal_load_relaxed(&owners) == 0);
	each_sleep_was_ended_once();
}

static const struct il_scenario joining = { "joining", setup, { join_task, end_task },
	it_was_joined };

START_TEST(a_join_gets_the_result_and_the_block_is_freed_once)
{
	static const struct il_mutation mutations[] = { { "peal_joinword_ended", IL_LOAD,
								IL_ACQUIRE, IL_RELAXED, false },
		{ "peal_joinword_enter", IL_CAS, IL_ACQ_REL, IL_RELAXED, false },
		{ "peal_joinword_enter", IL_CAS, IL_ACQ_REL, IL_ACQ_REL, true },
		{ "peal_joinword_end", IL_EXCHANGE, IL_ACQ_REL, IL_RELAXED, false },
		{ "peal_joinword_end", IL_EXCHANGE, IL_ACQ_REL, IL_ACQ_REL, true },
		{ "let_go", IL_SUB, IL_ACQ_REL, IL_RELAXED, false },
		{ "let_go", IL_SUB, IL_ACQ_REL, IL_ACQUIRE, false },
		{ "let_go", IL_SUB, IL_ACQ_REL, IL_ACQ_REL, true }, { 0 } };

	check_holds(&joining);
	check_each_fails(&joining, mutations);
}
END_TEST

/* A wait that is cancelled, on the joiner's thread, and then done once more. */

static void cancel(void)
{
	if (peal_joinword_withdraw(&joiner, self)) {
		cancelled = true;
		wake();
	}
}

static void join_cancelled_then_join(void)
{
	if (peal_joinword_enter(&joiner, self) == PEAL_JOIN_WAITS) {
		cancel();
		park();
		if (cancelled) {
			join_task();
			return;
		}
	}
	take_result();
}

static const struct il_scenario cancelling = { "a join that is cancelled", setup,
	{ join_cancelled_then_join, end_task }, it_was_joined };

START_TEST(a_cancelled_join_is_woken_once)
{
	static const struct il_mutation mutations[] = {
		{ "peal_joinword_withdraw", IL_CAS, IL_ACQ_REL, IL_ACQ_REL, true }, { 0 }
	};

	check_holds(&cancelling);
	check_each_fails(&cancelling, mutations);
}
END_TEST

static Suite *task_suite(void)
{
	Suite *suite = suite_create("orders_task");
	TCase *tcase = explore_tcase("task");

	tcase_add_test(tcase, no_wake_is_lost);
	tcase_add_test(tcase, an_early_way_out_would_lose_one);
	tcase_add_test(tcase, a_wake_hands_over_plain_data);
	tcase_add_test(tcase, a_join_gets_the_result_and_the_block_is_freed_once);
	tcase_add_test(tcase, a_cancelled_join_is_woken_once);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(task_suite());
}
