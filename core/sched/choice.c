/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include "core/sched/choice.h"

enum { SLEEP, SPIN };

/* Averages move by an eighth; the first eight values count alike. */
#define WEIGHT      8
/* Spinning is tried so often before sleeping is: the first answer comes from somebody who starts up, and
 * two that have begun to sleep for each other would find out late that neither needs to. */
#define SPINS_FIRST 4
/* One long wait must not outweigh a hundred short ones. */
#define LONGEST_NS  (4 * (int64_t)PEAL_SPIN_MOST_NS)

unsigned int (*peal_choice_hook)(enum peal_choice_kind kind, unsigned int among);

void peal_choice_init(struct peal_choice *choice, uint64_t seed)
{
	*choice = (struct peal_choice){
		.state = seed * 2 + 1,
		.spin_most = PEAL_SPIN_MOST_NS,
		.spin_share = PEAL_SPIN_SHARE,
		.wake_ns = PEAL_SPIN_TIMER_NS / 4,
		.bet.hit_average = PEAL_SPIN_MOST_NS / 5,
		.bet.credit = PEAL_CREDIT_MOST,
		.bet.paid = PEAL_BET_ALWAYS / 2,
	};
}

static void refill(struct peal_bet *bet, int64_t now, unsigned int share)
{
	if (bet->credited_at)
		bet->credit += (now - bet->credited_at) * share / 100;
	if (bet->credit > PEAL_CREDIT_MOST)
		bet->credit = PEAL_CREDIT_MOST;
	bet->credited_at = now;
}

static int64_t length_of(const struct peal_bet *bet)
{
	int64_t length = 2 * bet->hit_average;

	if (length < PEAL_SPIN_LEAST_NS)
		return PEAL_SPIN_LEAST_NS;
	return length;
}

/* What was hardly ever tried wins. */
static int winner(const struct peal_bet *bet)
{
	if (bet->tries[SPIN] < SPINS_FIRST)
		return SPIN;
	if (!bet->tries[SLEEP] || bet->average[SLEEP] < bet->average[SPIN] ||
		bet->paid < PEAL_BET_ALWAYS / 8)
		return SLEEP;
	return SPIN;
}

/* Now and then the one that loses. */
static int next_try(struct peal_bet *bet)
{
	int best = winner(bet), other = best == SPIN ? SLEEP : SPIN;
	int64_t cost = bet->average[other] - bet->average[best];

	if (++bet->rounds < PEAL_BET_RETRY || bet->since < PEAL_BET_RETRY * cost)
		return best;
	bet->rounds = 0;
	bet->since = 0;
	return other;
}

int64_t peal_choose_spin(struct peal_choice *choice, int64_t now)
{
	struct peal_bet *bet = &choice->bet;
	int64_t length = length_of(bet) < choice->spin_most ? length_of(bet) : choice->spin_most;

	if (PEAL_UNLIKELY(peal_choice_hook != NULL))
		return peal_choice_hook(PEAL_CHOICE_SPIN, 2) == SPIN ? length : 0;
	refill(bet, now, choice->spin_share);
	if (bet->last > PEAL_LONG_IDLE_NS || bet->credit < length)
		return 0;
	return next_try(bet) == SPIN ? length : 0;
}

static void move(int64_t *average, int64_t value, int64_t weight)
{
	*average += (value - *average) / weight;
}

static void note_answer(struct peal_bet *bet, int kind, int64_t waited)
{
	if (bet->tries[kind] < WEIGHT)
		bet->tries[kind]++;
	move(&bet->average[kind], waited < LONGEST_NS ? waited : LONGEST_NS, bet->tries[kind]);
}

/* Spun for nothing: what comes may come a little later than it was waited for. */
static void lose(struct peal_bet *bet, int64_t spun)
{
	bet->paid -= bet->paid / WEIGHT;
	bet->credit -= spun;
	bet->hit_average += bet->hit_average / 4;
	if (bet->hit_average > PEAL_SPIN_MOST_NS / 2)
		bet->hit_average = PEAL_SPIN_MOST_NS / 2;
}

static void win(struct peal_bet *bet, int64_t spun)
{
	bet->paid += (PEAL_BET_ALWAYS - bet->paid) / WEIGHT;
	move(&bet->hit_average, spun, WEIGHT);
}

void peal_bet_settle(struct peal_bet *bet, int64_t spun, int64_t waited)
{
	bet->last = waited;
	bet->since += waited < LONGEST_NS ? waited : LONGEST_NS;
	if (spun && waited > spun)
		lose(bet, spun);
	else if (spun)
		win(bet, spun);
	if (waited <= PEAL_LONG_IDLE_NS)
		note_answer(bet, spun ? SPIN : SLEEP, waited);
}
