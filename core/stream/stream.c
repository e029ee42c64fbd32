/* SPDX-License-Identifier: MIT */
/*
 * Streams of any kind: the calls, with what all kinds have in common.
 */
#include <errno.h>
#include <limits.h>

#include "core/stream/stream.h"

#define HAS(stream, member) ((stream) && PEAL_HAS((stream)->ops, member))

size_t peal_vector_size(const struct iovec *vector, int count)
{
	size_t size = 0;

	if (count < 0 || count > PEAL_PARTS_MOST || (count && !vector))
		return SIZE_MAX;
	for (int i = 0; i < count; i++)
		if (__builtin_add_overflow(size, vector[i].iov_len, &size))
			return SIZE_MAX;
	return size;
}

ssize_t peal_stream_read(struct peal_stream *stream, void *buf, size_t size)
{
	if (!stream || (!buf && size))
		return -EINVAL;
	if (!HAS(stream, read))
		return -EBADF;
	return size ? stream->ops->read(stream, buf, size) : 0;
}

ssize_t peal_stream_write(struct peal_stream *stream, const void *buf, size_t size)
{
	if (!stream || (!buf && size))
		return -EINVAL;
	if (!HAS(stream, write))
		return -EBADF;
	return size ? stream->ops->write(stream, buf, size) : 0;
}

/* The first part that is not empty; there is one. */
static const struct iovec *first_part(const struct iovec *vector)
{
	while (!vector->iov_len)
		vector++;
	return vector;
}

/* 1 when there is something to move, 0 for nothing, -EINVAL. */
static int check_vector(const struct peal_stream *stream, const struct iovec *vector, int count)
{
	size_t size = peal_vector_size(vector, count);

	if (!stream || size > SSIZE_MAX)
		return -EINVAL;
	return size != 0;
}

ssize_t peal_stream_readv(struct peal_stream *stream, const struct iovec *vector, int count)
{
	int any = check_vector(stream, vector, count);

	if (any <= 0)
		return any;
	if (HAS(stream, readv))
		return stream->ops->readv(stream, vector, count);
	vector = first_part(vector);
	return peal_stream_read(stream, vector->iov_base, vector->iov_len);
}

ssize_t peal_stream_writev(struct peal_stream *stream, const struct iovec *vector, int count)
{
	int any = check_vector(stream, vector, count);

	if (any <= 0)
		return any;
	if (HAS(stream, writev))
		return stream->ops->writev(stream, vector, count);
	vector = first_part(vector);
	return peal_stream_write(stream, vector->iov_base, vector->iov_len);
}

ssize_t peal_stream_read_exact(struct peal_stream *stream, void *buf, size_t size)
{
	char *bytes = buf;
	size_t have = 0;

	while (have < size) {
		ssize_t n = peal_stream_read(stream, bytes + have, size - have);

		if (n < 0)
			return n;
		if (!n)
			return have ? -EPROTO : 0;
		have += (size_t)n;
	}
	return (ssize_t)size;
}

ssize_t peal_stream_write_all(struct peal_stream *stream, const void *buf, size_t size)
{
	const struct iovec part = { .iov_base = (void *)buf, .iov_len = size };

	return peal_stream_writev_all(stream, &part, 1);
}

void peal_parts_advance(struct peal_parts *parts, size_t size)
{
	size += parts->offset;
	while (parts->count && size >= parts->vector->iov_len) {
		size -= parts->vector->iov_len;
		parts->vector++;
		parts->count--;
	}
	parts->offset = size;
}

/* Parts that do not lie as writev(2) wants them are put together anew, as many as there is room for. */
#define ROOM 16

static ssize_t write_copied(
	struct peal_stream *stream, const struct iovec *before, const struct peal_parts *parts)
{
	struct iovec vector[ROOM];
	int count = 0;

	if (before->iov_len)
		vector[count++] = *before;
	for (int i = 0; i < parts->count && count < ROOM; i++, count++) {
		vector[count] = parts->vector[i];
		if (!i && parts->offset) {
			vector[count].iov_base = (char *)vector[count].iov_base + parts->offset;
			vector[count].iov_len -= parts->offset;
		}
	}
	if (count == 1)
		return peal_stream_write(stream, vector->iov_base, vector->iov_len);
	return peal_stream_writev(stream, vector, count);
}

ssize_t peal_parts_write(
	struct peal_stream *stream, const struct iovec *before, const struct peal_parts *parts)
{
	ssize_t n;

	if (!before->iov_len && !parts->offset && parts->count > 1)
		n = peal_stream_writev(stream, parts->vector, parts->count);
	else
		n = write_copied(stream, before, parts);
	return n ? n : -EIO; /* it was to wait until there is room */
}

ssize_t peal_stream_writev_all(struct peal_stream *stream, const struct iovec *vector, int count)
{
	struct peal_parts parts = { .vector = vector, .count = count };
	static const struct iovec nothing;
	size_t left = peal_vector_size(vector, count);
	ssize_t size = (ssize_t)left;

	if (!stream || left > SSIZE_MAX)
		return -EINVAL;
	while (left) {
		ssize_t n;

		peal_parts_advance(&parts, 0); /* over those that are empty */
		n = peal_parts_write(stream, &nothing, &parts);
		if (n < 0)
			return n;
		peal_parts_advance(&parts, (size_t)n);
		left -= (size_t)n;
	}
	return size;
}

int peal_stream_shutdown(struct peal_stream *stream)
{
	if (!stream)
		return -EINVAL;
	return HAS(stream, shutdown) ? stream->ops->shutdown(stream) : -EOPNOTSUPP;
}

int peal_stream_close(struct peal_stream *stream)
{
	return HAS(stream, close) ? stream->ops->close(stream) : 0;
}
