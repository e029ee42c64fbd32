/* SPDX-License-Identifier: MIT */
/*
 * Nothing to run: look around, spin for a moment if that has paid, then sleep in the kernel.
 */
#include "core/log.h"
#include "core/rt.h"

/*
 * Stacks that a burst of fibers has left over: what nobody has needed for a second goes back to the
 * kernel, in steps of some 100 us with pauses for those who come meanwhile.
 */
#define TRIM_AFTER_NS PEAL_S
#define TRIM_PAUSE_NS PEAL_MS
#define TRIM_STEP     64

static PEAL_COLD void trim_stacks(struct peal_shard *shard)
{
	int64_t now = peal_shard_now(shard);
	size_t step = TRIM_STEP, n;

	if (shard->trim_at == PEAL_NEVER)
		step = 0; /* from now on it shows what is needed */
	else if (now < shard->trim_at)
		return;
	n = peal_stack_pool_trim(shard->stacks, step);
	shard->trim_at = now + (n ? TRIM_PAUSE_NS : TRIM_AFTER_NS);
	peal_gauge_set(shard->counters, stacks, peal_stack_pool_count(shard->stacks));
}

/* Something that was not there when the loop went round? */
static bool something_came(struct peal_shard *shard, bool look_at_ring)
{
	if (peal_inbox_pending(&shard->inbox))
		return true;
	if (look_at_ring && (shard->inflight.count || shard->flush))
		peal_shard_poll(shard);
	return shard->callbacks || shard->ready_count;
}

static bool spin(struct peal_shard *shard)
{
	uint32_t budget = shard->choice.spin_ns;
	int64_t now, until;
	bool hit = false;

	if (!shard->rt->may_spin || !budget)
		return false;
	now = peal_shard_now(shard);
	until = now + budget;
	if (until > peal_alarms_next(shard))
		return false; /* the next timer is that near: the loop comes round to it */
	PEAL_COUNT(shard, spins);
	peal_gauge_set(shard->counters, shard_state, PEAL_SHARD_STATE_SPINNING);
	for (uint32_t i = 0; !hit && now < until; i++) {
		peal_cpu_relax();
		hit = something_came(shard, i % 4 == 0);
		now = peal_shard_now(shard);
	}
	peal_gauge_set(shard->counters, shard_state, PEAL_SHARD_STATE_RUNNING);
	peal_choice_spun(&shard->choice, hit);
	if (hit)
		PEAL_COUNT(shard, spin_hits);
	return hit;
}

/* After the mark, before sleeping: fresh work that was published before its maker could see the mark. */
static bool work_elsewhere(struct peal_shard *shard)
{
	struct peal_rt *rt = shard->rt;

	if (peal_load_relaxed(&rt->overflow_count))
		return true;
	if (rt->opts.no_stealing)
		return false;
	for (uint32_t i = 0; i < rt->shard_count; i++)
		if (peal_fresh_count(&rt->shards[i]->fresh))
			return true;
	return false;
}

/*
 * Until when. The last to sleep while one still works looks round now and then for tasks stuck behind
 * one that does not give way; when all sleep nobody does.
 */
static int64_t sleep_until(struct peal_shard *shard, int64_t now, bool *watching)
{
	struct peal_rt *rt = shard->rt;
	int64_t deadline = peal_alarms_next(shard);

	if (shard->trim_at < deadline)
		deadline = shard->trim_at;
	*watching = rt->shard_count > 1 && peal_load_relaxed(&rt->idle) + 1 == rt->shard_count &&
		deadline > now + PEAL_WATCH_NS;
	return *watching ? now + PEAL_WATCH_NS : deadline;
}

/*
 * A sleep that only the watch ended, with something in the inbox: whoever put it there owed us a bell.
 * It may be on its way still; if it does not come within a millisecond it was lost, and that is a
 * defect which must not hide behind the watch.
 */
static void check_rescue(struct peal_shard *shard, int64_t now)
{
	int64_t until = now + PEAL_MS;

	while (peal_shard_now(shard) < until)
		if (peal_shard_poll(shard))
			return;
	PEAL_COUNT(shard, parks_rescued);
	peal_log(PEAL_LOG_ERROR, "shard %u slept through a bell that should have rung",
		shard->index);
}

static void sleep_in_kernel(struct peal_shard *shard)
{
	int64_t begin = peal_shard_now(shard), end;
	struct peal_inbox_node *node;
	bool watching, heard;

	PEAL_COUNT(shard, parks);
	peal_gauge_set(shard->counters, shard_state, PEAL_SHARD_STATE_PARKED);
	heard = peal_shard_wait(shard, sleep_until(shard, begin, &watching));
	peal_gauge_set(shard->counters, shard_state, PEAL_SHARD_STATE_RUNNING);
	node = peal_inbox_unpark(&shard->inbox);
	end = peal_shard_now(shard);
	PEAL_COUNT_ADD(shard, park_ns, (uint64_t)(end - begin));
	peal_choice_slept(&shard->choice, end - begin);
	if (node && watching && !heard && end - begin >= PEAL_WATCH_NS)
		check_rescue(shard, end);
	/* First, or the search node, if that is what came, would seem to be still on its way. */
	peal_idle_leave(shard);
	peal_shard_receive(shard, node);
}

void peal_shard_park(struct peal_shard *shard)
{
	if (peal_steal_search(shard) || spin(shard))
		return;
	if (shard->quota > shard->rt->quota_batch)
		peal_limit_return(shard); /* others may need what we do not */
	if (PEAL_UNLIKELY(peal_stack_pool_excess(shard->stacks)))
		trim_stacks(shard);
	else
		shard->trim_at = PEAL_NEVER;
	peal_idle_enter(shard);
	if (!work_elsewhere(shard) && peal_inbox_park(&shard->inbox))
		sleep_in_kernel(shard);
	else
		peal_idle_leave(shard);
}
