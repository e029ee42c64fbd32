/* SPDX-License-Identifier: MIT */
/*
 * Guards below stacks: how an overflow is caught, best first. stack_chunk.c puts one into each slot.
 */
#ifndef PEAL_CORE_STACK_GUARD_H
#define PEAL_CORE_STACK_GUARD_H

#include <stdbool.h>
#include <stddef.h>

enum peal_guard {
	PEAL_GUARD_ADVICE,  /* MADV_GUARD_INSTALL (Linux 6.13): no mapping of its own, any number */
	PEAL_GUARD_PROTECT, /* mprotect: two mappings each, so only within a budget */
	PEAL_GUARD_CANARY,  /* nothing stops the write; it is seen when the fiber suspends */
};

/*
 * Does the advice guard? Tried on the page-aligned memory at start, not believed: emulators accept
 * the advice and guard nothing. On success the guard is installed.
 */
bool peal_guard_probe(void *start, size_t bytes);

/*
 * Guard the memory at start, untouched so far, with *best or what comes after it. *best is lowered
 * when the kernel does not have it. Returns what was installed; cannot fail, as a canary is only
 * memory that is watched.
 */
enum peal_guard peal_guard_install(enum peal_guard *best, void *start, size_t bytes);

/* `count` guards of mprotect were unmapped. */
void peal_guard_forget(size_t count);

/* Has the watched memory, a guard that ends at `end`, been written? */
bool peal_guard_written(const void *end);

#endif
