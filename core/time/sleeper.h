/* SPDX-License-Identifier: MIT */
/*
 * Somebody who waits for somebody else, once: a fiber, which gives its shard to others, or a thread
 * that is no shard, which blocks.
 *
 *	struct peal_sleeper sleeper;
 *
 *	peal_sleeper_init(&sleeper);
 *	...                              // let another thread know of it
 *	peal_sleeper_sleep(&sleeper);    // until that calls peal_sleeper_wake(), before or after
 */
#ifndef PEAL_CORE_SLEEPER_H
#define PEAL_CORE_SLEEPER_H

#include <pthread.h>
#include <stdbool.h>

#include "core/base/atomic.h"

struct peal_task;

struct peal_sleeper {
	struct peal_task *task; /* NULL: a thread, which uses lock and changed */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	PEAL_ATOMIC(bool) woken;
};

/* By the one who is going to sleep. Every init is followed by one sleep, and needs one wake. */
void peal_sleeper_init(struct peal_sleeper *sleeper);
void peal_sleeper_sleep(struct peal_sleeper *sleeper);

/* Any thread. The sleeper may be gone when this returns. */
void peal_sleeper_wake(struct peal_sleeper *sleeper);

#endif
