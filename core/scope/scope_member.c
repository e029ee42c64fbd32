/* SPDX-License-Identifier: MIT */
/*
 * The tasks inside a scope: counted from before they can run until they have ended, listed on the shard
 * that they run on, and what their results mean to the others.
 */
#include "core/base/alloc.h"
#include "core/base/fatal.h"
#include "core/runtime/rt.h"
#include "core/scope/scope.h"

static bool at_home(const struct peal_nursery *scope)
{
	return scope->home.shard == peal_shard_current();
}

bool peal_nursery_hold(struct peal_nursery *scope)
{
	int64_t pending = peal_load_relaxed(&scope->pending);

	do {
		if (!pending)
			return false;
	} while (!peal_cas_weak_seq_cst(&scope->pending, &pending, pending + 1));
	return true;
}

bool peal_nursery_count_in(struct peal_nursery *scope)
{
	if (!at_home(scope) || scope->closing)
		return peal_nursery_hold(scope);
	scope->here++;
	return true;
}

/* Once the count has been given back nothing here may be looked at: hence the opener first. It parks
 * until this wake has come. */
void peal_nursery_count_out(struct peal_nursery *scope)
{
	struct peal_task *opener = scope->opener;

	if (at_home(scope) && !scope->closing)
		scope->here--;
	else if (peal_sub_acq_rel(&scope->pending, 1) == 1)
		peal_task_wake(opener);
}

/* A failure that follows from the cancel says nothing new. */
static void take_failure(struct peal_nursery *scope, int result)
{
	int32_t none = 0;

	if ((result == -ECANCELED || result == -ETIMEDOUT) && peal_nursery_error(scope))
		return;
	peal_cas_acq_rel(&scope->failure, &none, result);
	if (scope->policy == PEAL_FAIL_FAST)
		peal_nursery_cancel(scope, PEAL_CAUSE_CANCELLED);
}

void peal_nursery_take_result(struct peal_nursery *scope, int result)
{
	if (PEAL_UNLIKELY(result < 0)) {
		take_failure(scope, result);
	} else if (scope->policy == PEAL_FIRST_SUCCESS && !peal_load_relaxed(&scope->succeeded)) {
		peal_store_relaxed(&scope->succeeded, true);
		peal_nursery_cancel(scope, PEAL_CAUSE_CANCELLED);
	}
}

void peal_nursery_init_branch(
	struct peal_branch *branch, struct peal_nursery *scope, struct peal_shard *shard)
{
	branch->scope = scope;
	branch->shard = shard;
	branch->next = NULL;
	peal_store_relaxed(&branch->sent, false);
	peal_list_init(&branch->members);
}

/* Only the shard itself links its branch, so it cannot appear twice. */
static struct peal_branch *link_branch(
	struct peal_shard *shard, struct peal_nursery *scope, struct peal_branch *branch)
{
	peal_nursery_init_branch(branch, scope, shard);
	branch->next = peal_load_relaxed(&scope->branches);
	while (!peal_cas_weak_seq_cst(&scope->branches, &branch->next, branch))
		;
	return branch;
}

/* NULL when it has none. */
static struct peal_branch *branch_on(struct peal_shard *shard, struct peal_nursery *scope)
{
	struct peal_branch *branch = peal_load_acquire(&scope->branches);

	if (scope->home.shard == shard)
		return &scope->home;
	while (branch && branch->shard != shard)
		branch = branch->next;
	return branch;
}

static void enter(struct peal_task *task, struct peal_branch *branch)
{
	task->branch = branch;
	peal_list_append(&branch->members, &task->member);
}

bool peal_nursery_join(struct peal_shard *shard, struct peal_task *task)
{
	struct peal_branch *branch = task->branch;

	if (branch)
		return true; /* it has been here before, and found no stack */
	branch = branch_on(shard, task->within);
	if (!branch) {
		branch = peal_alloc(1, sizeof(*branch));
		if (!branch)
			return false;
		link_branch(shard, task->within, branch);
	}
	enter(task, branch);
	return true;
}

void peal_nursery_arrive(
	struct peal_shard *shard, struct peal_task *task, struct peal_branch *spare)
{
	struct peal_branch *branch = branch_on(shard, task->within);

	if (branch)
		peal_free(spare);
	else
		branch = link_branch(shard, task->within, spare);
	enter(task, branch);
}

void peal_nursery_part(struct peal_task *task)
{
	struct peal_nursery *scope = task->within;

	peal_list_remove(&task->member);
	peal_nursery_take_result(scope, task->result);
	peal_nursery_count_out(scope);
}

bool peal_branch_send(struct peal_branch *branch, peal_node_fn *fn)
{
	if (!peal_nursery_hold(branch->scope))
		return true; /* nobody is inside any more */
	if (peal_exchange_acq_rel(&branch->sent, true)) {
		peal_nursery_count_out(branch->scope);
		return false;
	}
	branch->node.fn = fn;
	if (peal_shard_deliver(branch->shard, &branch->node) < 0 &&
		!peal_rt_is_lost(branch->shard->rt))
		peal_fatal("a shard stopped under a scope");
	return true;
}

struct peal_branch *peal_branch_arrived(struct peal_node *node)
{
	struct peal_branch *branch = PEAL_CONTAINER_OF(node, struct peal_branch, node);

	peal_store_release(&branch->sent, false);
	return branch;
}

void peal_nursery_free_branches(struct peal_nursery *scope)
{
	struct peal_branch *branch = peal_load_relaxed(&scope->branches);

	while (branch) {
		struct peal_branch *next = branch->next;

		peal_free(branch);
		branch = next;
	}
}

bool peal_nursery_empty(struct peal_nursery *scope)
{
	return peal_load_acquire(&scope->pending) + scope->here == PEAL_PENDING_BIAS;
}

void peal_nursery_wait(struct peal_nursery *scope)
{
	int64_t left = scope->here - PEAL_PENDING_BIAS;

	if (scope->closing || peal_nursery_empty(scope))
		return;
	scope->closing = true;
	if (peal_add_acq_rel(&scope->pending, left) + left == 0)
		return;
	if (peal_nursery_error(scope))
		peal_nursery_watch(scope);
	scope->opener->since = scope->home.shard->clock;
	peal_task_park();
	peal_assert(peal_load_acquire(&scope->pending) == 0);
}
