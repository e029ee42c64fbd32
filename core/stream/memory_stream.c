/* SPDX-License-Identifier: MIT */
/*
 * Streams in memory: two pipes, one for each direction, that fibers of any shards write to and read from.
 *
 * Who finds a pipe empty or full waits in its queue, and every change wakes all that wait: there is one at
 * most, by contract, and one that is cancelled at that moment swallows nobody's wake.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/uio.h>

#include <peal/stream.h>

#include "core/base/alloc.h"
#include "core/sync/waitq.h"

struct pipe {
	struct peal_waitq queue; /* its lock guards everything here */
	char *bytes;
	size_t capacity;
	size_t first, count; /* of the bytes in it */
	bool ended;          /* nothing more will be written */
	bool broken;         /* nobody will read */
};

struct end {
	struct peal_stream stream;
	struct pair *pair;
	struct pipe *in, *out;
};

struct pair {
	struct end ends[2];
	struct pipe pipes[2];
	PEAL_ATOMIC(uint32_t) open;
};

static struct end *inside(struct peal_stream *stream)
{
	return PEAL_CONTAINER_OF(stream, struct end, stream);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The two ways through a pipe: how many bytes, 0 at the end, or a negative errno; -EAGAIN is to wait. With
 * the lock held. */

static ssize_t get(struct pipe *pipe, void *buf, size_t size)
{
	size_t n = smaller(size, pipe->count), piece = smaller(n, pipe->capacity - pipe->first);

	if (!n)
		return pipe->ended ? 0 : -EAGAIN;
	memcpy(buf, pipe->bytes + pipe->first, piece);
	memcpy((char *)buf + piece, pipe->bytes, n - piece);
	pipe->first = (pipe->first + n) % pipe->capacity;
	pipe->count -= n;
	return (ssize_t)n;
}

static ssize_t put(struct pipe *pipe, void *buf, size_t size)
{
	size_t n = smaller(size, pipe->capacity - pipe->count);
	size_t at = (pipe->first + pipe->count) % pipe->capacity;
	size_t piece = smaller(n, pipe->capacity - at);

	if (pipe->ended || pipe->broken)
		return -EPIPE;
	if (!n)
		return -EAGAIN;
	memcpy(pipe->bytes + at, buf, piece);
	memcpy(pipe->bytes, (char *)buf + piece, n - piece);
	pipe->count += n;
	return (ssize_t)n;
}

/* With the lock held: whom to wake when it is let go. */
static struct peal_waiter *pop_all(struct pipe *pipe)
{
	struct peal_waiter *all = NULL, **last = &all;

	while ((*last = peal_waitq_pop(&pipe->queue)))
		last = &(*last)->next;
	return all;
}

typedef ssize_t move_fn(struct pipe *pipe, void *buf, size_t size);

/* Several buffers at once: nobody comes between them. */
static ssize_t move_all(struct pipe *pipe, move_fn *move, const struct iovec *vector, int count)
{
	ssize_t moved = 0;

	for (int i = 0; i < count; i++) {
		ssize_t n = 0;

		if (vector[i].iov_len)
			n = move(pipe, vector[i].iov_base, vector[i].iov_len);
		if (n < 0)
			return moved ? moved : n;
		moved += n;
		if ((size_t)n < vector[i].iov_len)
			break;
	}
	return moved;
}

/* Do it, or be queued. */
static ssize_t try_move(struct pipe *pipe, move_fn *move, const struct iovec *vector, int count,
	struct peal_waiter *waiter)
{
	struct peal_waiter *woken = NULL;
	ssize_t n;

	peal_spin_lock(&pipe->queue.lock);
	n = move_all(pipe, move, vector, count);
	if (n == -EAGAIN)
		peal_waitq_push(&pipe->queue, waiter);
	else if (n > 0)
		woken = pop_all(pipe);
	peal_spin_unlock(&pipe->queue.lock);
	peal_waiters_wake(woken);
	return n;
}

static ssize_t transfer(
	struct pipe *pipe, move_fn *move, const struct iovec *vector, int count, const char *what)
{
	for (;;) {
		struct peal_waiter waiter = PEAL_WAITER(what, &pipe->queue, peal_waiter_cancel);
		int err = peal_wait_begin(&waiter.wait);
		ssize_t n;

		if (err)
			return err;
		n = try_move(pipe, move, vector, count, &waiter);
		if (n != -EAGAIN) {
			peal_wait_end(&waiter.wait);
			return n;
		}
		err = peal_waiter_sleep(&waiter);
		if (err)
			return err;
	}
}

static ssize_t memory_readv(struct peal_stream *stream, const struct iovec *vector, int count)
{
	return transfer(inside(stream)->in, get, vector, count, "stream read");
}

static ssize_t memory_read(struct peal_stream *stream, void *buf, size_t size)
{
	return memory_readv(stream, &(const struct iovec){ buf, size }, 1);
}

static ssize_t memory_writev(struct peal_stream *stream, const struct iovec *vector, int count)
{
	return transfer(inside(stream)->out, put, vector, count, "stream write");
}

static ssize_t memory_write(struct peal_stream *stream, const void *buf, size_t size)
{
	return memory_writev(stream, &(const struct iovec){ (void *)buf, size }, 1);
}

static void end_pipe(struct pipe *pipe, bool ended, bool broken)
{
	struct peal_waiter *woken;

	peal_spin_lock(&pipe->queue.lock);
	pipe->ended |= ended;
	pipe->broken |= broken;
	woken = pop_all(pipe);
	peal_spin_unlock(&pipe->queue.lock);
	peal_waiters_wake(woken);
}

static int memory_shutdown(struct peal_stream *stream)
{
	end_pipe(inside(stream)->out, true, false);
	return 0;
}

static int memory_close(struct peal_stream *stream)
{
	struct pair *pair = inside(stream)->pair;

	end_pipe(inside(stream)->out, true, false);
	end_pipe(inside(stream)->in, false, true);
	if (peal_sub_acq_rel(&pair->open, 1) == 1) {
		peal_free(pair);
		peal_alloc_release();
	}
	return 0;
}

static const struct peal_stream_ops memory_ops = {
	.size = sizeof(memory_ops),
	.kind = "memory",
	.read = memory_read,
	.write = memory_write,
	.readv = memory_readv,
	.writev = memory_writev,
	.shutdown = memory_shutdown,
	.close = memory_close,
};

static void set_up(struct pair *pair, size_t capacity)
{
	for (int i = 0; i < 2; i++) {
		pair->pipes[i].capacity = capacity;
		pair->pipes[i].bytes = (char *)(pair + 1) + (size_t)i * capacity;
		pair->ends[i].stream.ops = &memory_ops;
		pair->ends[i].pair = pair;
		pair->ends[i].out = &pair->pipes[i];
		pair->ends[i].in = &pair->pipes[1 - i];
	}
	peal_store_relaxed(&pair->open, 2);
}

int peal_stream_pair(struct peal_stream *ends[2], size_t capacity)
{
	struct pair *pair;

	if (!ends || !capacity)
		return -EINVAL;
	if (capacity > (SSIZE_MAX - sizeof(*pair)) / 2)
		return -ENOMEM;
	peal_alloc_hold();
	pair = peal_alloc(1, sizeof(*pair) + 2 * capacity);
	if (!pair) {
		peal_alloc_release();
		return -ENOMEM;
	}
	set_up(pair, capacity);
	ends[0] = &pair->ends[0].stream;
	ends[1] = &pair->ends[1].stream;
	return 0;
}
