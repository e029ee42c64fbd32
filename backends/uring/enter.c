/* SPDX-License-Identifier: MIT */
/*
 * The one way into the kernel while a ring is in use. liburing's helpers know neither absolute timeouts
 * nor NO_IOWAIT, so the queue's tail is published here.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "backends/uring/uring.h"
#include "core/base/log.h"
#include "core/sys.h"

#include <peal/time.h>

/* Let the kernel see what was queued. Returns how many entries it has not taken yet; a short submission
 * leaves some to the next time. */
static unsigned int publish(struct peal_ring *ring)
{
	struct io_uring_sq *sq = &ring->uring.sq;

	if (sq->sqe_head != sq->sqe_tail) {
		sq->sqe_head = sq->sqe_tail;
		io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
	}
	return io_uring_sq_ready(&ring->uring);
}

/* Interrupted, out of time, or short of memory for now: nothing is lost, the next entering goes on. */
static bool passes(int err)
{
	return err == -EINTR || err == -ETIME || err == -EAGAIN || err == -EBUSY || err == -ENOMEM;
}

static int judge(const struct peal_ring *ring, int n)
{
	if (n >= 0 || passes(n))
		return 0;
	peal_log(PEAL_LOG_ERROR, "io_uring_enter: %s; the ring of shard %u is lost", strerror(-n),
		ring->shard);
	return n;
}

int peal_uring_turn(struct peal_ring *ring, bool *stuck)
{
	unsigned int flags = IORING_ENTER_GETEVENTS | ring->enter_flags;
	int n = (int)peal_sys_io_uring_enter(ring->enter_fd, publish(ring), 0, flags, NULL, 0);

	*stuck = n < 0;
	return judge(ring, n);
}

int64_t peal_uring_now(void)
{
	struct timespec now = { 0 };

	peal_sys_clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * PEAL_S + now.tv_nsec;
}

static struct __kernel_timespec timespec_of(int64_t ns)
{
	return (struct __kernel_timespec){ .tv_sec = ns / PEAL_S, .tv_nsec = ns % PEAL_S };
}

/* The kernel adds a duration to its own idea of now, which must not overflow; nobody will notice that a
 * sleep of 146 years ended early. */
static struct __kernel_timespec timeout_for(const struct peal_ring *ring, int64_t deadline)
{
	int64_t left;

	if (ring->has & PEAL_URING_ABS_TIMER)
		return timespec_of(deadline);
	left = deadline - peal_uring_now();
	return timespec_of(left < 0 ? 0 : left > PEAL_NEVER / 2 ? PEAL_NEVER / 2 : left);
}

int peal_uring_sleep(struct peal_ring *ring, int64_t deadline)
{
	struct io_uring_getevents_arg arg = { .sigmask_sz = _NSIG / 8 };
	struct __kernel_timespec timeout;
	unsigned int flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | ring->enter_flags |
		ring->sleep_flags;

	if (deadline != PEAL_NEVER) {
		timeout = timeout_for(ring, deadline);
		arg.ts = (uint64_t)(uintptr_t)&timeout;
		if (ring->has & PEAL_URING_ABS_TIMER)
			flags |= PEAL_IORING_ENTER_ABS_TIMER;
	}
	return judge(ring,
		(int)peal_sys_io_uring_enter(
			ring->enter_fd, publish(ring), 1, flags, &arg, sizeof(arg)));
}
