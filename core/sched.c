/* SPDX-License-Identifier: MIT */
/*
 * What a shard runs next.
 *
 * Started fibers wait in a private queue that costs no atomics; fresh stealable tasks in the ring that
 * others may take from. Fibers go first, because others wait for what they hold, but every few picks a
 * fresh task comes before them, so that fibers which only yield starve nobody.
 */
#include "core/rt.h"

void peal_sched_ready(struct peal_shard *shard, struct peal_task *task)
{
	if (task->state != PEAL_TASK_FRESH)
		task->state = PEAL_TASK_READY;
	peal_queue_push(&shard->ready, &task->link);
	shard->ready_count++;
}

/*
 * The ring is full: half of it and the new task go to the runtime's list in one step, so that the next
 * so many pushes find room. The list is bounded as all tasks are, by max_tasks.
 */
static PEAL_COLD void overflow(struct peal_shard *shard, struct peal_task *task)
{
	struct peal_rt *rt = shard->rt;
	struct peal_queue chain;
	uint32_t n = 1;

	peal_queue_init(&chain);
	for (struct peal_task *old; n <= PEAL_FRESH_SLOTS / 2; n++) {
		old = peal_fresh_pop(&shard->fresh);
		if (!old)
			break;
		peal_queue_push(&chain, &old->link);
	}
	peal_queue_push(&chain, &task->link);
	pthread_mutex_lock(&rt->overflow_lock);
	peal_queue_splice(&rt->overflow, &chain);
	peal_add_seq_cst(&rt->overflow_count, n);
	pthread_mutex_unlock(&rt->overflow_lock);
	PEAL_COUNT(shard, fresh_overflows);
}

void peal_sched_fresh(struct peal_shard *shard, struct peal_task *task)
{
	if (!peal_fresh_push(&shard->fresh, task))
		overflow(shard, task);
}

static struct peal_task *pick_ready(struct peal_shard *shard)
{
	struct peal_link *link = peal_queue_pop(&shard->ready);

	if (!link)
		return NULL;
	shard->ready_count--;
	return PEAL_CONTAINER_OF(link, struct peal_task, link);
}

struct peal_task *peal_sched_pick(struct peal_shard *shard)
{
	struct peal_task *task = NULL;

	shard->picks++;
	if (shard->picks % PEAL_SLICE_ITEMS == 0)
		peal_steal_overflow(shard);
	if (shard->picks % PEAL_FRESH_FLOOR == 0)
		task = peal_fresh_pop(&shard->fresh);
	if (!task)
		task = pick_ready(shard);
	if (!task)
		task = peal_fresh_pop(&shard->fresh);
	if (!task && peal_steal_overflow(shard))
		task = peal_fresh_pop(&shard->fresh);
	return task;
}

bool peal_sched_pending(struct peal_shard *shard)
{
	return !peal_queue_empty(&shard->ready) || shard->callbacks ||
		peal_fresh_count(&shard->fresh) || peal_load_relaxed(&shard->rt->overflow_count);
}

/* Work that somebody else could do: is there a shard to do it? Two relaxed loads, mostly. */
static inline void offer(struct peal_shard *shard)
{
	struct peal_rt *rt = shard->rt;

	if (peal_load_relaxed(&rt->idle) && !peal_load_relaxed(&rt->searchers) &&
		peal_fresh_count(&shard->fresh) >= 2)
		peal_wake_one(shard);
}

static bool run_one(struct peal_shard *shard)
{
	struct peal_task *task;

	if (peal_ops_callback(shard))
		return true;
	task = peal_sched_pick(shard);
	if (!task)
		return false;
	shard->op_budget = PEAL_OP_BUDGET;
	peal_gauge_set(shard->counters, running, (uintptr_t)task->fn);
	peal_task_run(shard, task);
	return true;
}

/* What stands in line: before a slice, which is when it is most, and after it, because the shard may
 * sleep then. */
static void note_depth(struct peal_shard *shard)
{
	uint32_t depth = shard->ready_count + peal_fresh_count(&shard->fresh);

	peal_gauge_set(shard->counters, queue_depth, depth);
	peal_max(shard->counters, queue_depth_max, depth);
}

void peal_sched_slice(struct peal_shard *shard, int64_t now)
{
	int64_t begin = now;
	uint32_t items = 0;

	note_depth(shard);
	while (items < PEAL_SLICE_ITEMS && run_one(shard)) {
		items++;
		offer(shard);
		if (shard->flush)
			break; /* whoever was rung for waits for the flush at the next turn */
		if (items % PEAL_SLICE_CLOCK)
			continue;
		now = peal_shard_now(shard);
		if (now - begin > PEAL_SLICE_NS)
			break;
	}
	if (!items)
		return;
	peal_gauge_set(shard->counters, running, 0);
	note_depth(shard);
	if (items % PEAL_SLICE_CLOCK)
		now = peal_shard_now(shard);
	peal_gauge_set(shard->counters, stacks, peal_stack_pool_count(shard->stacks));
	PEAL_COUNT(shard, slices);
	PEAL_COUNT_ADD(shard, items_run, items);
	if (now - begin > PEAL_HOG_NS)
		PEAL_COUNT(shard, slices_overrun);
}
