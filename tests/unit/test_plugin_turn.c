/* SPDX-License-Identifier: MIT */
/* Whose turn it is: first come, first served, not twice, and not after the last one. */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "core/plugin/plugin.h"
#include "tests/check_main.h"

#define COMERS 4

static struct peal_turn turn;
static int order[COMERS], served;

struct comer {
	pthread_t thread;
	int number, err;
};

static void *come(void *arg)
{
	struct comer *comer = arg;

	comer->err = peal_turn_take(&turn);
	if (comer->err)
		return NULL;
	order[served++] = comer->number; /* guarded by the turn */
	peal_turn_give(&turn);
	return NULL;
}

static unsigned int waiting(void)
{
	unsigned int count = 0;

	pthread_mutex_lock(&turn.lock);
	for (struct peal_turn_wait *wait = turn.first; wait; wait = wait->next)
		count++;
	pthread_mutex_unlock(&turn.lock);
	return count;
}

/* One after the other, each when the one before it waits. */
static void let_come(struct comer comers[COMERS])
{
	for (int i = 0; i < COMERS; i++) {
		comers[i].number = i;
		ck_assert_int_eq(pthread_create(&comers[i].thread, NULL, come, &comers[i]), 0);
		while (waiting() != (unsigned int)i + 1)
			usleep(100);
	}
}

START_TEST(first_come_first_served)
{
	struct comer comers[COMERS];

	peal_turn_init(&turn);
	served = 0;
	ck_assert_int_eq(peal_turn_take(&turn), 0);
	let_come(comers);
	ck_assert_int_eq(served, 0);
	peal_turn_give(&turn);
	for (int i = 0; i < COMERS; i++) {
		pthread_join(comers[i].thread, NULL);
		ck_assert_int_eq(comers[i].err, 0);
	}
	for (int i = 0; i < COMERS; i++)
		ck_assert_int_eq(order[i], i);
	peal_turn_destroy(&turn);
}
END_TEST

START_TEST(not_twice)
{
	peal_turn_init(&turn);
	ck_assert_int_eq(peal_turn_take(&turn), 0);
	ck_assert_int_eq(peal_turn_take(&turn), -EDEADLK);
	peal_turn_give(&turn);
	ck_assert_int_eq(peal_turn_take(&turn), 0);
	peal_turn_give(&turn);
	peal_turn_destroy(&turn);
}
END_TEST

START_TEST(nobody_after_the_last)
{
	struct comer comers[COMERS];

	peal_turn_init(&turn);
	served = 0;
	ck_assert_int_eq(peal_turn_take(&turn), 0);
	let_come(comers);
	turn.closed = true; /* as the last one does while others wait behind it */
	peal_turn_give(&turn);
	for (int i = 0; i < COMERS; i++) {
		pthread_join(comers[i].thread, NULL);
		ck_assert_int_eq(comers[i].err, -ESHUTDOWN);
	}
	ck_assert_int_eq(served, 0);
	ck_assert_int_eq(peal_turn_take(&turn), -ESHUTDOWN);
	peal_turn_destroy(&turn);
	peal_turn_init(&turn);
	peal_turn_close(&turn);
	ck_assert_int_eq(peal_turn_take(&turn), -ESHUTDOWN);
	peal_turn_destroy(&turn);
}
END_TEST

static Suite *turn_suite(void)
{
	Suite *suite = suite_create("plugin_turn");
	TCase *tcase = tcase_create("turn");

	tcase_add_test(tcase, first_come_first_served);
	tcase_add_test(tcase, not_twice);
	tcase_add_test(tcase, nobody_after_the_last);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(turn_suite());
}
