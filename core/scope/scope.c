/* SPDX-License-Identifier: MIT */
/*
 * Opening and leaving scopes, and asking about them. Who is inside is scope_member.c's, cancelling
 * scope_cancel.c's.
 */
#include <string.h>

#include "core/base/fatal.h"
#include "core/base/opts.h"
#include "core/runtime/rt.h"
#include "core/scope/scope.h"
#include "core/task/wait.h"

#define OPEN   0x7065616cu
#define CLOSED 0x70656e64u

_Static_assert(sizeof(struct peal_nursery) <= sizeof(struct peal_scope), "a scope's room");
_Static_assert(_Alignof(struct peal_nursery) <= _Alignof(struct peal_scope), "a scope's room");

static struct peal_nursery *room_of(struct peal_scope *scope)
{
	return (struct peal_nursery *)(void *)scope->room;
}

struct peal_nursery *peal_nursery_of(struct peal_scope *scope)
{
	return scope && room_of(scope)->magic == OPEN ? room_of(scope) : NULL;
}

static void set_deadline(struct peal_nursery *scope, int64_t deadline)
{
	scope->deadline = scope->effective = deadline;
	if (scope->parent && !scope->shield && scope->parent->effective < deadline)
		scope->effective = scope->parent->effective;
}

static enum peal_cause first_cause(const struct peal_nursery *scope, int64_t now)
{
	if (!scope->shield && peal_wait_allowed(scope->opener))
		return PEAL_CAUSE_CANCELLED;
	if (scope->until_drain && scope->opener->shard->draining)
		return PEAL_CAUSE_CANCELLED;
	return scope->deadline <= now ? PEAL_CAUSE_EXPIRED : PEAL_CAUSE_LIVE;
}

static void open_at(struct peal_nursery *scope, struct peal_task *task,
	const struct peal_scope_opts *opts, int64_t now)
{
	scope->parent = task->scope;
	scope->opener = task;
	scope->name = opts->name;
	scope->result = opts->result;
	scope->policy = (uint8_t)opts->policy;
	scope->shield = opts->shield;
	scope->until_drain = opts->until_drain;
	scope->armed = scope->alarmed = scope->closing = false;
	scope->here = 0;
	peal_store_relaxed(&scope->pending, PEAL_PENDING_BIAS);
	peal_store_relaxed(&scope->failure, 0);
	peal_store_relaxed(&scope->succeeded, false);
	peal_store_relaxed(&scope->branches, NULL);
	peal_nursery_init_branch(&scope->home, scope, task->shard);
	set_deadline(scope, opts->deadline ? opts->deadline : PEAL_NEVER);
	peal_store_relaxed(&scope->cause, first_cause(scope, now));
	scope->magic = OPEN;
	scope->token = NULL;
	task->scope = scope;
	PEAL_COUNT(task->shard, scopes_opened);
}

int peal_scope_open(struct peal_scope *scope, const struct peal_scope_opts *user_opts)
{
	struct peal_task *task = peal_task_current();
	struct peal_scope_opts opts;
	int err;

	if (!scope || !task)
		return scope ? -EPERM : -EINVAL;
	err = PEAL_OPTS_READ(&opts, user_opts);
	if (err)
		return err;
	if (opts.policy > PEAL_FIRST_SUCCESS || opts.shield > 1 || opts.until_drain > 1)
		return -EINVAL;
	for (struct peal_nursery *open = task->scope; open; open = open->parent)
		if (open == room_of(scope))
			return -EBUSY;
	open_at(room_of(scope), task, &opts, opts.deadline ? peal_shard_now(task->shard) : 0);
	if (opts.token)
		peal_token_enter(opts.token, room_of(scope));
	return 0;
}

void peal_scope_enter(struct peal_scope *scope, const struct peal_scope_opts *opts)
{
	int err = peal_scope_open(scope, opts);

	if (!err)
		return;
	room_of(scope)->magic = CLOSED;
	if (opts && opts->size >= offsetof(struct peal_scope_opts, result) + sizeof(int *) &&
		opts->result)
		*opts->result = err;
}

void peal_within_enter(struct peal_scope *scope, int64_t duration)
{
	static const struct peal_scope_opts none;
	struct peal_task *task = peal_task_current();
	struct peal_scope_opts opts = none;
	int64_t now;

	if (!task) {
		room_of(scope)->magic = CLOSED;
		return;
	}
	now = peal_shard_now(task->shard);
	if (__builtin_add_overflow(now, duration, &opts.deadline))
		opts.deadline = duration < 0 ? now : PEAL_NEVER;
	open_at(room_of(scope), task, &opts, now);
}

static void alarm_rang(struct peal_alarm *alarm)
{
	struct peal_nursery *scope = PEAL_CONTAINER_OF(alarm, struct peal_nursery, alarm);

	if (peal_nursery_cancel(scope, PEAL_CAUSE_EXPIRED))
		PEAL_COUNT(scope->home.shard, deadlines_expired);
}

void peal_nursery_set_alarm(struct peal_nursery *scope, int64_t deadline, peal_alarm_fn *fn)
{
	if (!scope->alarmed)
		memset(&scope->alarm, 0, sizeof(scope->alarm));
	scope->alarmed = true;
	peal_alarm_start(scope->home.shard, &scope->alarm, deadline, fn);
}

/* Where an enclosing deadline comes first, that one's cancel arrives here as well. */
static bool needs_alarm(struct peal_nursery *scope)
{
	if (scope->deadline == PEAL_NEVER || peal_nursery_error(scope))
		return false;
	return scope->shield || !scope->parent || scope->deadline < scope->parent->effective;
}

void peal_nursery_arm_all(struct peal_nursery *scope)
{
	for (; scope && !scope->armed; scope = scope->parent) {
		scope->armed = true;
		if (needs_alarm(scope))
			peal_nursery_set_alarm(scope, scope->deadline, alarm_rang);
	}
}

/* Everybody has left. */
static int outcome(struct peal_nursery *scope)
{
	int failure = peal_load_relaxed(&scope->failure);

	if (scope->policy == PEAL_FIRST_SUCCESS && peal_load_relaxed(&scope->succeeded))
		return 0;
	return failure ? failure : peal_nursery_error(scope);
}

/* The opener, with no scope open inside. */
static int leave(struct peal_nursery *scope)
{
	struct peal_task *opener = scope->opener;
	int result;

	peal_nursery_wait(scope);
	if (scope->token) {
		peal_token_leave(scope);
		peal_nursery_wait(scope); /* for what a cancel has sent meanwhile */
	}
	if (scope->alarmed)
		peal_alarm_stop(scope->home.shard, &scope->alarm);
	peal_nursery_free_branches(scope);
	result = outcome(scope);
	if (result == -ETIMEDOUT)
		opener->expired = peal_nursery_error(scope) == -ETIMEDOUT;
	opener->scope = scope->parent;
	scope->magic = CLOSED;
	if (scope->result)
		*scope->result = result;
	return result;
}

int peal_scope_close(struct peal_scope *user)
{
	struct peal_task *task = peal_task_current();
	struct peal_nursery *scope = peal_nursery_of(user);

	if (!scope)
		return -EINVAL;
	if (scope->opener != task)
		return -EPERM;
	if (task->scope != scope)
		return -EBUSY;
	return leave(scope);
}

/* For the macros, which leave scopes from the inside out. */
static void check_innermost(const struct peal_nursery *scope)
{
	const struct peal_task *task = peal_task_current();

	if (scope->opener != task)
		peal_fatal("a scope of task \"%s\" is left by another", scope->opener->name);
	if (task->scope != scope)
		peal_fatal("task \"%s\" leaves a scope while one inside it is open (%s)",
			task->name, task->scope->name ? task->scope->name : "it has no name");
}

void peal_scope_leave(struct peal_scope *user)
{
	struct peal_nursery *scope = peal_nursery_of(user);

	if (!scope)
		return;
	check_innermost(scope);
	leave(scope);
}

void peal_scope_unwind(struct peal_scope *user)
{
	struct peal_nursery *scope = peal_nursery_of(user);

	if (!scope) {
		if (room_of(user)->magic != CLOSED)
			peal_fatal(
				"a scope is left that was never entered: a case label or goto leads into it");
		return;
	}
	check_innermost(scope);
	if (!peal_nursery_empty(scope))
		peal_nursery_cancel(scope, PEAL_CAUSE_CANCELLED);
	leave(scope);
}

int peal_scope_run(peal_scope_fn *fn, void *arg, const struct peal_scope_opts *opts)
{
	struct peal_scope scope __attribute__((cleanup(peal_scope_unwind)));
	int err;

	if (!fn) {
		room_of(&scope)->magic = CLOSED;
		return -EINVAL;
	}
	err = peal_scope_open(&scope, opts);
	if (err) {
		room_of(&scope)->magic = CLOSED;
		return err;
	}
	peal_nursery_take_result(room_of(&scope), fn(&scope, arg));
	return peal_scope_close(&scope);
}

int peal_scope_cancel(struct peal_scope *user)
{
	struct peal_nursery *scope = peal_nursery_of(user);

	if (!scope)
		return -EINVAL;
	peal_nursery_cancel(scope, PEAL_CAUSE_CANCELLED);
	return 0;
}

struct peal_scope *peal_scope_current(void)
{
	struct peal_task *task = peal_task_current();

	return task ? (struct peal_scope *)(void *)task->scope : NULL;
}

int peal_cancelled(void)
{
	struct peal_task *task = peal_task_current();

	return task ? peal_wait_allowed(task) : 0;
}

bool peal_expired(void)
{
	const struct peal_task *task = peal_task_current();

	return task && task->expired;
}

int64_t peal_deadline(void)
{
	const struct peal_task *task = peal_task_current();

	return task && task->scope ? task->scope->effective : PEAL_NEVER;
}
