/* SPDX-License-Identifier: MIT */
/*
 * A lock for a few instructions, between threads: what guards a mutex, a channel and so on inside.
 *
 * Its holders never suspend, call nobody and touch at most a few cache lines, so two fibers of one shard
 * never meet at it, and one of another shard waits for less than it would take to ask the kernel. Only a
 * holder whose CPU was taken away keeps others for longer; those give theirs up after a while, because
 * it may be what the holder waits for. That is also why this is not a ticket lock: the next in line
 * might be without a CPU, too. Fairness is the business of the queue that is guarded.
 *
 * Acquire on taking and release on letting go publish what is guarded; nothing else is promised.
 */
#ifndef PEAL_CORE_SPIN_H
#define PEAL_CORE_SPIN_H

#include "core/base/atomic.h"

struct peal_spin {
	PEAL_ATOMIC(uint32_t) held;
};

/* It was held: look at it (without taking its cache line away) until it is free. */
void peal_spin_wait(struct peal_spin *spin);

static inline void peal_spin_lock(struct peal_spin *spin)
{
	while (peal_exchange_acq_rel(&spin->held, 1))
		peal_spin_wait(spin);
}

static inline void peal_spin_unlock(struct peal_spin *spin)
{
	peal_store_release(&spin->held, 0);
}

#endif
