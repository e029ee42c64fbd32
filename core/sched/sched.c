/* SPDX-License-Identifier: MIT */
/*
 * What a shard runs next.
 *
 * Started fibers wait in private queues that cost no atomics, one for each priority; fresh stealable
 * tasks, which are all of normal priority, in the ring that others may take from. Before the queues
 * comes a fiber that the running one has woken, a few times in a row: what it needs is still in the
 * CPU's cache.
 *
 * Nobody starves: every so many picks a class gets its own, whatever waits in the classes before it; and
 * so do fresh tasks among the normal fibers, for others wait for what these hold.
 */
#include "core/runtime/rt.h"

/* Two lower classes get one in so many each. */
#define FLOOR_EVERY (PEAL_CLASS_FLOOR / 2)

void peal_sched_init(struct peal_shard *shard)
{
	for (int i = 0; i < PEAL_PRIORITIES; i++)
		peal_queue_init(&shard->ready[i]);
	shard->until_floor = FLOOR_EVERY;
}

void peal_sched_ready(struct peal_shard *shard, struct peal_task *task)
{
	if (task->state != PEAL_TASK_FRESH)
		task->state = PEAL_TASK_READY;
	peal_sched_queue(shard, task);
}

void peal_sched_woken(struct peal_shard *shard, struct peal_task *task)
{
	struct peal_task *waker = shard->running;

	if (!waker || shard->next || task->priority != waker->priority ||
		task->priority == PEAL_IDLE) {
		peal_sched_ready(shard, task);
		return;
	}
	task->state = PEAL_TASK_READY;
	shard->next = task;
	shard->ready_count++;
}

void peal_sched_first(struct peal_shard *shard, struct peal_task *task)
{
	peal_queue_push_front(&shard->ready[task->priority], &task->link);
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

static inline struct peal_task *pick_ready(struct peal_shard *shard, unsigned int priority)
{
	struct peal_link *link = peal_queue_pop(&shard->ready[priority]);

	if (!link)
		return NULL;
	shard->ready_count--;
	return PEAL_CONTAINER_OF(link, struct peal_task, link);
}

static PEAL_NOINLINE struct peal_task *pick_fresh(struct peal_shard *shard)
{
	struct peal_task *task = peal_fresh_pop(&shard->fresh);

	if (!task)
		task = pick_ready(shard, PEAL_NORMAL);
	if (!task && peal_steal_overflow(shard))
		task = peal_fresh_pop(&shard->fresh);
	return task;
}

/* A fresh one if there is no other, and every so many picks before the others. */
static inline struct peal_task *pick_normal(struct peal_shard *shard)
{
	struct peal_task *task = NULL;

	if (++shard->normal_picks % PEAL_FRESH_FLOOR != 0)
		task = pick_ready(shard, PEAL_NORMAL);
	return task ? task : pick_fresh(shard);
}

/* The turn of a class that others come before. The shared list has its turn here, too. */
static PEAL_NOINLINE struct peal_task *pick_lower(struct peal_shard *shard)
{
	shard->until_floor = FLOOR_EVERY;
	shard->floor_is_idles = !shard->floor_is_idles;
	if (shard->floor_is_idles)
		return pick_ready(shard, PEAL_IDLE);
	peal_steal_overflow(shard);
	return pick_normal(shard);
}

/* Whom the last fiber has woken; but not for ever, and not before a higher class. */
static PEAL_NOINLINE struct peal_task *pick_next(struct peal_shard *shard)
{
	struct peal_task *task = shard->next;
	bool outranked = task->priority != PEAL_HIGH && !peal_queue_empty(&shard->ready[PEAL_HIGH]);

	shard->next = NULL;
	if (outranked || shard->handoffs == PEAL_HANDOFFS) {
		peal_queue_push(&shard->ready[task->priority], &task->link);
		return NULL;
	}
	shard->ready_count--;
	shard->handoffs++;
	PEAL_COUNT(shard, handoffs);
	return task;
}

struct peal_task *peal_sched_pick(struct peal_shard *shard)
{
	struct peal_task *task = NULL;

	if (PEAL_UNLIKELY(!--shard->until_floor))
		task = pick_lower(shard);
	if (!task && shard->next) {
		task = pick_next(shard);
		if (task)
			return task;
	}
	shard->handoffs = 0;
	if (!task)
		task = pick_ready(shard, PEAL_HIGH);
	if (!task)
		task = pick_normal(shard);
	if (!task && !shard->callbacks)
		task = pick_ready(shard, PEAL_IDLE);
	return task;
}

bool peal_sched_pending(struct peal_shard *shard)
{
	return shard->ready_count || shard->callbacks || shard->refused ||
		peal_msgs_pending(&shard->msgs) || peal_fresh_count(&shard->fresh) ||
		peal_load_relaxed(&shard->rt->overflow_count);
}

uint32_t peal_sched_depth(struct peal_shard *shard)
{
	return shard->ready_count + peal_fresh_count(&shard->fresh);
}

uint32_t peal_sched_load(struct peal_shard *shard)
{
	return peal_sched_depth(shard) + shard->task_count;
}
