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
	peal_store_seq_cst(&shard->idle, 1);
}

void peal_idle_leave(struct peal_shard *shard)
{
	if (shard->search_due)
		return;
	if (peal_exchange_seq_cst(&shard->idle, 0))
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
	if (!peal_load_relaxed(&shard->idle) || !peal_exchange_seq_cst(&shard->idle, 0))
		return false;
	peal_sub_seq_cst(&rt->idle, 1);
	return true;
}

void peal_wake_one(struct peal_shard *shard)
{
	struct peal_rt *rt = shard->rt;
	uint32_t expected = 0, first;

	if (rt->opts.no_stealing || !peal_cas_seq_cst(&rt->searchers, &expected, 1))
		return;
	first = peal_choose(&shard->choice, PEAL_CHOICE_WAKE, rt->shard_count);
	for (uint32_t i = 0; i < rt->shard_count; i++) {
		struct peal_shard *target = rt->shards[(first + i) % rt->shard_count];

		if (target == shard || !claim(rt, target))
			continue;
		if (peal_shard_deliver(target, &target->search) < 0)
			break; /* it has stopped; so will we */
		return;
	}
	peal_sub_seq_cst(&rt->searchers, 1);
}
