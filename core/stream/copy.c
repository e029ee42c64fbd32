/* SPDX-License-Identifier: MIT */
/*
 * Copying from stream to stream through a buffer, and when not to.
 *
 * The kernel can move bytes between sockets and pipes without copying them, but each piece costs more
 * calls: it pays for much that comes fast. So a copy begins with the buffer, leaves it to the kernel when
 * pieces are large several times in a row, and takes it back when they are small.
 */
#include <errno.h>
#include <limits.h>

#include "core/stream/buffered.h"
#include "core/stream/copy.h"

#define PIECE  65536
#define FIRST  PEAL_BUFFER_BYTES /* is enough for those who say little */
#define LARGE  (PIECE / 2)
#define STREAK 4

void peal_copy_count(struct peal_copy *copy, size_t size)
{
	copy->left -= size;
	*copy->copied += size;
}

/* It was full: the next piece may be larger. */
static void grow(struct peal_copy *copy)
{
	char *buf = peal_buffer_alloc(PIECE);

	if (!buf)
		return;
	peal_buffer_free(copy->buf);
	copy->buf = buf;
	copy->size = PIECE;
}

/* One piece: 1, 0 at the end, or an error. */
static int copy_piece(struct peal_copy *copy)
{
	size_t most = copy->left < copy->size ? (size_t)copy->left : copy->size;
	ssize_t n = peal_stream_read(copy->from, copy->buf, most);

	copy->streak = n >= LARGE ? copy->streak + 1 : 0;
	for (ssize_t written = 0, m; written < n; written += m) {
		m = peal_stream_write(copy->to, copy->buf + written, (size_t)(n - written));
		if (m <= 0)
			return m ? (int)m : -EIO;
		peal_copy_count(copy, (size_t)m);
	}
	if (n == FIRST && copy->size == FIRST)
		grow(copy);
	return n > 0 ? 1 : (int)n;
}

static int copy_all(struct peal_copy *copy)
{
	int n = 1;

	while (n > 0 && copy->left) {
		if (copy->streak < STREAK || copy->stays) {
			n = copy_piece(copy);
		} else {
			copy->streak = 0;
			n = peal_copy_spliced(copy);
		}
	}
	return n < 0 ? n : 0;
}

int peal_stream_copy(
	struct peal_stream *to, struct peal_stream *from, uint64_t limit, uint64_t *copied)
{
	uint64_t unasked = 0;
	struct peal_copy copy = { .to = to,
		.from = from,
		.left = limit,
		.copied = copied ? copied : &unasked,
		.size = limit < FIRST ? (size_t)limit : FIRST };
	int err;

	if (!to || !from)
		return -EINVAL;
	*copy.copied = 0;
	if (!limit)
		return 0;
	copy.buf = peal_buffer_alloc(copy.size);
	if (!copy.buf)
		return -ENOMEM;
	err = copy_all(&copy);
	peal_buffer_free(copy.buf);
	return err;
}
