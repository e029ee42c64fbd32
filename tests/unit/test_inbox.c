/* SPDX-License-Identifier: MIT */
/* The inbox: order, bells, and that no push to a sleeper goes unheard. */
#include <pthread.h>

#include "core/sched/inbox.h"
#include "tests/check_main.h"

struct item {
	struct peal_inbox_node node;
	int value;
};

static struct peal_inbox inbox;

START_TEST(a_push_to_an_awake_owner_needs_no_bell)
{
	struct item item = { .value = 1 };

	peal_inbox_init(&inbox);
	ck_assert_ptr_null(peal_inbox_take(&inbox));
	ck_assert_int_eq(peal_inbox_push(&inbox, &item.node), PEAL_INBOX_QUEUED);
	ck_assert(peal_inbox_pending(&inbox));
	ck_assert_ptr_eq(peal_inbox_take(&inbox), &item.node);
	ck_assert(!peal_inbox_pending(&inbox));
}
END_TEST

START_TEST(items_come_out_in_the_order_of_their_pushes)
{
	struct item items[5];
	struct peal_inbox_node *node;

	peal_inbox_init(&inbox);
	for (int i = 0; i < 5; i++) {
		items[i].value = i;
		peal_inbox_push(&inbox, &items[i].node);
	}
	node = peal_inbox_take(&inbox);
	for (int i = 0; i < 5; i++, node = node->next)
		ck_assert_int_eq(((struct item *)node)->value, i);
	ck_assert_ptr_null(node);
}
END_TEST

START_TEST(only_the_first_push_to_a_sleeper_rings)
{
	struct item a, b;

	peal_inbox_init(&inbox);
	ck_assert(peal_inbox_park(&inbox));
	ck_assert_int_eq(peal_inbox_push(&inbox, &a.node), PEAL_INBOX_RING);
	ck_assert_int_eq(peal_inbox_push(&inbox, &b.node), PEAL_INBOX_QUEUED);
	ck_assert_ptr_eq(peal_inbox_unpark(&inbox), &a.node);
	ck_assert_ptr_eq(a.node.next, &b.node);
}
END_TEST

START_TEST(nobody_sleeps_over_what_was_pushed)
{
	struct item a;

	peal_inbox_init(&inbox);
	peal_inbox_push(&inbox, &a.node);
	ck_assert(!peal_inbox_park(&inbox));
	ck_assert_ptr_eq(peal_inbox_take(&inbox), &a.node);
	ck_assert(peal_inbox_park(&inbox));
	ck_assert_ptr_null(peal_inbox_unpark(&inbox));
}
END_TEST

START_TEST(a_closed_inbox_gives_what_it_has_and_refuses_the_rest)
{
	struct item a, b;

	peal_inbox_init(&inbox);
	peal_inbox_push(&inbox, &a.node);
	ck_assert_ptr_eq(peal_inbox_close(&inbox), &a.node);
	ck_assert_int_eq(peal_inbox_push(&inbox, &b.node), PEAL_INBOX_REFUSED);
}
END_TEST

/* Two senders, an owner that parks whenever it finds nothing. The bell is a counter: the owner waits on
 * it, so that a lost one hangs the test. */

enum { SENDERS = 2, EACH = 200000 };

static struct item items[SENDERS][EACH];
static PEAL_ATOMIC(int) bells;

static void *send_all(void *arg)
{
	struct item *mine = items[(intptr_t)arg];

	for (int i = 0; i < EACH; i++) {
		mine[i].value = i;
		if (peal_inbox_push(&inbox, &mine[i].node) == PEAL_INBOX_RING)
			peal_add_acq_rel(&bells, 1);
	}
	return NULL;
}

/* Which sender a node belongs to. */
static int sender_of(const struct peal_inbox_node *node)
{
	const struct item *item = (const struct item *)node;

	return item >= items[1];
}

static int check_order(struct peal_inbox_node *node, int *next)
{
	int n = 0;

	for (; node; node = node->next, n++)
		ck_assert_int_eq(((struct item *)node)->value, next[sender_of(node)]++);
	return n;
}

START_TEST(nothing_is_lost_between_threads_and_every_sleep_is_rung_off)
{
	pthread_t threads[SENDERS];
	int next[SENDERS] = { 0 }, received = 0, heard = 0;

	peal_inbox_init(&inbox);
	for (intptr_t i = 0; i < SENDERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, send_all, (void *)i), 0);
	while (received < SENDERS * EACH) {
		received += check_order(peal_inbox_take(&inbox), next);
		if (received == SENDERS * EACH || !peal_inbox_park(&inbox))
			continue;
		while (peal_load_acquire(&bells) == heard)
			peal_cpu_relax();
		heard++;
		received += check_order(peal_inbox_unpark(&inbox), next);
	}
	for (int i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(peal_load_acquire(&bells), heard);
}
END_TEST

static Suite *inbox_suite(void)
{
	Suite *suite = suite_create("inbox");
	TCase *tcase = tcase_create("inbox");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_push_to_an_awake_owner_needs_no_bell);
	tcase_add_test(tcase, items_come_out_in_the_order_of_their_pushes);
	tcase_add_test(tcase, only_the_first_push_to_a_sleeper_rings);
	tcase_add_test(tcase, nobody_sleeps_over_what_was_pushed);
	tcase_add_test(tcase, a_closed_inbox_gives_what_it_has_and_refuses_the_rest);
	tcase_add_test(tcase, nothing_is_lost_between_threads_and_every_sleep_is_rung_off);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(inbox_suite());
}
