/* SPDX-License-Identifier: MIT */
/*
 * The end without ceremony: every shard leaves its loop at once, nobody is waited for but the kernel, and
 * that not for long. What fibers held is lost with them, and counted; memory that somebody may still
 * write to (the kernel, a call on the blocking pool) stays mapped.
 */
#include "core/base/alloc.h"
#include "core/task/blocking.h"
#include "core/base/log.h"
#include "core/runtime/rt.h"
#include "core/scope/scope.h"
#include "core/task/wait.h"

/* How long the kernel may take to give up operations. */
#define GRACE_NS   (100 * PEAL_MS)
#define NAMES_MOST 8

/* On the shard's loop. Whoever pushes something from here on is refused. */
static void arrive(struct peal_shard *shard, struct peal_node *node)
{
	(void)node;
	if (shard->stopping)
		return; /* it was leaving anyway, and looks at the mark itself */
	shard->stopping = true;
	peal_shard_receive(shard, peal_inbox_close(&shard->inbox));
}

/* Only atomics, the inboxes and their bells: async-signal-safe. */
void peal_rt_emergency(struct peal_rt *rt)
{
	struct peal_shard *here = peal_shard_current();

	if (!rt || peal_load_seq_cst(&rt->stale) || peal_exchange_seq_cst(&rt->emergency, true))
		return;
	peal_store_seq_cst(&rt->state, PEAL_RT_EMERGENCY);
	peal_stats_page_set_state(rt->stats, PEAL_RT_EMERGENCY);
	for (uint32_t i = 0; i < rt->shard_count; i++) {
		rt->shards[i]->emergency.fn = arrive;
		peal_shard_deliver_from_outside(rt->shards[i], &rt->shards[i]->emergency);
	}
	if (here && here->rt == rt)
		here->flush = true; /* the slice ends with the task that asks */
}

/* What nobody works on yet goes as if it had never been spawned. Returns how many. */
static uint32_t drop_fresh(struct peal_shard *shard)
{
	struct peal_task *task;
	uint32_t n = 0;

	while ((task = peal_sched_pick(shard))) {
		if (task->state != PEAL_TASK_FRESH)
			continue;
		peal_task_free(shard, task);
		n++;
	}
	return n;
}

static void cancel_ops(struct peal_shard *shard)
{
	int64_t until = peal_shard_now(shard) + GRACE_NS;

	shard->refused = NULL; /* the kernel never saw them */
	peal_ops_cancel_all(shard, peal_op_any);
	do {
		if (shard->cancel_retries)
			peal_ops_retry(shard);
		peal_shard_poll(shard);
		peal_ops_collect(shard);
		if (!shard->inflight.count && !peal_blocking_busy(shard->rt->blocking))
			return;
		peal_shard_wait(shard, peal_shard_now(shard) + PEAL_MS);
	} while (peal_shard_now(shard) < until);
}

/* The scopes that it has open lie on its stack, their branches do not. */
static void drop_scopes(struct peal_task *task)
{
	for (struct peal_nursery *scope = task->scope; scope != task->within; scope = scope->parent)
		peal_nursery_free_branches(scope);
}

/* Started tasks: named, counted, and their stacks put back if nobody writes to them. */
static uint32_t drop_started(struct peal_shard *shard, bool keep)
{
	uint32_t n = 0;

	PEAL_LIST_EACH (entry, &shard->tasks) {
		struct peal_task *task = PEAL_CONTAINER_OF(entry, struct peal_task, all);

		if (!task->system && n++ < NAMES_MOST)
			peal_log(PEAL_LOG_ERROR, "shard %u abandons task \"%s\"", shard->index,
				task->name[0] ? task->name : "(no name)");
		drop_scopes(task);
		if (keep || task->home != shard)
			continue; /* one that has moved here left its stack to another pool */
		peal_list_remove(&task->all);
		peal_stack_put(shard->stacks, task->fiber.stack);
		if (!task->system)
			peal_free(task);
	}
	return n;
}

/* So that nobody else, another runtime perhaps, has anything of the fibers' stacks in a queue. They become
 * ready, but nobody runs them. */
static void cancel_waits(struct peal_shard *shard)
{
	PEAL_LIST_EACH (entry, &shard->tasks)
		peal_wait_cancel(PEAL_CONTAINER_OF(entry, struct peal_task, all));
}

void peal_shard_abandon(struct peal_shard *shard)
{
	peal_blocking_refuse(shard->rt->blocking);
	cancel_waits(shard);
	cancel_ops(shard);
}

void peal_shard_count_lost(struct peal_shard *shard)
{
	uint32_t fresh, started, ops = shard->inflight.count, calls;

	shard->callbacks = NULL;
	calls = peal_blocking_busy(shard->rt->blocking);
	fresh = drop_fresh(shard);
	started = drop_started(shard, ops || calls);
	PEAL_COUNT_ADD(shard, tasks_abandoned, fresh + started);
	PEAL_COUNT_ADD(shard, ops_abandoned, ops);
	peal_log(PEAL_LOG_ERROR,
		"emergency stop: shard %u abandons %u started and %u fresh tasks; %u operations are still "
		"with the kernel and %u calls with the blocking pool%s",
		shard->index, started, fresh, ops, calls,
		ops || calls ? ", so that the stacks stay mapped" : "");
}
