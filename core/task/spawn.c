/* SPDX-License-Identifier: MIT */
/*
 * Making tasks; place.c puts them where they are to start.
 */
#include <errno.h>
#include <string.h>

#include "core/base/fatal.h"
#include "core/base/opts.h"
#include "core/runtime/rt.h"
#include "core/scope/scope.h"
#include "core/task/task_here.h"

/* Tasks are made so often that their many zeroes are written in one go. */
static inline void init(
	struct peal_task *task, struct peal_rt *rt, peal_task_fn *fn, void *arg, const char *name)
{
	const size_t begin = offsetof(struct peal_task, wake);

	memset((char *)task + begin, 0, offsetof(struct peal_task, name) + 8 - begin);
	task->rt = rt;
	task->fn = fn;
	task->arg = arg;
	if (PEAL_UNLIKELY(name != NULL))
		strncat(task->name, name, sizeof(task->name) - 1);
}

void peal_task_init(
	struct peal_task *task, struct peal_rt *rt, peal_task_fn *fn, void *arg, const char *name)
{
	init(task, rt, fn, arg, name);
	peal_joinword_init(&task->joiner, false);
}

static const struct peal_spawn_opts defaults = { .size = sizeof(defaults) };

/* What is reserved stands behind the priority, in one word with it. */
static bool are_valid(const struct peal_spawn_opts *opts)
{
	uint8_t bytes[8];
	uint64_t word;

	memcpy(bytes, &opts->priority, sizeof(bytes));
	bytes[0] = 0;
	memcpy(&word, bytes, sizeof(word));
	return opts->priority <= PEAL_IDLE && !word;
}

_Static_assert(offsetof(struct peal_spawn_opts, priority) + 8 == sizeof(struct peal_spawn_opts),
	"are_valid() looks at all that is reserved");

/* From another version of the header. */
static PEAL_NOINLINE int copy_opts(
	const struct peal_spawn_opts **opts, struct peal_spawn_opts *copy)
{
	int err = PEAL_OPTS_READ(copy, *opts);

	*opts = copy;
	return err || are_valid(copy) ? err : -EINVAL;
}

/* *opts, NULL or as the user gave them, become ones that can be used, without a copy where that is
 * possible. */
static inline int read_opts(const struct peal_spawn_opts **opts, struct peal_spawn_opts *copy)
{
	if (!*opts)
		*opts = &defaults;
	else if ((*opts)->size != sizeof(**opts))
		return copy_opts(opts, copy);
	return are_valid(*opts) ? 0 : -EINVAL;
}

/* By whom it was spawned, not where it will run. */
static inline void count_spawn(struct peal_rt *rt, struct peal_shard *shard)
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
	const struct peal_spawn_opts *opts, bool has_handle)
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
	init(task, rt, fn, arg, opts->name);
	task->priority = opts->priority;
	peal_joinword_init(&task->joiner, has_handle);
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
static PEAL_NOINLINE int spawn(struct peal_nursery *scope, struct peal_task **handle,
	struct peal_rt *rt, peal_task_fn *fn, void *arg, const struct peal_spawn_opts *opts)
{
	struct peal_spawn_opts copy;
	struct peal_task *task;
	int err;

	if (!rt || !fn)
		return !rt ? -EPERM : -EINVAL;
	err = read_opts(&opts, &copy);
	if (!err && opts->place != PEAL_HERE)
		err = peal_place_check(rt, opts->place);
	if (!err)
		err = peal_task_make(&task, rt, fn, arg, opts, handle != NULL);
	if (err)
		return err;
	/* Written first: the task may have ended before placing returns. */
	if (handle)
		*handle = task;
	err = peal_task_place_into(scope, task, opts->place);
	if (err) {
		if (handle)
			*handle = NULL;
		peal_task_unmake(task);
	}
	return err;
}

/* The usual case, without options and with everything at hand: what spawn() does then, and nothing
 * else. NULL when it is not that. */
static inline struct peal_task *spawn_here(peal_task_fn *fn, void *arg, bool has_handle)
{
	struct peal_shard *shard = peal_shard_current();
	struct peal_task *task;

	if (PEAL_UNLIKELY(!shard || !fn || !shard->quota || !shard->task_cache))
		return NULL;
	shard->quota--;
	task = peal_task_from_cache(shard);
	init(task, shard->rt, fn, arg, NULL);
	peal_joinword_init(&task->joiner, has_handle);
	task->shard = shard;
	PEAL_COUNT(shard, tasks_spawned);
	peal_gauge_add(shard->counters, tasks_live, 1);
	peal_queue_push(&shard->ready[PEAL_NORMAL], &task->link); /* that is what it is */
	shard->ready_count++;
	return task;
}

static PEAL_NOINLINE int spawn_alone(
	peal_task_fn *fn, void *arg, const struct peal_spawn_opts *opts)
{
	return spawn(NULL, NULL, peal_rt_current(), fn, arg, opts);
}

int peal_spawn(peal_task_fn *fn, void *arg, const struct peal_spawn_opts *opts)
{
	if (PEAL_UNLIKELY(opts || !spawn_here(fn, arg, false)))
		return spawn_alone(fn, arg, opts);
	return 0;
}

int peal_rt_spawn(
	struct peal_rt *rt, peal_task_fn *fn, void *arg, const struct peal_spawn_opts *opts)
{
	return rt ? spawn(NULL, NULL, rt, fn, arg, opts) : -EINVAL;
}

/* Apart, so that the usual case needs no frame. */
static PEAL_NOINLINE int task_spawn(
	struct peal_task **task, peal_task_fn *fn, void *arg, const struct peal_spawn_opts *opts)
{
	struct peal_task *made;
	int err = spawn(NULL, &made, peal_rt_current(), fn, arg, opts);

	if (!err)
		*task = made;
	return err;
}

int peal_task_spawn(
	struct peal_task **task, peal_task_fn *fn, void *arg, const struct peal_spawn_opts *opts)
{
	struct peal_task *made;

	if (PEAL_UNLIKELY(!task))
		return -EINVAL;
	made = opts ? NULL : spawn_here(fn, arg, true);
	if (PEAL_UNLIKELY(!made))
		return task_spawn(task, fn, arg, opts);
	*task = made;
	return 0;
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

int peal_spawn_each(peal_task_fn *fn, void *arg, const struct peal_spawn_opts *opts)
{
	struct peal_rt *rt = peal_rt_current();
	struct peal_queue made;
	struct peal_spawn_opts copy;
	struct peal_link *link;
	int err, refused = 0;

	if (!rt || !fn)
		return !rt ? -EPERM : -EINVAL;
	err = read_opts(&opts, &copy);
	peal_queue_init(&made);
	for (uint32_t i = 0; !err && i < rt->shard_count; i++) {
		struct peal_task *task;

		err = peal_task_make(&task, rt, fn, arg, opts, false);
		if (!err)
			peal_queue_push(&made, &task->link);
	}
	for (uint32_t i = 0; (link = peal_queue_pop(&made)); i++) {
		struct peal_task *task = PEAL_CONTAINER_OF(link, struct peal_task, link);

		if (!err && !peal_task_place(task, PEAL_PINNED(i)))
			continue;
		/* A shard listens as long as a task of its runtime exists, and the caller is one; unless
		 * there is an emergency. */
		if (!err && !peal_rt_is_lost(rt))
			peal_fatal("a shard stopped under a running task");
		peal_task_unmake(task);
		refused = -ESHUTDOWN;
	}
	return err ? err : refused;
}
