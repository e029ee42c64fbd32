/* SPDX-License-Identifier: MIT */
/*
 * Nothing to run: look around, spin for a moment if that has paid, then sleep in the kernel.
 */
#include "core/sched/hog.h"
#include "core/base/log.h"
#include "core/runtime/rt.h"

/*
 * Stacks that a burst of fibers has left over: what nobody has needed for a second goes back to the
 * kernel, in steps of some 100 us with pauses for those who come meanwhile.
 */
#define TRIM_AFTER_NS   PEAL_S
#define TRIM_PAUSE_NS   PEAL_MS
#define TRIM_STEP       64

/* A bell that has not come by then was lost. */
#define RESCUE_AFTER_NS (2 * PEAL_S)

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
	return shard->callbacks || shard->ready_count || shard->refused;
}

/* A CPU for each shard that is awake? The idle ones among them are those that spin. */
static bool room_to_spin(struct peal_rt *rt)
{
	uint32_t awake = rt->shard_count - peal_load_relaxed(&rt->idle) +
		peal_load_relaxed(&rt->spinners);

	return rt->may_spin && awake < rt->cpus.count;
}

/* Until `until`, or until something comes: true. Returns when that was in *now. */
static bool spin_until(struct peal_shard *shard, int64_t until, int64_t *now)
{
	int64_t begin = *now;
	bool hit = false;

	PEAL_COUNT(shard, spins);
	peal_gauge_set(shard->counters, shard_state, PEAL_SHARD_STATE_SPINNING);
	peal_add_seq_cst(&shard->rt->spinners, 1);
	peal_idle_spins(shard, true);
	for (uint32_t i = 0; !hit && *now < until; i++) {
		peal_cpu_relax();
		hit = something_came(shard, i % 4 == 0);
		*now = peal_shard_now(shard);
	}
	peal_idle_spins(shard, false);
	peal_sub_seq_cst(&shard->rt->spinners, 1);
	peal_gauge_set(shard->counters, shard_state, PEAL_SHARD_STATE_RUNNING);
	PEAL_COUNT_ADD(shard, spin_ns, (uint64_t)(*now - begin));
	if (hit)
		PEAL_COUNT(shard, spin_hits);
	return hit;
}

/*
 * Spin, if that is worth it. True when there is something to do. A timer that is so near that the
 * kernel would wake us too late for it is waited for here; otherwise it is a bet. *spun is 0 if it has not.
 */
static bool spin(struct peal_shard *shard, int64_t begin, int64_t *spun)
{
	int64_t now = begin, next = peal_alarms_next(shard), length;
	bool hit;

	if (!room_to_spin(shard->rt))
		return false;
	if (next <= begin + PEAL_SPIN_TIMER_NS &&
		peal_choice_too_short(&shard->choice, next - begin)) {
		spin_until(shard, next, &now);
		*spun = now - begin + 1;
		return true;
	}
	length = peal_choose_spin(&shard->choice, begin);
	if (!length)
		return false;
	hit = spin_until(shard, begin + length, &now);
	*spun = now - begin + 1;
	if (hit)
		peal_bet_settle(&shard->choice.bet, *spun, *spun);
	return hit;
}

/* There is one at a time; whoever was rung for is one no longer, though it may not know yet. */
static bool take_watch(struct peal_shard *shard)
{
	struct peal_rt *rt = shard->rt;
	uint32_t watcher = peal_load_relaxed(&rt->watcher);

	if (watcher && peal_inbox_parked(&rt->shards[watcher - 1]->inbox))
		return false;
	return peal_cas_seq_cst(&rt->watcher, &watcher, shard->index + 1);
}

static void leave_watch(struct peal_shard *shard)
{
	uint32_t watcher = shard->index + 1;

	peal_cas_seq_cst(&shard->rt->watcher, &watcher, 0);
}

/*
 * Do all the others sleep, with nothing in their inboxes? Being marked idle says less: whoever was told
 * something loses the mark only when it gets a CPU, and may then go on for long.
 */
static bool others_sleep(const struct peal_shard *shard)
{
	struct peal_rt *rt = shard->rt;

	for (uint32_t i = 0; i < rt->shard_count; i++)
		if (i != shard->index && !peal_inbox_parked(&rt->shards[i]->inbox))
			return false;
	return true;
}

/*
 * Until when. One of those that sleep while another works looks round now and then for tasks stuck
 * behind one that does not give way; when all sleep nobody does.
 */
static int64_t sleep_until(struct peal_shard *shard, int64_t now, bool *watching)
{
	int64_t deadline = peal_alarms_next(shard);

	if (shard->trim_at < deadline)
		deadline = shard->trim_at;
	*watching = deadline > now + PEAL_WATCH_NS && !others_sleep(shard) && take_watch(shard);
	return *watching ? now + PEAL_WATCH_NS : deadline;
}

/*
 * A sleep that only the watch ended, with something in the inbox: whoever put it there owed us a bell.
 * It may be on its way still, for as long as its sender has no CPU between the push and the bell; if it
 * does not come at all it was lost, and that is a defect which must not hide behind the watch.
 */
static void check_rescue(struct peal_shard *shard, int64_t now)
{
	int64_t until = now + RESCUE_AFTER_NS;

	while (peal_shard_now(shard) < until)
		if (peal_shard_wait(shard, until))
			return;
	PEAL_COUNT(shard, parks_rescued);
	peal_log(PEAL_LOG_ERROR, "shard %u slept through a bell that should have rung",
		shard->index);
}

/* Counts, and returns until when. */
static int64_t begin_sleep(struct peal_shard *shard)
{
	shard->park_begin = peal_shard_now(shard);
	PEAL_COUNT(shard, parks);
	peal_gauge_set(shard->counters, shard_state, PEAL_SHARD_STATE_PARKED);
	return sleep_until(shard, shard->park_begin, &shard->watching);
}

/* Returns when it woke up; *node is what came. */
static int64_t end_sleep(struct peal_shard *shard, struct peal_inbox_node **node)
{
	int64_t now;

	peal_gauge_set(shard->counters, shard_state, PEAL_SHARD_STATE_RUNNING);
	*node = peal_inbox_unpark(&shard->inbox);
	now = peal_shard_now(shard);
	PEAL_COUNT_ADD(shard, park_ns, (uint64_t)(now - shard->park_begin));
	if (!shard->watching)
		return now;
	leave_watch(shard);
	if (now - shard->park_begin >= PEAL_WATCH_NS)
		peal_hog_watch(shard, now);
	/* It may be busy from now on, and whatever is stuck was left to it (wake.c). */
	if (PEAL_UNLIKELY(peal_steal_visible(shard)))
		peal_wake_one(shard);
	return now;
}

static int64_t sleep_in_kernel(struct peal_shard *shard)
{
	int64_t until = begin_sleep(shard), end;
	struct peal_inbox_node *node;
	bool heard;

	heard = peal_shard_wait(shard, until);
	end = end_sleep(shard, &node);
	if (node && shard->watching && !heard && end - shard->park_begin >= PEAL_WATCH_NS)
		check_rescue(shard, end);
	else if (until > shard->park_begin && until <= end && !node && !heard)
		peal_choice_overslept(&shard->choice, end - until);
	/* First, or the search node, if that is what came, would seem to be still on its way. */
	peal_idle_leave(shard);
	peal_shard_receive(shard, node);
	return end;
}

/* Nothing to do, nothing to steal. */
static void wait_for_work(struct peal_shard *shard)
{
	int64_t begin = peal_shard_now(shard), spun = 0, end;

	bool hit = spin(shard, begin, &spun);

	/* Who has seen us spin has left to us what was published meanwhile (wake.c): before anything else,
	 * which might go on for long. */
	if (spun && PEAL_UNLIKELY(peal_steal_visible(shard))) {
		peal_idle_leave(shard);
		peal_steal_search(shard);
		return;
	}
	if (hit || !peal_inbox_park(&shard->inbox)) {
		peal_idle_leave(shard);
		return;
	}
	end = sleep_in_kernel(shard);
	peal_bet_settle(&shard->choice.bet, spun, end - begin);
}

/* The last look round, marked idle. False when there is something to do. */
static bool settle(struct peal_shard *shard)
{
	if (peal_steal_visible(shard) && peal_steal_search(shard))
		return false;
	if (shard->quota > shard->rt->quota_batch)
		peal_limit_return(shard); /* others may need what we do not */
	if (PEAL_UNLIKELY(peal_stack_pool_excess(shard->stacks)))
		trim_stacks(shard);
	else
		shard->trim_at = PEAL_NEVER;
	peal_idle_enter(shard);
	/* Once more: fresh work that was published before its maker could see the mark. */
	if (!peal_steal_visible(shard))
		return true;
	peal_idle_leave(shard);
	return false;
}

void peal_shard_park(struct peal_shard *shard)
{
	if (settle(shard))
		wait_for_work(shard);
}

bool peal_shard_park_begin(struct peal_shard *shard, int64_t *deadline)
{
	if (!settle(shard))
		return false;
	if (!peal_inbox_park(&shard->inbox)) {
		peal_idle_leave(shard);
		return false;
	}
	*deadline = begin_sleep(shard);
	return true;
}

/* Nobody can tell a lost bell from a thread that was busy elsewhere, so there is no check. */
void peal_shard_park_end(struct peal_shard *shard)
{
	struct peal_inbox_node *node;

	end_sleep(shard, &node);
	peal_idle_leave(shard);
	peal_shard_receive(shard, node);
}
