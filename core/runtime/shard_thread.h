/* SPDX-License-Identifier: MIT */
#ifndef PEAL_CORE_SHARD_THREAD_H
#define PEAL_CORE_SHARD_THREAD_H

#include <stdbool.h>
#include <stdint.h>

struct peal_rt;
struct peal_shard;

/*
 * Start a thread for every shard; with `borrow` for all but the first, whose thread the caller will
 * be, by calling peal_shard_thread_run(). Errors are left in shard->start_error.
 */
void peal_shard_threads_start(struct peal_rt *rt, bool borrow);
void peal_shard_threads_join(struct peal_rt *rt);

/* Be a shard: open, loop until the runtime stops, close. */
void peal_shard_thread_run(struct peal_shard *shard);

/*
 * Its parts, for a thread that has a loop of its own (embed.c). Begin opens, and meets the others; false
 * when not all could open. Leave says that the loop has ended, and returns the meeting that comes next;
 * no other thread rings this shard's bell when that has taken place. End closes, after a failed begin
 * too.
 */
bool peal_shard_thread_begin(struct peal_shard *shard);
uint32_t peal_shard_thread_leave(struct peal_shard *shard);
void peal_shard_thread_meet(struct peal_shard *shard, uint32_t meeting);
void peal_shard_thread_end(struct peal_shard *shard);

/* Have signal handlers run on a stack of their own there. On its thread; 0 or a negative errno. */
int peal_shard_thread_give_stack(struct peal_shard *shard);

/* Did every shard open? After they have met. */
bool peal_rt_all_open(const struct peal_rt *rt);

#endif
