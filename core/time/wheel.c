/* SPDX-License-Identifier: MIT */
#include <peal/base.h>

#include "core/time/wheel.h"

#define SLOT_MASK ((1U << PEAL_WHEEL_BITS) - 1)
#define BEYOND    PEAL_WHEEL_SLOTS

/* peal_wheel_node.place: one of these, or SLOT + the index of its slot. */
enum { NOWHERE, NEVER, HEAP, DUE, SLOT };

/* How many nodes of a slot are looked at to find its first deadline. */
#define LOOK_AT_MOST 16

static struct peal_wheel_node *node_of(struct peal_heap_node *node)
{
	return PEAL_CONTAINER_OF(node, struct peal_wheel_node, heap);
}

/* The slot for a tick after the current one: the highest digit in which they differ is the level. */
static unsigned int slot_of(const struct peal_wheel *wheel, uint64_t tick)
{
	unsigned int level = (63U - (unsigned int)__builtin_clzll(tick ^ wheel->tick)) /
		PEAL_WHEEL_BITS;

	if (level >= PEAL_WHEEL_LEVELS)
		return BEYOND;
	return (level << PEAL_WHEEL_BITS) | ((tick >> (level * PEAL_WHEEL_BITS)) & SLOT_MASK);
}

static void push(struct peal_wheel *wheel, struct peal_wheel_node *node, unsigned int slot)
{
	struct peal_heap_node *first = wheel->slots[slot];

	node->place = (uint16_t)(SLOT + slot);
	node->heap.prev = NULL;
	node->heap.next = first;
	if (first)
		first->prev = &node->heap;
	else if (slot != BEYOND)
		wheel->occupied[slot >> PEAL_WHEEL_BITS] |= 1ULL << (slot & SLOT_MASK);
	wheel->slots[slot] = &node->heap;
}

/* Into the heap what is due up to `tick`, into its slot what comes later. */
static void place(struct peal_wheel *wheel, struct peal_wheel_node *node, uint64_t tick)
{
	int64_t deadline = node->heap.key;

	if (deadline < 0 || (uint64_t)deadline >> PEAL_WHEEL_TICK_SHIFT <= tick) {
		node->place = HEAP;
		peal_heap_put(&wheel->heap, &node->heap);
	} else {
		push(wheel, node, slot_of(wheel, (uint64_t)deadline >> PEAL_WHEEL_TICK_SHIFT));
	}
}

void peal_wheel_insert(struct peal_wheel *wheel, struct peal_wheel_node *node, int64_t deadline)
{
	node->heap.key = deadline;
	node->heap.order = wheel->heap.inserted++;
	if (deadline == INT64_MAX) {
		node->place = NEVER;
		return;
	}
	if (deadline < wheel->next)
		wheel->next = deadline;
	place(wheel, node, wheel->tick);
}

/* Out of a list that `first` points to. */
static void unlink_from(struct peal_heap_node **first, struct peal_heap_node *node)
{
	if (node->prev)
		node->prev->next = node->next;
	else
		*first = node->next;
	if (node->next)
		node->next->prev = node->prev;
}

static void remove_from_slot(
	struct peal_wheel *wheel, struct peal_heap_node *node, unsigned int slot)
{
	unlink_from(&wheel->slots[slot], node);
	if (!wheel->slots[slot] && slot != BEYOND)
		wheel->occupied[slot >> PEAL_WHEEL_BITS] &= ~(1ULL << (slot & SLOT_MASK));
}

static void remove_from_due(struct peal_wheel *wheel, struct peal_heap_node *node)
{
	if (wheel->due_last == node)
		wheel->due_last = node->prev;
	unlink_from(&wheel->due, node);
}

void peal_wheel_remove(struct peal_wheel *wheel, struct peal_wheel_node *node)
{
	unsigned int where = node->place;

	node->place = NOWHERE;
	if (where == HEAP)
		peal_heap_remove(&wheel->heap, &node->heap);
	else if (where == DUE)
		remove_from_due(wheel, &node->heap);
	else if (where >= SLOT)
		remove_from_slot(wheel, &node->heap, where - SLOT);
	else
		return;
	if (node->heap.key <= wheel->next)
		wheel->next_known = false;
}

/* The first slot that holds anything; false when none does. What is on a level comes before what is
 * on a higher one, because it still agrees with the present in the digits above its own. */
static bool first_slot(const struct peal_wheel *wheel, unsigned int *slot, uint64_t *tick)
{
	for (unsigned int level = 0; level < PEAL_WHEEL_LEVELS; level++) {
		unsigned int shift = level * PEAL_WHEEL_BITS, i;

		if (!wheel->occupied[level])
			continue;
		i = (unsigned int)__builtin_ctzll(wheel->occupied[level]);
		*slot = (level << PEAL_WHEEL_BITS) | i;
		*tick = ((wheel->tick >> shift & ~(uint64_t)SLOT_MASK) | i) << shift;
		return true;
	}
	*slot = BEYOND;
	*tick = ((wheel->tick >> (PEAL_WHEEL_LEVELS * PEAL_WHEEL_BITS)) + 1)
		<< (PEAL_WHEEL_LEVELS * PEAL_WHEEL_BITS);
	return wheel->slots[BEYOND] != NULL;
}

/* The wheel's tick is the slot's; what is due up to `target` need not go down level by level. */
static void empty_slot(struct peal_wheel *wheel, unsigned int slot, uint64_t target)
{
	struct peal_heap_node *node = wheel->slots[slot], *next;

	wheel->slots[slot] = NULL;
	if (slot != BEYOND)
		wheel->occupied[slot >> PEAL_WHEEL_BITS] &= ~(1ULL << (slot & SLOT_MASK));
	for (; node; node = next) {
		next = node->next;
		place(wheel, node_of(node), target);
	}
}

/*
 * Up to a later tick, slot by slot. Those that are not reached keep their level: the target lies between
 * the old tick and them, so it agrees with them in the same digits.
 */
static void turn_to(struct peal_wheel *wheel, uint64_t target)
{
	uint64_t tick;
	unsigned int slot;

	while (first_slot(wheel, &slot, &tick) && tick <= target) {
		wheel->tick = tick;
		empty_slot(wheel, slot, target);
	}
	wheel->tick = target;
}

static void append_due(struct peal_wheel *wheel, struct peal_heap_node *node)
{
	node_of(node)->place = DUE;
	node->next = NULL;
	node->prev = wheel->due_last;
	if (wheel->due_last)
		wheel->due_last->next = node;
	else
		wheel->due = node;
	wheel->due_last = node;
}

void peal_wheel_advance(struct peal_wheel *wheel, int64_t now)
{
	uint64_t tick = (uint64_t)now >> PEAL_WHEEL_TICK_SHIFT;

	if (tick > wheel->tick) {
		turn_to(wheel, tick);
		wheel->next_known = false;
	}
	while (wheel->heap.root && wheel->heap.root->key <= now) {
		struct peal_heap_node *node = wheel->heap.root;

		peal_heap_remove(&wheel->heap, node);
		append_due(wheel, node);
		wheel->next_known = false;
	}
}

struct peal_wheel_node *peal_wheel_take(struct peal_wheel *wheel)
{
	struct peal_heap_node *node = wheel->due;

	if (!node)
		return NULL;
	peal_wheel_remove(wheel, node_of(node));
	return node_of(node);
}

/* The earliest in a slot that begins at `tick`. */
static int64_t earliest_in(const struct peal_wheel *wheel, unsigned int slot, uint64_t tick)
{
	const struct peal_heap_node *node = wheel->slots[slot];
	int64_t earliest = INT64_MAX;

	for (unsigned int i = 0; node; node = node->next, i++) {
		if (i == LOOK_AT_MOST)
			return (int64_t)(tick << PEAL_WHEEL_TICK_SHIFT);
		if (node->key < earliest)
			earliest = node->key;
	}
	return earliest;
}

static int64_t find_next(const struct peal_wheel *wheel)
{
	uint64_t tick;
	unsigned int slot;

	if (wheel->due)
		return wheel->due->key;
	if (wheel->heap.root)
		return wheel->heap.root->key;
	return first_slot(wheel, &slot, &tick) ? earliest_in(wheel, slot, tick) : INT64_MAX;
}

int64_t peal_wheel_next(struct peal_wheel *wheel)
{
	if (!wheel->next_known) {
		wheel->next = find_next(wheel);
		wheel->next_known = true;
	}
	return wheel->next;
}
