/* SPDX-License-Identifier: MIT */
/*
 * Streams inside the core: how parts of a vector that is being moved are counted off.
 */
#ifndef PEAL_CORE_STREAM_H
#define PEAL_CORE_STREAM_H

#include <sys/uio.h>

#include <peal/stream.h>

/* As many as readv(2) and writev(2) take (UIO_MAXIOV). */
#define PEAL_PARTS_MOST 1024

/* The parts of a vector that are still to be moved. The first may have been moved up to `offset`. */
struct peal_parts {
	const struct iovec *vector;
	int count;
	size_t offset;
};

/* All bytes of a vector; SIZE_MAX when there are too many, or the count is no count. */
size_t peal_vector_size(const struct iovec *vector, int count);

/* So many bytes of them were moved. */
void peal_parts_advance(struct peal_parts *parts, size_t size);

/* Write some of them, at least one byte, after what lies in `before` if that is not empty. Of both
 * together how many bytes. There is at least one. */
ssize_t peal_parts_write(
	struct peal_stream *stream, const struct iovec *before, const struct peal_parts *parts);

#endif
