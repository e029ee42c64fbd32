/* SPDX-License-Identifier: MIT */
/*
 * The word in which the end of a task and whoever waits for it meet. It is NULL, the one task that
 * waits, or ENDED. The joiner puts itself there, the end exchanges it for ENDED and wakes whom it finds,
 * a cancelled wait takes itself out again. Whoever changes the word last knows whether a wake is owed.
 *
 * What the task has left (its result) is released by the end and acquired by whoever finds ENDED; a
 * joiner that is woken gets it through its wake.
 */
#ifndef PEAL_CORE_JOINWORD_H
#define PEAL_CORE_JOINWORD_H

#include <stddef.h>

#include "core/base/atomic.h"

struct peal_task;

struct peal_joinword {
	PEAL_ATOMIC(struct peal_task *) joiner;
};

#define PEAL_JOIN_ENDED ((struct peal_task *)1)

enum peal_join {
	PEAL_JOIN_WAITS,   /* the joiner will be woken, unless it withdraws */
	PEAL_JOIN_IS_OVER, /* it has ended */
	PEAL_JOIN_TAKEN    /* somebody else waits */
};

static inline void peal_joinword_init(struct peal_joinword *word)
{
	peal_store_relaxed(&word->joiner, NULL);
}

static inline bool peal_joinword_ended(struct peal_joinword *word)
{
	return peal_load_acquire(&word->joiner) == PEAL_JOIN_ENDED;
}

static inline enum peal_join peal_joinword_enter(struct peal_joinword *word, struct peal_task *self)
{
	struct peal_task *expected = NULL;

	if (peal_cas_acq_rel(&word->joiner, &expected, self))
		return PEAL_JOIN_WAITS;
	return expected == PEAL_JOIN_ENDED ? PEAL_JOIN_IS_OVER : PEAL_JOIN_TAKEN;
}

/* The joiner waits no more. False: it has ended meanwhile, and the joiner's wake is on its way. */
static inline bool peal_joinword_withdraw(struct peal_joinword *word, struct peal_task *self)
{
	struct peal_task *expected = self;

	return peal_cas_acq_rel(&word->joiner, &expected, NULL);
}

/* The task has ended. Returns who is to be woken; NULL: nobody. */
static inline struct peal_task *peal_joinword_end(struct peal_joinword *word)
{
	return peal_exchange_acq_rel(&word->joiner, PEAL_JOIN_ENDED);
}

#endif
