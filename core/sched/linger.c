/* SPDX-License-Identifier: MIT */
#include "core/sched/linger.h"

#include "core/runtime/rt.h"

#define CREDIT_MOST 12
#define FAILURE     3
#define TRY_EVERY   64

/* Would anybody have to wait meanwhile? What this shard has begun and not yet let out comes first: a bell
 * in the ring, messages. */
static bool has_nothing_else(struct peal_shard *shard)
{
	return !peal_sched_pending(shard) && !shard->flush && !shard->owed_count &&
		!peal_inbox_pending(&shard->inbox) && peal_queue_empty(&shard->msgs.unpublished) &&
		peal_queue_empty(&shard->accums.due);
}

/* A CPU for each shard that is awake, this one among them? */
static bool has_cpu(struct peal_rt *rt)
{
	uint32_t awake = rt->shard_count - peal_load_relaxed(&rt->idle) +
		peal_load_relaxed(&rt->spinners);

	return rt->may_spin && rt->shard_count > 1 && awake <= rt->cpus.count;
}

static bool choose(struct peal_shard *shard, struct peal_linger *linger)
{
	if (PEAL_UNLIKELY(peal_choice_hook != NULL))
		return peal_choice_hook(PEAL_CHOICE_LINGER, 2);
	if (!has_cpu(shard->rt) || !has_nothing_else(shard))
		return false;
	return peal_load_relaxed(&linger->credit) ||
		peal_add_relaxed(&linger->passed_over, 1) % TRY_EVERY == 0;
}

bool peal_linger_may(struct peal_shard *shard, struct peal_linger *linger)
{
	if (!choose(shard, linger))
		return false;
	PEAL_COUNT(shard, lingers);
	return true;
}

bool peal_linger_on(struct peal_shard *shard, unsigned int *looks)
{
	if (++*looks > PEAL_LINGER_LOOKS || peal_inbox_pending(&shard->inbox))
		return false;
	for (int i = 0; i < PEAL_LINGER_PAUSES; i++)
		peal_cpu_relax();
	return true;
}

void peal_linger_settle(struct peal_shard *shard, struct peal_linger *linger, bool paid)
{
	uint32_t credit = peal_load_relaxed(&linger->credit);

	if (paid) {
		credit += credit < CREDIT_MOST;
		PEAL_COUNT(shard, linger_hits);
	} else {
		credit -= credit < FAILURE ? credit : FAILURE;
	}
	peal_store_relaxed(&linger->credit, credit);
}

/* A wake that came meanwhile is stored, and parking returns at once. */
void peal_task_park_lingering(struct peal_task *self)
{
	struct peal_linger *linger = &self->shard->linger;
	unsigned int looks = 0;

	if (peal_linger_may(self->shard, linger)) {
		while (!peal_wakeword_stored(&self->wake) && peal_linger_on(self->shard, &looks))
			;
		peal_linger_settle(self->shard, linger, peal_wakeword_stored(&self->wake));
	}
	peal_task_park();
}
