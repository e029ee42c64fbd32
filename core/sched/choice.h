/* SPDX-License-Identifier: MIT */
/*
 * Every choice that the scheduler makes and that could as well be made otherwise: which victim, which
 * shard is woken, how much is taken, whether to spin. They all go through here, so that a test or a
 * simulator can make them, from a seed, in its own way.
 */
#ifndef PEAL_CORE_CHOICE_H
#define PEAL_CORE_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/compiler.h"

enum peal_choice_kind {
	PEAL_CHOICE_VICTIM, /* where a search for work begins */
	PEAL_CHOICE_WAKE,   /* where the search for a shard to wake begins */
	PEAL_CHOICE_SPIN,   /* 0: sleep at once, 1: spin first */
	PEAL_CHOICE_SELECT, /* among channels that are ready: 0 for the one looked at last */
	PEAL_CHOICE_LINGER, /* 0: give the shard up at once, 1: look on for a moment (linger.h) */
};

/*
 * Whether to spin before sleeping is a bet. What it is decided by: how long the next work took to come
 * after sleeping at once and after spinning first, and how often a spin ended with work. What could not
 * be won is limited by credit, which grows with time.
 */
struct peal_bet {
	int64_t average[2];  /* ns until work came: after sleeping at once, after spinning first */
	int64_t hit_average; /* ns of spinning that it took when it paid */
	int64_t last;        /* ns until work came, the last time */
	int64_t credit;      /* ns that may be spun for nothing */
	int64_t credited_at;
	int64_t since;     /* ns waited since the one that loses was tried */
	uint32_t paid;     /* of PEAL_BET_ALWAYS: how often a spin did */
	uint32_t rounds;   /* in that time */
	uint32_t tries[2]; /* of either, as far as averages count them */
};

#define PEAL_BET_ALWAYS 1024

/* Of one thread. */
struct peal_choice {
	uint64_t state;
	int64_t spin_most;       /* ns; knobs.tbl has these two */
	unsigned int spin_share; /* percent */
	struct peal_bet bet;
	int64_t wake_ns; /* how much too late sleeps until an instant have ended lately */
};

/* Set by tests before a runtime starts: answers in place of the generator, less than `among`. */
extern unsigned int (*peal_choice_hook)(enum peal_choice_kind kind, unsigned int among);

/* Slices end after this many items, or this long (the clock is read every PEAL_SLICE_CLOCK items). */
#define PEAL_SLICE_ITEMS   61
#define PEAL_SLICE_NS      200000
#define PEAL_SLICE_CLOCK   8
/* Each class of priority gets one pick in so many, however much the classes before it have to do. */
#define PEAL_CLASS_FLOOR   61
/* Fresh tasks get one in so many of the normal class, however many started fibers are ready. */
#define PEAL_FRESH_FLOOR   8
/* Fibers in a row that run next because the one before has woken them. */
#define PEAL_HANDOFFS      3
/* Ops that may complete at once before their fiber gives way. */
#define PEAL_OP_BUDGET     128
/* Alarms that may fire before the loop goes on to its ring. */
#define PEAL_ALARMS_MOST   256
/* Half of a ring, but no more than this, goes to a thief. */
#define PEAL_STEAL_MOST    32
/* Rounds over all victims before a search is given up, and pauses between them. */
#define PEAL_STEAL_ROUNDS  4
#define PEAL_STEAL_PAUSES  32
/* The longest a shard may sleep while it is the last asleep and another works: it then looks for work
 * that is stuck behind a task that does not give way. */
#define PEAL_WATCH_NS      10000000
/* A task that keeps its shard longer than this is reported. */
#define PEAL_HOG_NS        10000000
/*
 * A spin is twice as long as those that paid took, within these bounds. The lower one is about what it
 * takes to wake a sleeper and hear from it: were it less, then of two shards that answer each other at
 * once and have both spun, one that sleeps just once would send the other to sleep before it answers,
 * that one the first, and so on until the credit of both is used up.
 */
#define PEAL_SPIN_LEAST_NS 20000
#define PEAL_SPIN_MOST_NS  50000
/* Work that took longer to come than this is not waited for by spinning. */
#define PEAL_LONG_IDLE_NS  1000000
/* One bet in so many goes to the one that loses: things may have changed. But what that costs is no
 * larger a part of the time: where answers come at once, one sleep is worth hundreds of them. */
#define PEAL_BET_RETRY     32
/* What may be spun for nothing, in percent of the time; and how much of it can be saved up. */
#define PEAL_SPIN_SHARE    10
#define PEAL_CREDIT_MOST   500000
/* A sleep for no longer than waking up takes is spun; waking up never counts for more than this. */
#define PEAL_SPIN_TIMER_NS 50000
/* What entering the kernel and being woken costs in CPU time: spinning that long costs no more, even
 * where there is no room to spin. */
#define PEAL_SPIN_FREE_NS  2000

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

void peal_choice_init(struct peal_choice *choice, uint64_t seed);

/* How long to spin before sleeping, in ns; 0: not at all. */
int64_t peal_choose_spin(struct peal_choice *choice, int64_t now);
/* How it went: it was spun for so long (0: not at all), then or later, after `waited` ns, work came. */
void peal_bet_settle(struct peal_bet *bet, int64_t spun, int64_t waited);

/* A sleep until an instant ended that much later: an average over the last few. One that was very late
 * says more about the load of the machine than about waking up. */
static inline void peal_choice_overslept(struct peal_choice *choice, int64_t ns)
{
	if (ns > PEAL_SPIN_TIMER_NS)
		ns = PEAL_SPIN_TIMER_NS;
	choice->wake_ns += (ns - choice->wake_ns) / 8;
}

/* Would a sleep of that length be over before one could wake up from it? Then it is spun. */
static inline bool peal_choice_too_short(const struct peal_choice *choice, int64_t ns)
{
	return ns <= PEAL_SPIN_FREE_NS || ns <= choice->wake_ns;
}

#endif
