/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "core/base/fatal.h"
#include "core/runtime/life.h"
#include "core/base/log.h"
#include "core/plugin/plugin.h"
#include "core/port/port.h"
#include "core/runtime/rt.h"
#include "core/runtime/signals.h"
#include "core/scope/scope.h"

/* Tasks that have not ended so long after everything was cancelled are named in the log. */
#define STUCK_NS (5 * PEAL_S)

/* With the lock held. */
static bool arrive(struct peal_rt *rt, uint32_t count)
{
	rt->arrived += count;
	if (rt->arrived < rt->shard_count)
		return false;
	rt->arrived = 0;
	rt->meeting++;
	pthread_cond_broadcast(&rt->changed);
	return true;
}

bool peal_rt_arrive(struct peal_rt *rt, uint32_t *meeting)
{
	bool last;

	pthread_mutex_lock(&rt->lock);
	*meeting = rt->meeting;
	last = arrive(rt, 1);
	pthread_mutex_unlock(&rt->lock);
	return last;
}

void peal_rt_wait_for_others(struct peal_rt *rt, uint32_t meeting)
{
	pthread_mutex_lock(&rt->lock);
	while (rt->meeting == meeting)
		pthread_cond_wait(&rt->changed, &rt->lock);
	pthread_mutex_unlock(&rt->lock);
}

void peal_rt_meet(struct peal_rt *rt)
{
	uint32_t meeting;

	peal_rt_arrive(rt, &meeting);
	peal_rt_wait_for_others(rt, meeting);
}

void peal_rt_meet_absent(struct peal_rt *rt, unsigned int count)
{
	pthread_mutex_lock(&rt->lock);
	arrive(rt, count);
	pthread_mutex_unlock(&rt->lock);
}

bool peal_rt_is_lost(struct peal_rt *rt)
{
	return peal_load_seq_cst(&rt->emergency) || peal_load_seq_cst(&rt->stale);
}

static void set_state(struct peal_rt *rt, enum peal_rt_state state)
{
	if (state != PEAL_RT_STOPPED && peal_rt_is_lost(rt))
		return; /* the keeper may not have been told yet */
	peal_store_seq_cst(&rt->state, state);
	peal_stats_page_set_state(rt->stats, state);
}

void peal_rt_set_running(struct peal_rt *rt)
{
	uint32_t expected = PEAL_RT_BOOTING;

	if (peal_cas_seq_cst(&rt->state, &expected, PEAL_RT_RUNNING))
		peal_stats_page_set_state(rt->stats, PEAL_RT_RUNNING);
}

void peal_rt_set_stopped(struct peal_rt *rt)
{
	set_state(rt, PEAL_RT_STOPPED);
}

void peal_keeper_look(struct peal_rt *rt)
{
	if (peal_load_seq_cst(&rt->drain_asked))
		peal_task_wake(&rt->keeper);
}

void peal_rt_drain(struct peal_rt *rt)
{
	if (rt && !peal_load_seq_cst(&rt->stale) && !peal_exchange_seq_cst(&rt->drain_asked, true))
		peal_task_wake(&rt->keeper);
}

/* Orders to the shards, on their loops. */

static void order_drain(struct peal_shard *shard)
{
	struct peal_rt *rt = shard->rt;

	shard->draining = true;
	shard->quota_most = 0;
	peal_accums_all_due(shard);
	if (shard->index == 0 && rt->main_scope)
		peal_nursery_cancel(rt->main_scope, PEAL_CAUSE_CANCELLED);
	peal_drain_cancel(shard);
	peal_ops_cancel_all(shard, peal_op_accepts);
	if (shard->index == 0)
		peal_plugins_drain(rt->plugins);
	peal_limit_return(shard);
}

static void order_cancel(struct peal_shard *shard)
{
	peal_root_cancel(shard);
	peal_ops_cancel_all(shard, peal_op_calls_back); /* a fiber's ops end with its waits */
}

/* What is in the inbox still is done; whoever comes later is refused. */
static void order_stop(struct peal_shard *shard)
{
	if (shard->stopping)
		return;                          /* an emergency was quicker */
	peal_root_cancel(shard);                 /* callbacks start nothing any more */
	peal_ops_cancel_all(shard, peal_op_any); /* of callbacks, and what fibers have abandoned */
	shard->stopping = true;
	peal_shard_receive(shard, peal_inbox_close(&shard->inbox));
	peal_msgs_close(shard);
}

/* How the keeper learns that every shard has carried an order out. */
static void carry_out(struct peal_shard *shard, struct peal_node *node)
{
	struct peal_rt *rt = shard->rt;

	shard->order(shard);
	if (peal_sub_acq_rel(&rt->orders_left, 1) == 1)
		peal_task_wake(&rt->keeper);
}

static void send_order(struct peal_shard *shard, peal_order_fn *order)
{
	shard->order = order;
	shard->control.fn = carry_out;
	if (peal_shard_deliver(shard, &shard->control) < 0 && !peal_rt_is_lost(shard->rt))
		peal_fatal("shard %u stopped before it was told to", shard->index);
}

static void order_all(struct peal_rt *rt, peal_order_fn *order)
{
	peal_store_relaxed(&rt->orders_left, rt->shard_count);
	for (uint32_t i = 0; i < rt->shard_count; i++)
		send_order(rt->shards[i], order);
	while (peal_load_acquire(&rt->orders_left))
		peal_task_park();
}

/* The last order is not waited for: the keeper's own shard carries it out when the keeper has ended. */
static void order_all_to_stop(struct peal_rt *rt)
{
	peal_store_relaxed(&rt->orders_left, UINT32_MAX);
	for (uint32_t i = rt->shard_count; i-- > 0;)
		send_order(rt->shards[i], order_stop);
}

struct patience {
	struct peal_alarm alarm;
	struct peal_task *keeper;
	bool over;
};

static void run_out(struct peal_alarm *alarm)
{
	struct patience *patience = PEAL_CONTAINER_OF(alarm, struct patience, alarm);

	patience->over = true;
	peal_task_wake(patience->keeper);
}

/* Until there is no task left, and none can come any more; false when that took too long. */
static bool wait_for_tasks(struct peal_rt *rt, int64_t duration)
{
	struct patience patience = { .keeper = &rt->keeper };
	struct peal_shard *shard = rt->keeper.shard;
	bool closed;

	peal_alarm_start(shard, &patience.alarm, peal_in(duration), run_out);
	while (!(closed = peal_limit_close(rt)) && !patience.over)
		peal_task_park();
	peal_alarm_stop(shard, &patience.alarm);
	return closed;
}

static void order_report(struct peal_shard *shard)
{
	PEAL_LIST_EACH (entry, &shard->tasks) {
		struct peal_task *task = PEAL_CONTAINER_OF(entry, struct peal_task, all);

		if (!task->system)
			peal_task_report(task, "stopping");
	}
}

static void end_tasks(struct peal_rt *rt)
{
	order_all(rt, order_drain);
	if (wait_for_tasks(rt, rt->opts.drain_timeout))
		return;
	set_state(rt, PEAL_RT_STOPPING);
	order_all(rt, order_cancel);
	if (wait_for_tasks(rt, STUCK_NS))
		return;
	order_all(rt, order_report);
	while (!wait_for_tasks(rt, PEAL_NEVER / 2))
		;
}

static int run_main(void *arg)
{
	struct peal_rt *rt = arg;
	struct peal_scope scope;

	/* Draining ends it, while what other tasks have begun goes on. */
	peal_scope_open(&scope, PEAL_SCOPE_OPTS(.policy = PEAL_COLLECT_ALL, .name = "main"));
	rt->main_scope = peal_nursery_of(&scope);
	rt->main_result = rt->main_fn(rt->main_arg);
	rt->main_scope = NULL;
	peal_scope_close(&scope);
	peal_rt_drain(rt);
	return rt->main_result;
}

static void start_main(struct peal_rt *rt)
{
	int err = rt->main_fn ? peal_spawn(run_main, rt, PEAL_SPAWN(.name = "main")) : 0;

	if (err) {
		rt->main_result = err;
		peal_rt_drain(rt);
	}
}

static int keep(void *arg)
{
	struct peal_rt *rt = arg;

	peal_log(PEAL_LOG_INFO, "%u shards on backend %s", rt->shard_count, rt->backend_why);
	peal_signals_ready(rt);
	start_main(rt);
	while (!peal_load_seq_cst(&rt->drain_asked))
		peal_task_park();
	set_state(rt, PEAL_RT_DRAINING);
	peal_ports_drain(rt);
	end_tasks(rt);
	set_state(rt, PEAL_RT_STOPPING);
	peal_plugins_stop(rt->plugins);
	order_all_to_stop(rt);
	return 0;
}

void peal_keeper_start(struct peal_rt *rt)
{
	peal_task_init(&rt->keeper, rt, keep, rt, "peal/keeper");
	rt->keeper.system = 1;
	rt->keeper.priority = PEAL_HIGH;
	rt->keeper.shard = rt->shards[0];
	peal_sched_ready(rt->shards[0], &rt->keeper);
}
