/* SPDX-License-Identifier: MIT */
/*
 * Where a fresh task starts.
 *
 * A stealable one that is placed on another shard must not get stuck in that shard's inbox, where nobody
 * else looks: it goes to a list beside it, `near`, that the shard empties into its ring and that others
 * may empty into theirs.
 */
#include <errno.h>

#include "core/runtime/rt.h"

#define PLACE_KIND(place)  ((unsigned int)((place) >> 56))
#define PLACE_VALUE(place) ((place)&0x00ffffffffffffff)
#define PLACE_SHARD(place) ((uint32_t)(place))

enum { HERE, PINNED, ROUND_ROBIN, STEALABLE, LEAST_LOADED, STICKY, NEAR };

static struct peal_task *task_of(struct peal_node *node)
{
	return PEAL_CONTAINER_OF(node, struct peal_task, node);
}

/* On the loop of the shard that a task was placed on from elsewhere. */
static void arrive(struct peal_shard *shard, struct peal_node *node)
{
	peal_sched_ready(shard, task_of(node));
}

static void arrive_counted(struct peal_shard *shard, struct peal_node *node)
{
	peal_sub_acq_rel(&shard->incoming, 1);
	arrive(shard, node);
}

unsigned int peal_near_take(struct peal_shard *shard, struct peal_shard *from)
{
	struct peal_inbox_node *link = peal_inbox_take(&from->near);
	unsigned int n = 0;

	for (; link; n++) {
		struct peal_node *node = PEAL_CONTAINER_OF(link, struct peal_node, link);

		link = link->next;
		peal_sched_fresh(shard, task_of(node));
	}
	return n;
}

/* Whoever adds to the list from now on sends the node again. */
void peal_near_arrived(struct peal_shard *shard, struct peal_node *node)
{
	unsigned int n;

	(void)node;
	(void)peal_exchange_seq_cst(&shard->near_due, false);
	n = peal_near_take(shard, shard);
	if (n > 1 || (n && peal_sched_depth(shard) > 1))
		peal_wake_for_stuck(shard->rt, shard); /* something else runs first */
}

/*
 * As soon as the task is in the list, somebody may run it to its end. Then the runtime may come to its
 * own, and nobody need be told any more; a foreign thread keeps the shard until it is out of here.
 */
static void push_near(struct peal_shard *shard, struct peal_task *task)
{
	struct peal_shard *here = peal_shard_current();
	struct peal_rt *rt = shard->rt;

	peal_add_seq_cst(&rt->outside, 1);
	peal_inbox_push(&shard->near, &task->node.link);
	if (!peal_exchange_seq_cst(&shard->near_due, true))
		(void)peal_shard_deliver(shard, &shard->near_node);
	if (!peal_load_seq_cst(&shard->idle))
		peal_wake_for_stuck(rt, here && here->rt == rt ? here : NULL);
	peal_sub_seq_cst(&rt->outside, 1);
}

static int place_on(struct peal_task *task, struct peal_shard *shard, peal_node_fn *arrived)
{
	task->shard = shard;
	if (shard != peal_shard_current()) {
		task->node.fn = arrived;
		return peal_shard_deliver(shard, &task->node);
	}
	peal_sched_ready(shard, task);
	return 0;
}

static int place_stealable(struct peal_task *task, struct peal_shard *shard)
{
	task->shard = shard;
	if (shard != peal_shard_current()) {
		push_near(shard, task);
		return 0;
	}
	peal_sched_fresh(shard, task);
	/* Those before it have done this. */
	if (peal_fresh_count(&shard->fresh) == 1)
		peal_wake_for_stuck(shard->rt, shard);
	return 0;
}

static struct peal_shard *next_in_turn(struct peal_rt *rt)
{
	return rt->shards[peal_add_relaxed(&rt->next_shard, 1) % rt->shard_count];
}

/* Multiplying spreads keys that differ in few bits; its high bits are the good ones. */
static struct peal_shard *shard_of_key(struct peal_rt *rt, uint64_t key)
{
	uint64_t hash = key * 0x9e3779b97f4a7c15;

	return rt->shards[((hash >> 32) * rt->shard_count) >> 32];
}

/* What it has and what is on the way to it; of another shard, as of its last slice. */
static uint32_t load_of(struct peal_shard *shard)
{
	uint32_t incoming = peal_load_relaxed(&shard->incoming);

	if (shard == peal_shard_current())
		return incoming + peal_sched_load(shard);
	return incoming + peal_load_relaxed(&shard->load);
}

static struct peal_shard *least_loaded(struct peal_rt *rt)
{
	uint32_t first = next_in_turn(rt)->index, least = UINT32_MAX;
	struct peal_shard *best = NULL;

	for (uint32_t i = 0; i < rt->shard_count; i++) {
		struct peal_shard *shard = rt->shards[(first + i) % rt->shard_count];
		uint32_t load = load_of(shard);

		if (load >= least)
			continue;
		least = load;
		best = shard;
	}
	return best;
}

static int place_least_loaded(struct peal_task *task)
{
	struct peal_shard *shard = least_loaded(task->rt);
	int err;

	if (shard == peal_shard_current())
		return place_on(task, shard, arrive);
	peal_add_relaxed(&shard->incoming, 1);
	err = place_on(task, shard, arrive_counted);
	if (err)
		peal_sub_acq_rel(&shard->incoming, 1);
	return err;
}

int peal_task_place(struct peal_task *task, uint64_t place)
{
	struct peal_rt *rt = task->rt;
	struct peal_shard *here = peal_shard_current(), *shard;
	bool stealable;

	if (PEAL_LIKELY(place == PEAL_HERE && here && here->rt == rt)) {
		task->shard = here;
		peal_sched_ready(here, task);
		return 0;
	}
	stealable = task->priority == PEAL_NORMAL && !rt->opts.no_stealing;
	if (!here || here->rt != rt)
		here = next_in_turn(rt);
	switch (PLACE_KIND(place)) {
	case PINNED:
		return place_on(task, rt->shards[PLACE_SHARD(place)], arrive);
	case ROUND_ROBIN:
		return place_on(task, next_in_turn(rt), arrive);
	case LEAST_LOADED:
		return place_least_loaded(task);
	case STICKY:
		return place_on(task, shard_of_key(rt, PLACE_VALUE(place)), arrive);
	case STEALABLE:
	case NEAR:
		shard = PLACE_KIND(place) == NEAR ? rt->shards[PLACE_SHARD(place)] : here;
		return stealable ? place_stealable(task, shard) : place_on(task, shard, arrive);
	default:
		return place_on(task, here, arrive);
	}
}

int peal_place_check(const struct peal_rt *rt, uint64_t place)
{
	switch (PLACE_KIND(place)) {
	case PINNED:
	case NEAR:
		return PLACE_VALUE(place) < rt->shard_count ? 0 : -EINVAL;
	case HERE:
	case ROUND_ROBIN:
	case STEALABLE:
	case LEAST_LOADED:
		return PLACE_VALUE(place) ? -EINVAL : 0;
	case STICKY:
		return 0;
	default:
		return -EINVAL;
	}
}
