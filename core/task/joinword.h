/* SPDX-License-Identifier: MIT */
/*
 * The word in which the end of a task meets its handle: whoever waits for the end, and whoever frees the
 * task's block. It is
 *
 *   NULL    there is a handle, and nobody waits
 *   a task  there is a handle, and that task waits
 *   ALONE   there is no handle (any more)
 *   ENDED   the task has ended, and the block is the handle's
 *
 * The joiner puts itself there, a cancelled wait takes itself out again, who lets go of the handle
 * exchanges it for ALONE, the end for ENDED. So the block has one owner at a time and nothing has to be
 * counted: who finds ENDED frees it, or who finds ALONE, the end. And whoever changes the word last
 * knows whether a wake is owed. Nothing may be done with the block after an end that found no ALONE.
 *
 * ALONE and ENDED are final for one side each: the end may act on ALONE, and the handle on ENDED, after
 * a load, which spares most tasks the dear exchange.
 *
 * What the task has left (its result) is released by the end and acquired by whoever finds ENDED; a
 * joiner that is woken gets it through its wake. What the handle's owner did with the block is released
 * when it lets go, and acquired by the end.
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
#define PEAL_JOIN_ALONE ((struct peal_task *)2)

enum peal_join {
	PEAL_JOIN_WAITS,   /* the joiner will be woken, unless it withdraws */
	PEAL_JOIN_IS_OVER, /* it has ended */
	PEAL_JOIN_TAKEN    /* somebody else waits */
};

static inline void peal_joinword_init(struct peal_joinword *word, bool has_handle)
{
	peal_store_relaxed(&word->joiner, has_handle ? NULL : PEAL_JOIN_ALONE);
}

/* The handle's side */

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

/* The handle is gone. True when the caller must free the block. */
static inline bool peal_joinword_let_go(struct peal_joinword *word)
{
	return peal_joinword_ended(word) ||
		peal_exchange_acq_rel(&word->joiner, PEAL_JOIN_ALONE) == PEAL_JOIN_ENDED;
}

/* The task's side */

/* It has ended. Returns who is to be woken; NULL: nobody; ALONE: nobody, and the caller must free the
 * block. */
static inline struct peal_task *peal_joinword_end(struct peal_joinword *word)
{
	if (peal_load_acquire(&word->joiner) == PEAL_JOIN_ALONE)
		return PEAL_JOIN_ALONE;
	return peal_exchange_acq_rel(&word->joiner, PEAL_JOIN_ENDED);
}

#endif
