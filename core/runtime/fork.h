/* SPDX-License-Identifier: MIT */
/*
 * fork(2). A child has one thread and none of the parent's shards: its copies of runtimes are stale, and
 * calls on them say so (-ESTALE). It may start runtimes of its own.
 *
 * By pthread_atfork(3), not by comparing process ids: a handler runs before anything of the child's can
 * touch a ring that it shares with its parent, and costs nothing per call. Children that are made without
 * it (vfork(2), posix_spawn(3), a bare clone(2)) may do nothing but exec or exit anyway.
 */
#ifndef PEAL_CORE_FORK_H
#define PEAL_CORE_FORK_H

#include <stdint.h>

#include "core/base/list.h"

struct peal_ring;
struct peal_rt;
struct peal_shard;

/* A runtime that a fork is to know of, from before its first ring to after its last. */
int peal_fork_watch(struct peal_rt *rt);
void peal_fork_forget(struct peal_rt *rt);

/* How many forks this process is away from the first one that knew of Peal. */
uint32_t peal_fork_generation(void);

/* The ring that a child would inherit; NULL before it is closed. */
void peal_fork_ring(struct peal_shard *shard, struct peal_ring *ring);

#endif
