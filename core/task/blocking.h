/* SPDX-License-Identifier: MIT */
/*
 * The pool of threads for calls that block. Threads are made when a job finds none idle, up to a
 * bound, and stay until the runtime stops; jobs beyond that queue.
 */
#ifndef PEAL_CORE_BLOCKING_H
#define PEAL_CORE_BLOCKING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"

struct peal_job;
struct peal_rt;
struct peal_blocking_pool;

/* On a thread of the pool, which is no shard. The job may be gone when it returns. */
typedef void peal_job_fn(struct peal_job *job);

/* Embedded in what is to be done. */
struct peal_job {
	struct peal_list link; /* in the queue; empty from when it has begun */
	peal_job_fn *fn;
};

int peal_blocking_pool_create(struct peal_blocking_pool **pool, struct peal_rt *rt,
	uint32_t max_threads, uint32_t max_queued);
/* No job is left. Waits for the threads. Accepts NULL. */
void peal_blocking_pool_destroy(struct peal_blocking_pool *pool);

/* For the end without ceremony (emergency.c): what has not begun never will, and what comes is refused
 * (-ESHUTDOWN). How many still run; and leaving these to their threads, for which the pool stays. */
void peal_blocking_refuse(struct peal_blocking_pool *pool);
uint32_t peal_blocking_busy(struct peal_blocking_pool *pool);
void peal_blocking_pool_leave(struct peal_blocking_pool *pool);

/*
 * Queue a job. 0; -EAGAIN when as many as may wait already do (unless it is an op's: their number is
 * bounded by those who own them); or why not even one thread could be made. Any thread.
 */
int peal_blocking_submit(struct peal_blocking_pool *pool, struct peal_job *job, bool op);

/* Take a job out of the queue that has not begun. False when it has. Any thread. */
bool peal_blocking_withdraw(struct peal_blocking_pool *pool, struct peal_job *job);

#endif
