/* SPDX-License-Identifier: MIT */
/*
 * Memory for the runtime's own objects, from the application's allocator hook (runtime.h) or malloc.
 * Rings and stacks are mappings, not allocations.
 */
#ifndef PEAL_CORE_ALLOC_H
#define PEAL_CORE_ALLOC_H

#include <stddef.h>

/* Two cache lines, like PEAL_ALIGNED_LINE (compiler.h). */
#define PEAL_ALLOC_LINE 128

/* Zeroed, aligned for any type; NULL when there is none or count * size overflows. Of 0 bytes it is
 * some memory still, so that NULL always means failure. */
void *peal_alloc(size_t count, size_t size);
/* Zeroed and aligned to PEAL_ALLOC_LINE, for what one thread writes and others read. */
void *peal_alloc_line(size_t size);
/* What is beyond old_size is zeroed. memory may be NULL; it is untouched when NULL is returned. Not
 * for memory of peal_alloc_line(). */
void *peal_realloc(void *memory, size_t old_size, size_t new_size);
/* NULL is accepted. For both kinds. */
void peal_free(void *memory);
char *peal_strdup(const char *text);

/*
 * Whoever keeps memory holds the allocator: peal_set_allocator() gives -EBUSY until the last holder has
 * released it. A runtime holds from before its first allocation until after its last free; what is
 * kept for the life of the process holds for ever.
 */
void peal_alloc_hold(void);
void peal_alloc_release(void);
/* In the child of a fork, in which nobody holds the lock. */
void peal_alloc_after_fork(void);

#endif
