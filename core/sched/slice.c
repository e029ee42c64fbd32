/* SPDX-License-Identifier: MIT */
/*
 * A slice of work: callbacks and tasks, one after the other, until so many have run or so long; and what
 * running a task is: its first run, the switch to it, and its end.
 *
 * All of it is one unit, so that the way from one task to the next is inlined into one function: a
 * return after a switch is mispredicted (fiber.h), and there would be one for each function in between.
 */
#include "core/base/fatal.h"
#include "core/base/log.h"
#include "core/io/ops.h"
#include "core/runtime/rt.h"
#include "core/sched/hog.h"
#include "core/scope/scope.h"
#include "core/task/task_here.h"

/* Its end */

/* The stack is put back, and so is the permit; the block is the handle's then, if there is one. */
static inline void let_go(struct peal_shard *home, struct peal_task *task)
{
	struct peal_task *joiner;

	peal_stack_put(home->stacks, task->fiber.stack);
	if (PEAL_UNLIKELY(task->system))
		return; /* its memory is the runtime's */
	peal_limit_release(home->rt, home);
	joiner = peal_joinword_end(&task->joiner);
	if (joiner == PEAL_JOIN_ALONE)
		peal_task_let_go(home, task);
	else if (joiner)
		peal_task_hand_on(joiner);
}

static void come_home(struct peal_shard *shard, struct peal_node *node)
{
	let_go(shard, PEAL_CONTAINER_OF(node, struct peal_task, node));
}

/* Its stack belongs to the shard where it started; so that this one is there still, the permit goes with
 * it. */
static PEAL_COLD void send_home(struct peal_task *task)
{
	task->node.fn = come_home;
	if (peal_shard_deliver(task->home, &task->node) < 0 && !peal_rt_is_lost(task->rt))
		peal_fatal("a shard stopped before the stacks of its tasks were back");
}

static PEAL_COLD void check_end(struct peal_shard *shard, struct peal_task *task)
{
	if (task->scope != task->within)
		peal_fatal("task \"%s\" ended with a scope open: \"%s\"", task->name,
			task->scope->name ? task->scope->name : "");
	if (task->holds)
		peal_ops_disown(shard, task);
	if (task->timers)
		peal_task_keep(shard, task);
}

static inline void count_end(struct peal_shard *shard, struct peal_task *task)
{
	PEAL_COUNT(shard, tasks_finished);
	peal_gauge_add(shard->counters, tasks_live, -1);
	if (PEAL_UNLIKELY(task->result < 0))
		PEAL_COUNT(shard, tasks_failed);
	if (task->within)
		peal_nursery_part(task);
}

/* The task has left its stack. */
static inline void end(struct peal_shard *shard, struct peal_task *task)
{
	peal_list_drop(&task->all);
	shard->task_count--;
	if (PEAL_UNLIKELY(task->scope != task->within || task->holds || task->timers))
		check_end(shard, task);
	if (PEAL_LIKELY(!task->system))
		count_end(shard, task);
	if (PEAL_UNLIKELY(task->home != shard))
		send_home(task);
	else
		let_go(shard, task);
}

/* Its first run */

/* The lowest frame of every fiber. */
static struct peal_fiber *fiber_main(void *arg)
{
	struct peal_task *task = arg;

	task->result = task->fn(task->arg);
	if (PEAL_UNLIKELY(peal_shard_here != task->shard))
		peal_fatal(
			"task \"%s\" returned in the child of a fork, which has no shards: such a "
			"child ends with _exit(2) or exec",
			task->name);
	if (PEAL_UNLIKELY(task->locals != NULL))
		peal_task_locals_destroy(task);
	task->state = PEAL_TASK_ENDED;
	return &task->shard->thread;
}

/* From here on the task is a fiber of this shard. Returns its stack, or NULL. */
static inline struct peal_stack *settle(struct peal_shard *shard, struct peal_task *task)
{
	struct peal_stack *stack;

	if (PEAL_UNLIKELY(task->within) && !peal_nursery_join(shard, task))
		return NULL;
	stack = peal_stack_get(shard->stacks);
	if (PEAL_UNLIKELY(!stack))
		return NULL;
	task->shard = task->home = shard;
	peal_list_append(&shard->tasks, &task->all);
	shard->task_count++;
	return stack;
}

/*
 * No memory for a stack (or, a rare thing, for a place in its scope). Other tasks hold stacks, here or
 * elsewhere, and will give them back; until then the task waits with nothing lost. loop.c tries again.
 */
static PEAL_COLD void starve(struct peal_shard *shard, struct peal_task *task)
{
	if (peal_queue_empty(&shard->starved))
		peal_log(PEAL_LOG_WARNING,
			"shard %u has no memory to start tasks (%u run): fresh tasks wait; raise the limits on memory "
			"(ulimit -v, cgroup memory.max, vm.max_map_count) or lower max_tasks",
			shard->index, shard->task_count);
	peal_queue_push(&shard->starved, &task->link);
}

/* Nobody waits for it any more, and its scope may be gone. */
static PEAL_COLD void throw_away(struct peal_shard *shard, struct peal_task *task)
{
	PEAL_COUNT(shard, tasks_withdrawn);
	peal_gauge_add(shard->counters, tasks_live, -1);
	if (peal_joinword_end(&task->joiner) == PEAL_JOIN_ALONE)
		peal_task_free(shard, task);
	peal_limit_release(shard->rt, shard);
}

/* From here on it has started, and is waited for. False when it was withdrawn. */
static bool claim(struct peal_task *task)
{
	uint8_t open = PEAL_CLAIM_OPEN;

	return peal_cas_acq_rel(&task->claim, &open, PEAL_CLAIM_STARTED) ||
		open == PEAL_CLAIM_STARTED;
}

/* False when it does not run. */
static inline bool start(struct peal_shard *shard, struct peal_task *task)
{
	struct peal_stack *stack;

	if (PEAL_UNLIKELY(peal_load_relaxed(&task->claim)) && !claim(task)) {
		throw_away(shard, task);
		return false;
	}
	stack = settle(shard, task);
	if (PEAL_UNLIKELY(!stack)) {
		starve(shard, task);
		return false;
	}
	shard->running = task;
	task->state = PEAL_TASK_RUNNING;
	peal_fiber_launch(&shard->thread, &task->fiber, stack, task->name, fiber_main, task);
	return true;
}

static inline void go_on(struct peal_shard *shard, struct peal_task *task)
{
	shard->running = task;
	task->state = PEAL_TASK_RUNNING;
	peal_fiber_switch(&shard->thread, &task->fiber);
}

/* Running */

/* It goes on some other time, or elsewhere. */
static inline void leave(struct peal_shard *shard, struct peal_task *task)
{
	peal_fiber_check(&task->fiber);
	if (PEAL_UNLIKELY(task->state == PEAL_TASK_MOVING))
		peal_task_hand_over(shard, task);
}

/* Run a fresh task, or go on with a ready one, until it suspends or ends. */
static inline void run_task(struct peal_shard *shard, struct peal_task *task)
{
	if (task->state != PEAL_TASK_FRESH)
		go_on(shard, task);
	else if (!start(shard, task))
		return;
	shard->running = NULL;
	peal_msgs_publish(shard); /* first: shards stop when no task is left */
	if (task->state == PEAL_TASK_ENDED)
		end(shard, task);
	else
		leave(shard, task);
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

static inline void run_next(struct peal_shard *shard, struct peal_task *task)
{
	if (PEAL_UNLIKELY(task->priority != PEAL_NORMAL)) {
		if (task->priority == PEAL_HIGH)
			PEAL_COUNT(shard, items_high);
		else
			PEAL_COUNT(shard, items_idle);
	}
	peal_hog_name(&shard->hog, task->name);
	peal_gauge_set(shard->counters, running, (uintptr_t)task->fn);
	run_task(shard, task);
}

static PEAL_NOINLINE bool run_callback(struct peal_shard *shard)
{
	if (!shard->callbacks)
		return false;
	peal_store_relaxed(&shard->hog.name[0], 0);
	peal_gauge_set(shard->counters, running, (uintptr_t)shard->callbacks->done);
	return peal_ops_callback(shard);
}

/* Callbacks and tasks take turns. False when there is neither. */
static inline bool run_one(struct peal_shard *shard)
{
	struct peal_task *task;

	if (PEAL_UNLIKELY(shard->callbacks && !shard->after_callback)) {
		shard->after_callback = true;
		return run_callback(shard);
	}
	shard->after_callback = false;
	task = peal_sched_pick(shard);
	if (PEAL_UNLIKELY(!task))
		return run_callback(shard);
	run_next(shard, task);
	return true;
}

/* What stands in line: before a slice, which is when it is most, and after it, because the shard may
 * sleep then. */
static void note_depth(struct peal_shard *shard)
{
	uint32_t depth = peal_sched_depth(shard);

	peal_gauge_set(shard->counters, queue_depth, depth);
	peal_max(shard->counters, queue_depth_max, depth);
	peal_store_relaxed(&shard->load, depth + shard->task_count);
}

struct slice {
	int64_t begin, now;
	uint32_t items, timed; /* of which the clock was read after so many */
	uint32_t look;         /* after so many it is looked at whether they are enough */
};

static void read_clock(struct peal_shard *shard, struct slice *slice)
{
	int64_t before = slice->now;

	slice->now = peal_shard_now(shard);
	if (PEAL_UNLIKELY(slice->now - before > PEAL_HOG_NS))
		peal_hog_felt(shard, slice->now, slice->now - before, slice->items - slice->timed);
	slice->timed = slice->items;
}

/* Whoever feels held up times items one by one for a while (hog.c). */
static inline uint32_t next_look(struct peal_shard *shard, uint32_t items)
{
	if (PEAL_LIKELY(!shard->hog.suspicious))
		return items + PEAL_SLICE_CLOCK;
	shard->hog.suspicious--;
	return items + 1;
}

static PEAL_NOINLINE bool has_lasted(struct peal_shard *shard, struct slice *slice)
{
	if (slice->items >= PEAL_SLICE_ITEMS)
		return true;
	read_clock(shard, slice);
	slice->look = next_look(shard, slice->items);
	if (slice->look > PEAL_SLICE_ITEMS)
		slice->look = PEAL_SLICE_ITEMS;
	return slice->now - slice->begin > shard->rt->opts.slice;
}

/*
 * After an item: is it the last? Whoever was rung for waits for the flush at the next turn; ops that
 * completed at once have kept the others waiting.
 */
static inline bool is_over(struct peal_shard *shard, struct slice *slice)
{
	return PEAL_UNLIKELY(shard->flush || !shard->op_budget) ||
		(PEAL_UNLIKELY(slice->items == slice->look) && has_lasted(shard, slice));
}

void peal_sched_slice(struct peal_shard *shard, int64_t now)
{
	struct slice slice = { .begin = now, .now = now, .look = next_look(shard, 0) };

	shard->clock = now;
	note_depth(shard);
	shard->op_budget = PEAL_OP_BUDGET;
	shard->slice_end = now + shard->rt->opts.slice;
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
