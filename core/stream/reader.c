/* SPDX-License-Identifier: MIT */
/*
 * Buffered readers: filling the buffer, and taking from it.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/stream/buffered.h"

int peal_reader_init(struct peal_reader *reader, struct peal_stream *stream, void *buf, size_t size)
{
	struct peal_reader made = { .stream = stream, .buf = buf };
	int err;

	if (!reader || !stream)
		return -EINVAL;
	err = peal_buffer_choose(&made.buf, size, &made.capacity, &made.flags);
	if (!err)
		*reader = made;
	return err;
}

void peal_reader_end(struct peal_reader *reader)
{
	if (!reader)
		return;
	if (reader->flags & PEAL_BUFFER_OWNED)
		peal_buffer_free(reader->buf);
	*reader = (struct peal_reader){ 0 };
}

int peal_reader_tie(struct peal_reader *reader, struct peal_writer *writer)
{
	if (!reader)
		return -EINVAL;
	reader->flushes = writer;
	return 0;
}

size_t peal_reader_buffered(const struct peal_reader *reader)
{
	return reader ? reader->end - reader->start : 0;
}

/* What others wait for goes out before we wait for them; from a prompt writer by itself. */
static int flush_first(struct peal_reader *reader)
{
	struct peal_writer *writer = reader->flushes;

	if (!writer || writer->end == writer->start)
		return 0;
	return writer->prompt ? peal_prompt_error(writer) : peal_writer_flush(writer);
}

static ssize_t read_past(struct peal_reader *reader, void *buf, size_t size)
{
	int err = flush_first(reader);

	return err ? err : peal_stream_read(reader->stream, buf, size);
}

/* Room behind what is there: a quarter of the buffer at least, as long as there is something to move away. */
static void make_room(struct peal_reader *reader)
{
	size_t used = reader->end - reader->start;

	if (reader->start && (!used || reader->capacity - reader->end <= reader->capacity / 4)) {
		memmove(reader->buf, reader->buf + reader->start, used);
		reader->start = 0;
		reader->end = used;
	}
}

ssize_t peal_reader_fill(struct peal_reader *reader)
{
	ssize_t n;

	make_room(reader);
	n = read_past(reader, reader->buf + reader->end, reader->capacity - reader->end);
	if (n > 0)
		reader->end += (size_t)n;
	return n;
}

static size_t take(struct peal_reader *reader, void *buf, size_t size)
{
	size_t there = reader->end - reader->start, n = size < there ? size : there;

	if (n && buf)
		memcpy(buf, reader->buf + reader->start, n);
	reader->start += n;
	return n;
}

ssize_t peal_reader_read(struct peal_reader *reader, void *buf, size_t size)
{
	ssize_t n;

	if (!reader || (!buf && size))
		return -EINVAL;
	if (size && !peal_reader_buffered(reader)) {
		if (size >= reader->capacity)
			return read_past(reader, buf, size);
		n = peal_reader_fill(reader);
		if (n <= 0)
			return n;
	}
	return (ssize_t)take(reader, buf, size);
}

ssize_t peal_reader_peek(struct peal_reader *reader, char **data, size_t at_least)
{
	if (!reader || !data)
		return -EINVAL;
	if (at_least > reader->capacity)
		return -EMSGSIZE;
	while (reader->end - reader->start < at_least) {
		ssize_t n = peal_reader_fill(reader);

		if (n < 0)
			return n;
		if (!n)
			break;
	}
	*data = reader->buf + reader->start;
	return (ssize_t)(reader->end - reader->start);
}

int peal_reader_consume(struct peal_reader *reader, size_t size)
{
	if (!reader || size > peal_reader_buffered(reader))
		return -EINVAL;
	reader->start += size;
	return 0;
}

/* More than the buffer holds: past it, but for the last piece, behind which there may be more to read. */
static ssize_t read_large(struct peal_reader *reader, char *bytes, size_t size)
{
	size_t have = take(reader, bytes, size);

	while (have < size) {
		ssize_t n = peal_reader_read(reader, bytes + have, size - have);

		if (n < 0)
			return n;
		if (!n)
			return have ? -EPROTO : 0;
		have += (size_t)n;
	}
	return (ssize_t)size;
}

ssize_t peal_reader_read_exact(struct peal_reader *reader, void *buf, size_t size)
{
	char *data;
	ssize_t n;

	if (!reader || (!buf && size) || size > SSIZE_MAX)
		return -EINVAL;
	if (size > reader->capacity)
		return read_large(reader, buf, size);
	n = peal_reader_peek(reader, &data, size);
	if (n < 0)
		return n;
	if ((size_t)n < size)
		return n ? -EPROTO : 0;
	return (ssize_t)take(reader, buf, size);
}

int64_t peal_reader_skip(struct peal_reader *reader, int64_t size)
{
	int64_t skipped = 0;

	if (!reader || size < 0)
		return -EINVAL;
	while (skipped < size) {
		int64_t left = size - skipped;

		if (!peal_reader_buffered(reader)) {
			ssize_t n = peal_reader_fill(reader);

			if (n < 0)
				return n;
			if (!n)
				break;
		}
		skipped += (int64_t)take(reader, NULL, left < SSIZE_MAX ? (size_t)left : SSIZE_MAX);
	}
	return skipped;
}
