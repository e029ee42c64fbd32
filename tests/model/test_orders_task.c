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
static PEAL_ATOMIC(uint32_t) inbox;
static bool is_free; /* the block of the task that is joined */
static struct peal_task *const self = (struct peal_task *)&bell;
static int block, result, sleeps, resumed; /* block: its memory */
static bool joined, cancelled;

static void setup(void)
{
	peal_wakeword_init(&word);
	peal_joinword_init(&joiner, true);
	bell = a = b = inbox = 0;
	is_free = false;
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

/* Joining: who is the last with the block frees it. The joiner just suspends: who takes it out of the word
 * resumes it, through the inbox of its shard, which stands for itself in test_orders_inbox.c. */

static void hand_on(void)
{
	(void)peal_exchange_acq_rel(&inbox, 1);
	il_bell_ring(&bell);
}

static void free_block(void)
{
	il_write(&block);
	il_check(!is_free);
	is_free = true;
}

static void end_task(void)
{
	struct peal_task *waits;

	il_read(&block);
	il_write(&result);
	result = 7;
	waits = peal_joinword_end(&joiner);
	if (waits == PEAL_JOIN_ALONE) {
		free_block();
	} else if (waits) {
		il_check(waits == self);
		hand_on();
	}
}

static void take_result(void)
{
	il_read(&result);
	il_check(result == 7);
	joined = true;
	free_block();
}

static void suspend(void)
{
	sleeps++;
	il_bell_wait(&bell);
	il_check(peal_exchange_acq_rel(&inbox, 0));
	resumed++;
}

static void join_task(void)
{
	if (peal_joinword_ended(&joiner) ||
		peal_joinword_enter(&joiner, self) == PEAL_JOIN_IS_OVER) {
		take_result();
		return;
	}
	suspend();
	take_result();
}

static void it_was_joined(void)
{
	il_check(joined);
	il_check(is_free);
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
		{ "peal_joinword_end", IL_EXCHANGE, IL_ACQ_REL, IL_ACQ_REL, true }, { 0 } };

	check_holds(&joining);
	check_each_fails(&joining, mutations);
}
END_TEST

/* The handle is given up instead: one of the two frees the block, and what its owner has done with it
 * before comes before that. */

static void let_go(void)
{
	il_read(&block);
	if (peal_joinword_let_go(&joiner))
		free_block();
}

static void it_is_free(void)
{
	il_check(is_free);
}

static const struct il_scenario letting_go = { "letting go", setup, { let_go, end_task },
	it_is_free };

START_TEST(a_handle_that_is_given_up_frees_the_block_once)
{
	static const struct il_mutation mutations[] = { { "peal_joinword_let_go", IL_EXCHANGE,
								IL_ACQ_REL, IL_RELAXED, false },
		{ "peal_joinword_let_go", IL_EXCHANGE, IL_ACQ_REL, IL_ACQUIRE, false },
		{ "peal_joinword_let_go", IL_EXCHANGE, IL_ACQ_REL, IL_RELEASE, false },
		{ "peal_joinword_let_go", IL_EXCHANGE, IL_ACQ_REL, IL_ACQ_REL, true },
		{ "peal_joinword_end", IL_LOAD, IL_ACQUIRE, IL_RELAXED, false },
		{ "peal_joinword_end", IL_EXCHANGE, IL_ACQ_REL, IL_RELEASE, false }, { 0 } };

	check_holds(&letting_go);
	check_each_fails(&letting_go, mutations);
}
END_TEST

/* A wait that is cancelled, on the joiner's thread, and then done once more. */

static void cancel(void)
{
	if (peal_joinword_withdraw(&joiner, self)) {
		cancelled = true;
		hand_on();
	}
}

static void join_cancelled_then_join(void)
{
	if (peal_joinword_enter(&joiner, self) == PEAL_JOIN_WAITS) {
		cancel();
		suspend();
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
	tcase_add_test(tcase, a_handle_that_is_given_up_frees_the_block_once);
	tcase_add_test(tcase, a_cancelled_join_is_woken_once);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(task_suite());
}
