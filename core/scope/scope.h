/* SPDX-License-Identifier: MIT */
/*
 * Scopes inside the core: what a struct peal_scope holds, and how tasks, waits and the end of a runtime
 * meet it.
 *
 * A scope belongs to the fiber that opened it, its opener, and to that fiber's shard, its home. The
 * scopes that a fiber has open form a chain, from task->scope, the innermost, over `parent` to
 * task->within, the scope that the task was spawned into; NULL stands for the runtime's root scope.
 *
 * A task that has started is in the list of its scope's branch for the shard that it runs on. The branch
 * of the home is part of the scope; those of other shards are made by the first member that starts there
 * and are freed with the scope. Only a branch's own shard looks at its list, so no list has a lock, and a
 * cancel costs what its members cost. Fresh tasks are in no list: they find out when they first wait.
 *
 * Cancelling. `cause` leaves LIVE once. Whoever changes it sends the branches' nodes to their shards;
 * there the members' waits are cancelled, and the scopes that the members have open, in which the same
 * goes on. No cancel is missed: a member's shard links its branch before the member first looks at
 * `cause`, the canceller changes `cause` before it looks at the branches, both with seq_cst accesses, so
 * at least one of the two sees the other. And a scope that is opened looks at its parent's `cause`; if
 * it does not see it changed, the node is still to come, and finds the new scope in its opener's chain.
 *
 * Lifetime. `pending` counts the members, and every node that is under way. The opener leaves only when
 * it is 0, so none of them finds the scope gone. (Until the opener begins to wait, what happens on the
 * home shard is counted in `here`, without atomics; `pending` then has a bias that keeps it off 0.)
 */
#ifndef PEAL_CORE_SCOPE_H
#define PEAL_CORE_SCOPE_H

#include <errno.h>

#include <peal/scope.h>

#include "core/time/alarm.h"
#include "core/base/atomic.h"
#include "core/base/compiler.h"
#include "core/base/list.h"
#include "core/base/node.h"

struct peal_nursery;
struct peal_rt;
struct peal_shard;
struct peal_task;

/* Keeps `pending` off 0 until the opener waits; more than there can be tasks. */
#define PEAL_PENDING_BIAS ((int64_t)1 << 40)

enum peal_cause {
	PEAL_CAUSE_LIVE,      /* not cancelled */
	PEAL_CAUSE_CANCELLED, /* by somebody, or with an enclosing scope */
	PEAL_CAUSE_EXPIRED,   /* its own deadline has passed */
};

struct peal_branch {
	struct peal_node node; /* under way to the shard while `sent` */
	struct peal_nursery *scope;
	struct peal_shard *shard;
	struct peal_list members;
	struct peal_branch *next; /* of the scope; constant once it is linked */
	PEAL_ATOMIC(bool) sent;
};

/* In the room of a struct peal_scope. */
struct __attribute__((may_alias)) peal_nursery {
	uint32_t magic;
	PEAL_ATOMIC(uint32_t) cause;
	struct peal_nursery *parent; /* NULL: the root */
	struct peal_task *opener;
	const char *name;
	int *result;       /* where the outcome goes; may be NULL */
	int64_t deadline;  /* its own */
	int64_t effective; /* the earliest of those that hold for it */
	uint8_t policy, shield, until_drain;
	bool armed;   /* somebody waits: the deadlines of it and the enclosing scopes are watched */
	bool alarmed; /* the alarm has been started */
	bool closing; /* the opener waits; `here` has gone into `pending` */
	int64_t here;
	PEAL_ATOMIC(int64_t) pending;
	PEAL_ATOMIC(int32_t) failure; /* the first, 0: none yet */
	PEAL_ATOMIC(bool) succeeded;  /* a task has, where that matters */
	struct peal_token *token;     /* NULL: none */
	struct peal_list in_token;
	struct peal_nursery *reached; /* in the list of a cancel that goes on */
	PEAL_ATOMIC(struct peal_branch *) branches;
	struct peal_branch home;
	struct peal_alarm alarm; /* its deadline; while closing and cancelled, patience */
};

/* The scope in what the user gave; NULL unless it is open. */
struct peal_nursery *peal_nursery_of(struct peal_scope *scope);

/* Why calls inside may not wait: 0, -ECANCELED, -ETIMEDOUT. Any shard. */
static inline int peal_nursery_error(struct peal_nursery *scope)
{
	switch (peal_load_seq_cst(&scope->cause)) {
	case PEAL_CAUSE_LIVE:
		return 0;
	case PEAL_CAUSE_EXPIRED:
		return -ETIMEDOUT;
	default:
		return -ECANCELED;
	}
}

/* Somebody will wait inside: from now on the deadlines are watched. On the home of those that are not
 * armed. */
void peal_nursery_arm_all(struct peal_nursery *scope);

static inline void peal_nursery_arm(struct peal_nursery *scope)
{
	if (scope && PEAL_UNLIKELY(!scope->armed))
		peal_nursery_arm_all(scope);
}

/* (Re)start its alarm. On its home. */
void peal_nursery_set_alarm(struct peal_nursery *scope, int64_t deadline, peal_alarm_fn *fn);

/* scope_cancel.c. Cancel; false when it was cancelled already. From inside, any shard. */
bool peal_nursery_cancel(struct peal_nursery *scope, enum peal_cause cause);
/* What tasks of a shard have opened to last until the runtime drains. On its loop, when that begins. */
void peal_drain_cancel(struct peal_shard *shard);
/* The root scope's part on a shard: what was not begun in a shield ends. On its loop. */
void peal_root_cancel(struct peal_shard *shard);

/* scope_report.c. The opener waits for tasks that were cancelled: if that takes long, say for whom. On
 * the scope's home. */
void peal_nursery_watch(struct peal_nursery *scope);
/* Say of a task that it goes on although it was cancelled. On its shard. */
void peal_task_report(const struct peal_task *task, const char *who_waits);

/* scope_member.c. One more task is inside, before anybody can run it; false when it is too late. */
bool peal_nursery_count_in(struct peal_nursery *scope);
/* A task, or a node, is gone. The scope may be, too, from here on. */
void peal_nursery_count_out(struct peal_nursery *scope);
/* Hold the scope for a node; false when nobody is inside any more. */
bool peal_nursery_hold(struct peal_nursery *scope);
/* A task inside has ended with this, or could not be spawned. */
void peal_nursery_take_result(struct peal_nursery *scope, int result);
/* A fresh task starts on a shard: its place in the branch. False without memory for one. */
bool peal_nursery_join(struct peal_shard *shard, struct peal_task *task);
/* It has come from another shard, and left the branch there. spare becomes this shard's branch, or is
 * freed. */
void peal_nursery_arrive(
	struct peal_shard *shard, struct peal_task *task, struct peal_branch *spare);
/* It has ended and leaves. */
void peal_nursery_part(struct peal_task *task);
/* The opener, for all to end. */
void peal_nursery_wait(struct peal_nursery *scope);
/* Has anybody been inside who may be there still? On its home. */
bool peal_nursery_empty(struct peal_nursery *scope);

/* token.c. An open scope is cancelled with the token, until it leaves it. */
void peal_token_enter(struct peal_token *token, struct peal_nursery *scope);
void peal_token_leave(struct peal_nursery *scope);

void peal_nursery_init_branch(
	struct peal_branch *branch, struct peal_nursery *scope, struct peal_shard *shard);
void peal_nursery_free_branches(struct peal_nursery *scope);
/* A node for a branch's shard; false when one is under way still. fn gives it back. */
bool peal_branch_send(struct peal_branch *branch, peal_node_fn *fn);
struct peal_branch *peal_branch_arrived(struct peal_node *node);

#endif
