/* SPDX-License-Identifier: MIT */
/*
 * Shard 0 of a runtime in a loop that is not ours: one descriptor to wait for, one function to call.
 *
 * The descriptor is an epoll of two things: what the backend offers in place of sleeping in its ring
 * (poll_fd), and a timer, because rings that nobody sleeps in know no deadlines. Between two turns the
 * shard is parked: its inbox says so, its next deadline is in the timer, and its thread is no shard.
 */
#ifndef PEAL_CORE_EMBED_H
#define PEAL_CORE_EMBED_H

#include <pthread.h>
#include <stdint.h>

#include <peal/runtime.h>

#include "core/fiber/fiber.h"

struct peal_shard;

enum peal_embed_state {
	PEAL_EMBED_AWAKE,   /* it has something to do, and its bell was rung */
	PEAL_EMBED_STARVED, /* likewise, in a moment: it has tasks but no memory for stacks */
	PEAL_EMBED_PARKED,
	PEAL_EMBED_ENDED
};

struct peal_embed {
	int epoll, timer;
	int64_t timer_at; /* PEAL_NEVER: it is not set */
	uint32_t meeting; /* for the end (life.h) */
	uint8_t state;    /* enum peal_embed_state */
	pthread_t thread;
	struct peal_fiber_here fibers; /* what the thread is for them during a turn */
};

/* On the thread that will turn the shard: become its shard 0, and meet the others (life.h). */
void peal_embed_begin(struct peal_rt *rt);
/* After the last turn, or when not all shards could begin. */
void peal_embed_end(struct peal_rt *rt);

/* In the child of a fork. */
void peal_embed_after_fork(struct peal_rt *rt);

/* Turn until the runtime has stopped. The caller has asked for it. 0, -EPERM or -EDEADLK. */
int peal_embed_run_out(struct peal_rt *rt);

#endif
