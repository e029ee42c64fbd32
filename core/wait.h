/* SPDX-License-Identifier: MIT */
/*
 * A wait that can be cancelled. It lies on the stack of the fiber that waits, and in a list of its
 * shard while it does, so that a runtime that stops can end them all.
 *
 *	struct peal_wait wait = { .cancel = stop_waiting };
 *
 *	err = peal_wait_begin(&wait);      // -ECANCELED: it is too late to begin
 *	...                                // suspend
 *	peal_wait_end(&wait);
 *
 * Cancel is called on the fiber's shard, at most once. It withdraws what the fiber waits for and
 * resumes it, or arranges that this happens; if the awaited thing is there already it does nothing.
 */
#ifndef PEAL_CORE_WAIT_H
#define PEAL_CORE_WAIT_H

#include "core/list.h"

struct peal_shard;
struct peal_task;
struct peal_wait;

typedef void peal_wait_cancel_fn(struct peal_wait *wait);

struct peal_wait {
	struct peal_list list;
	struct peal_task *task;
	peal_wait_cancel_fn *cancel;
	bool cancelled;
};

/* In a fiber (-EPERM elsewhere). */
int peal_wait_begin(struct peal_wait *wait);
void peal_wait_end(struct peal_wait *wait);

/* Cancel every wait of a shard, and every later one before it begins. On its thread. */
void peal_wait_cancel_all(struct peal_shard *shard);

#endif
