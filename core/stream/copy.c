/* SPDX-License-Identifier: MIT */
/*
 * Copying from stream to stream.
 */
#include <errno.h>
#include <limits.h>

#include "core/stream/buffered.h"

#define PIECE 65536

/* One piece. How many bytes, 0 at the end. */
static ssize_t copy_piece(
	struct peal_stream *to, struct peal_stream *from, void *buf, size_t size, uint64_t *copied)
{
	ssize_t n = peal_stream_read(from, buf, size), written = 0;

	while (n > written) {
		ssize_t m = peal_stream_write(to, (char *)buf + written, (size_t)(n - written));

		if (m <= 0)
			return m ? m : -EIO;
		written += m;
		*copied += (uint64_t)m;
	}
	return n;
}

static int copy_through(
	struct peal_stream *to, struct peal_stream *from, uint64_t limit, uint64_t *copied)
{
	size_t size = limit < PIECE ? (size_t)limit : PIECE;
	void *buf = peal_buffer_alloc(size);
	ssize_t n = 1;

	if (!buf)
		return -ENOMEM;
	while (n > 0 && *copied < limit) {
		uint64_t left = limit - *copied;

		n = copy_piece(to, from, buf, left < size ? (size_t)left : size, copied);
	}
	peal_buffer_free(buf);
	return n < 0 ? (int)n : 0;
}

int peal_stream_copy(
	struct peal_stream *to, struct peal_stream *from, uint64_t limit, uint64_t *copied)
{
	uint64_t count;

	if (!to || !from)
		return -EINVAL;
	if (!copied)
		copied = &count;
	*copied = 0;
	return limit ? copy_through(to, from, limit, copied) : 0;
}
