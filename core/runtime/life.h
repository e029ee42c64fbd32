/* SPDX-License-Identifier: MIT */
/*
 * How a runtime comes to its end, and where its threads meet.
 *
 * A task of the runtime's own, the keeper, waits on shard 0 from the start. When it is asked to drain it
 * tells the shards, waits until the last task has ended (cancelling what waits after the drain
 * timeout), stops the plugins, and sends every shard out of its loop. Being a fiber it may wait; being
 * on a shard it sees nothing of the other threads but messages.
 */
#ifndef PEAL_CORE_LIFE_H
#define PEAL_CORE_LIFE_H

#include <stdbool.h>
#include <stdint.h>

struct peal_rt;
struct peal_shard;

/* Before the loops start, on shard 0's thread. */
void peal_keeper_start(struct peal_rt *rt);
/* Something has changed that the keeper may wait for. Any thread. */
void peal_keeper_look(struct peal_rt *rt);

/* From BOOTING, if it is that still. */
void peal_rt_set_running(struct peal_rt *rt);
/* No shard turns any more. */
void peal_rt_set_stopped(struct peal_rt *rt);

/*
 * After an emergency, or in the child of a fork, nobody is there to be woken: then it is no defect that
 * something cannot be delivered.
 */
bool peal_rt_is_lost(struct peal_rt *rt);

/* The latter alone (rt_query.c). */
bool peal_rt_is_stale(const struct peal_rt *rt);

/* emergency.c: a shard's loop ends without waiting for anybody. Then, when no shard runs anything any
 * more, what it leaves behind is counted, reported and, if nobody can write to it, given back. */
void peal_shard_abandon(struct peal_shard *shard);
void peal_shard_count_lost(struct peal_shard *shard);

/* Every shard's thread waits here for all others. */
void peal_rt_meet(struct peal_rt *rt);
/* The two halves of that: *meeting is the one to wait for. True for the last to arrive. */
bool peal_rt_arrive(struct peal_rt *rt, uint32_t *meeting);
void peal_rt_wait_for_others(struct peal_rt *rt, uint32_t meeting);
/* Stand in for threads that could not be made. */
void peal_rt_meet_absent(struct peal_rt *rt, unsigned int count);

#endif
