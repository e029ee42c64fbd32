/* SPDX-License-Identifier: MIT */
/*
 * Streams over descriptors. Sockets have calls of their own, which cost less than read(2) and its like
 * where nothing may block; what a descriptor is shows at its first use.
 */
#include <errno.h>
#include <sys/socket.h>

#include <peal/io.h>

#include "core/stream/stream.h"

enum kind {
	UNKNOWN, /* a socket until it says that it is none */
	SOCKET,
	OTHER,
};

static struct peal_fd_stream *inside(struct peal_stream *stream)
{
	return PEAL_CONTAINER_OF(stream, struct peal_fd_stream, stream);
}

/* Is it to be done in the way of other descriptors? After an attempt in the way of sockets. */
static bool is_other(uint8_t *kind, ssize_t result)
{
	if (*kind == UNKNOWN && result == -ENOTSOCK)
		*kind = OTHER;
	else if (*kind == UNKNOWN && result >= 0)
		*kind = SOCKET;
	return *kind == OTHER;
}

static ssize_t fd_read(struct peal_stream *stream, void *buf, size_t size)
{
	struct peal_fd_stream *it = inside(stream);

	if (it->in_kind != OTHER) {
		ssize_t n = peal_recv(it->in, buf, size, 0);

		if (!is_other(&it->in_kind, n))
			return n;
	}
	return peal_read(it->in, buf, size);
}

static ssize_t fd_write(struct peal_stream *stream, const void *buf, size_t size)
{
	struct peal_fd_stream *it = inside(stream);

	if (it->out_kind != OTHER) {
		ssize_t n = peal_send(it->out, buf, size, 0);

		if (!is_other(&it->out_kind, n))
			return n;
	}
	return peal_write(it->out, buf, size);
}

static ssize_t fd_readv(struct peal_stream *stream, const struct iovec *vector, int count)
{
	struct peal_fd_stream *it = inside(stream);
	struct msghdr message = { .msg_iov = (struct iovec *)vector, .msg_iovlen = (size_t)count };

	if (it->in_kind != OTHER) {
		ssize_t n = peal_recvmsg(it->in, &message, 0);

		if (!is_other(&it->in_kind, n))
			return n;
	}
	return peal_readv(it->in, vector, count);
}

static ssize_t fd_writev(struct peal_stream *stream, const struct iovec *vector, int count)
{
	struct peal_fd_stream *it = inside(stream);
	struct msghdr message = { .msg_iov = (struct iovec *)vector, .msg_iovlen = (size_t)count };

	if (it->out_kind != OTHER) {
		ssize_t n = peal_sendmsg(it->out, &message, 0);

		if (!is_other(&it->out_kind, n))
			return n;
	}
	return peal_writev(it->out, vector, count);
}

/* A pipe ends by being closed; a file has nobody to be told. */
static int fd_shutdown(struct peal_stream *stream)
{
	struct peal_fd_stream *it = inside(stream);
	int err = peal_shutdown(it->out, SHUT_WR), out = it->out;

	if (err != -ENOTSOCK)
		return err;
	if (it->in == out)
		return 0;
	it->out = -1;
	return peal_close(out);
}

static int fd_close(struct peal_stream *stream)
{
	struct peal_fd_stream *it = inside(stream);
	int in = it->in, out = it->out, err = 0, other;

	it->in = it->out = -1;
	if (in >= 0)
		err = peal_close(in);
	if (out < 0 || out == in)
		return err;
	other = peal_close(out);
	return err ? err : other;
}

static int fd_of(struct peal_stream *stream, bool output)
{
	struct peal_fd_stream *it = inside(stream);
	int fd = output ? it->out : it->in;

	return fd >= 0 ? fd : -EBADF;
}

static const struct peal_stream_ops fd_ops = {
	.size = sizeof(fd_ops),
	.kind = "fd",
	.read = fd_read,
	.write = fd_write,
	.readv = fd_readv,
	.writev = fd_writev,
	.shutdown = fd_shutdown,
	.close = fd_close,
	.fd = fd_of,
};

struct peal_stream *peal_fd_stream_pair(struct peal_fd_stream *stream, int in, int out)
{
	if (!stream)
		return NULL;
	*stream = (struct peal_fd_stream){ .stream.ops = &fd_ops, .in = in, .out = out };
	return &stream->stream;
}

struct peal_stream *peal_fd_stream(struct peal_fd_stream *stream, int fd)
{
	return peal_fd_stream_pair(stream, fd, fd);
}
