/* SPDX-License-Identifier: MIT */
/*
 * Faulty streams: short reads and writes, delays, errors and an early end, as a seed decides. The two
 * directions decide each for itself, so that one does not depend on the other's pace.
 */
#include <errno.h>

#include <peal/stream.h>
#include <peal/task.h>

#include "core/base/opts.h"

static struct peal_faulty_stream *inside(struct peal_stream *stream)
{
	return PEAL_CONTAINER_OF(stream, struct peal_faulty_stream, stream);
}

/* splitmix64: https://prng.di.unimi.it/splitmix64.c */
static uint64_t choose(uint64_t *state, uint64_t below)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % below;
}

static size_t shorten(uint64_t *state, size_t size, uint32_t most)
{
	size_t chosen = most ? 1 + choose(state, most) : size;

	return chosen < size ? chosen : size;
}

/* What comes before each call. */
static int delay(const struct peal_faulty_stream *it, uint64_t *state)
{
	uint64_t turns = it->opts.yields ? choose(state, (uint64_t)it->opts.yields + 1) : 0;
	int err = 0;

	while (turns-- && !err)
		err = peal_yield();
	return err;
}

static ssize_t faulty_read(struct peal_stream *stream, void *buf, size_t size)
{
	struct peal_faulty_stream *it = inside(stream);
	uint64_t left = it->opts.end_after - it->bytes_read;
	ssize_t n;
	int err = delay(it, &it->read_state);

	if (err)
		return err;
	if (++it->reads == it->opts.fail_read)
		return it->opts.error;
	if (it->opts.end_after && left < size)
		size = (size_t)left;
	size = shorten(&it->read_state, size, it->opts.most_read);
	n = peal_stream_read(it->inner, buf, size);
	if (n > 0)
		it->bytes_read += (uint64_t)n;
	return n;
}

static ssize_t faulty_write(struct peal_stream *stream, const void *buf, size_t size)
{
	struct peal_faulty_stream *it = inside(stream);
	int err = delay(it, &it->write_state);

	if (err)
		return err;
	if (++it->writes == it->opts.fail_write)
		return it->opts.error;
	return peal_stream_write(
		it->inner, buf, shorten(&it->write_state, size, it->opts.most_write));
}

static int faulty_shutdown(struct peal_stream *stream)
{
	return peal_stream_shutdown(inside(stream)->inner);
}

static int faulty_close(struct peal_stream *stream)
{
	return peal_stream_close(inside(stream)->inner);
}

static const struct peal_stream_ops faulty_ops = {
	.size = sizeof(faulty_ops),
	.kind = "faulty",
	.read = faulty_read,
	.write = faulty_write,
	.shutdown = faulty_shutdown,
	.close = faulty_close,
};

int peal_faulty_stream(struct peal_faulty_stream *faulty, struct peal_stream *inner,
	const struct peal_faulty_opts *opts)
{
	struct peal_faulty_stream made = { .stream.ops = &faulty_ops, .inner = inner };
	int err;

	if (!faulty || !inner)
		return -EINVAL;
	err = PEAL_OPTS_READ(&made.opts, opts);
	if (err)
		return err;
	if (made.opts.error > 0)
		return -EINVAL;
	if (!made.opts.error)
		made.opts.error = -ECONNRESET;
	made.read_state = made.opts.seed;
	made.write_state = ~made.opts.seed;
	*faulty = made;
	return 0;
}
