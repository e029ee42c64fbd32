/* SPDX-License-Identifier: MIT */
/* The timing wheel against a sorted list. */
#include <stdint.h>

#include "core/fiber/sanitizer.h"
#include "core/time/wheel.h"
#include "tests/check_main.h"

enum { NODES = 1000 };

/* Valgrind takes fifty times as long. */
#define STEPS (peal_on_valgrind() ? 50000 : 1000000)

#define TICK  ((int64_t)1 << PEAL_WHEEL_TICK_SHIFT)
#define SPAN  ((int64_t)1 << (PEAL_WHEEL_TICK_SHIFT + PEAL_WHEEL_LEVELS * PEAL_WHEEL_BITS))

static struct peal_wheel wheel;
static struct peal_wheel_node nodes[NODES];
static int64_t now;

/* The model: which are in, sorted by deadline, equal ones in the order of their insertion. */
static struct {
	int64_t deadline;
	int node;
} list[NODES];
static int count;

static uint64_t next_random(void)
{
	static uint64_t state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 8;
}

static void list_insert(int node, int64_t deadline)
{
	int low = 0, high = count;

	while (low < high) {
		int middle = (low + high) / 2;

		if (list[middle].deadline <= deadline)
			low = middle + 1;
		else
			high = middle;
	}
	memmove(&list[low + 1], &list[low], sizeof(list[0]) * (size_t)(count - low));
	list[low].deadline = deadline;
	list[low].node = node;
	count++;
}

static void list_remove_at(int i)
{
	count--;
	memmove(&list[i], &list[i + 1], sizeof(list[0]) * (size_t)(count - i));
}

static void list_remove(int node)
{
	for (int i = 0; i < count; i++) {
		if (list[i].node == node) {
			list_remove_at(i);
			return;
		}
	}
	ck_abort_msg("the wheel has a node that the list has not");
}

/* A duration of any magnitude, some of them beyond the wheel. */
static int64_t any_duration(void)
{
	unsigned int bits = next_random() % 60;

	return (int64_t)(next_random() & ((1ULL << bits) - 1));
}

static int64_t any_deadline(void)
{
	switch (next_random() % 16) {
	case 0:
		return INT64_MAX;
	case 1:
		return now - any_duration(); /* past, also before all times */
	case 2:
		return now;
	case 3:
		return INT64_MAX - 1 - (int64_t)(next_random() % 1000);
	case 4: /* many that are equal */
		return (now / TICK + 2) * TICK;
	default:
		return now + any_duration();
	}
}

static void insert_or_remove(void)
{
	int i = (int)(next_random() % NODES);

	if (peal_wheel_has(&nodes[i])) {
		list_remove(i);
		peal_wheel_remove(&wheel, &nodes[i]);
		ck_assert(!peal_wheel_has(&nodes[i]));
	} else {
		int64_t deadline = any_deadline();

		list_insert(i, deadline);
		peal_wheel_insert(&wheel, &nodes[i], deadline);
		ck_assert(peal_wheel_has(&nodes[i]));
	}
}

/* Whatever is due comes, in order, and nothing else; perhaps something that waits to be taken goes. */
static void advance_to(int64_t then)
{
	struct peal_wheel_node *node;

	now = then;
	peal_wheel_advance(&wheel, now);
	while ((node = peal_wheel_take(&wheel))) {
		ck_assert_int_gt(count, 0);
		ck_assert_ptr_eq(node, &nodes[list[0].node]);
		ck_assert_int_eq(node->heap.key, list[0].deadline);
		ck_assert_int_le(node->heap.key, now);
		ck_assert(!peal_wheel_has(node));
		list_remove_at(0);
		if (count && list[0].deadline <= now && next_random() % 8 == 0) {
			peal_wheel_remove(&wheel, &nodes[list[0].node]);
			list_remove_at(0);
		}
	}
	if (count)
		ck_assert_int_gt(list[0].deadline, now);
}

static void check_next(void)
{
	int64_t next = peal_wheel_next(&wheel), first = count ? list[0].deadline : INT64_MAX;

	ck_assert_int_le(next, first);
	if (count <= 16)
		ck_assert_int_eq(next, first);
	else if (first > now)
		ck_assert_int_gt(next, now);
}

START_TEST(it_agrees_with_a_sorted_list)
{
	for (int step = 0; step < STEPS; step++) {
		unsigned int what = next_random() % 16;

		if (what == 0)
			advance_to(now + any_duration() / 4096);
		else if (what == 1 && next_random() % 512 == 0 && now < INT64_MAX / 2)
			advance_to(now + any_duration()); /* a machine that slept for years */
		else
			insert_or_remove();
		check_next();
	}
	advance_to(INT64_MAX - 1);
	for (int i = 0; i < count; i++)
		ck_assert_int_eq(list[i].deadline, INT64_MAX);
}
END_TEST

START_TEST(a_few_wake_nobody_for_nothing)
{
	enum { FEW = 16 };

	for (int i = 0; i < FEW; i++)
		peal_wheel_insert(&wheel, &nodes[i], (i + 1) * (SPAN / 3) + i);
	for (int i = 0; i < FEW; i++) {
		int64_t next = peal_wheel_next(&wheel);

		ck_assert_int_eq(next, (i + 1) * (SPAN / 3) + i);
		peal_wheel_advance(&wheel, next - 1);
		ck_assert_ptr_null(peal_wheel_take(&wheel));
		peal_wheel_advance(&wheel, next);
		ck_assert_ptr_eq(peal_wheel_take(&wheel), &nodes[i]);
		ck_assert_ptr_null(peal_wheel_take(&wheel));
	}
	ck_assert_int_eq(peal_wheel_next(&wheel), INT64_MAX);
}
END_TEST

/* Sleeping until what the wheel says costs no more wakes than there are nodes, and few levels more. */
START_TEST(many_wake_seldom_for_nothing)
{
	int left = NODES, wakes = 0;

	for (int i = 0; i < NODES; i++)
		peal_wheel_insert(&wheel, &nodes[i], (int64_t)(next_random() % (100 * SPAN)));
	while (left) {
		int64_t next = peal_wheel_next(&wheel);

		ck_assert_int_gt(next, wakes ? now : -1);
		now = next;
		peal_wheel_advance(&wheel, now);
		while (peal_wheel_take(&wheel))
			left--;
		wakes++;
	}
	ck_assert_int_le(wakes, NODES + NODES / 4);
	ck_assert_int_eq(peal_wheel_next(&wheel), INT64_MAX);
}
END_TEST

START_TEST(what_is_inserted_while_others_are_taken_waits)
{
	struct peal_wheel_node *node;

	peal_wheel_insert(&wheel, &nodes[0], 10);
	peal_wheel_insert(&wheel, &nodes[1], 20);
	peal_wheel_advance(&wheel, 20);
	node = peal_wheel_take(&wheel);
	ck_assert_ptr_eq(node, &nodes[0]);
	peal_wheel_insert(&wheel, node, 5);
	ck_assert_ptr_eq(peal_wheel_take(&wheel), &nodes[1]);
	ck_assert_ptr_null(peal_wheel_take(&wheel));
	ck_assert_int_eq(peal_wheel_next(&wheel), 5);
	peal_wheel_advance(&wheel, 20);
	ck_assert_ptr_eq(peal_wheel_take(&wheel), &nodes[0]);
}
END_TEST

START_TEST(never_does_not_come)
{
	peal_wheel_insert(&wheel, &nodes[0], INT64_MAX);
	ck_assert(peal_wheel_has(&nodes[0]));
	ck_assert_int_eq(peal_wheel_next(&wheel), INT64_MAX);
	peal_wheel_advance(&wheel, INT64_MAX);
	ck_assert_ptr_null(peal_wheel_take(&wheel));
	peal_wheel_remove(&wheel, &nodes[0]);
	ck_assert(!peal_wheel_has(&nodes[0]));
	peal_wheel_remove(&wheel, &nodes[0]);
}
END_TEST

START_TEST(a_clock_that_goes_back_does_no_harm)
{
	peal_wheel_advance(&wheel, 1000 * TICK);
	peal_wheel_insert(&wheel, &nodes[0], 1001 * TICK);
	peal_wheel_insert(&wheel, &nodes[1], 500 * TICK);
	peal_wheel_advance(&wheel, 400 * TICK);
	ck_assert_ptr_null(peal_wheel_take(&wheel));
	ck_assert_int_eq(peal_wheel_next(&wheel), 500 * TICK);
	peal_wheel_advance(&wheel, 2000 * TICK);
	ck_assert_ptr_eq(peal_wheel_take(&wheel), &nodes[1]);
	ck_assert_ptr_eq(peal_wheel_take(&wheel), &nodes[0]);
}
END_TEST

static Suite *wheel_suite(void)
{
	Suite *suite = suite_create("wheel");
	TCase *tcase = tcase_create("wheel");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, it_agrees_with_a_sorted_list);
	tcase_add_test(tcase, a_few_wake_nobody_for_nothing);
	tcase_add_test(tcase, many_wake_seldom_for_nothing);
	tcase_add_test(tcase, what_is_inserted_while_others_are_taken_waits);
	tcase_add_test(tcase, never_does_not_come);
	tcase_add_test(tcase, a_clock_that_goes_back_does_no_harm);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(wheel_suite());
}
