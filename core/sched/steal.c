/* SPDX-License-Identifier: MIT */
/*
 * Looking for work elsewhere.
 *
 * A shard that searches is counted, so that few do at a time, and so that nobody is woken while
 * somebody searches already. Whoever finds something as the last searcher wakes the next sleeper if there
 * is more: the wave spreads as long as there is work.
 */
#include "core/runtime/rt.h"

bool peal_steal_overflow(struct peal_shard *shard)
{
	struct peal_rt *rt = shard->rt;
	uint32_t n = 0;

	if (!peal_load_relaxed(&rt->overflow_count))
		return false;
	pthread_mutex_lock(&rt->overflow_lock);
	while (n < PEAL_STEAL_MOST) {
		struct peal_link *link = peal_queue_pop(&rt->overflow);

		if (!link)
			break;
		n++;
		if (!peal_fresh_push(
			    &shard->fresh, PEAL_CONTAINER_OF(link, struct peal_task, link))) {
			peal_queue_push_front(&rt->overflow, link);
			n--;
			break;
		}
	}
	peal_sub_seq_cst(&rt->overflow_count, n);
	pthread_mutex_unlock(&rt->overflow_lock);
	return n > 0;
}

/* Something that others may take? A hint. */
static bool has_fresh(struct peal_shard *shard)
{
	return peal_fresh_count(&shard->fresh) || peal_inbox_pending(&shard->near);
}

static unsigned int take_half(struct peal_shard *shard, struct peal_shard *victim)
{
	void *tasks[PEAL_STEAL_MOST];
	unsigned int n = peal_fresh_steal(&victim->fresh, tasks, shard->rt->opts.steal_batch);

	for (unsigned int i = 1; i < n; i++)
		peal_sched_fresh(shard, tasks[i]);
	/* The oldest is kept: if each could be taken again before it has run, thieves might hand one task
	 * round for ever. */
	if (n)
		peal_sched_first(shard, tasks[0]);
	return n;
}

static bool steal_from(struct peal_shard *shard, struct peal_shard *victim)
{
	unsigned int n;

	if (victim == shard || !has_fresh(victim))
		return false;
	PEAL_COUNT(shard, steal_tries);
	n = take_half(shard, victim);
	if (!n)
		n = peal_near_take(shard, victim);
	if (!n)
		return false;
	PEAL_COUNT(shard, steals);
	PEAL_COUNT_ADD(shard, tasks_stolen, n);
	return true;
}

static bool search_round(struct peal_shard *shard)
{
	struct peal_rt *rt = shard->rt;
	uint32_t first = peal_choose(&shard->choice, PEAL_CHOICE_VICTIM, rt->shard_count);

	for (uint32_t i = 0; i < rt->shard_count; i++)
		if (steal_from(shard, rt->shards[(first + i) % rt->shard_count]))
			return true;
	return peal_steal_overflow(shard);
}

/* At most half of the shards, at least one. A shard that was woken to search is counted already. */
static bool become_searcher(struct peal_shard *shard)
{
	struct peal_rt *rt = shard->rt;

	if (shard->searching)
		return true;
	if (rt->shard_count < 2 || rt->opts.no_stealing ||
		peal_load_relaxed(&rt->searchers) * 2 >= rt->shard_count)
		return false;
	peal_add_seq_cst(&rt->searchers, 1);
	shard->searching = true;
	return true;
}

/*
 * When all the others are idle none of them has any: a shard is counted so when it has run out of work,
 * and takes that back before it takes in more.
 */
bool peal_steal_others_idle(struct peal_shard *shard)
{
	struct peal_rt *rt = shard->rt;

	return peal_load_seq_cst(&rt->idle) + 1 >= rt->shard_count + shard->resting;
}

bool peal_steal_visible(struct peal_shard *shard)
{
	struct peal_rt *rt = shard->rt;

	if (peal_load_seq_cst(&rt->overflow_count))
		return true;
	if (rt->opts.no_stealing || peal_steal_others_idle(shard))
		return false;
	for (uint32_t i = 0; i < rt->shard_count; i++)
		if (i != shard->index && has_fresh(rt->shards[i]))
			return true;
	return false;
}

bool peal_steal_anything(struct peal_rt *rt)
{
	if (peal_load_seq_cst(&rt->overflow_count))
		return true;
	for (uint32_t i = 0; i < rt->shard_count; i++)
		if (has_fresh(rt->shards[i]))
			return true;
	return false;
}

static bool search(struct peal_shard *shard)
{
	PEAL_COUNT(shard, searches);
	for (int round = 0; round < PEAL_STEAL_ROUNDS && peal_steal_visible(shard); round++) {
		if (search_round(shard))
			return true;
		for (int i = 0; i < PEAL_STEAL_PAUSES; i++)
			peal_cpu_relax();
	}
	return false;
}

bool peal_steal_search(struct peal_shard *shard)
{
	struct peal_rt *rt = shard->rt;
	bool found, last;

	/* Once more if something was published as it gave up: who saw it search has woken nobody. */
	do {
		if (!become_searcher(shard))
			return false;
		peal_gauge_set(shard->counters, shard_state, PEAL_SHARD_STATE_SEARCHING);
		found = search(shard);
		peal_gauge_set(shard->counters, shard_state, PEAL_SHARD_STATE_RUNNING);
		shard->searching = false;
		last = peal_sub_seq_cst(&rt->searchers, 1) == 1;
	} while (!found && !peal_fresh_count(&shard->fresh) && peal_steal_visible(shard));
	if (last && peal_load_seq_cst(&rt->idle) &&
		(peal_fresh_count(&shard->fresh) || peal_steal_visible(shard)))
		peal_wake_one(shard);
	return found;
}
