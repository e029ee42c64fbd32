/* SPDX-License-Identifier: MIT */
/*
 * Finding the stack that an address belongs to, from a signal handler on any thread.
 *
 * A table in static memory, so that a reader never meets one that is being freed. Entries come and
 * go while others read: `base` is written last and taken away first, and whoever has read the rest
 * looks at it again (a seqlock, with the address as the sequence).
 */
#include "core/base/atomic.h"
#include "core/fiber/stack.h"
#include "core/fiber/stack_chunk.h"

#define PLACES  4096 /* 256 GiB of chunks in full size; pages that are not used cost nothing */
#define NOBODY  ((uintptr_t)0)
#define CLAIMED ((uintptr_t)1) /* is being filled in; no address */

static struct {
	PEAL_ATOMIC(uintptr_t) base;
	PEAL_ATOMIC(size_t) bytes;
	PEAL_ATOMIC(size_t) slot;
	PEAL_ATOMIC(size_t) guard;
} chunks[PLACES];

static bool claim(int place)
{
	uintptr_t expected = NOBODY;

	return peal_load_relaxed(&chunks[place].base) == NOBODY &&
		peal_cas_acq_rel(&chunks[place].base, &expected, CLAIMED);
}

int peal_stack_find_add(const void *base, size_t bytes, const struct peal_stack_shape *shape)
{
	for (int i = 0; i < PLACES; i++) {
		if (!claim(i))
			continue;
		/* Release: who sees one of these sees the claim too, and so a changed base. */
		peal_store_release(&chunks[i].bytes, bytes);
		peal_store_release(&chunks[i].slot, shape->slot);
		peal_store_release(&chunks[i].guard, shape->guard);
		peal_store_release(&chunks[i].base, (uintptr_t)base);
		return i;
	}
	return -1;
}

void peal_stack_find_remove(int place)
{
	if (place >= 0)
		peal_store_release(&chunks[place].base, NOBODY);
}

/* The start of the slot whose guard the address is in, or 0. */
static uintptr_t slot_of_guard(int place, uintptr_t address, size_t *slot)
{
	uintptr_t base = peal_load_acquire(&chunks[place].base);
	size_t bytes, guard, offset;

	if (base <= CLAIMED || address < base)
		return 0;
	bytes = peal_load_acquire(&chunks[place].bytes);
	*slot = peal_load_acquire(&chunks[place].slot);
	guard = peal_load_acquire(&chunks[place].guard);
	offset = address - base;
	if (peal_load_relaxed(&chunks[place].base) != base || offset >= bytes ||
		offset % *slot >= guard)
		return 0;
	return address - offset % *slot;
}

/*
 * The struct is read without a lock: a fiber that runs into its guard is alive, and so is its pool.
 * (A thread that follows a wild pointer there while the pool is being destroyed dies one fault later.)
 */
const struct peal_stack *peal_stack_by_guard(const void *address)
{
	const struct peal_stack *stack;
	uintptr_t start;
	size_t slot;

	for (int i = 0; i < PLACES; i++) {
		start = slot_of_guard(i, (uintptr_t)address, &slot);
		if (!start)
			continue;
		stack = (const struct peal_stack *)(start + slot) - 1;
		return stack->low ? stack : NULL; /* NULL: a slot that is vacant */
	}
	return NULL;
}
