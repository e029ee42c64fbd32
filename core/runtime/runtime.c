/* SPDX-License-Identifier: MIT */
/*
 * Making a runtime, starting it on the best backend that works, and taking it down again.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/task/blocking.h"
#include "core/base/fatal.h"
#include "core/runtime/fork.h"
#include "core/base/log.h"
#include "core/fiber/overflow.h"
#include "core/plugin/plugin.h"
#include "core/port/port.h"
#include "core/runtime/rt.h"
#include "core/runtime/rt_opts.h"
#include "core/runtime/shard_thread.h"
#include "core/runtime/signals.h"

static void free_shards(struct peal_rt *rt)
{
	for (uint32_t i = 0; rt->shards && i < rt->shard_count; i++)
		peal_shard_free(rt->shards[i]);
	peal_free(rt->shards);
	rt->shards = NULL;
}

static int make_shards(struct peal_rt *rt)
{
	rt->shards = peal_alloc(rt->shard_count, sizeof(struct peal_shard *));
	if (!rt->shards)
		return -ENOMEM;
	for (uint32_t i = 0; i < rt->shard_count; i++) {
		rt->shards[i] = peal_shard_create(rt, i);
		if (!rt->shards[i])
			return -ENOMEM;
	}
	return 0;
}

/* Permits are handed out in batches, but not so large that a small bound is never reached. */
static uint32_t quota_batch(const struct peal_rt_opts *opts)
{
	uint32_t batch = opts->max_tasks / (16 * opts->shards);

	return batch > 64 ? 64 : batch > 1 ? batch : 1;
}

static void init(struct peal_rt *rt)
{
	snprintf(rt->name, sizeof(rt->name), "%s",
		rt->opts.name ? rt->opts.name : program_invocation_short_name);
	rt->shard_count = rt->opts.shards;
	rt->quota_batch = quota_batch(&rt->opts);
	rt->pin = rt->shard_count == rt->cpus.count;
	rt->may_spin = !(rt->backend.caps & PEAL_CAP_TIMELESS) &&
		!peal_cpus_have_quota(&rt->cpus) && !rt->opts.no_spinning;
	pthread_mutex_init(&rt->lock, NULL);
	pthread_cond_init(&rt->changed, NULL);
	pthread_mutex_init(&rt->overflow_lock, NULL);
	peal_list_init(&rt->forks);
	peal_list_init(&rt->ports);
	peal_queue_init(&rt->overflow);
}

/* What a runtime has beside its shards. */
static int make_parts(struct peal_rt *rt)
{
	const struct peal_stats_setup setup = {
		.name = rt->name,
		.backend = rt->backend.name,
		.shards = rt->shard_count,
	};
	int err = peal_stats_page_create(&rt->stats, &setup);

	if (!err)
		err = peal_blocking_pool_create(
			&rt->blocking, rt, rt->opts.max_blocking, rt->opts.max_blocking_queue);
	if (!err) {
		rt->plugins = peal_plugins_create(rt);
		err = rt->plugins ? 0 : -ENOMEM;
	}
	if (!err && peal_stats_page_reason(rt->stats))
		peal_log(PEAL_LOG_INFO, "%s", peal_stats_page_reason(rt->stats));
	return err;
}

static void free_parts(struct peal_rt *rt)
{
	peal_plugins_free(rt->plugins);
	peal_blocking_pool_destroy(rt->blocking);
	peal_stats_page_destroy(rt->stats);
	rt->plugins = NULL;
	rt->blocking = NULL;
	rt->stats = NULL;
}

/* After an emergency: threads of the pool still run something that may write to what fibers have left
 * behind, and that tells the runtime when it ends. Then all of it stays where it is. */
static bool is_in_use(struct peal_rt *rt)
{
	uint32_t busy;

	if (!rt->blocking || !peal_load_seq_cst(&rt->emergency))
		return false;
	busy = peal_blocking_busy(rt->blocking);
	if (!busy)
		return false;
	peal_blocking_pool_leave(rt->blocking);
	peal_log(PEAL_LOG_ERROR,
		"emergency stop: %u calls on the blocking pool go on; the runtime's memory is left to them",
		busy);
	return true;
}

static void destroy(struct peal_rt *rt)
{
	if (!rt)
		return;
	peal_ports_end(rt);
	peal_signals_close(rt);
	if (is_in_use(rt))
		return;
	peal_fork_forget(rt);
	free_shards(rt);
	free_parts(rt);
	if (rt->opts.report_overflow)
		peal_overflow_release();
	pthread_mutex_destroy(&rt->lock);
	pthread_cond_destroy(&rt->changed);
	pthread_mutex_destroy(&rt->overflow_lock);
	peal_free(rt);
	peal_alloc_release();
}

static int create(
	struct peal_rt **created, const struct peal_rt_opts *given, struct peal_reason *reason)
{
	struct peal_rt *rt;
	int err;

	peal_alloc_hold();
	rt = peal_alloc_line(sizeof(*rt));
	if (!rt) {
		peal_alloc_release();
		return peal_refuse(reason, -ENOMEM, "no memory for a runtime");
	}
	peal_cpus_read(&rt->cpus, "");
	err = peal_rt_opts_complete(&rt->opts, given, &rt->cpus, reason);
	if (!err)
		err = peal_backend_choose(rt->opts.backend, &rt->backend, rt->backend_why, reason);
	if (!err && rt->opts.report_overflow)
		err = peal_overflow_hold();
	if (err) {
		peal_free(rt);
		peal_alloc_release();
		return err;
	}
	init(rt);
	err = peal_fork_watch(rt);
	if (err)
		peal_refuse(reason, err, "no memory for a handler of forks");
	if (!err && rt->opts.drain_on_signal)
		err = peal_signals_open(rt, reason);
	if (err) {
		destroy(rt);
		return err;
	}
	*created = rt;
	return 0;
}

/* Up to the point where every shard has opened its ring, or one of them could not. */
static int attempt(struct peal_rt *rt, bool borrow, struct peal_reason *reason)
{
	int err = make_parts(rt);

	if (!err)
		err = make_shards(rt);
	if (err)
		return peal_refuse(reason, err, "no memory for %u shards", rt->shard_count);
	peal_shard_threads_start(rt, borrow);
	return 0;
}

static void wait_until_met(struct peal_rt *rt)
{
	pthread_mutex_lock(&rt->lock);
	while (!rt->meeting)
		pthread_cond_wait(&rt->changed, &rt->lock);
	pthread_mutex_unlock(&rt->lock);
}

/* Why the attempt failed. *backend tells whether another backend could do better. */
static int find_error(const struct peal_rt *rt, struct peal_reason *cause, bool *backend)
{
	for (uint32_t i = 0; i < rt->shard_count; i++) {
		const struct peal_shard *shard = rt->shards[i];

		if (!shard->start_error)
			continue;
		*cause = shard->start_reason;
		*backend = !shard->no_thread;
		return shard->start_error;
	}
	return 0;
}

static int fall_back(struct peal_rt *rt, struct peal_reason *reason)
{
	struct peal_reason cause = { "" };
	bool backend = false;
	int err = find_error(rt, &cause, &backend);

	peal_shard_threads_join(rt);
	free_shards(rt);
	free_parts(rt);
	rt->meeting = 0;
	if (!backend)
		return peal_refuse(reason, err, "%s", cause.text);
	return peal_backend_fall_back(
		rt->opts.backend, &rt->backend, err, &cause, &rt->backend, rt->backend_why, reason);
}

static void begin(struct peal_rt *rt)
{
	if (rt->zeroth == PEAL_ZEROTH_BORROWED)
		peal_shard_thread_run(rt->shards[0]);
	else if (rt->zeroth == PEAL_ZEROTH_EMBEDDED)
		peal_embed_begin(rt);
	else
		wait_until_met(rt);
}

/* Try backends until one opens on every shard. When the thread was borrowed the runtime has ended then. */
static int start(struct peal_rt *rt, enum peal_zeroth zeroth, struct peal_reason *reason)
{
	rt->zeroth = zeroth;
	for (;;) {
		int err = attempt(rt, zeroth != PEAL_ZEROTH_OWN, reason);

		if (err)
			return err;
		begin(rt);
		if (peal_rt_all_open(rt))
			return 0;
		if (zeroth == PEAL_ZEROTH_EMBEDDED)
			peal_embed_end(rt);
		err = fall_back(rt, reason);
		if (err)
			return err;
	}
}

int peal_rt_start(
	struct peal_rt **started, const struct peal_rt_opts *opts, struct peal_reason *reason)
{
	struct peal_rt *rt;
	int err;

	if (!started)
		return peal_refuse(reason, -EINVAL, "no place for the runtime was given");
	if (peal_shard_current())
		return peal_refuse(reason, -EDEADLK, "a shard cannot start a runtime");
	err = create(&rt, opts, reason);
	if (err)
		return err;
	err = start(rt, rt->opts.embedded ? PEAL_ZEROTH_EMBEDDED : PEAL_ZEROTH_OWN, reason);
	if (err) {
		destroy(rt);
		return err;
	}
	peal_rt_set_running(rt);
	*started = rt;
	return 0;
}

/* The thread that turns shard 0 turns it to its end, in a turn of no other runtime. */
static int stop_embedded(struct peal_rt *rt)
{
	int err;

	if (!pthread_equal(rt->embed.thread, pthread_self()))
		return -EPERM;
	if (peal_shard_current())
		return -EDEADLK;
	peal_rt_drain(rt);
	err = peal_embed_run_out(rt);
	if (!err)
		peal_embed_end(rt);
	return err;
}

int peal_rt_stop(struct peal_rt *rt)
{
	struct peal_shard *here = peal_shard_current();
	int err;

	if (!rt)
		return 0;
	if (peal_rt_is_stale(rt))
		return -ESTALE;
	if (here && here->rt == rt)
		return -EDEADLK;
	if (rt->opts.embedded) {
		err = stop_embedded(rt);
		if (err)
			return err;
	}
	peal_rt_drain(rt);
	peal_shard_threads_join(rt);
	destroy(rt);
	return 0;
}

int peal_run(peal_task_fn *fn, void *arg, const struct peal_rt_opts *opts)
{
	struct peal_reason reason = { "" };
	struct peal_rt *rt;
	int err = -EINVAL;

	if (!fn || peal_shard_current())
		return fn ? -EDEADLK : -EINVAL;
	err = create(&rt, opts, &reason);
	if (!err) {
		rt->main_fn = fn;
		rt->main_arg = arg;
		rt->main_result = -ECANCELED; /* unless it ends */
		err = rt->opts.embedded
			? peal_refuse(&reason, -EINVAL,
				  "embedded: peal_run() has no loop to be embedded in; use peal_rt_start()")
			: start(rt, PEAL_ZEROTH_BORROWED, &reason);
		if (!err) {
			err = rt->main_result;
			peal_shard_threads_join(rt);
			peal_cpus_unpin(&rt->cpus);
		}
		destroy(rt);
	}
	if (reason.text[0])
		peal_log(PEAL_LOG_ERROR, "no runtime: %s", reason.text);
	return err;
}
