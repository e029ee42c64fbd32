/* SPDX-License-Identifier: MIT */
/*
 * The control inbox of a shard: any thread pushes, the owner takes everything at once. Intrusive, so
 * nothing is allocated and nothing can be full.
 *
 * One word holds the newest node, or one of two marks: PARKED, the owner sleeps or is about to, and
 * CLOSED, it listens no more. Because the mark sits in the word that pushers change, exactly one of
 * them displaces PARKED, and that one rings the bell.
 *
 * Why no wake is lost: parking is a compare-and-swap from empty to PARKED on the same word as every
 * push. In the word's single modification order a push comes either before it, and parking fails, or
 * after it, and the push displaces PARKED and rings. No second variable is involved, so acquire and
 * release would do; the operations are seq_cst so that callers may also rely on them against other
 * variables (the idle marks in wake.c), and cost the same on x86-64.
 *
 * Node contents are published by the push (release) and seen by the take (acquire). The list links
 * are plain: a node belongs to its pusher until the compare-and-swap, and to the owner after the take.
 */
#ifndef PEAL_CORE_INBOX_H
#define PEAL_CORE_INBOX_H

#include <stddef.h>

#include "core/base/atomic.h"

struct peal_inbox_node {
	struct peal_inbox_node *next;
};

struct peal_inbox {
	PEAL_ATOMIC(struct peal_inbox_node *) head;
};

#define PEAL_INBOX_PARKED ((struct peal_inbox_node *)1)
#define PEAL_INBOX_CLOSED ((struct peal_inbox_node *)2)

enum peal_inbox_pushed {
	PEAL_INBOX_QUEUED, /* the owner will look by itself */
	PEAL_INBOX_RING,   /* it sleeps: the caller must ring its bell */
	PEAL_INBOX_REFUSED /* closed; the node is still the caller's */
};

static inline void peal_inbox_init(struct peal_inbox *inbox)
{
	peal_store_relaxed(&inbox->head, NULL);
}

/* Any thread. Pushes of one thread are taken in their order. */
static inline enum peal_inbox_pushed peal_inbox_push(
	struct peal_inbox *inbox, struct peal_inbox_node *node)
{
	struct peal_inbox_node *head = peal_load_relaxed(&inbox->head);

	do {
		if (head == PEAL_INBOX_CLOSED)
			return PEAL_INBOX_REFUSED;
		node->next = head == PEAL_INBOX_PARKED ? NULL : head;
	} while (!peal_cas_weak_seq_cst(&inbox->head, &head, node));
	return head == PEAL_INBOX_PARKED ? PEAL_INBOX_RING : PEAL_INBOX_QUEUED;
}

/* The stack is newest first; its users want oldest first. */
static inline struct peal_inbox_node *peal_inbox_reverse(struct peal_inbox_node *node)
{
	struct peal_inbox_node *oldest = NULL;

	while (node) {
		struct peal_inbox_node *next = node->next;

		node->next = oldest;
		oldest = node;
		node = next;
	}
	return oldest;
}

/* Owner, awake: everything that was pushed, oldest first; NULL for nothing. */
static inline struct peal_inbox_node *peal_inbox_take(struct peal_inbox *inbox)
{
	if (!peal_load_relaxed(&inbox->head)) /* a push that is missed here is seen when parking */
		return NULL;
	return peal_inbox_reverse(peal_exchange_seq_cst(&inbox->head, NULL));
}

/* Owner: is there anything? A hint. */
static inline bool peal_inbox_pending(struct peal_inbox *inbox)
{
	return peal_load_relaxed(&inbox->head) != NULL;
}

/* Owner: say that it will sleep. False when something was pushed: it must not. */
static inline bool peal_inbox_park(struct peal_inbox *inbox)
{
	struct peal_inbox_node *expected = NULL;

	return peal_cas_seq_cst(&inbox->head, &expected, PEAL_INBOX_PARKED);
}

/*
 * Owner, after sleeping: everything that was pushed, oldest first. NULL means that nobody pushed, so
 * no bell was rung; otherwise exactly one was, and it may arrive only later (it is sticky, and stray
 * then).
 */
static inline struct peal_inbox_node *peal_inbox_unpark(struct peal_inbox *inbox)
{
	struct peal_inbox_node *head = peal_exchange_seq_cst(&inbox->head, NULL);

	return head == PEAL_INBOX_PARKED ? NULL : peal_inbox_reverse(head);
}

/* Any thread: does its owner sleep, and has nobody pushed since? */
static inline bool peal_inbox_parked(struct peal_inbox *inbox)
{
	return peal_load_seq_cst(&inbox->head) == PEAL_INBOX_PARKED;
}

/* Owner, awake: everything that was pushed; whatever comes later is refused. */
static inline struct peal_inbox_node *peal_inbox_close(struct peal_inbox *inbox)
{
	return peal_inbox_reverse(peal_exchange_seq_cst(&inbox->head, PEAL_INBOX_CLOSED));
}

#endif
