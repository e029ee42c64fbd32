/* SPDX-License-Identifier: MIT */
/*
 * Making tasks; place.c puts them where they are to start.
 */
#include <errno.h>
#include <string.h>

#include "core/fatal.h"
#include "core/opts.h"
#include "core/rt.h"
#include "core/scope.h"

void peal_task_init(
	struct peal_task *task, struct peal_rt *rt, peal_task_fn *fn, void *arg, const char *name)
{
	task->rt = rt;
	task->fn = fn;
	task->arg = arg;
	task->shard = NULL;
	task->wait = NULL;
	task->locals = NULL;
	task->scope = task->within = NULL;
	task->branch = NULL;
	task->expired = false;
	task->state = PEAL_TASK_FRESH;
	task->system = task->priority = 0;
	task->result = 0;
	task->holds = 0;
	peal_store_relaxed(&task->claim, PEAL_CLAIM_NONE);
	peal_wakeword_init(&task->wake);
	peal_store_relaxed(&task->owners, 1);
	peal_joinword_init(&task->joiner);
	task->name[0] = '\0';
	if (name)
		strncat(task->name, name, sizeof(task->name) - 1);
}

static int read_opts(struct peal_spawn_opts *opts, const struct peal_spawn_opts *given)
{
	static const uint8_t none[sizeof(opts->reserved)];
	int err = PEAL_OPTS_READ(opts, given);

	if (err)
		return err;
	return opts->priority > PEAL_IDLE || memcmp(opts->reserved, none, sizeof(none)) ? -EINVAL
											: 0;
}

/* By whom it was spawned, not where it will run. */
static void count_spawn(struct peal_rt *rt, struct peal_shard *shard)
{
	if (shard) {
		PEAL_COUNT(shard, tasks_spawned);
		peal_gauge_add(shard->counters, tasks_live, 1);
	} else {
		peal_count_outside(rt->stats, tasks_spawned);
		peal_gauge_add_outside(rt->stats, tasks_live, 1);
	}
}

int peal_task_make(struct peal_task **made, struct peal_rt *rt, peal_task_fn *fn, void *arg,
	const struct peal_spawn_opts *opts, uint32_t owners)
{
	struct peal_shard *shard = peal_shard_current();
	struct peal_task *task;
	int err;

	if (shard && shard->rt != rt)
		shard = NULL;
	err = peal_limit_acquire(rt, shard);
	if (err)
		return err;
	task = peal_task_alloc(shard);
	if (!task) {
		peal_limit_release(rt, shard);
		return -ENOMEM;
	}
	peal_task_init(task, rt, fn, arg, opts->name);
	task->priority = opts->priority;
	peal_store_relaxed(&task->owners, owners);
	count_spawn(rt, shard);
	*made = task;
	return 0;
}

void peal_task_unmake(struct peal_task *task)
{
	struct peal_shard *shard = peal_shard_current();
	struct peal_rt *rt = task->rt;

	if (shard && shard->rt != rt)
		shard = NULL;
	if (shard)
		peal_gauge_add(shard->counters, tasks_live, -1);
	else
		peal_gauge_add_outside(rt->stats, tasks_live, -1);
	peal_task_free(shard, task);
	peal_limit_release(rt, shard);
}

/* Into a scope, and out again. */
static int put_into(struct peal_nursery *scope, struct peal_task *task)
{
	if (!peal_nursery_count_in(scope))
		return -EINVAL;
	task->scope = task->within = scope;
	return 0;
}

int peal_task_place_into(struct peal_nursery *scope, struct peal_task *task, uint64_t place)
{
	int err = scope ? put_into(scope, task) : 0;

	if (err)
		return err;
	err = peal_task_place(task, place);
	if (err && scope)
		peal_nursery_count_out(scope);
	return err;
}

/* scope NULL: the root scope. */
static int spawn(struct peal_nursery *scope, struct peal_task **handle, struct peal_rt *rt,
	peal_task_fn *fn, void *arg, const struct peal_spawn_opts *user_opts)
{
	struct peal_spawn_opts opts;
	struct peal_task *task;
	int err;

	if (!rt || !fn)
		return !rt ? -EPERM : -EINVAL;
	err = read_opts(&opts, user_opts);
	if (!err)
		err = peal_place_check(rt, opts.place);
	if (!err)
		err = peal_task_make(&task, rt, fn, arg, &opts, handle ? 2 : 1);
	if (err)
		return err;
	/* Written first: the task may have ended before placing returns. */
	if (handle)
		*handle = task;
	err = peal_task_place_into(scope, task, opts.place);
	if (err) {
		if (handle)
			*handle = NULL;
		peal_task_unmake(task);
	}
	return err;
}

int peal_spawn(peal_task_fn *fn, void *arg, const struct peal_spawn_opts *opts)
{
	return spawn(NULL, NULL, peal_rt_current(), fn, arg, opts);
}

int peal_rt_spawn(
	struct peal_rt *rt, peal_task_fn *fn, void *arg, const struct peal_spawn_opts *opts)
{
	return rt ? spawn(NULL, NULL, rt, fn, arg, opts) : -EINVAL;
}

int peal_task_spawn(
	struct peal_task **task, peal_task_fn *fn, void *arg, const struct peal_spawn_opts *opts)
{
	struct peal_task *made = NULL;
	int err;

	if (!task)
		return -EINVAL;
	err = spawn(NULL, &made, peal_rt_current(), fn, arg, opts);
	if (!err)
		*task = made;
	return err;
}

/* What cannot be spawned has failed. */
static int spawn_into(struct peal_scope *user, struct peal_task **handle, peal_task_fn *fn,
	void *arg, const struct peal_spawn_opts *opts)
{
	struct peal_nursery *scope = peal_nursery_of(user);
	struct peal_rt *rt = peal_rt_current();
	int err;

	if (!scope || !rt || scope->home.shard->rt != rt)
		return scope && !rt ? -EPERM : -EINVAL;
	if (scope->home.shard == peal_shard_current())
		peal_nursery_arm(scope);
	err = spawn(scope, handle, rt, fn, arg, opts);
	if (err)
		peal_nursery_take_result(scope, err);
	return err;
}

int peal_scope_spawn(
	struct peal_scope *scope, peal_task_fn *fn, void *arg, const struct peal_spawn_opts *opts)
{
	return spawn_into(scope, NULL, fn, arg, opts);
}

int peal_scope_task_spawn(struct peal_scope *scope, struct peal_task **task, peal_task_fn *fn,
	void *arg, const struct peal_spawn_opts *opts)
{
	struct peal_task *made = NULL;
	int err;

	if (!task)
		return -EINVAL;
	err = spawn_into(scope, &made, fn, arg, opts);
	if (!err)
		*task = made;
	return err;
}

int peal_spawn_each(peal_task_fn *fn, void *arg, const struct peal_spawn_opts *user_opts)
{
	struct peal_rt *rt = peal_rt_current();
	struct peal_queue made;
	struct peal_spawn_opts opts;
	struct peal_link *link;
	int err;

	if (!rt || !fn)
		return !rt ? -EPERM : -EINVAL;
	err = read_opts(&opts, user_opts);
	peal_queue_init(&made);
	for (uint32_t i = 0; !err && i < rt->shard_count; i++) {
		struct peal_task *task;

		err = peal_task_make(&task, rt, fn, arg, &opts, 1);
		if (!err)
			peal_queue_push(&made, &task->link);
	}
	for (uint32_t i = 0; (link = peal_queue_pop(&made)); i++) {
		struct peal_task *task = PEAL_CONTAINER_OF(link, struct peal_task, link);

		/* A shard listens as long as a task of its runtime exists, and the caller is one. */
		if (err)
			peal_task_unmake(task);
		else if (peal_task_place(task, PEAL_PINNED(i)) < 0 && !peal_rt_is_lost(rt))
			peal_fatal("a shard stopped under a running task");
	}
	return err;
}
