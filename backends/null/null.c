/* SPDX-License-Identifier: MIT */
/*
 * The smallest complete backend, made to be copied. It carries out nothing: every op completes with
 * -ENOSYS. But bells, waiting and the clock work, so that a runtime starts on it and runs whatever
 * does no I/O.
 *
 * A ring is an eventfd: ringing the bell writes it, waiting polls it, hearing the bell reads it.
 */
#include <limits.h>
#include <string.h>

#include <peal/backend.h>
#include <peal/time.h>

#include "core/base/alloc.h"
#include "core/base/fatal.h"
#include "core/base/log.h"
#include "core/sys.h"

extern const struct peal_backend peal_backend_null;

struct peal_ring {
	int bell;
};

static int null_probe(struct peal_reason *reason)
{
	int fd = (int)peal_sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return peal_refuse(reason, fd, "eventfd2 is refused here: %s", strerror(-fd));
	peal_sys_close(fd);
	return 0;
}

static int null_open(
	struct peal_ring **out, const struct peal_ring_opts *opts, struct peal_reason *reason)
{
	struct peal_ring *ring = peal_alloc(1, sizeof(*ring));

	(void)opts;
	if (!ring)
		return peal_refuse(reason, -ENOMEM, "no memory for a ring");
	ring->bell = (int)peal_sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ring->bell < 0) {
		int err = ring->bell;

		peal_free(ring);
		return peal_refuse(
			reason, err, "no eventfd for the bell: %s (see ulimit -n)", strerror(-err));
	}
	*out = ring;
	return 0;
}

/* After a fork as well: closing the child's descriptor leaves the parent's alone. */
static void null_close(struct peal_ring *ring)
{
	if (!ring)
		return;
	peal_sys_close(ring->bell);
	peal_free(ring);
}

static int null_submit(struct peal_ring *ring, struct peal_op *op)
{
	(void)ring;
	op->result = -ENOSYS;
	return 1;
}

static int null_cancel(struct peal_ring *ring, struct peal_op *op)
{
	(void)ring;
	(void)op;
	peal_assert(!"an op in flight"); /* none ever is */
	return 0;
}

static int64_t null_now(struct peal_ring *ring)
{
	struct timespec now = { 0 };

	(void)ring;
	peal_sys_clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * PEAL_S + now.tv_nsec;
}

static int null_peek(struct peal_ring *ring, struct peal_reap *reap)
{
	uint64_t count;
	long n = peal_sys_read(ring->bell, &count, sizeof(count));

	if (n > 0)
		reap->bells++;
	return n < 0 && n != -EAGAIN && n != -EINTR ? (int)n : 0;
}

/* Milliseconds for poll(2), rounded up: an early return would only be followed by another wait. */
static int timeout(struct peal_ring *ring, int64_t deadline)
{
	int64_t left;

	if (deadline == PEAL_NEVER)
		return -1;
	left = deadline - null_now(ring);
	if (left <= 0)
		return 0;
	left = (left - 1) / PEAL_MS + 1;
	return left < INT_MAX ? (int)left : INT_MAX;
}

static int null_wait(struct peal_ring *ring, int64_t deadline, struct peal_reap *reap)
{
	struct pollfd fd = { .fd = ring->bell, .events = POLLIN };
	long n = peal_sys_poll(&fd, 1, timeout(ring, deadline));

	if (n <= 0)
		return n == -EINTR ? 0 : (int)n;
	return null_peek(ring, reap);
}

/* write(2) is async-signal-safe; the handler's victim must find its errno as it was. */
static int null_bell_from_outside(struct peal_ring *to)
{
	uint64_t one = 1;
	int saved_errno = errno;
	long n = peal_sys_write(to->bell, &one, sizeof(one));

	errno = saved_errno;
	return n < 0 ? (int)n : 0;
}

static int null_bell(struct peal_ring *from, struct peal_ring *to)
{
	(void)from;
	return null_bell_from_outside(to);
}

static int null_poll_fd(struct peal_ring *ring)
{
	return ring->bell;
}

const struct peal_backend peal_backend_null = {
	.abi = PEAL_BACKEND_ABI,
	.size = sizeof(struct peal_backend),
	.name = "null",
	.summary = "completes every operation with -ENOSYS: the one to copy",
	.probe = null_probe,
	.open = null_open,
	.close = null_close,
	.submit = null_submit,
	.cancel = null_cancel,
	.peek = null_peek,
	.wait = null_wait,
	.bell = null_bell,
	.bell_from_outside = null_bell_from_outside,
	.poll_fd = null_poll_fd,
	.after_fork = null_close,
	.now = null_now,
};
