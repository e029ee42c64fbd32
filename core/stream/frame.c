/* SPDX-License-Identifier: MIT */
/*
 * Frames with their length before them, read where they lie in the buffer.
 */
#include <errno.h>
#include <limits.h>
#include <sys/uio.h>

#include "core/stream/buffered.h"

#define VARINT_BYTES 10 /* of 64 bits */

static bool is_format(uint32_t format)
{
	switch (format & ~PEAL_FRAME_LE) {
	case 1:
	case 2:
	case 4:
	case 8:
	case PEAL_FRAME_VARINT:
		return true;
	default:
		return false;
	}
}

static bool is_varint(uint32_t format)
{
	return format & PEAL_FRAME_VARINT;
}

static unsigned int bytes_of(uint32_t format)
{
	return format & 15;
}

/* As many bytes from the start, without taking them: 1; 0 at the end, -EPROTO in their midst. */
static int need(struct peal_reader *reader, size_t size, char **data)
{
	ssize_t n;

	if (reader->end - reader->start >= size) {
		*data = reader->buf + reader->start;
		return 1;
	}
	n = peal_reader_peek(reader, data, size);
	if (n < 0)
		return (int)n;
	if ((size_t)n < size)
		return n ? -EPROTO : 0;
	return 1;
}

static uint64_t decode(const char *data, uint32_t format)
{
	const unsigned char *bytes = (const unsigned char *)data;
	unsigned int count = bytes_of(format);
	uint64_t size = 0;

	for (unsigned int i = 0; i < count; i++)
		size = size << 8 | bytes[format & PEAL_FRAME_LE ? count - 1 - i : i];
	return size;
}

/* 1, and how many bytes it has; or as need(). */
static int look_at_varint(struct peal_reader *reader, uint64_t *size, size_t *head)
{
	uint64_t value = 0;
	char *data;

	for (unsigned int i = 0; i < VARINT_BYTES; i++) {
		int n = need(reader, i + 1, &data);
		unsigned char byte;

		if (n <= 0)
			return n;
		byte = (unsigned char)data[i];
		if (i == VARINT_BYTES - 1 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << 7 * i;
		if (byte & 0x80)
			continue;
		*size = value;
		*head = i + 1;
		return 1;
	}
	return -EPROTO;
}

/* The length and how many bytes it takes itself, without taking it. Results as of peal_reader_frame(). */
static int look(struct peal_reader *reader, uint32_t format, uint64_t *size, size_t *head)
{
	char *data;
	int n;

	if (is_varint(format))
		return look_at_varint(reader, size, head);
	*head = bytes_of(format);
	n = need(reader, *head, &data);
	if (n > 0)
		*size = decode(data, format);
	return n;
}

static bool fits(const struct peal_reader *reader, uint64_t size, size_t head)
{
	return size <= reader->capacity - head;
}

int peal_reader_frame(
	struct peal_reader *reader, uint32_t format, uint64_t limit, char **data, size_t *size)
{
	uint64_t length = 0;
	size_t head = 0;
	char *begin;
	int n;

	if (!reader || !data || !size || !is_format(format))
		return -EINVAL;
	n = look(reader, format, &length, &head);
	if (n <= 0)
		return n;
	if ((limit && length > limit) || !fits(reader, length, head))
		return -EMSGSIZE;
	n = need(reader, head + (size_t)length, &begin);
	if (n <= 0)
		return n;
	*data = begin + head;
	*size = (size_t)length;
	reader->start += head + (size_t)length;
	return 1;
}

int peal_reader_frame_size(
	struct peal_reader *reader, uint32_t format, uint64_t limit, uint64_t *size)
{
	uint64_t length = 0;
	size_t head = 0;
	int n;

	if (!reader || !size || !is_format(format))
		return -EINVAL;
	n = look(reader, format, &length, &head);
	if (n <= 0)
		return n;
	if (limit ? length > limit : !fits(reader, length, head))
		return -EMSGSIZE;
	*size = length;
	reader->start += head;
	return 1;
}

static size_t encode_varint(unsigned char *head, uint64_t size)
{
	size_t n = 0;

	for (; size >= 0x80; size >>= 7)
		head[n++] = (unsigned char)(size | 0x80);
	head[n++] = (unsigned char)size;
	return n;
}

/* How many bytes; 0 when they have no room for it. */
static size_t encode(unsigned char *head, uint64_t size, uint32_t format)
{
	unsigned int count = bytes_of(format);

	if (is_varint(format))
		return encode_varint(head, size);
	if (count < 8 && size >> 8 * count)
		return 0;
	for (unsigned int i = 0; i < count; i++, size >>= 8)
		head[format & PEAL_FRAME_LE ? i : count - 1 - i] = (unsigned char)size;
	return count;
}

ssize_t peal_writer_frame(
	struct peal_writer *writer, uint32_t format, const void *data, size_t size)
{
	unsigned char head[VARINT_BYTES];
	struct iovec parts[2] = { { .iov_base = head },
		{ .iov_base = (void *)data, .iov_len = size } };
	ssize_t n;

	if (!writer || (!data && size) || !is_format(format))
		return -EINVAL;
	parts[0].iov_len = encode(head, size, format);
	if (!parts[0].iov_len)
		return -EMSGSIZE;
	n = peal_writer_writev(writer, parts, 2);
	return n < 0 ? n : (ssize_t)size;
}
