/* SPDX-License-Identifier: MIT */
/*
 * Chunks of address space that stacks are cut from. A chunk is a run of equal slots; a slot is a
 * guard, and above it a stack. A slot is vacant (untouched, or its memory was given back) or taken.
 */
#ifndef PEAL_CORE_STACK_CHUNK_H
#define PEAL_CORE_STACK_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/list.h"
#include "core/fiber/stack_guard.h"

struct peal_stack;

/* The same for all chunks of a pool; in bytes. */
struct peal_stack_shape {
	size_t slot;
	size_t guard; /* of that, at its low end */
};

struct peal_chunk {
	struct peal_list all;  /* chunks of the pool */
	struct peal_list room; /* chunks of the pool that have vacant slots */
	struct peal_stack_shape shape;
	char *base;
	size_t bytes;
	uint32_t slots;
	uint32_t vacant;
	int place;       /* in the list for the overflow report, or -1 */
	uint64_t *empty; /* a bit for each slot: vacant */
	uint8_t *guard;  /* of each slot: 1 + enum peal_guard once one is installed */
};

/*
 * Reserve a chunk of about `want` bytes; less, down to one slot, where the process may not have that
 * much (RLIMIT_AS, vm.overcommit_memory=2). NULL when not even that.
 */
struct peal_chunk *peal_chunk_reserve(const struct peal_stack_shape *shape, size_t want);
/* All slots must be vacant. */
void peal_chunk_release(struct peal_chunk *chunk);

/* Take a vacant slot; there must be one. The guard is installed as by peal_guard_install(); the
 * stack's low, size, chunk and guard are filled in, the rest is zero. */
struct peal_stack *peal_chunk_take(struct peal_chunk *chunk, enum peal_guard *best);
/*
 * Give the memory of a slot back to the kernel, the struct as well; false, and nothing has happened,
 * when the kernel does not take it (locked memory).
 */
bool peal_chunk_vacate(struct peal_stack *stack);
/* The slot counts as vacant, whatever is in it. For a chunk that is going to be released. */
void peal_chunk_abandon(struct peal_stack *stack);

/*
 * stack_find.c: the chunks that peal_stack_by_guard() (stack.h) searches, of all pools in the process.
 * Returns a place, or -1 when the list is full: the chunk is used all the same, and an overflow in
 * it goes unnamed. Any thread.
 */
int peal_stack_find_add(const void *base, size_t bytes, const struct peal_stack_shape *shape);
void peal_stack_find_remove(int place);

#endif
