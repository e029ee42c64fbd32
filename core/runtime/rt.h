/* SPDX-License-Identifier: MIT */
/*
 * The runtime inside the core.
 */
#ifndef PEAL_CORE_RT_H
#define PEAL_CORE_RT_H

#include <pthread.h>

#include <peal/backend.h>
#include <peal/runtime.h>

#include "core/base/atomic.h"
#include "core/machine/backend.h"
#include "core/base/compiler.h"
#include "core/machine/cpus.h"
#include "core/runtime/embed.h"
#include "core/runtime/life.h"
#include "core/base/list.h"
#include "core/runtime/shard.h"
#include "core/task/task.h"

struct peal_blocking_pool;
struct peal_plugins;
struct peal_signals;
struct peal_stats_page;

/* Whose thread is shard 0? */
enum peal_zeroth {
	PEAL_ZEROTH_OWN,
	PEAL_ZEROTH_BORROWED, /* that of peal_run(), until the runtime has ended */
	PEAL_ZEROTH_EMBEDDED  /* that of peal_rt_start(), but only during peal_rt_turn() */
};

struct peal_rt {
	struct peal_rt_opts opts; /* complete: no field is a default any more */
	char name[32];            /* what opts.name was, or the program's */
	struct peal_backend backend;
	char backend_why[256];
	struct peal_shard **shards;
	uint32_t shard_count;
	struct peal_cpus cpus;
	bool may_spin; /* no quota that it would eat, and a clock that goes on meanwhile */
	bool pin;
	struct peal_stats_page *stats;
	struct peal_blocking_pool *blocking;
	struct peal_plugins *plugins;
	struct peal_signals *signals; /* NULL: it listens to none (signals.h) */
	enum peal_zeroth zeroth;

	pthread_mutex_t lock; /* guards what follows up to the next blank line */
	pthread_cond_t changed;
	uint32_t arrived; /* threads that stand at the current meeting point (life.c) */
	uint32_t meeting;
	uint32_t local_keys;
	struct peal_list ports; /* port.h */
	bool ports_closed;
	void (*local_destroy[PEAL_LOCAL_KEYS])(void *value);
	uint32_t task_local_keys;
	void (*task_local_destroy[PEAL_TASK_LOCAL_KEYS])(void *value);

	/* Fresh stealable tasks that did not fit into their shard's ring. */
	pthread_mutex_t overflow_lock;
	struct peal_queue overflow;
	PEAL_ALIGNED_LINE PEAL_ATOMIC(uint32_t) overflow_count;

	struct peal_list forks;  /* fork.c's list */
	struct peal_embed embed; /* shard 0, where opts.embedded */
	struct peal_task keeper; /* takes the runtime down (life.h) */
	peal_task_fn *main_fn;   /* of peal_run() */
	void *main_arg;
	int main_result;
	struct peal_nursery *main_scope; /* while it runs; of shard 0 */

	PEAL_ALIGNED_LINE PEAL_ATOMIC(uint32_t) state; /* enum peal_rt_state */
	PEAL_ATOMIC(uint32_t)
	tasks; /* that exist or that shards may spawn without asking (limit.c) */
	uint32_t quota_batch;
	PEAL_ATOMIC(uint32_t) next_shard; /* round-robin */
	PEAL_ATOMIC(uint32_t) outside;    /* foreign threads that are delivering right now */
	PEAL_ATOMIC(bool) drain_asked;
	PEAL_ATOMIC(bool) emergency;       /* emergency.c */
	PEAL_ATOMIC(bool) stale;           /* it is the parent's: fork.c */
	PEAL_ATOMIC(uint32_t) orders_left; /* shards that have not carried out the keeper's order */
	PEAL_ALIGNED_LINE PEAL_ATOMIC(uint32_t) idle;
	PEAL_ATOMIC(uint32_t) searchers;
	PEAL_ATOMIC(uint32_t) spinners;    /* of the idle ones */
	PEAL_ATOMIC(int64_t) tell_hogs_at; /* not before then, again (hog.c) */
	PEAL_ATOMIC(uint32_t)
	watcher; /* the index + 1 of one that sleeps and looks round now and then */
};

/* limit.c: the bound on tasks. Acquire: 0 or -EAGAIN, -ESHUTDOWN. shard NULL off the shards. */
int peal_limit_ask(struct peal_rt *rt, struct peal_shard *shard);
void peal_limit_give(struct peal_rt *rt, struct peal_shard *shard);

static inline int peal_limit_acquire(struct peal_rt *rt, struct peal_shard *shard)
{
	if (PEAL_UNLIKELY(!shard || !shard->quota))
		return peal_limit_ask(rt, shard);
	shard->quota--;
	return 0;
}

static inline void peal_limit_release(struct peal_rt *rt, struct peal_shard *shard)
{
	if (PEAL_UNLIKELY(!shard || shard->quota >= shard->quota_most))
		peal_limit_give(rt, shard);
	else
		shard->quota++;
}

/* Give back what a shard may spawn but has not. */
void peal_limit_return(struct peal_shard *shard);
/* No task may come any more; false when there still is one. */
bool peal_limit_close(struct peal_rt *rt);

/* For plugin.c: the runtime's slot. */
struct peal_plugins **peal_rt_plugins(struct peal_rt *rt);
/* For stats.c. */
struct peal_stats_page *peal_rt_stats_page(struct peal_rt *rt);

#endif
