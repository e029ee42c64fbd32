/* SPDX-License-Identifier: MIT */
/*
 * A stream's two directions with an owner each. The second of the two that closes its half closes the
 * stream.
 */
#include <errno.h>

#include <peal/stream.h>

#include "core/base/atomic.h"

static PEAL_ATOMIC(uint32_t) * open_halves(struct peal_stream_halves *halves)
{
	return (PEAL_ATOMIC(uint32_t) *)(void *)halves->room;
}

static struct peal_stream_halves *of_input(struct peal_stream *stream)
{
	return PEAL_CONTAINER_OF(stream, struct peal_stream_halves, input);
}

static struct peal_stream_halves *of_output(struct peal_stream *stream)
{
	return PEAL_CONTAINER_OF(stream, struct peal_stream_halves, output);
}

static ssize_t half_read(struct peal_stream *stream, void *buf, size_t size)
{
	return peal_stream_read(of_input(stream)->whole, buf, size);
}

static ssize_t half_readv(struct peal_stream *stream, const struct iovec *vector, int count)
{
	return peal_stream_readv(of_input(stream)->whole, vector, count);
}

static ssize_t half_write(struct peal_stream *stream, const void *buf, size_t size)
{
	return peal_stream_write(of_output(stream)->whole, buf, size);
}

static ssize_t half_writev(struct peal_stream *stream, const struct iovec *vector, int count)
{
	return peal_stream_writev(of_output(stream)->whole, vector, count);
}

static int half_shutdown(struct peal_stream *stream)
{
	return peal_stream_shutdown(of_output(stream)->whole);
}

static int fd_of(struct peal_stream *whole, bool output)
{
	return PEAL_HAS(whole->ops, fd) ? whole->ops->fd(whole, output) : -EOPNOTSUPP;
}

static int input_fd(struct peal_stream *stream, bool output)
{
	return output ? -EBADF : fd_of(of_input(stream)->whole, output);
}

static int output_fd(struct peal_stream *stream, bool output)
{
	return output ? fd_of(of_output(stream)->whole, output) : -EBADF;
}

/* From the subtraction on, the other owner may close the stream, and free the halves. */
static int close_half(struct peal_stream_halves *halves, int err)
{
	struct peal_stream *whole = halves->whole;

	if (peal_sub_acq_rel(open_halves(halves), 1) != 1)
		return err;
	return peal_stream_close(whole);
}

static int close_input(struct peal_stream *stream)
{
	return close_half(of_input(stream), 0);
}

static int close_output(struct peal_stream *stream)
{
	struct peal_stream_halves *halves = of_output(stream);
	int err = 0;

	if (peal_load_relaxed(open_halves(halves)) == 2)
		err = peal_stream_shutdown(halves->whole);
	return close_half(halves, err == -EOPNOTSUPP || err == -ENOTCONN ? 0 : err);
}

static const struct peal_stream_ops input_ops = {
	.size = sizeof(input_ops),
	.kind = "half",
	.read = half_read,
	.readv = half_readv,
	.close = close_input,
	.fd = input_fd,
};

static const struct peal_stream_ops output_ops = {
	.size = sizeof(output_ops),
	.kind = "half",
	.write = half_write,
	.writev = half_writev,
	.shutdown = half_shutdown,
	.close = close_output,
	.fd = output_fd,
};

int peal_stream_split(struct peal_stream_halves *halves, struct peal_stream *stream)
{
	if (!halves || !stream)
		return -EINVAL;
	*halves = (struct peal_stream_halves){
		.input.ops = &input_ops,
		.output.ops = &output_ops,
		.whole = stream,
	};
	peal_store_relaxed(open_halves(halves), 2);
	return 0;
}
