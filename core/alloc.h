/* SPDX-License-Identifier: MIT */
/*
 * Memory for the runtime's own objects, from the application's allocator hook (runtime.h) or malloc.
 * Rings and stacks are mappings, not allocations.
 */
#ifndef PEAL_CORE_ALLOC_H
#define PEAL_CORE_ALLOC_H

#include <stddef.h>

/* Zeroed, aligned for any type; NULL when there is none or count * size overflows. */
void *peal_alloc(size_t count, size_t size);
/* Zeroed and aligned to 64 bytes, for what one thread writes and others read. */
void *peal_alloc_line(size_t size);
void *peal_realloc(void *memory, size_t old_size, size_t new_size);
/* NULL is accepted. For both kinds. */
void peal_free(void *memory);
char *peal_strdup(const char *text);

#endif
