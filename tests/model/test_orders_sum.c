/* SPDX-License-Identifier: MIT */
/* core/msg/sum.h in every order, with the inbox through which its taker is told: what is added is taken. */
#define PEAL_ATOMIC_HOOK "tests/model/interleave.h"
#include "core/sched/inbox.h"
#include "core/msg/sum.h"
#include "tests/check_main.h"
#include "tests/model/explore.h"

static struct peal_sum sum;
static struct peal_inbox inbox;
static struct peal_inbox_node node; /* that tells the taker */
static uint32_t bell;
static uint64_t taken;

static void setup(void)
{
	peal_sum_init(&sum);
	peal_inbox_init(&inbox);
	bell = 0;
	taken = 0;
}

static void add(uint64_t n)
{
	if (!peal_sum_add(&sum, n))
		return;
	il_write(&node); /* it must not be in use */
	if (peal_inbox_push(&inbox, &node) == PEAL_INBOX_RING)
		il_bell_ring(&bell);
}

static void add_two(void)
{
	add(1);
	add(2);
}

static void add_three(void)
{
	add(1);
	add(2);
	add(4);
}

static void handle(struct peal_inbox_node *link)
{
	uint64_t n;

	if (!link)
		return;
	il_check(link == &node && !link->next);
	il_write(&node);
	n = peal_sum_take(&sum);
	il_check(n);
	taken += n;
}

static void take(uint64_t all)
{
	while (taken < all) {
		handle(peal_inbox_take(&inbox));
		if (taken == all || !peal_inbox_park(&inbox))
			continue;
		il_bell_wait(&bell);
		handle(peal_inbox_unpark(&inbox));
	}
}

static void take_3(void)
{
	take(3);
}

static void take_7(void)
{
	take(7);
}

static void nothing_is_left(void)
{
	il_check(!peal_sum_left(&sum));
}

static const struct il_scenario two = { "two additions", setup, { take_3, add_two },
	nothing_is_left };
static const struct il_scenario three = { "three additions", setup, { take_7, add_three },
	nothing_is_left };

START_TEST(what_is_added_is_taken)
{
	check_holds(&two);
	check_holds(&three);
}
END_TEST

START_TEST(what_the_sum_relies_on_is_needed)
{
	static const struct il_mutation mutations[] = { { "peal_sum_add", IL_CAS, IL_ACQ_REL,
								IL_RELAXED, false },
		{ "peal_sum_add", IL_CAS, IL_ACQ_REL, IL_ACQ_REL, true },
		{ "peal_sum_take", IL_EXCHANGE, IL_ACQ_REL, IL_RELAXED, false },
		{ "peal_sum_take", IL_EXCHANGE, IL_ACQ_REL, IL_ACQUIRE, false },
		{ "peal_sum_take", IL_EXCHANGE, IL_ACQ_REL, IL_ACQ_REL, true }, { 0 } };

	check_each_fails(&two, mutations);
}
END_TEST

static Suite *sum_suite(void)
{
	Suite *suite = suite_create("orders_sum");
	TCase *tcase = explore_tcase("sum");

	tcase_add_test(tcase, what_is_added_is_taken);
	tcase_add_test(tcase, what_the_sum_relies_on_is_needed);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(sum_suite());
}
