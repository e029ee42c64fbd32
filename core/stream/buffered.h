/* SPDX-License-Identifier: MIT */
/*
 * Readers and writers inside the core.
 */
#ifndef PEAL_CORE_BUFFERED_H
#define PEAL_CORE_BUFFERED_H

#include <peal/buffered.h>

/* In the flags of a reader or writer. */
#define PEAL_BUFFER_OWNED  1u /* the buffer is the library's */
#define PEAL_WRITER_BROKEN 2u /* something went out in part */

/* A buffer may outlive every runtime, so it holds the allocator. */
void *peal_buffer_alloc(size_t size);
void peal_buffer_free(void *buf);

/* Read more behind what is in the buffer, in which there is room once what was taken makes way: how many
 * bytes, 0 at the end. */
ssize_t peal_reader_fill(struct peal_reader *reader);

#endif
