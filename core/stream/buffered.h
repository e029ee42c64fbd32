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

/* The buffer of a reader or writer: the user's *buf of `size` bytes, or, for NULL, one of the library's, of
 * PEAL_BUFFER_BYTES for 0. 0; -EINVAL; -ENOMEM. */
int peal_buffer_choose(char **buf, size_t size, size_t *capacity, uint32_t *flags);

/* Read more behind what is in the buffer, in which there is room once what was taken makes way: how many
 * bytes, 0 at the end. */
ssize_t peal_reader_fill(struct peal_reader *reader);

/*
 * prompt.c: writers that are emptied in the background. In one that is not, all of these do nothing.
 *
 * A fiber that is to write to the stream itself begins, which waits until nothing is on the way, and is
 * done afterwards. 0; the error of what was on the way; -ECANCELED, -ETIMEDOUT.
 */
int peal_prompt_begin(struct peal_writer *writer);
void peal_prompt_done(struct peal_writer *writer);

/* Something was put into the buffer. */
void peal_prompt_kick(struct peal_writer *writer);

/* Is some of the buffer on the way? Then it stays where it is. */
bool peal_prompt_flying(const struct peal_writer *writer);

/* 0, or what became of something that was on the way. */
int peal_prompt_error(const struct peal_writer *writer);

/* Wait until the buffer is ours, and forget about it all. */
void peal_prompt_end(struct peal_writer *writer);

#endif
