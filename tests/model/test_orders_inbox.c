/* SPDX-License-Identifier: MIT */
/* core/sched/inbox.h in every order: nothing lost, taken twice, out of order or in a race; every sleep is rung off. */
#define PEAL_ATOMIC_HOOK "tests/model/interleave.h"
#include "core/sched/inbox.h"
#include "tests/check_main.h"
#include "tests/model/explore.h"

enum { SENDERS = 3, EACH = 2 };

struct item {
	struct peal_inbox_node node;
	int value; /* plain, handed over with the node */
};

static struct peal_inbox inbox;
static struct item items[SENDERS][EACH];
static int next_of[SENDERS], received, refused[SENDERS], expected;
static uint32_t bell;

static void setup(void)
{
	peal_inbox_init(&inbox);
	memset(items, 0, sizeof(items));
	memset(next_of, 0, sizeof(next_of));
	memset(refused, 0, sizeof(refused));
	received = 0;
	bell = 0;
}

static void push(int sender, int i)
{
	struct item *item = &items[sender][i];

	il_write(&item->value);
	item->value = i;
	switch (peal_inbox_push(&inbox, &item->node)) {
	case PEAL_INBOX_RING:
		il_bell_ring(&bell);
		break;
	case PEAL_INBOX_REFUSED:
		il_write(&item->value); /* it is the sender's still */
		refused[sender]++;
		break;
	case PEAL_INBOX_QUEUED:
		break;
	}
}

static void push_one_a(void)
{
	push(0, 0);
}

static void push_one_b(void)
{
	push(1, 0);
}

static void push_one_c(void)
{
	push(2, 0);
}

static void push_two(void)
{
	push(0, 0);
	push(0, 1);
}

static void handle(struct peal_inbox_node *node)
{
	for (; node; node = node->next) {
		struct item *item = (struct item *)node;
		int sender = (int)((item - items[0]) / EACH);

		il_read(&item->value);
		il_check(item->value == next_of[sender]);
		next_of[sender]++;
		il_write(&item->value); /* it is the owner's now */
		il_check(++received <= expected);
	}
}

/* As the loop and park.c do. */
static void receive_all(void)
{
	for (;;) {
		handle(peal_inbox_take(&inbox));
		if (received == expected)
			return;
		if (!peal_inbox_park(&inbox))
			continue;
		il_bell_wait(&bell);
		handle(peal_inbox_unpark(&inbox));
	}
}

static void receive_two(void)
{
	expected = 2;
	receive_all();
}

static void receive_three(void)
{
	expected = 3;
	receive_all();
}

/* A timer ends the first sleep; the bell that may be on its way then is stray. */
static void receive_after_a_timer(void)
{
	expected = 2;
	if (peal_inbox_park(&inbox))
		handle(peal_inbox_unpark(&inbox));
	receive_all();
}

static void receive_and_close(void)
{
	expected = 3;
	handle(peal_inbox_take(&inbox));
	handle(peal_inbox_close(&inbox));
}

static void all_were_received(void)
{
	il_check(received == expected);
}

static void all_were_received_or_refused(void)
{
	il_check(received + refused[0] + refused[1] == 3);
}

static const struct il_scenario two_senders = { "two senders", setup,
	{ receive_two, push_one_a, push_one_b }, all_were_received };
static const struct il_scenario three_senders = { "three senders", setup,
	{ receive_three, push_one_a, push_one_b, push_one_c }, all_were_received };
static const struct il_scenario two_in_order = { "a sender of two, and another", setup,
	{ receive_three, push_two, push_one_b }, all_were_received };
static const struct il_scenario timer = { "a sleep that a timer ends", setup,
	{ receive_after_a_timer, push_one_a, push_one_b }, all_were_received };
static const struct il_scenario closing = { "closing", setup,
	{ receive_and_close, push_two, push_one_b }, all_were_received_or_refused };

START_TEST(two_senders_are_heard)
{
	check_holds(&two_senders);
}
END_TEST

/* 18 million runs: not at each commit. */
START_TEST(three_senders_are_heard)
{
	if (!getenv("PEAL_SOAK"))
		peal_skip("takes a minute: make soak runs it");
	check_holds(&three_senders);
}
END_TEST

START_TEST(what_one_sends_arrives_in_order)
{
	check_holds(&two_in_order);
}
END_TEST

START_TEST(a_stray_bell_does_no_harm)
{
	check_holds(&timer);
}
END_TEST

START_TEST(what_is_not_taken_before_closing_is_refused)
{
	check_holds(&closing);
}
END_TEST

/* The push releases, what takes acquires, and nothing may be torn. */
START_TEST(what_the_inbox_relies_on_is_needed)
{
	static const struct il_mutation mutations[] = { { "peal_inbox_push", IL_CAS, IL_SEQ_CST,
								IL_RELAXED, false },
		{ "peal_inbox_push", IL_CAS, IL_SEQ_CST, IL_ACQUIRE, false },
		{ "peal_inbox_push", IL_CAS, IL_SEQ_CST, IL_RELAXED, true },
		{ "peal_inbox_take", IL_EXCHANGE, IL_SEQ_CST, IL_RELAXED, false },
		{ "peal_inbox_take", IL_EXCHANGE, IL_SEQ_CST, IL_RELEASE, false },
		{ "peal_inbox_take", IL_EXCHANGE, IL_SEQ_CST, IL_SEQ_CST, true },
		{ "peal_inbox_unpark", IL_EXCHANGE, IL_SEQ_CST, IL_RELAXED, false },
		{ "peal_inbox_unpark", IL_EXCHANGE, IL_SEQ_CST, IL_SEQ_CST, true },
		{ "peal_inbox_park", IL_CAS, IL_SEQ_CST, IL_SEQ_CST, true }, { 0 } };
	static const struct il_mutation at_closing[] = { { "peal_inbox_close", IL_EXCHANGE,
								 IL_SEQ_CST, IL_RELAXED, false },
		{ "peal_inbox_close", IL_EXCHANGE, IL_SEQ_CST, IL_SEQ_CST, true }, { 0 } };

	check_each_fails(&two_senders, mutations);
	check_each_fails(&closing, at_closing);
}
END_TEST

/* inbox.h says so: seq_cst is for the sake of others (wake.c). */
START_TEST(release_and_acquire_would_do)
{
	static const struct il_mutation weaker[] = { { "peal_inbox_push", IL_CAS, IL_SEQ_CST,
							     IL_RELEASE, false },
		{ "peal_inbox_take", IL_EXCHANGE, IL_SEQ_CST, IL_ACQUIRE, false },
		{ "peal_inbox_unpark", IL_EXCHANGE, IL_SEQ_CST, IL_ACQUIRE, false },
		{ "peal_inbox_park", IL_CAS, IL_SEQ_CST, IL_RELAXED, false }, { 0 } };

	for (int i = 0; weaker[i].function; i++)
		ck_assert_ptr_null(il_explore(&two_senders, &weaker[i], true).failure);
}
END_TEST

static Suite *inbox_suite(void)
{
	Suite *suite = suite_create("orders_inbox");
	TCase *tcase = explore_tcase("inbox");

	tcase_add_test(tcase, two_senders_are_heard);
	tcase_add_test(tcase, three_senders_are_heard);
	tcase_add_test(tcase, what_one_sends_arrives_in_order);
	tcase_add_test(tcase, a_stray_bell_does_no_harm);
	tcase_add_test(tcase, what_is_not_taken_before_closing_is_refused);
	tcase_add_test(tcase, what_the_inbox_relies_on_is_needed);
	tcase_add_test(tcase, release_and_acquire_would_do);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(inbox_suite());
}
