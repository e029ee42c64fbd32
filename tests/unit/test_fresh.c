/* SPDX-License-Identifier: MIT */
/* The ring of fresh tasks: order, stealing, and that nothing is taken twice. */
#include <pthread.h>

#include "core/fiber/sanitizer.h"
#include "core/sched/fresh.h"
#include "tests/check_main.h"

static struct peal_fresh fresh;

static void *item(uintptr_t n)
{
	return (void *)(n + 1); /* NULL means none */
}

START_TEST(first_in_is_first_out_and_full_is_refused)
{
	peal_fresh_init(&fresh);
	ck_assert_ptr_null(peal_fresh_pop(&fresh));
	for (uintptr_t i = 0; i < PEAL_FRESH_SLOTS; i++)
		ck_assert(peal_fresh_push(&fresh, item(i)));
	ck_assert(!peal_fresh_push(&fresh, item(999)));
	ck_assert_uint_eq(peal_fresh_count(&fresh), PEAL_FRESH_SLOTS);
	for (uintptr_t i = 0; i < PEAL_FRESH_SLOTS; i++)
		ck_assert_ptr_eq(peal_fresh_pop(&fresh), item(i));
	ck_assert_ptr_null(peal_fresh_pop(&fresh));
}
END_TEST

START_TEST(a_thief_takes_the_older_half_rounded_up)
{
	void *taken[PEAL_FRESH_SLOTS];

	peal_fresh_init(&fresh);
	ck_assert_uint_eq(peal_fresh_steal(&fresh, taken, PEAL_FRESH_SLOTS), 0);
	for (uintptr_t i = 0; i < 7; i++)
		peal_fresh_push(&fresh, item(i));
	ck_assert_uint_eq(peal_fresh_steal(&fresh, taken, PEAL_FRESH_SLOTS), 4);
	for (uintptr_t i = 0; i < 4; i++)
		ck_assert_ptr_eq(taken[i], item(i));
	ck_assert_uint_eq(peal_fresh_steal(&fresh, taken, 1), 1);
	ck_assert_ptr_eq(taken[0], item(4));
	ck_assert_ptr_eq(peal_fresh_pop(&fresh), item(5));
	ck_assert_uint_eq(peal_fresh_steal(&fresh, taken, 8), 1);
	ck_assert_ptr_eq(taken[0], item(6));
	ck_assert_uint_eq(peal_fresh_count(&fresh), 0);
}
END_TEST

/* An owner that pushes and pops, thieves that steal: everything is taken, and once. */

enum { THIEVES = 2, ITEMS_MOST = 1000000 };

/* Valgrind takes fifty times as long, and runs one thread at a time. */
#define ITEMS (peal_on_valgrind() ? 50000u : ITEMS_MOST)

static PEAL_ATOMIC(uint8_t) seen[ITEMS_MOST];
static PEAL_ATOMIC(bool) over;

static unsigned int note(void *taken)
{
	ck_assert_uint_eq(peal_add_relaxed(&seen[(uintptr_t)taken - 1], 1), 0);
	return 1;
}

static void *thief(void *arg)
{
	void *taken[32];
	uintptr_t total = 0;

	while (!peal_load_acquire(&over)) {
		unsigned int n = peal_fresh_steal(&fresh, taken, 32);

		for (unsigned int i = 0; i < n; i++)
			total += note(taken[i]);
		peal_cpu_relax();
	}
	return (void *)total;
}

START_TEST(everything_is_taken_exactly_once)
{
	pthread_t threads[THIEVES];
	uintptr_t total = 0, next = 0;
	void *taken;

	peal_fresh_init(&fresh);
	for (int i = 0; i < THIEVES; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, thief, NULL), 0);
	while (next < ITEMS) {
		for (int burst = 0; burst < 100 && next < ITEMS; burst++)
			next += peal_fresh_push(&fresh, item(next));
		for (int burst = 0; burst < 30 && (taken = peal_fresh_pop(&fresh)); burst++)
			total += note(taken);
	}
	while ((taken = peal_fresh_pop(&fresh)))
		total += note(taken);
	while (peal_fresh_count(&fresh))
		;
	peal_store_release(&over, true);
	for (int i = 0; i < THIEVES; i++) {
		void *stolen;

		pthread_join(threads[i], &stolen);
		total += (uintptr_t)stolen;
	}
	ck_assert_uint_eq(total, ITEMS);
}
END_TEST

static Suite *fresh_suite(void)
{
	Suite *suite = suite_create("fresh");
	TCase *tcase = tcase_create("fresh");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, first_in_is_first_out_and_full_is_refused);
	tcase_add_test(tcase, a_thief_takes_the_older_half_rounded_up);
	tcase_add_test(tcase, everything_is_taken_exactly_once);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(fresh_suite());
}
