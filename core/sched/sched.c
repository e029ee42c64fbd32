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
 * so do fresh tasks among the normal fibers, for others wait for what these hold. Callbacks and tasks
 * take turns.
 */
#include "core/sched/hog.h"
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
	peal_queue_push(&shard->ready[task->priority], &task->link);
	shard->ready_count++;
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

static struct peal_task *pick_ready(struct peal_shard *shard, unsigned int priority)
{
	struct peal_link *link = peal_queue_pop(&shard->ready[priority]);

	if (!link)
		return NULL;
	shard->ready_count--;
	return PEAL_CONTAINER_OF(link, struct peal_task, link);
}

static struct peal_task *pick_normal(struct peal_shard *shard)
{
	struct peal_task *task = NULL;

	if (++shard->normal_picks % PEAL_FRESH_FLOOR == 0)
		task = peal_fresh_pop(&shard->fresh);
	if (!task)
		task = pick_ready(shard, PEAL_NORMAL);
	if (!task)
		task = peal_fresh_pop(&shard->fresh);
	if (!task && peal_steal_overflow(shard))
		task = peal_fresh_pop(&shard->fresh);
	return task;
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
static struct peal_task *pick_next(struct peal_shard *shard)
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

/* Work that somebody else could do: is there a shard to do it? Two loads, mostly; seq_cst, as wake.c
 * requires, which on x86-64 costs nothing. */
static inline void offer(struct peal_shard *shard)
{
	struct peal_rt *rt = shard->rt;

	if (peal_load_seq_cst(&rt->idle) && !peal_load_seq_cst(&rt->searchers) &&
		peal_fresh_count(&shard->fresh) >= 2)
		peal_wake_one(shard);
}

static void run_task(struct peal_shard *shard, struct peal_task *task)
{
	if (PEAL_UNLIKELY(task->priority != PEAL_NORMAL)) {
		if (task->priority == PEAL_HIGH)
			PEAL_COUNT(shard, items_high);
		else
			PEAL_COUNT(shard, items_idle);
	}
	peal_hog_name(&shard->hog, task->name);
	peal_gauge_set(shard->counters, running, (uintptr_t)task->fn);
	peal_task_run(shard, task);
}

static bool run_callback(struct peal_shard *shard)
{
	if (!shard->callbacks)
		return false;
	peal_store_relaxed(&shard->hog.name[0], 0);
	peal_gauge_set(shard->counters, running, (uintptr_t)shard->callbacks->done);
	return peal_ops_callback(shard);
}

static bool run_one(struct peal_shard *shard)
{
	struct peal_task *task;

	if (shard->callbacks && !shard->after_callback) {
		shard->after_callback = true;
		return run_callback(shard);
	}
	shard->after_callback = false;
	task = peal_sched_pick(shard);
	if (!task)
		return run_callback(shard);
	run_task(shard, task);
	return true;
}

static uint32_t depth_of(struct peal_shard *shard)
{
	return shard->ready_count + peal_fresh_count(&shard->fresh);
}

uint32_t peal_sched_load(struct peal_shard *shard)
{
	return depth_of(shard) + shard->task_count;
}

/* What stands in line: before a slice, which is when it is most, and after it, because the shard may
 * sleep then. */
static void note_depth(struct peal_shard *shard)
{
	uint32_t depth = depth_of(shard);

	peal_gauge_set(shard->counters, queue_depth, depth);
	peal_max(shard->counters, queue_depth_max, depth);
	peal_store_relaxed(&shard->load, depth + shard->task_count);
}

struct slice {
	int64_t begin, now;
	uint32_t items, timed; /* of which the clock was read after so many */
};

static void read_clock(struct peal_shard *shard, struct slice *slice)
{
	int64_t before = slice->now;

	slice->now = peal_shard_now(shard);
	if (PEAL_UNLIKELY(slice->now - before > PEAL_HOG_NS))
		peal_hog_felt(shard, slice->now, slice->now - before, slice->items - slice->timed);
	slice->timed = slice->items;
}

/* After an item: is it the last? */
static inline bool is_over(struct peal_shard *shard, struct slice *slice)
{
	/* Whoever was rung for waits for the flush at the next turn; ops that completed at once have
	 * kept the others waiting. */
	if (shard->flush || !shard->op_budget || slice->items == PEAL_SLICE_ITEMS)
		return true;
	if (PEAL_UNLIKELY(shard->hog.suspicious))
		shard->hog.suspicious--;
	else if (slice->items % PEAL_SLICE_CLOCK)
		return false;
	read_clock(shard, slice);
	return slice->now - slice->begin > shard->rt->opts.slice;
}

void peal_sched_slice(struct peal_shard *shard, int64_t now)
{
	struct slice slice = { .begin = now, .now = now };

	shard->clock = now;
	note_depth(shard);
	shard->op_budget = PEAL_OP_BUDGET;
	while (run_one(shard)) {
		slice.items++;
		offer(shard);
		if (is_over(shard, &slice))
			break;
	}
	if (!slice.items)
		return;
	note_depth(shard);
	if (slice.timed != slice.items)
		read_clock(shard, &slice);
	peal_gauge_set(shard->counters, running, 0);
	peal_gauge_set(shard->counters, stacks, peal_stack_pool_count(shard->stacks));
	PEAL_COUNT(shard, slices);
	PEAL_COUNT_ADD(shard, items_run, slice.items);
	if (slice.now - slice.begin > PEAL_HOG_NS)
		PEAL_COUNT(shard, slices_overrun);
}
