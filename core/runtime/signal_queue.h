/* SPDX-License-Identifier: MIT */
/*
 * What signal handlers have to say to a shard: a bounded queue, written by handlers on any thread, read
 * by one thread. Nothing in it waits, so a handler that interrupts another one, or the reader, does no
 * harm: each writer owns the slot whose number it has taken, and the reader stops at a slot that is taken
 * but not yet filled. (Whoever fills it tells the reader once more.)
 *
 * A slot's turn says whose it is: `n` free for the write number n, `n + 1` filled by it. The release
 * store of the turn publishes what stands in the slot, and gives it back; the acquire loads see that.
 */
#ifndef PEAL_CORE_SIGNAL_QUEUE_H
#define PEAL_CORE_SIGNAL_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include <peal/plugin.h>

#include "core/base/atomic.h"

#define PEAL_SIGNAL_SLOTS 128 /* a power of two */

struct peal_signals_slot {
	PEAL_ATOMIC(uint32_t) turn;
	struct peal_siginfo signal;
};

struct peal_signals_queue {
	PEAL_ATOMIC(uint32_t) next; /* the number of the next write */
	uint32_t read;              /* the reader's */
	struct peal_signals_slot slots[PEAL_SIGNAL_SLOTS];
};

static inline void peal_signals_queue_init(struct peal_signals_queue *queue)
{
	peal_store_relaxed(&queue->next, 0);
	queue->read = 0;
	for (uint32_t i = 0; i < PEAL_SIGNAL_SLOTS; i++)
		peal_store_relaxed(&queue->slots[i].turn, i);
}

/* Async-signal-safe. False when it is full. */
static inline bool peal_signals_queue_put(
	struct peal_signals_queue *queue, const struct peal_siginfo *signal)
{
	uint32_t number = peal_load_relaxed(&queue->next);
	struct peal_signals_slot *slot;

	for (;;) {
		uint32_t turn;

		slot = &queue->slots[number % PEAL_SIGNAL_SLOTS];
		turn = peal_load_acquire(&slot->turn);
		if (turn == number) {
			if (peal_cas_acq_rel(&queue->next, &number, number + 1))
				break;
		} else if ((int32_t)(turn - number) < 0) {
			return false;
		} else {
			number = peal_load_relaxed(&queue->next);
		}
	}
	slot->signal = *signal;
	peal_store_release(&slot->turn, number + 1);
	return true;
}

/* The reader. False when there is none. */
static inline bool peal_signals_queue_take(
	struct peal_signals_queue *queue, struct peal_siginfo *signal)
{
	struct peal_signals_slot *slot = &queue->slots[queue->read % PEAL_SIGNAL_SLOTS];

	if (peal_load_acquire(&slot->turn) != queue->read + 1)
		return false;
	*signal = slot->signal;
	peal_store_release(&slot->turn, queue->read + PEAL_SIGNAL_SLOTS);
	queue->read++;
	return true;
}

#endif
