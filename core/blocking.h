/* SPDX-License-Identifier: MIT */
/*
 * The pool of threads for calls that block. Threads are made when a call finds none idle, up to a
 * bound, and stay until the runtime stops; calls beyond that queue, up to another bound.
 */
#ifndef PEAL_CORE_BLOCKING_H
#define PEAL_CORE_BLOCKING_H

#include <stdint.h>

struct peal_rt;
struct peal_blocking_pool;

int peal_blocking_pool_create(struct peal_blocking_pool **pool, struct peal_rt *rt,
	uint32_t max_threads, uint32_t max_queued);
/* No fiber waits for it any more. Waits for the threads. Accepts NULL. */
void peal_blocking_pool_destroy(struct peal_blocking_pool *pool);

#endif
