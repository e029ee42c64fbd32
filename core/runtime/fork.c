/* SPDX-License-Identifier: MIT */
#include <pthread.h>

#include "core/base/alloc.h"
#include "core/runtime/debug.h"
#include "core/runtime/embed.h"
#include "core/runtime/fork.h"
#include "core/fiber/overflow.h"
#include "core/runtime/rt.h"
#include "core/runtime/signal_gate.h"

/* Held over a fork, so that the child finds the list, and which rings are open, as they are. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int register_err;
static PEAL_ATOMIC(uint32_t) generation;

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork_in_parent(void)
{
	pthread_mutex_unlock(&lock);
}

static void give_up(struct peal_rt *rt)
{
	peal_store_seq_cst(&rt->stale, true);
	peal_embed_after_fork(rt);
	for (uint32_t i = 0; rt->shards && i < rt->shard_count; i++) {
		struct peal_shard *shard = rt->shards[i];

		if (shard && shard->forkable)
			rt->backend.after_fork(shard->forkable);
		if (shard)
			shard->forkable = NULL;
	}
}

/* The thread that forked may have been a shard's, and be in a fiber even: it is neither any more. */
static void after_fork_in_child(void)
{
	pthread_mutex_init(&lock, NULL);
	peal_alloc_after_fork();
	peal_overflow_after_fork();
	peal_signals_gate_after_fork();
	peal_add_seq_cst(&generation, 1);
	peal_shard_here = NULL;
	peal_fiber_here = (struct peal_fiber_here){ 0 };
	PEAL_LIST_EACH (entry, &peal_runtimes)
		give_up(PEAL_CONTAINER_OF(entry, struct peal_rt, forks));
	peal_list_init(&peal_runtimes);
}

static void watch_forks(void)
{
	register_err = -pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

int peal_fork_watch(struct peal_rt *rt)
{
	pthread_once(&once, watch_forks);
	if (register_err)
		return register_err;
	pthread_mutex_lock(&lock);
	peal_list_append(&peal_runtimes, &rt->forks);
	pthread_mutex_unlock(&lock);
	return 0;
}

void peal_fork_forget(struct peal_rt *rt)
{
	pthread_mutex_lock(&lock);
	peal_list_remove(&rt->forks);
	pthread_mutex_unlock(&lock);
}

uint32_t peal_fork_generation(void)
{
	return peal_load_relaxed(&generation);
}

void peal_fork_ring(struct peal_shard *shard, struct peal_ring *ring)
{
	pthread_mutex_lock(&lock);
	shard->forkable = ring;
	pthread_mutex_unlock(&lock);
}
