/* SPDX-License-Identifier: MIT */
/*
 * A hierarchical timing wheel that is exact to the nanosecond: what a shard's alarms hang on.
 *
 * Six levels of 64 slots; a slot of the lowest is 2^20 ns (about a millisecond) wide, one of the next 64
 * times that, and so on: 2.3 years altogether, and one more list for what lies beyond. What is due in
 * the current slot, or before it, is in a small pairing heap, which gives the order within the slot.
 * When time comes to a slot, its nodes move to the levels below it or into the heap.
 *
 * Nodes are embedded by their users; nothing is allocated and nothing fails. Insert and remove are O(1)
 * but for those in the current slot, where they are the heap's. Nodes come out in the order of their
 * deadlines, equal ones in the order in which they were inserted.
 *
 * The wheel has no clock: its owner tells it the time. Times are not negative; one that is before an
 * earlier one is taken for that. One thread's.
 *
 * Varghese, Lauck: Hashed and hierarchical timing wheels (1987). That the level is the highest digit in
 * which a deadline differs from the present is how Tokio's wheel and others do it.
 */
#ifndef PEAL_CORE_WHEEL_H
#define PEAL_CORE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/heap.h"

#define PEAL_WHEEL_LEVELS     6
#define PEAL_WHEEL_BITS       6
#define PEAL_WHEEL_TICK_SHIFT 20
#define PEAL_WHEEL_SLOTS      (PEAL_WHEEL_LEVELS << PEAL_WHEEL_BITS)

/* Zeroed before its first use. */
struct peal_wheel_node {
	struct peal_heap_node heap; /* heap.key is the deadline */
	uint16_t place;             /* where it is; 0: nowhere (wheel.c) */
};

/* All zero is an empty wheel at time 0. */
struct peal_wheel {
	uint64_t tick; /* the current slot, counted in those of the lowest level */
	int64_t next;  /* what peal_wheel_next() says, if known */
	bool next_known;
	struct peal_heap heap;
	uint64_t occupied[PEAL_WHEEL_LEVELS];
	struct peal_heap_node *slots[PEAL_WHEEL_SLOTS + 1]; /* the last: beyond the levels */
	struct peal_heap_node *due, *due_last;              /* in order */
};

static inline bool peal_wheel_has(const struct peal_wheel_node *node)
{
	return node->place != 0;
}

/* INT64_MAX never comes. The node is in no wheel. */
void peal_wheel_insert(struct peal_wheel *wheel, struct peal_wheel_node *node, int64_t deadline);
/* Does nothing to a node that is in no wheel. */
void peal_wheel_remove(struct peal_wheel *wheel, struct peal_wheel_node *node);

/* It is now: what is due from now on comes from peal_wheel_take(). What is inserted after this call is
 * not, however early its deadline, until the next one. */
void peal_wheel_advance(struct peal_wheel *wheel, int64_t now);
/* Has time left the current slot? */
static inline bool peal_wheel_behind(const struct peal_wheel *wheel, int64_t now)
{
	return (uint64_t)now >> PEAL_WHEEL_TICK_SHIFT > wheel->tick;
}
/* The next due node, which is then in no wheel; NULL when there is none. */
struct peal_wheel_node *peal_wheel_take(struct peal_wheel *wheel);

/*
 * When to call peal_wheel_advance() next: the first deadline, or, where more than a few nodes lie in
 * the slot that holds it, the beginning of that slot, so never later, and earlier only where one call
 * serves many. INT64_MAX when there is nothing to wait for.
 */
int64_t peal_wheel_next(struct peal_wheel *wheel);

#endif
