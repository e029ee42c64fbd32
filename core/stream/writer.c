/* SPDX-License-Identifier: MIT */
/*
 * Buffered writers: what is written gathers, and leaves with one call.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/stream/buffered.h"
#include "core/stream/stream.h"

void *peal_buffer_alloc(size_t size)
{
	void *buf;

	peal_alloc_hold();
	buf = peal_alloc(1, size);
	if (!buf)
		peal_alloc_release();
	return buf;
}

void peal_buffer_free(void *buf)
{
	peal_free(buf);
	peal_alloc_release();
}

int peal_buffer_choose(char **buf, size_t size, size_t *capacity, uint32_t *flags)
{
	size_t wanted = size ? size : PEAL_BUFFER_BYTES;

	if ((*buf && !size) || size > SSIZE_MAX)
		return -EINVAL;
	if (!*buf) {
		*buf = peal_buffer_alloc(wanted);
		if (!*buf)
			return -ENOMEM;
		*flags |= PEAL_BUFFER_OWNED;
	}
	*capacity = wanted;
	return 0;
}

int peal_writer_init(struct peal_writer *writer, struct peal_stream *stream, void *buf, size_t size)
{
	struct peal_writer made = { .stream = stream, .buf = buf };
	int err;

	if (!writer || !stream)
		return -EINVAL;
	err = peal_buffer_choose(&made.buf, size, &made.capacity, &made.flags);
	if (!err)
		*writer = made;
	return err;
}

void peal_writer_end(struct peal_writer *writer)
{
	if (!writer)
		return;
	peal_prompt_end(writer);
	if (writer->flags & PEAL_BUFFER_OWNED)
		peal_buffer_free(writer->buf);
	*writer = (struct peal_writer){ 0 };
}

size_t peal_writer_buffered(const struct peal_writer *writer)
{
	return writer ? writer->end - writer->start : 0;
}

/* Parts, of which the first is what the buffer holds, some more of which has gone out. */
static void advance(struct peal_writer *writer, struct peal_parts *parts, size_t size)
{
	size_t mine = peal_writer_buffered(writer);

	mine = size < mine ? size : mine;
	writer->start += mine;
	if (writer->start == writer->end)
		writer->start = writer->end = 0;
	peal_parts_advance(parts, size - mine);
}

/* One call. How many bytes of the parts went out. */
static ssize_t write_some(struct peal_writer *writer, struct peal_parts *parts)
{
	size_t mine = peal_writer_buffered(writer);
	const struct iovec before = { .iov_base = writer->buf + writer->start, .iov_len = mine };
	ssize_t n;

	peal_parts_advance(parts, 0);
	n = peal_parts_write(writer->stream, &before, parts);
	if (n < 0)
		return n;
	advance(writer, parts, (size_t)n);
	return (size_t)n > mine ? n - (ssize_t)mine : 0;
}

static int check(const struct peal_writer *writer)
{
	return writer->flags & PEAL_WRITER_BROKEN ? -EPIPE : peal_prompt_error(writer);
}

static int flush(struct peal_writer *writer)
{
	struct peal_parts none = { 0 };

	while (peal_writer_buffered(writer)) {
		ssize_t n = write_some(writer, &none);

		if (n < 0)
			return (int)n;
	}
	return 0;
}

int peal_writer_flush(struct peal_writer *writer)
{
	int err;

	if (!writer)
		return -EINVAL;
	err = check(writer);
	if (!err)
		err = peal_prompt_begin(writer);
	if (err)
		return err;
	err = flush(writer);
	peal_prompt_done(writer);
	return err;
}

/* What is on the way cannot make room by moving. */
static bool fits(const struct peal_writer *writer, size_t size)
{
	if (peal_prompt_flying(writer))
		return size <= writer->capacity - writer->end;
	return size <= writer->capacity - peal_writer_buffered(writer);
}

/* There is room for them. */
static void put(struct peal_writer *writer, const struct peal_parts *parts)
{
	size_t offset = parts->offset, size = 0;

	for (int i = 0; i < parts->count; i++)
		size += parts->vector[i].iov_len;
	if (size - offset > writer->capacity - writer->end) {
		memmove(writer->buf, writer->buf + writer->start, peal_writer_buffered(writer));
		writer->end -= writer->start;
		writer->start = 0;
	}
	for (int i = 0; i < parts->count; i++, offset = 0) {
		size_t n = parts->vector[i].iov_len - offset;

		if (n)
			memcpy(writer->buf + writer->end,
				(const char *)parts->vector[i].iov_base + offset, n);
		writer->end += n;
	}
}

/* More than there is room for: with what gathered before it, until the rest fits. */
static int write_until_it_fits(struct peal_writer *writer, struct peal_parts *parts, size_t size)
{
	size_t left = size;

	while (!fits(writer, left)) {
		ssize_t n = write_some(writer, parts);

		if (n < 0) {
			if (left < size)
				writer->flags |= PEAL_WRITER_BROKEN;
			return (int)n;
		}
		left -= (size_t)n;
	}
	put(writer, parts);
	return 0;
}

static int write_through(struct peal_writer *writer, struct peal_parts *parts, size_t size)
{
	int err = peal_prompt_begin(writer);

	if (err)
		return err;
	err = write_until_it_fits(writer, parts, size);
	peal_prompt_done(writer);
	return err;
}

ssize_t peal_writer_writev(struct peal_writer *writer, const struct iovec *vector, int count)
{
	struct peal_parts parts = { .vector = vector, .count = count };
	size_t size = peal_vector_size(vector, count);
	int err;

	if (!writer || size > SSIZE_MAX)
		return -EINVAL;
	err = check(writer);
	if (err)
		return err;
	if (!fits(writer, size)) {
		err = write_through(writer, &parts, size);
	} else {
		put(writer, &parts);
		peal_prompt_kick(writer);
	}
	return err ? err : (ssize_t)size;
}

ssize_t peal_writer_write(struct peal_writer *writer, const void *data, size_t size)
{
	const struct iovec part = { .iov_base = (void *)data, .iov_len = size };

	if (!data && size)
		return -EINVAL;
	return peal_writer_writev(writer, &part, 1);
}

/* Too long for the room that there is: with memory of its own. */
static PEAL_PRINTF(3, 0) ssize_t
	print_through(struct peal_writer *writer, size_t length, const char *format, va_list args)
{
	char *text = peal_alloc(1, length + 1);
	ssize_t n;

	if (!text)
		return -ENOMEM;
	vsnprintf(text, length + 1, format, args);
	n = peal_writer_write(writer, text, length);
	peal_free(text);
	return n;
}

ssize_t peal_writer_vprintf(struct peal_writer *writer, const char *format, va_list args)
{
	va_list again;
	size_t room;
	ssize_t n;

	if (!writer || !format)
		return -EINVAL;
	n = check(writer);
	if (n)
		return n;
	room = writer->capacity - writer->end;
	va_copy(again, args);
	n = vsnprintf(writer->buf + writer->end, room, format, args);
	if (n < 0)
		n = -EINVAL;
	else if ((size_t)n >= room)
		n = print_through(writer, (size_t)n, format, again);
	else
		writer->end += (size_t)n;
	va_end(again);
	peal_prompt_kick(writer);
	return n;
}

ssize_t peal_writer_printf(struct peal_writer *writer, const char *format, ...)
{
	va_list args;
	ssize_t n;

	va_start(args, format);
	n = peal_writer_vprintf(writer, format, args);
	va_end(args);
	return n;
}
