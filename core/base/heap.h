/* SPDX-License-Identifier: MIT */
/*
 * An intrusive pairing heap, smallest key first, equal keys in the order of their insertion. Insert is
 * O(1), taking the first and removing any are O(log n) amortised, nothing is allocated, nothing fails.
 * One thread's.
 *
 * Fredman, Sedgewick, Sleator, Tarjan: The pairing heap: a new form of self-adjusting heap (1986).
 */
#ifndef PEAL_CORE_HEAP_H
#define PEAL_CORE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* prev is the left sibling, or the parent for a first child; NULL for the root. */
struct peal_heap_node {
	struct peal_heap_node *child, *next, *prev;
	int64_t key;
	uint64_t order;
};

struct peal_heap {
	struct peal_heap_node *root;
	uint64_t inserted;
};

static inline bool peal_heap_before(const struct peal_heap_node *a, const struct peal_heap_node *b)
{
	return a->key != b->key ? a->key < b->key : a->order < b->order;
}

/* Two roots become one; either may be NULL. */
static inline struct peal_heap_node *peal_heap_meld(
	struct peal_heap_node *a, struct peal_heap_node *b)
{
	if (!a || !b)
		return a ? a : b;
	if (peal_heap_before(b, a)) {
		struct peal_heap_node *smaller = b;

		b = a;
		a = smaller;
	}
	b->prev = a;
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	a->child = b;
	return a;
}

/* Meld a list of siblings: in pairs from the left, then the pairs from the right. Without recursion:
 * a list may be as long as the heap. */
static inline struct peal_heap_node *peal_heap_meld_siblings(struct peal_heap_node *node)
{
	struct peal_heap_node *pairs = NULL, *root = NULL;

	while (node) {
		struct peal_heap_node *a = node, *b = node->next;

		node = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		a = peal_heap_meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		struct peal_heap_node *next = pairs->next;

		pairs->next = NULL;
		root = peal_heap_meld(root, pairs);
		pairs = next;
	}
	return root;
}

/* A node whose key and order are set already. */
static inline void peal_heap_put(struct peal_heap *heap, struct peal_heap_node *node)
{
	node->child = node->next = node->prev = NULL;
	heap->root = peal_heap_meld(heap->root, node);
}

static inline void peal_heap_insert(
	struct peal_heap *heap, struct peal_heap_node *node, int64_t key)
{
	node->key = key;
	node->order = heap->inserted++;
	peal_heap_put(heap, node);
}

static inline void peal_heap_remove(struct peal_heap *heap, struct peal_heap_node *node)
{
	struct peal_heap_node *rest = peal_heap_meld_siblings(node->child);

	if (node == heap->root) {
		heap->root = rest;
	} else {
		if (node->prev->child == node)
			node->prev->child = node->next;
		else
			node->prev->next = node->next;
		if (node->next)
			node->next->prev = node->prev;
		heap->root = peal_heap_meld(heap->root, rest);
	}
	node->child = node->next = node->prev = NULL;
}

#endif
