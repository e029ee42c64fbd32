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
 * mark claimed is a searcher from then on, and knows that the node is under way: it must not mark itself
 * idle before it has arrived, because there is only one. The runtime's count of idle shards is kept by
 * the shards themselves, so who is counted takes in no work (steal.c relies on that).
 *
 * Who sees a searcher wakes nobody. So whoever stops being counted as one without having found work, be
 * it a searcher or a waker, must look once more afterwards: something may have been left to it after it
 * had passed by. tests/model/wake.pml checks this, and what comes of leaving any of it out.
 *
 * A single fresh task wakes nobody when its shard goes on: that one comes to it sooner than somebody who
 * sleeps. But a task that does not give way may be in between. So whoever publishes one that the shard
 * will not run next looks for somebody who will look round before long: a watcher (park.c), who does so
 * every 10 ms, a shard that spins, or a searcher. Each of them looks once more after it has ceased to be
 * one. If there is none, one sleeper is sent searching, and watches when it goes to sleep again; so this
 * happens once for a burst of such tasks. tests/model/watch.pml checks it.
 */
#include "core/base/fatal.h"
#include "core/runtime/rt.h"

void peal_idle_enter(struct peal_shard *shard)
{
	shard->resting = true;
	peal_add_seq_cst(&shard->rt->idle, 1);
	if (!shard->search_due)
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
	if (!shard->search_due && !peal_exchange_seq_cst(&shard->idle, PEAL_IDLE_NOT))
		shard->search_due = shard->searching = true;
	peal_sub_seq_cst(&shard->rt->idle, 1);
	shard->resting = false;
}

/* On the loop of the shard that was sent searching; it knows since it woke. */
void peal_search_arrived(struct peal_shard *shard, struct peal_node *node)
{
	(void)node;
	shard->search_due = false;
}

/* Another than `shard`, which is NULL off the shards. */
static struct peal_shard *claim_one(
	struct peal_rt *rt, struct peal_shard *shard, uint32_t first, enum peal_idleness at_least)
{
	for (uint32_t i = 0; i < rt->shard_count; i++) {
		struct peal_shard *target = rt->shards[(first + i) % rt->shard_count];

		if (target != shard && peal_load_seq_cst(&target->idle) >= at_least &&
			peal_exchange_seq_cst(&target->idle, PEAL_IDLE_NOT))
			return target;
	}
	return NULL;
}

/* For a waker that is counted as a searcher, and hands that on. False when nobody sleeps. */
static bool wake_any(struct peal_rt *rt, struct peal_shard *shard)
{
	uint32_t first = shard ? peal_choose(&shard->choice, PEAL_CHOICE_WAKE, rt->shard_count)
			       : peal_load_relaxed(&rt->next_shard);
	struct peal_shard *target = NULL;

	/* One that spins sees it at once, and needs no bell. */
	if (peal_load_relaxed(&rt->spinners))
		target = claim_one(rt, shard, first, PEAL_IDLE_SPINNING);
	if (!target)
		target = claim_one(rt, shard, first, PEAL_IDLE_ASLEEP);
	if (target && peal_shard_deliver(target, &target->search) < 0)
		peal_sub_seq_cst(&rt->searchers, 1); /* it has stopped; so will we */
	return target != NULL;
}

static bool somebody_sleeps(struct peal_rt *rt, const struct peal_shard *shard)
{
	for (uint32_t i = 0; i < rt->shard_count; i++)
		if (rt->shards[i] != shard && peal_load_seq_cst(&rt->shards[i]->idle))
			return true;
	return false;
}

static void wake_one(struct peal_rt *rt, struct peal_shard *shard)
{
	if (rt->opts.no_stealing)
		return;
	do {
		uint32_t expected = 0;

		if (!peal_cas_seq_cst(&rt->searchers, &expected, 1) || wake_any(rt, shard))
			return;
		peal_sub_seq_cst(&rt->searchers, 1);
	} while (somebody_sleeps(rt, shard) && peal_steal_anything(rt));
}

void peal_wake_one(struct peal_shard *shard)
{
	wake_one(shard->rt, shard);
}

void peal_wake_for_stuck(struct peal_rt *rt, struct peal_shard *shard)
{
	if (!peal_load_seq_cst(&rt->idle) || peal_load_seq_cst(&rt->watcher) ||
		peal_load_seq_cst(&rt->spinners) || peal_load_seq_cst(&rt->searchers))
		return;
	wake_one(rt, shard);
	/* What runs now may go on for long, and the bell would wait for that. */
	if (shard && shard->flush)
		peal_shard_poll(shard);
}
