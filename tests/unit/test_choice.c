/* SPDX-License-Identifier: MIT */
/* The bet on spinning: what it learns from peers that answer in different ways. No clock: time is a
 * number here. */
#include "core/sched/choice.h"

#include "tests/check_main.h"

static struct peal_choice choice;
static int64_t now;
static int64_t spun_for_nothing;

static void setup(void)
{
	peal_choice_init(&choice, 1);
	now = 1000;
	spun_for_nothing = 0;
}

/* A park after which work comes: when it was spun for, when it was slept for. True if it was spun. */
static bool park(int64_t spinning, int64_t sleeping)
{
	int64_t length = peal_choose_spin(&choice, now);
	int64_t spun = length, waited = sleeping;

	if (length && spinning <= length)
		spun = waited = spinning;
	else if (length)
		waited = length + sleeping;
	if (length && waited > spun)
		spun_for_nothing += spun;
	peal_bet_settle(&choice.bet, spun, waited);
	now += waited + 1000;
	return length > 0;
}

static int spins_of(int rounds, int64_t spinning, int64_t sleeping)
{
	int spins = 0;

	for (int i = 0; i < rounds; i++)
		spins += park(spinning, sleeping);
	return spins;
}

START_TEST(a_peer_on_its_own_cpu_is_spun_for)
{
	spins_of(100, 20000, 53000);
	ck_assert_int_ge(spins_of(1000, 20000, 53000), 950);
}
END_TEST

START_TEST(a_peer_that_needs_our_cpu_is_slept_for)
{
	spins_of(100, 19000, 12000);
	ck_assert_int_le(spins_of(1000, 19000, 12000), 50);
}
END_TEST

/* The first answer is late, because the other side starts up. That alone must not send both to sleep. */
START_TEST(a_late_first_answer_is_soon_forgotten)
{
	park(60000, 60000);
	ck_assert_int_ge(spins_of(40, 1000, 22000), 38);
}
END_TEST

START_TEST(it_learns_anew_when_the_peer_changes)
{
	spins_of(1000, 19000, 12000);
	spins_of(1000, 5000, 53000);
	ck_assert_int_ge(spins_of(1000, 5000, 53000), 950);
	spins_of(1000, 19000, 12000);
	ck_assert_int_le(spins_of(1000, 19000, 12000), 50);
}
END_TEST

START_TEST(the_loser_is_tried_again_now_and_then)
{
	spins_of(100, 19000, 12000);
	ck_assert_int_ge(spins_of(10 * PEAL_BET_RETRY, 19000, 12000), 5);
}
END_TEST

/* Answers that come at once: hundreds of them for each that is slept for. */
START_TEST(trying_the_loser_costs_little)
{
	spins_of(100, 300, 20000);
	ck_assert_int_ge(spins_of(10000, 300, 20000), 9980);
}
END_TEST

/* The other side sleeps, once: it is waited for, or both would go on sleeping. */
START_TEST(a_spin_outlasts_a_waking)
{
	int64_t before;

	spins_of(1000, 300, 20000);
	before = spun_for_nothing;
	ck_assert(park(18000, 38000));
	ck_assert_int_eq(spun_for_nothing, before);
}
END_TEST

START_TEST(what_never_pays_is_hardly_spun_for)
{
	spins_of(1000, 400000, 400000);
	ck_assert_int_le(spins_of(1000, 400000, 400000), 50);
}
END_TEST

START_TEST(after_long_idleness_it_sleeps)
{
	spins_of(10, 5000, 53000);
	peal_bet_settle(&choice.bet, 0, PEAL_LONG_IDLE_NS + 1);
	ck_assert_int_eq(peal_choose_spin(&choice, now), 0);
	ck_assert_int_eq(spins_of(100, 5 * PEAL_LONG_IDLE_NS, 5 * PEAL_LONG_IDLE_NS), 0);
}
END_TEST

/* Answers of all sorts: what was spun for nothing stays within the share, and what was saved up. */
START_TEST(what_is_lost_is_bounded)
{
	static const int64_t answers[] = { 1000, 60000, 3000, 90000, 30000, 200000, 700 };
	int64_t begin = now;

	for (int i = 0; i < 20000; i++) {
		int64_t answer = answers[peal_choose(&choice, PEAL_CHOICE_VICTIM, 7)];

		park(answer, answer + 20000);
	}
	ck_assert_int_gt(spun_for_nothing, 0);
	ck_assert_int_le(
		spun_for_nothing, (now - begin) * PEAL_SPIN_SHARE / 100 + PEAL_CREDIT_MOST);
}
END_TEST

START_TEST(no_spin_is_longer_than_the_bound)
{
	for (int64_t answer = 100; answer < 1000000; answer += answer / 3)
		for (int i = 0; i < 20; i++) {
			ck_assert_int_le(peal_choose_spin(&choice, now), PEAL_SPIN_MOST_NS);
			park(answer, answer);
		}
}
END_TEST

static unsigned int answer;

static unsigned int hook(enum peal_choice_kind kind, unsigned int among)
{
	ck_assert_int_eq(kind, PEAL_CHOICE_SPIN);
	ck_assert_uint_eq(among, 2);
	return answer;
}

START_TEST(a_test_can_decide_it)
{
	peal_choice_hook = hook;
	answer = 0;
	ck_assert_int_eq(peal_choose_spin(&choice, now), 0);
	answer = 1;
	ck_assert_int_gt(peal_choose_spin(&choice, now), 0);
	peal_choice_hook = NULL;
}
END_TEST

START_TEST(choices_are_in_range_and_differ)
{
	unsigned int seen[7] = { 0 };

	for (int i = 0; i < 7000; i++)
		seen[peal_choose(&choice, PEAL_CHOICE_VICTIM, 7)]++;
	for (int i = 0; i < 7; i++)
		ck_assert_uint_ge(seen[i], 700);
}
END_TEST

static Suite *choice_suite(void)
{
	Suite *suite = suite_create("choice");
	TCase *tcase = tcase_create("bet");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, a_peer_on_its_own_cpu_is_spun_for);
	tcase_add_test(tcase, a_peer_that_needs_our_cpu_is_slept_for);
	tcase_add_test(tcase, a_late_first_answer_is_soon_forgotten);
	tcase_add_test(tcase, it_learns_anew_when_the_peer_changes);
	tcase_add_test(tcase, the_loser_is_tried_again_now_and_then);
	tcase_add_test(tcase, trying_the_loser_costs_little);
	tcase_add_test(tcase, a_spin_outlasts_a_waking);
	tcase_add_test(tcase, what_never_pays_is_hardly_spun_for);
	tcase_add_test(tcase, after_long_idleness_it_sleeps);
	tcase_add_test(tcase, what_is_lost_is_bounded);
	tcase_add_test(tcase, no_spin_is_longer_than_the_bound);
	tcase_add_test(tcase, a_test_can_decide_it);
	tcase_add_test(tcase, choices_are_in_range_and_differ);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(choice_suite());
}
