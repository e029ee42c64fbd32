/* SPDX-License-Identifier: MIT */
/*
 * Cancelling a scope: from shard to shard, from task to task, from scope to scope. core/scope/scope.h argues why nobody is missed and nothing is gone when a node arrives.
 */
#include "core/runtime/rt.h"
#include "core/scope/scope.h"
#include "core/task/wait.h"

static bool mark(struct peal_nursery *scope, enum peal_cause cause)
{
	uint32_t live = PEAL_CAUSE_LIVE;

	return peal_cas_seq_cst(&scope->cause, &live, cause);
}

/* The outermost scope between `inside` and `above` that a cancel of `above` does not enter. */
static struct peal_nursery *find_shield(struct peal_nursery *inside, struct peal_nursery *above)
{
	struct peal_nursery *shield = NULL;

	for (struct peal_nursery *scope = inside; scope != above; scope = scope->parent)
		if (scope->shield)
			shield = scope;
	return shield;
}

/*
 * A task on this shard is inside a scope that was cancelled, `above`: so are the scopes that it has open
 * inside that one, whose own tasks come later, from the list; and its wait.
 */
static void reach(struct peal_task *task, struct peal_nursery *above, struct peal_nursery **reached)
{
	struct peal_nursery *shield = find_shield(task->scope, above);

	for (struct peal_nursery *scope = shield ? shield->parent : task->scope; scope != above;
		scope = scope->parent) {
		if (!mark(scope, PEAL_CAUSE_CANCELLED))
			continue;
		scope->reached = *reached;
		*reached = scope;
	}
	if (!shield)
		peal_wait_cancel(task);
}

static void reach_members(struct peal_branch *branch, struct peal_nursery **reached)
{
	PEAL_LIST_EACH (entry, &branch->members)
		reach(PEAL_CONTAINER_OF(entry, struct peal_task, member), branch->scope, reached);
}

static void reach_branch(struct peal_shard *shard, struct peal_branch *branch);

static void arrive(struct peal_shard *shard, struct peal_node *node)
{
	struct peal_branch *branch = peal_branch_arrived(node);

	reach_branch(shard, branch);
	peal_nursery_count_out(branch->scope);
}

static void tell_others(struct peal_nursery *scope, struct peal_shard *here)
{
	struct peal_branch *branch = peal_load_seq_cst(&scope->branches);

	for (; branch; branch = branch->next)
		if (branch->shard != here)
			peal_branch_send(branch, arrive);
}

/* Scopes whose home this is. A list instead of recursion: they nest as deep as programs recurse. */
static void go_on(struct peal_shard *shard, struct peal_nursery *reached)
{
	struct peal_nursery *scope;

	while ((scope = reached)) {
		reached = scope->reached;
		if (scope->closing)
			peal_nursery_watch(scope);
		tell_others(scope, shard);
		reach_members(&scope->home, &reached);
	}
}

static void reach_branch(struct peal_shard *shard, struct peal_branch *branch)
{
	struct peal_nursery *scope = branch->scope, *reached = NULL;

	if (branch == &scope->home) {
		reach(scope->opener, scope, &reached);
		if (scope->closing)
			peal_nursery_watch(scope);
	}
	reach_members(branch, &reached);
	go_on(shard, reached);
}

bool peal_nursery_cancel(struct peal_nursery *scope, enum peal_cause cause)
{
	struct peal_shard *here = peal_shard_current();
	struct peal_branch *branch = NULL;

	if (!mark(scope, cause))
		return false;
	if (here)
		PEAL_COUNT(here, scopes_cancelled);
	tell_others(scope, here);
	if (scope->home.shard == here) {
		reach_branch(here, &scope->home);
		return true;
	}
	for (branch = peal_load_seq_cst(&scope->branches); branch; branch = branch->next)
		if (branch->shard == here)
			reach_branch(here, branch);
	peal_branch_send(&scope->home, arrive);
	return true;
}

/* They are looked for only now: opening and leaving one is no dearer than any other scope. */
void peal_drain_cancel(struct peal_shard *shard)
{
	PEAL_LIST_EACH (entry, &shard->tasks) {
		struct peal_task *task = PEAL_CONTAINER_OF(entry, struct peal_task, all);

		for (struct peal_nursery *scope = task->scope; scope != task->within;
			scope = scope->parent)
			if (scope->until_drain)
				peal_nursery_cancel(scope, PEAL_CAUSE_CANCELLED);
	}
}

void peal_root_cancel(struct peal_shard *shard)
{
	struct peal_nursery *reached = NULL;

	shard->cancelled = true;
	PEAL_LIST_EACH (entry, &shard->tasks) {
		struct peal_task *task = PEAL_CONTAINER_OF(entry, struct peal_task, all);

		if (!task->system && !task->within)
			reach(task, NULL, &reached);
	}
	go_on(shard, reached);
}
