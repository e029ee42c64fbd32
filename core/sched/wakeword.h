/* SPDX-License-Identifier: MIT */
/*
 * The word in which a fiber's sleep and those who wake it meet. Wakes are not counted: any number of
 * them before a sleep end that one, at once.
 *
 * Every operation is a read-modify-write, also those that change nothing: a wake that finds the word
 * STORED must still release what its waker has written, and a sleeper that goes on must acquire what all
 * wakers before had (tokio #7622: an early way out after a load published nothing). So whatever was
 * written before a wake is visible after the sleep that the wake ends, or does not let begin.
 */
#ifndef PEAL_CORE_WAKEWORD_H
#define PEAL_CORE_WAKEWORD_H

#include "core/base/atomic.h"

enum peal_wake_state {
	PEAL_WAKE_NONE,   /* it runs; nobody has woken it */
	PEAL_WAKE_PARKED, /* it sleeps until somebody wakes it */
	PEAL_WAKE_STORED, /* it was woken before it slept: its next sleep ends at once */
};

struct peal_wakeword {
	PEAL_ATOMIC(uint32_t) state;
};

static inline void peal_wakeword_init(struct peal_wakeword *word)
{
	peal_store_relaxed(&word->state, PEAL_WAKE_NONE);
}

/* The sleeper. False: it was woken already. Then, or when it has been resumed, it must call
 * peal_wakeword_rise(). */
static inline bool peal_wakeword_sleep(struct peal_wakeword *word)
{
	uint32_t expected = PEAL_WAKE_NONE;

	return peal_cas_acq_rel(&word->state, &expected, PEAL_WAKE_PARKED);
}

static inline void peal_wakeword_rise(struct peal_wakeword *word)
{
	(void)peal_exchange_acq_rel(&word->state, PEAL_WAKE_NONE);
}

/* The sleeper, before it sleeps: was it woken already? A hint, that says nothing of what the waker wrote. */
static inline bool peal_wakeword_stored(struct peal_wakeword *word)
{
	return peal_load_relaxed(&word->state) == PEAL_WAKE_STORED;
}

/* Anybody. True: it sleeps, and the caller must see to it that it is resumed. False: nothing is owed, and
 * the sleeper may be gone from here on. */
static inline bool peal_wakeword_wake(struct peal_wakeword *word)
{
	return peal_exchange_acq_rel(&word->state, PEAL_WAKE_STORED) == PEAL_WAKE_PARKED;
}

#endif
