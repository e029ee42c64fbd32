/* SPDX-License-Identifier: MIT */
/*
 * Every choice that the scheduler makes and that could as well be made otherwise: which victim, which
 * shard is woken, how much is taken, whether to spin. They all go through here, so that a test or a
 * simulator can make them, from a seed, in its own way.
 */
#ifndef PEAL_CORE_CHOICE_H
#define PEAL_CORE_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/compiler.h"

enum peal_choice_kind {
	PEAL_CHOICE_VICTIM,    /* where a search for work begins */
	PEAL_CHOICE_WAKE,      /* where the search for a shard to wake begins */
	PEAL_CHOICE_PLACEMENT, /* where round-robin begins */
};

/* Of one thread. */
struct peal_choice {
	uint64_t state;
	uint32_t spin_ns; /* how long the next spin may take */
};

/* Set by tests before a runtime starts: answers in place of the generator, less than `among`. */
extern unsigned int (*peal_choice_hook)(enum peal_choice_kind kind, unsigned int among);

/* Slices end after this many items, or this long (the clock is read every PEAL_SLICE_CLOCK items). */
#define PEAL_SLICE_ITEMS  61
#define PEAL_SLICE_NS     200000
#define PEAL_SLICE_CLOCK  8
/* Each class of priority gets one pick in so many, however much the classes before it have to do. */
#define PEAL_CLASS_FLOOR  61
/* Fresh tasks get one in so many of the normal class, however many started fibers are ready. */
#define PEAL_FRESH_FLOOR  8
/* Fibers in a row that run next because the one before has woken them. */
#define PEAL_HANDOFFS     3
/* Ops that may complete at once before their fiber gives way. */
#define PEAL_OP_BUDGET    128
/* Alarms that may fire before the loop goes on to its ring. */
#define PEAL_ALARMS_MOST  256
/* Half of a ring, but no more than this, goes to a thief. */
#define PEAL_STEAL_MOST   32
/* Rounds over all victims before a search is given up, and pauses between them. */
#define PEAL_STEAL_ROUNDS 4
#define PEAL_STEAL_PAUSES 32
/* The longest a shard may sleep while it is the last asleep and another works: it then looks for work
 * that is stuck behind a task that does not give way. */
#define PEAL_WATCH_NS     10000000
/* A task that keeps its shard longer than this is reported in the counters. */
#define PEAL_HOG_NS       10000000
#define PEAL_SPIN_MOST_NS 20000

static inline void peal_choice_init(struct peal_choice *choice, uint64_t seed)
{
	choice->state = seed * 2 + 1;
	choice->spin_ns = PEAL_SPIN_MOST_NS / 4;
}

/* Less than `among`, which is not 0. xorshift64*, see Vigna, An experimental exploration of
 * Marsaglia's xorshift generators, scrambled (2016). */
static inline unsigned int peal_choose(
	struct peal_choice *choice, enum peal_choice_kind kind, unsigned int among)
{
	uint64_t x = choice->state;

	if (PEAL_UNLIKELY(peal_choice_hook != NULL))
		return peal_choice_hook(kind, among);
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	choice->state = x;
	return (unsigned int)((((x * 0x2545f4914f6cdd1dULL) >> 32) * among) >> 32);
}

/* Spinning is a bet: a hit raises the next stake by a quarter, a miss halves it. */
static inline void peal_choice_spun(struct peal_choice *choice, bool hit)
{
	uint32_t spin = choice->spin_ns;

	spin = hit ? spin + spin / 4 + 250 : spin / 2;
	choice->spin_ns = spin > PEAL_SPIN_MOST_NS ? PEAL_SPIN_MOST_NS : spin;
}

/* A sleep that was so short that spinning would have been quicker: try that again. */
static inline void peal_choice_slept(struct peal_choice *choice, int64_t ns)
{
	if (ns < PEAL_SPIN_MOST_NS && choice->spin_ns < PEAL_SPIN_MOST_NS / 8)
		choice->spin_ns = PEAL_SPIN_MOST_NS / 8;
}

#endif
