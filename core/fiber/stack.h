/* SPDX-License-Identifier: MIT */
/*
 * Stacks for fibers: pooled per shard, guarded, cut from reserved chunks.
 *
 * A slot is an odd number of pages (an even stride makes the stacks of many fibers share TLB sets:
 * 26 against 10 ns per switch at 1,000 fibers), its lowest page is the guard (64 KiB on aarch64, where
 * compilers probe the stack that rarely). The struct below lives at the very top of the slot, in the
 * page that is touched anyway.
 */
#ifndef PEAL_CORE_STACK_H
#define PEAL_CORE_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/compiler.h"
#include "core/fiber/sanitizer.h"
#include "core/fiber/stack_guard.h"

#define PEAL_STACK_DEFAULT        (64 * 1024)
#define PEAL_STACK_MIN            (16 * 1024)
#define PEAL_STACK_MAX            (1024 * 1024 * 1024)
#define PEAL_STACK_CACHED_DEFAULT 1024

struct peal_chunk;

struct peal_stack {
	struct peal_stack *next;  /* in the pool */
	char *low;                /* lowest usable byte, just above the guard */
	size_t size;              /* usable bytes from low up to this struct */
	const char *owner;        /* name of the fiber that runs on it, for the overflow report */
	struct peal_chunk *chunk; /* that it was cut from */
	void *sanitizer;          /* ThreadSanitizer's fiber, used again with the stack */
	uint32_t valgrind_id;
	uint8_t guard; /* enum peal_guard */
} __attribute__((aligned(64)));

/* What a pool begins with: its stacks that are ready for use, last used first. */
struct peal_warm_stacks {
	struct peal_stack *first;
	size_t count;
	size_t least; /* of count, since the last trim */
	size_t most;  /* of which memory is kept however deep they were used */
};

struct peal_stack_pool;

/* Zero means the default. */
struct peal_stack_limits {
	size_t size; /* of a stack, with the struct above; rounded up. Four times that under sanitizers */
	size_t max_cached; /* stacks kept ready for reuse with their memory */
};

/*
 * One per shard; used by its thread only. -EINVAL for a size below PEAL_STACK_MIN or above
 * PEAL_STACK_MAX, -ENOMEM when the first chunk cannot be had.
 */
int peal_stack_pool_create(struct peal_stack_pool **pool, const struct peal_stack_limits *limits);
/*
 * Everything goes back to the kernel, but for the chunks of stacks that were not put back: these stay
 * as they are, for who still uses them (the kernel, after an emergency). Returns how many such stacks
 * there are. Accepts NULL.
 */
size_t peal_stack_pool_destroy(struct peal_stack_pool *pool);

/*
 * Give back the memory of stacks beyond max_cached that have not been needed since the last call, but
 * of `most` at a time, and of chunks that are empty then. Returns how many. To be called now and then,
 * when there is nothing better to do: peal_stack_put() leaves it undone, since the next burst of
 * fibers might need them again at once, and then each costs two page faults.
 */
size_t peal_stack_pool_trim(struct peal_stack_pool *pool, size_t most);

/* How many are ready beyond max_cached: 0 when there is nothing that a trim could give back some day,
 * which includes that the process has locked its memory. */
size_t peal_stack_pool_excess(const struct peal_stack_pool *pool);

/* How many stacks exist (in use and cached), for counters and tests. */
size_t peal_stack_pool_count(const struct peal_stack_pool *pool);
/* How new stacks are guarded. */
enum peal_guard peal_stack_pool_guard(const struct peal_stack_pool *pool);

/* Did the fiber run into the canary? For stacks whose guard is PEAL_GUARD_CANARY. */
bool peal_stack_overrun(const struct peal_stack *stack);
/* It did. Names the fiber and ends the process: its memory cannot be trusted any more. */
void peal_stack_overflowed(const struct peal_stack *stack) __attribute__((noreturn));

/* None is ready; there are more than are kept as they are. */
struct peal_stack *peal_stack_make(struct peal_stack_pool *pool);
void peal_stack_shed(struct peal_stack_pool *pool, struct peal_stack *stack);

/* NULL when there is no memory left for stacks (the caller turns that into -ENOMEM). */
static inline struct peal_stack *peal_stack_get(struct peal_stack_pool *pool)
{
	struct peal_warm_stacks *warm = (struct peal_warm_stacks *)(void *)pool;
	struct peal_stack *stack = warm->first;

	if (PEAL_UNLIKELY(!stack))
		return peal_stack_make(pool);
	warm->first = stack->next;
	if (--warm->count < warm->least)
		warm->least = warm->count;
	peal_sanitizer_reuse_stack(stack->low, stack->size);
	return stack;
}

/*
 * The stack must be empty: nothing runs on it any more. It stays ready, with its memory; beyond
 * max_cached only with the upper 8 KiB of it, if it was used deeper. Ends the process when the
 * canary says that the fiber has overflowed it.
 */
static inline void peal_stack_put(struct peal_stack_pool *pool, struct peal_stack *stack)
{
	struct peal_warm_stacks *warm = (struct peal_warm_stacks *)(void *)pool;

	if (PEAL_UNLIKELY(stack->guard == PEAL_GUARD_CANARY) && peal_stack_overrun(stack))
		peal_stack_overflowed(stack);
	stack->owner = NULL;
	stack->next = warm->first;
	warm->first = stack;
	if (PEAL_UNLIKELY(++warm->count > warm->most))
		peal_stack_shed(pool, stack);
}

/* The size that it was made for, as messages give it. */
static inline size_t peal_stack_kib(const struct peal_stack *stack)
{
	return (stack->size + sizeof(*stack)) / 1024;
}

/*
 * The stack whose guard an address falls into, or NULL. Async-signal-safe: the overflow report asks
 * from a SIGSEGV handler, on any thread.
 */
const struct peal_stack *peal_stack_by_guard(const void *address);

#endif
