/* SPDX-License-Identifier: MIT */
/*
 * A sum that one thread adds to and another takes, and how the first knows that the other has to be
 * told: exactly when the sum was 0.
 *
 * It is never 0 again before it is taken: what is added is not 0, and the sum stops at its largest
 * value. So in the modification order of the word, an addition that finds 0 comes first or follows a
 * take, and every other is covered by a telling that was not followed by a take yet: nothing is
 * forgotten, and the object that tells (a node in the taker's inbox) is in use once at a time. The
 * taker's use of it comes before the take (release), the adder's next after the addition that found 0
 * (acquire).
 */
#ifndef PEAL_CORE_SUM_H
#define PEAL_CORE_SUM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/atomic.h"

struct peal_sum {
	PEAL_ATOMIC(uint64_t) value;
};

static inline void peal_sum_init(struct peal_sum *sum)
{
	peal_store_relaxed(&sum->value, 0);
}

/* a + b, or the largest number there is. */
static inline uint64_t peal_sum_of(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Add n, which is not 0. True when the other must be told. */
static inline bool peal_sum_add(struct peal_sum *sum, uint64_t n)
{
	uint64_t old = peal_load_relaxed(&sum->value);

	while (!peal_cas_acq_rel(&sum->value, &old, peal_sum_of(old, n)))
		;
	return !old;
}

/* The one that was told: all that was added since it last did this. */
static inline uint64_t peal_sum_take(struct peal_sum *sum)
{
	return peal_exchange_acq_rel(&sum->value, 0);
}

/* What was added and not taken, when nobody does either any more. */
static inline uint64_t peal_sum_left(struct peal_sum *sum)
{
	return peal_load_acquire(&sum->value);
}

#endif
