/* SPDX-License-Identifier: MIT */
/*
 * The ring of fresh stealable tasks of a shard: the owner pushes and pops, thieves take half.
 *
 * First in, first out. Both ends count up without wrapping (64 bits), a slot is the count modulo the
 * size. `tail` is written by the owner alone; `head` is moved by compare-and-swap, by the owner and by
 * thieves, and whoever moves it owns what lies between the old and the new value.
 *
 * Why what was read before a successful compare-and-swap is right: the owner writes a slot again only
 * after it saw, with acquire, a head beyond that slot's old round. If a thief's swap succeeds, head had
 * not moved, so every such write comes after the swap in happens-before, and the thief's reads come
 * before it; reads cannot see writes they happen before. The slots are atomics (relaxed) because a thief
 * whose swap is going to fail may read while the owner writes.
 *
 * The contents of a task are published by the store to tail (release; seq_cst so that a producer
 * that goes on to look for idle shards is ordered against a shard that goes idle and looks here once
 * more, see wake.c) and by the load of it (acquire).
 */
#ifndef PEAL_CORE_FRESH_H
#define PEAL_CORE_FRESH_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/atomic.h"

#ifndef PEAL_FRESH_SLOTS
#define PEAL_FRESH_SLOTS 256 /* a power of two */
#endif

struct peal_fresh {
	_Alignas(128) PEAL_ATOMIC(uint64_t) head;
	_Alignas(128) PEAL_ATOMIC(uint64_t) tail;
	_Alignas(128) PEAL_ATOMIC(void *) slots[PEAL_FRESH_SLOTS];
};

static inline void peal_fresh_init(struct peal_fresh *fresh)
{
	peal_store_relaxed(&fresh->head, 0);
	peal_store_relaxed(&fresh->tail, 0);
}

/* How many there are; exact for the owner while nobody steals, a hint otherwise. Any thread. */
static inline unsigned int peal_fresh_count(struct peal_fresh *fresh)
{
	uint64_t head = peal_load_relaxed(&fresh->head);
	uint64_t tail = peal_load_seq_cst(&fresh->tail);

	return tail > head ? (unsigned int)(tail - head) : 0;
}

/* Owner. False when full. */
static inline bool peal_fresh_push(struct peal_fresh *fresh, void *task)
{
	uint64_t tail = peal_load_relaxed(&fresh->tail);

	if (tail - peal_load_acquire(&fresh->head) == PEAL_FRESH_SLOTS)
		return false;
	peal_store_relaxed(&fresh->slots[tail % PEAL_FRESH_SLOTS], task);
	peal_store_seq_cst(&fresh->tail, tail + 1);
	return true;
}

/* Owner. NULL when empty. */
static inline void *peal_fresh_pop(struct peal_fresh *fresh)
{
	uint64_t tail = peal_load_relaxed(&fresh->tail);
	uint64_t head = peal_load_acquire(&fresh->head);

	while (head != tail) {
		void *task = peal_load_relaxed(&fresh->slots[head % PEAL_FRESH_SLOTS]);

		if (peal_cas_acq_rel(&fresh->head, &head, head + 1))
			return task;
	}
	return NULL;
}

/*
 * Any thread: take the older half (rounded up, at most `most`) into tasks[]. Returns how many; 0 when
 * it is empty or somebody else was quicker.
 */
static inline unsigned int peal_fresh_steal(
	struct peal_fresh *fresh, void **tasks, unsigned int most)
{
	uint64_t head = peal_load_acquire(&fresh->head);
	uint64_t tail = peal_load_seq_cst(&fresh->tail);
	uint64_t n = tail - head;

	/* head may be older than tail by any number of rounds: then the swap below fails. */
	if (tail <= head || n > PEAL_FRESH_SLOTS)
		return 0;
	n -= n / 2;
	if (n > most)
		n = most;
	for (uint64_t i = 0; i < n; i++)
		tasks[i] = peal_load_relaxed(&fresh->slots[(head + i) % PEAL_FRESH_SLOTS]);
	return peal_cas_acq_rel(&fresh->head, &head, head + n) ? (unsigned int)n : 0;
}

#endif
