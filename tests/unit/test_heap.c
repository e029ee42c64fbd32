/* SPDX-License-Identifier: MIT */
/* The pairing heap against a model that searches. */
#include <stdint.h>

#include "core/base/heap.h"
#include "tests/check_main.h"

/* Against a model: an array that is searched for the smallest. */

enum { NODES = 200, STEPS = 200000 };

static struct peal_heap_node nodes[NODES];
static bool inside[NODES];
static uint64_t stamp[NODES];

static unsigned int next_random(void)
{
	static uint64_t state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned int)(state >> 33);
}

static int smallest(void)
{
	int best = -1;

	for (int i = 0; i < NODES; i++) {
		if (!inside[i])
			continue;
		if (best < 0 || nodes[i].key < nodes[best].key ||
			(nodes[i].key == nodes[best].key && stamp[i] < stamp[best]))
			best = i;
	}
	return best;
}

START_TEST(it_agrees_with_a_plain_search)
{
	struct peal_heap heap = { 0 };

	for (uint64_t step = 0; step < STEPS; step++) {
		unsigned int i = next_random() % NODES;
		int best;

		if (inside[i]) {
			peal_heap_remove(&heap, &nodes[i]);
			inside[i] = false;
		} else {
			peal_heap_insert(&heap, &nodes[i], next_random() % 50);
			inside[i] = true;
			stamp[i] = step;
		}
		best = smallest();
		ck_assert_ptr_eq(heap.root, best < 0 ? NULL : &nodes[best]);
	}
}
END_TEST

START_TEST(a_long_row_of_siblings_takes_no_stack)
{
	enum { MANY = 1000000 };
	static struct peal_heap_node many[MANY];
	struct peal_heap heap = { 0 };

	for (int i = 0; i < MANY; i++)
		peal_heap_insert(&heap, &many[i], i);
	for (int i = 0; i < MANY; i++) {
		ck_assert_ptr_eq(heap.root, &many[i]);
		peal_heap_remove(&heap, &many[i]);
	}
	ck_assert_ptr_null(heap.root);
}
END_TEST

static Suite *heap_suite(void)
{
	Suite *suite = suite_create("heap");
	TCase *tcase = tcase_create("heap");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, it_agrees_with_a_plain_search);
	tcase_add_test(tcase, a_long_row_of_siblings_takes_no_stack);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(heap_suite());
}
