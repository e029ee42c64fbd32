/* SPDX-License-Identifier: MIT */
/*
 * One turn of a shard's loop, over and over: timers, ring, inbox, a slice of work; and when there is
 * none, park.c.
 */
#include "core/base/fatal.h"
#include "core/runtime/rt.h"

/* What a peek or wait brought in. True when a bell was among it. */
static bool take_in(struct peal_shard *shard, struct peal_reap *reap, int err)
{
	if (err < 0)
		peal_fatal("the %s ring of shard %u is broken: error %d", shard->backend->name,
			shard->index, -err);
	shard->flush = false;
	PEAL_COUNT_ADD(shard, wakes_received, reap->bells);
	PEAL_COUNT_ADD(shard, wakes_failed, reap->bells_failed);
	peal_ops_reaped(shard, reap);
	return reap->bells > 0;
}

bool peal_shard_poll(struct peal_shard *shard)
{
	struct peal_reap reap;

	peal_reap_init(&reap);
	return take_in(shard, &reap, shard->backend->peek(shard->ring, &reap));
}

bool peal_shard_wait(struct peal_shard *shard, int64_t deadline)
{
	struct peal_reap reap;

	peal_reap_init(&reap);
	return take_in(shard, &reap, shard->backend->wait(shard->ring, deadline, &reap));
}

/* Tasks that found no memory for a stack: others may have given theirs back. */
void peal_shard_feed(struct peal_shard *shard)
{
	struct peal_queue starved;
	struct peal_link *link;

	peal_queue_init(&starved);
	peal_queue_splice(&starved, &shard->starved);
	while ((link = peal_queue_pop(&starved)))
		peal_sched_ready(shard, PEAL_CONTAINER_OF(link, struct peal_task, link));
}

/* What could not be done at once, because something was full. */
static void retry(struct peal_shard *shard)
{
	if (shard->owed_count)
		peal_bells_retry(shard);
	if (shard->refused || shard->cancel_retries)
		peal_ops_retry(shard);
}

static void turn(struct peal_shard *shard)
{
	int64_t now = peal_shard_now(shard);

	PEAL_COUNT(shard, turns);
	peal_alarms_run(shard, now);
	if (shard->inflight.count || shard->flush)
		peal_shard_poll(shard);
	peal_shard_receive(shard, peal_inbox_take(&shard->inbox));
	if (peal_msgs_pending(&shard->msgs))
		peal_msgs_turn(shard);
	peal_msgs_publish(shard);
	if (shard->flush)
		peal_shard_poll(shard); /* who was rung for is not to wait for what runs next */
	if (PEAL_UNLIKELY(shard->owed_count || shard->refused || shard->cancel_retries))
		retry(shard);
	if (PEAL_UNLIKELY(shard->searching))
		peal_steal_search(shard);
	if (PEAL_LIKELY(!shard->stopping))
		peal_sched_slice(shard, now);
}

static bool may_park(struct peal_shard *shard)
{
	return !peal_sched_pending(shard) && !peal_alarms_due(&shard->alarms) && !shard->refused &&
		!shard->owed_count && !shard->cancel_retries;
}

/* With tasks waiting for stacks, sleep only for a moment: nobody rings when memory comes back. */
static void park_starved(struct peal_shard *shard)
{
	peal_shard_wait(shard, peal_shard_now(shard) + PEAL_MS);
	peal_shard_feed(shard);
}

/*
 * Cancelled ops are still with the kernel, and bells may be queued. The inbox is closed. True when
 * nothing is left.
 */
bool peal_shard_finish(struct peal_shard *shard)
{
	if (PEAL_UNLIKELY(peal_load_relaxed(&shard->rt->emergency))) {
		peal_shard_abandon(shard);
		return true;
	}
	if (!shard->inflight.count && !peal_sched_pending(shard) && !shard->flush)
		return true;
	peal_shard_poll(shard);
	peal_ops_collect(shard);
	retry(shard);
	peal_sched_slice(shard, peal_shard_now(shard));
	return false;
}

static void finish(struct peal_shard *shard)
{
	while (!peal_shard_finish(shard))
		if (may_park(shard) && shard->inflight.count)
			peal_shard_wait(shard, peal_shard_now(shard) + PEAL_MS);
}

bool peal_shard_turn(struct peal_shard *shard)
{
	turn(shard);
	return may_park(shard) && !shard->stopping;
}

void peal_shard_loop(struct peal_shard *shard)
{
	while (!shard->stopping) {
		if (!peal_shard_turn(shard))
			continue;
		if (PEAL_UNLIKELY(!peal_queue_empty(&shard->starved)))
			park_starved(shard);
		else
			peal_shard_park(shard);
	}
	finish(shard);
}
