/* SPDX-License-Identifier: MIT */
/*
 * Stacks for fibers: pooled per shard, guarded, cut from reserved chunks.
 *
 * A slot is an odd number of pages (an even stride makes the stacks of many fibers share TLB sets:
 * 26 against 10 ns per switch at 1,000 fibers), its lowest page is the guard. The struct below lives
 * at the very top of the slot, in the page that is touched anyway.
 */
#ifndef PEAL_CORE_STACK_H
#define PEAL_CORE_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/list.h"

#define PEAL_STACK_DEFAULT (64 * 1024)
#define PEAL_STACK_MIN     (16 * 1024)

/* How the overflow of a stack is caught; decided once for each pool by trying (stack_guard.c). */
enum peal_guard {
	PEAL_GUARD_ADVICE,  /* MADV_GUARD_INSTALL (Linux 6.13): no mapping of its own, any number */
	PEAL_GUARD_PROTECT, /* mprotect: two mappings each, so only within a budget */
	PEAL_GUARD_CANARY,  /* a word that is checked when the fiber suspends */
};

struct peal_stack {
	struct peal_stack *next; /* in the pool */
	void *low;               /* lowest usable byte, just above the guard */
	size_t size;             /* usable bytes from low up to this struct */
	const char *owner;       /* name of the fiber that runs on it, for the overflow report */
	uint32_t valgrind_id;
	uint8_t guard; /* enum peal_guard */
};

struct peal_stack_pool;

struct peal_stack_limits {
	size_t size;       /* usable bytes of a stack; rounded up */
	size_t max_cached; /* stacks kept ready for reuse with their memory */
};

/* One per shard; used by its thread only. */
int peal_stack_pool_create(struct peal_stack_pool **pool, const struct peal_stack_limits *limits);
/* Every stack must have been put back. */
void peal_stack_pool_destroy(struct peal_stack_pool *pool);

/* NULL when there is no memory left for stacks (the caller turns that into -ENOMEM). */
struct peal_stack *peal_stack_get(struct peal_stack_pool *pool);
/* The stack must be empty: nothing runs on it any more. Memory beyond the watermark goes back to
 * the kernel. */
void peal_stack_put(struct peal_stack_pool *pool, struct peal_stack *stack);

/* How many stacks exist (in use and cached), for counters and tests. */
size_t peal_stack_pool_count(const struct peal_stack_pool *pool);
enum peal_guard peal_stack_pool_guard(const struct peal_stack_pool *pool);

/* Did the fiber run into the canary? Only ever true for PEAL_GUARD_CANARY. */
bool peal_stack_overrun(const struct peal_stack *stack);

/*
 * The stack whose guard an address falls into, or NULL. Async-signal-safe: the overflow report asks
 * from a SIGSEGV handler, on any thread.
 */
const struct peal_stack *peal_stack_by_guard(const void *address);

#endif
