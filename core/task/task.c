/* SPDX-License-Identifier: MIT */
/*
 * Running tasks: first run, suspend, resume, end.
 *
 * Control blocks are cached per shard. A block that was allocated on one shard and freed on another
 * simply changes caches; they are all alike.
 */
#include <errno.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/fatal.h"
#include "core/base/log.h"
#include "core/io/ops.h"
#include "core/runtime/rt.h"
#include "core/task/task.h"
#include "core/task/wait.h"

#define CACHE_MOST 4096

struct peal_task *peal_task_current(void)
{
	struct peal_shard *shard = peal_shard_current();

	return shard ? shard->running : NULL;
}

const char *peal_task_name(void)
{
	struct peal_task *task = peal_task_current();

	return task ? task->name : "";
}

struct peal_task *peal_task_alloc(struct peal_shard *shard)
{
	struct peal_link *link = shard ? peal_queue_pop(&shard->task_cache) : NULL;

	if (!link)
		return peal_alloc(1, sizeof(struct peal_task));
	shard->task_cache_count--;
	return PEAL_CONTAINER_OF(link, struct peal_task, link);
}

void peal_task_free(struct peal_shard *shard, struct peal_task *task)
{
	if (!shard || shard->task_cache_count >= CACHE_MOST) {
		peal_free(task);
		return;
	}
	/* The front: what was used last is still in the CPU's cache. */
	peal_queue_push_front(&shard->task_cache, &task->link);
	shard->task_cache_count++;
}

void peal_task_cache_drain(struct peal_shard *shard)
{
	struct peal_link *link;

	while ((link = peal_queue_pop(&shard->task_cache)))
		peal_free(PEAL_CONTAINER_OF(link, struct peal_task, link));
	shard->task_cache_count = 0;
}

/* The last owner lets go. */
static void release(struct peal_shard *shard, struct peal_task *task)
{
	if (peal_sub_acq_rel(&task->owners, 1) == 1)
		peal_task_free(shard, task);
}

void peal_task_detach(struct peal_task *task)
{
	if (task)
		release(peal_shard_current(), task);
}

static void put_back(struct peal_shard *home, struct peal_task *task)
{
	peal_stack_put(home->stacks, task->fiber.stack);
	if (task->system)
		return; /* its memory is the runtime's */
	release(home, task);
	peal_limit_release(home->rt, home);
}

static void come_home(struct peal_shard *shard, struct peal_node *node)
{
	put_back(shard, PEAL_CONTAINER_OF(node, struct peal_task, node));
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
	if (!task->timers)
		return;
	peal_add_acq_rel(&task->owners, 1);
	peal_list_append(&shard->kept, &task->all);
}

void peal_task_forget(struct peal_shard *shard, struct peal_task *task)
{
	peal_list_remove(&task->all);
	release(shard, task);
}

void peal_task_forget_all(struct peal_shard *shard)
{
	PEAL_LIST_EACH (entry, &shard->kept)
		peal_task_forget(shard, PEAL_CONTAINER_OF(entry, struct peal_task, all));
}

/* Everybody is told. From the exchange on, its joiner may free the handle's share, so the runner's own
 * share is what keeps the block alive up to put_back(). */
static void announce_end(struct peal_shard *shard, struct peal_task *task)
{
	struct peal_task *joiner;

	PEAL_COUNT(shard, tasks_finished);
	peal_gauge_add(shard->counters, tasks_live, -1);
	if (task->result < 0)
		PEAL_COUNT(shard, tasks_failed);
	if (task->within)
		peal_nursery_part(task);
	joiner = peal_joinword_end(&task->joiner);
	if (joiner)
		peal_task_wake(joiner);
}

/* The task has left its stack. */
static void end(struct peal_shard *shard, struct peal_task *task)
{
	peal_list_remove(&task->all);
	shard->task_count--;
	if (PEAL_UNLIKELY(task->scope != task->within || task->holds || task->timers))
		check_end(shard, task);
	if (!task->system)
		announce_end(shard, task);
	if (PEAL_UNLIKELY(task->home != shard))
		send_home(task);
	else
		put_back(shard, task);
}

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

/* The first run: from here on the task is a fiber of this shard. */
static bool settle(struct peal_shard *shard, struct peal_task *task)
{
	struct peal_stack *stack;

	if (task->within && !peal_nursery_join(shard, task))
		return false;
	stack = peal_stack_get(shard->stacks);
	if (PEAL_UNLIKELY(!stack))
		return false;
	task->shard = task->home = shard;
	peal_fiber_init(&task->fiber, stack, task->name, fiber_main, task);
	peal_list_append(&shard->tasks, &task->all);
	shard->task_count++;
	return true;
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
	release(shard, task);
	peal_limit_release(shard->rt, shard);
}

/* From here on it has started, and is waited for. False when it was withdrawn. */
static bool claim(struct peal_task *task)
{
	uint8_t open = PEAL_CLAIM_OPEN;

	return peal_cas_acq_rel(&task->claim, &open, PEAL_CLAIM_STARTED) ||
		open == PEAL_CLAIM_STARTED;
}

static bool start(struct peal_shard *shard, struct peal_task *task)
{
	if (peal_load_relaxed(&task->claim) && !claim(task)) {
		throw_away(shard, task);
		return false;
	}
	if (PEAL_UNLIKELY(!settle(shard, task))) {
		starve(shard, task);
		return false;
	}
	return true;
}

void peal_task_run(struct peal_shard *shard, struct peal_task *task)
{
	if (task->state == PEAL_TASK_FRESH && !start(shard, task))
		return;
	task->state = PEAL_TASK_RUNNING;
	shard->running = task;
	peal_fiber_switch(&shard->thread, &task->fiber);
	shard->running = NULL;
	peal_msgs_publish(shard); /* first: shards stop when no task is left */
	if (task->state == PEAL_TASK_ENDED)
		end(shard, task);
	else if (PEAL_UNLIKELY(task->fiber.canary && peal_stack_overrun(task->fiber.stack)))
		peal_fatal(
			"fiber \"%s\" overflowed its stack of %zu bytes (its canary is overwritten)",
			task->name, task->fiber.stack->size);
	else if (PEAL_UNLIKELY(task->state == PEAL_TASK_MOVING))
		peal_task_hand_over(shard, task);
}

void peal_task_suspend(struct peal_task *task)
{
	task->state = PEAL_TASK_SUSPENDED;
	peal_fiber_switch(&task->fiber, &task->shard->thread);
}

void peal_task_resume(struct peal_task *task)
{
	peal_assert(task->state == PEAL_TASK_SUSPENDED);
	peal_sched_woken(task->shard, task);
}

void peal_task_yield(struct peal_task *task)
{
	task->state = PEAL_TASK_SUSPENDED;
	peal_sched_ready(task->shard, task);
	peal_fiber_switch(&task->fiber, &task->shard->thread);
}

int peal_yield(void)
{
	struct peal_task *task = peal_task_current();
	int err;

	if (!task)
		return -EPERM;
	peal_nursery_arm(task->scope);
	peal_task_yield(task);
	err = peal_wait_allowed(task);
	if (PEAL_UNLIKELY(err == -ETIMEDOUT))
		task->expired = true;
	return err;
}

void peal_task_park(void)
{
	struct peal_task *task = peal_task_current();

	/* The state is set first: once PARKED is visible a waker may hand the task to its shard. */
	task->state = PEAL_TASK_SUSPENDED;
	if (peal_wakeword_sleep(&task->wake))
		peal_fiber_switch(&task->fiber, &task->shard->thread);
	else
		task->state = PEAL_TASK_RUNNING;
	peal_wakeword_rise(&task->wake);
}

/* On the task's own loop: somebody woke it from afar. */
static void arrive(struct peal_shard *shard, struct peal_node *node)
{
	(void)shard;
	peal_task_resume(PEAL_CONTAINER_OF(node, struct peal_task, node));
}

void peal_task_wake(struct peal_task *task)
{
	/* Unless the task slept it may be gone from here on. */
	if (!peal_wakeword_wake(&task->wake))
		return;
	if (task->shard == peal_shard_current()) {
		peal_task_resume(task);
		return;
	}
	task->node.fn = arrive;
	if (peal_shard_deliver(task->shard, &task->node) < 0 && !peal_rt_is_lost(task->rt))
		peal_fatal("a task was woken after its shard had stopped");
}
