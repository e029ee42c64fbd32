/* SPDX-License-Identifier: MIT */
/*
 * Who sleeps, and sending one of them to search.
 *
 * A shard marks itself idle before it looks around for the last time and parks. A producer publishes
 * work and then looks for idle shards. Both use seq_cst accesses (the ring's tail and the mark), so at
 * least one of the two sees the other; and if neither acted, the producer still runs the work itself.
 *
 * Waking is claiming: whoever exchanges the mark for 0 owns the right to send the shard's search node,
 * and has counted the shard among the searchers. A shard that wakes for another reason and finds its
 * mark claimed knows that the node is under way: it must not mark itself idle before it has arrived,
 * because there is only one.
 */
#include "core/fatal.h"
#include "core/rt.h"

void peal_idle_enter(struct peal_shard *shard)
{
	if (shard->search_due)
		return;
	peal_add_seq_cst(&shard->rt->idle, 1);
	peal_store_seq_cst(&shard->idle, PEAL_IDLE_ASLEEP);
}

/* No more than a hint: nobody is claimed twice, whatever it says. */
void peal_idle_spins(struct peal_shard *shard, bool spins)
{
	uint32_t expected = spins ? PEAL_IDLE_ASLEEP : PEAL_IDLE_SPINNING;

	peal_cas_seq_cst(&shard->idle, &expected, spins ? PEAL_IDLE_SPINNING : PEAL_IDLE_ASLEEP);
}

void peal_idle_leave(struct peal_shard *shard)
{
	if (shard->search_due)
		return;
	if (peal_exchange_seq_cst(&shard->idle, PEAL_IDLE_NOT))
		peal_sub_seq_cst(&shard->rt->idle, 1);
	else
		shard->search_due = true;
}

/* On the loop of the shard that was sent searching. */
void peal_search_arrived(struct peal_shard *shard, struct peal_node *node)
{
	(void)node;
	shard->search_due = false;
	shard->searching = true;
}

static bool claim(struct peal_rt *rt, struct peal_shard *shard)
{
	if (!peal_exchange_seq_cst(&shard->idle, PEAL_IDLE_NOT))
		return false;
	peal_sub_seq_cst(&rt->idle, 1);
	return true;
}

static struct peal_shard *claim_one(
	struct peal_shard *shard, uint32_t first, enum peal_idleness at_least)
{
	struct peal_rt *rt = shard->rt;

	for (uint32_t i = 0; i < rt->shard_count; i++) {
		struct peal_shard *target = rt->shards[(first + i) % rt->shard_count];

		if (target != shard && peal_load_relaxed(&target->idle) >= at_least &&
			claim(rt, target))
			return target;
	}
	return NULL;
}

void peal_wake_one(struct peal_shard *shard)
{
	struct peal_rt *rt = shard->rt;
	struct peal_shard *target = NULL;
	uint32_t expected = 0, first;

	if (rt->opts.no_stealing || !peal_cas_seq_cst(&rt->searchers, &expected, 1))
		return;
	first = peal_choose(&shard->choice, PEAL_CHOICE_WAKE, rt->shard_count);
	/* One that spins sees it at once, and needs no bell. */
	if (peal_load_relaxed(&rt->spinners))
		target = claim_one(shard, first, PEAL_IDLE_SPINNING);
	if (!target)
		target = claim_one(shard, first, PEAL_IDLE_ASLEEP);
	/* A delivery fails when the target has stopped; so will we. */
	if (!target || peal_shard_deliver(target, &target->search) < 0)
		peal_sub_seq_cst(&rt->searchers, 1);
}
