/* SPDX-License-Identifier: MIT */
/*
 * Tasks inside the core: the control block, its life, and how a fiber sleeps and is woken.
 *
 * A block is its runner's (the shard that the task waits on or runs on) until the task has ended, then its
 * handle's, if it was spawned with one and still has it (joinword.h). Timers that it has left behind armed
 * keep it beyond that.
 */
#ifndef PEAL_CORE_TASK_H
#define PEAL_CORE_TASK_H

#include <peal/task.h>

#include "core/base/atomic.h"
#include "core/fiber/fiber.h"
#include "core/task/joinword.h"
#include "core/base/list.h"
#include "core/base/node.h"
#include "core/sched/wakeword.h"

struct peal_branch;
struct peal_nursery;
struct peal_rt;
struct peal_shard;
struct peal_wait;
struct peal_journey;

enum peal_task_state {
	PEAL_TASK_FRESH, /* never run, no stack */
	PEAL_TASK_READY, /* in a queue of its shard */
	PEAL_TASK_RUNNING,
	PEAL_TASK_SUSPENDED, /* somebody will resume it, once */
	PEAL_TASK_ENDED,
	PEAL_TASK_MOVING, /* on its way to another shard */
};

/* peal_task.claim: may it still be withdrawn? */
enum peal_task_claim {
	PEAL_CLAIM_NONE, /* it always runs */
	PEAL_CLAIM_OPEN,
	PEAL_CLAIM_STARTED,
	PEAL_CLAIM_WITHDRAWN, /* whoever finds it throws it away */
};

#define PEAL_TASK_NAME_BYTES 32
#define PEAL_TASK_LOCAL_KEYS 32

struct peal_task {
	struct peal_node node; /* in an inbox: handed over, or woken from afar */
	struct peal_link link; /* in a queue of one thread */
	peal_task_fn *fn;
	void *arg;
	struct peal_rt *rt;
	struct peal_shard *shard; /* where it is to start, then where it runs */
	struct peal_shard *home;  /* whose stack it has */
	struct peal_fiber fiber;
	struct peal_list member; /* of the branch, on its shard */
	struct peal_list all;    /* of the shard's started tasks, for reports and debuggers */
	struct peal_joinword joiner;
	/* Where others meet it when it sleeps. From here up to the name all is 0 at first. */
	struct peal_wakeword wake;
	void **locals;                /* by key; NULL until one is set (task_local.c) */
	struct peal_journey *journey; /* while it moves (move.c) */
	struct peal_wait *wait;       /* what it waits for, if that can be cancelled (wait.h) */
	int64_t since;              /* when its last wait began, by peal_shard.clock; 0: none did */
	struct peal_nursery *scope; /* the innermost; NULL: the runtime's root scope (scope.h) */
	struct peal_nursery *within; /* the one that it was spawned into */
	struct peal_branch *branch;  /* of that, on its shard; NULL before it starts */
	int result;
	uint32_t holds;  /* things of its shard, such as ops in flight: it cannot move */
	uint32_t timers; /* those that it has started and that are armed: nor then */
	PEAL_ATOMIC(uint32_t)
	kept; /* by so many, timers and the block's owner; 0: just the latter */
	PEAL_ATOMIC(uint8_t) claim; /* enum peal_task_claim */
	uint8_t state;              /* enum peal_task_state */
	uint8_t system;   /* the runtime's own: not counted among the tasks, not cancelled */
	uint8_t priority; /* PEAL_NORMAL, ... */
	bool expired;     /* the last -ETIMEDOUT that it got was a deadline */
	char name[PEAL_TASK_NAME_BYTES];
};

/* The calling fiber's task; NULL on a shard's loop and off the shards. */
struct peal_task *peal_task_current(void);

/* On the task's shard: a task that suspended itself (task_here.h) becomes ready. */
void peal_task_resume(struct peal_task *task);

/*
 * Sleep until peal_task_wake(). A wake that came first is stored, so the call returns at once.
 * Whoever asked somebody for a wake must park until it has come, or the waker might touch a task that
 * is gone.
 */
void peal_task_park(void);
/* Any thread. */
void peal_task_wake(struct peal_task *task);
/* Any shard: resume a task that is suspended, or about to be, and that the caller alone may resume. */
void peal_task_hand_on(struct peal_task *task);

/* move.c: it has asked for another shard, and has left its stack. On the loop of the old one. */
void peal_task_hand_over(struct peal_shard *shard, struct peal_task *task);

/* spawn.c: a new task, with a handle or without, and its end if it was not placed. On a shard or any
 * other thread. */
int peal_task_make(struct peal_task **made, struct peal_rt *rt, peal_task_fn *fn, void *arg,
	const struct peal_spawn_opts *opts, bool has_handle);
void peal_task_unmake(struct peal_task *task);
/* Put it into a scope, NULL for the root, and where it is to start. */
int peal_task_place_into(struct peal_nursery *scope, struct peal_task *task, uint64_t place);

/* Fill in a task that the caller has the memory of. It is in the root scope. */
void peal_task_init(
	struct peal_task *task, struct peal_rt *rt, peal_task_fn *fn, void *arg, const char *name);
/* place.c: put a fresh task where it is to start; HERE off the shards is any, in turn. Any thread. */
int peal_task_place(struct peal_task *task, uint64_t place);
/* Is it one? 0 or -EINVAL. */
int peal_place_check(const struct peal_rt *rt, uint64_t place);

/* In a task that has locals, when its function has returned. */
void peal_task_locals_destroy(struct peal_task *task);

/* A task that has ended is kept for its timers, and no more. On its shard. */
void peal_task_keep(struct peal_shard *shard, struct peal_task *task);
void peal_task_forget(struct peal_shard *shard, struct peal_task *task);
/* The shard closes: none of its timers will fire. */
void peal_task_forget_all(struct peal_shard *shard);

/* Blocks for tasks, from the shard's cache; shard NULL off the shards. (task_here.h has the way back.) */
struct peal_task *peal_task_alloc(struct peal_shard *shard);
void peal_task_free_memory(struct peal_task *task);
/* Give the cache back. */
void peal_task_cache_drain(struct peal_shard *shard);

#endif
