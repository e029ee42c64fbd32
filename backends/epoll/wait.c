/* SPDX-License-Identifier: MIT */
/* Peek and wait: what epoll reports, what was cancelled, what a tick finds. */
#include <limits.h>

#include <peal/time.h>

#include "core/sys.h"

#include "backends/epoll/epoll.h"

#define TICK (10 * PEAL_MS)

static int64_t read_clock(clockid_t clock)
{
	struct timespec now = { 0 };

	peal_sys_clock_gettime(clock, &now);
	return now.tv_sec * PEAL_S + now.tv_nsec;
}

int64_t peal_epoll_now(struct peal_ring *ring)
{
	(void)ring;
	return read_clock(CLOCK_MONOTONIC);
}

/* To the next tick, by the clock that is cheap to read. PEAL_NEVER when there is nothing to prove. */
static int64_t until_tick(const struct peal_ring *ring)
{
	int64_t left;

	if (!peal_epoll_tick_wanted(ring))
		return PEAL_NEVER;
	left = ring->next_tick - read_clock(CLOCK_MONOTONIC_COARSE);
	return left > 0 ? left : 0;
}

/*
 * The kernel may let a sleep last a thousandth longer, to serve several timers at once. Ask for that
 * much less: a sleep that ends early is followed by a short one, which is exact.
 */
static int64_t without_slack(int64_t left)
{
	return left - left / 1001;
}

static int64_t until(struct peal_ring *ring, int64_t deadline)
{
	int64_t tick, left = PEAL_NEVER;

	if (ring->ended.count)
		return 0;
	if (deadline != PEAL_NEVER) {
		int64_t now = peal_epoll_now(ring);

		if (deadline <= now)
			return 0;
		left = without_slack(deadline - now);
	}
	tick = until_tick(ring);
	return tick < left ? tick : left;
}

static int in_milliseconds(int64_t left)
{
	int64_t count = left ? (left - 1) / PEAL_MS + 1 : 0;

	if (left == PEAL_NEVER)
		return -1;
	return count < INT_MAX ? (int)count : INT_MAX;
}

static int sleep_for(struct peal_ring *ring, int64_t left)
{
	int n;

	if (left > 0 && left != PEAL_NEVER && !ring->no_pwait2) {
		n = (int)peal_sys_epoll_pwait2(ring->epoll, ring->events, EPOLL_EVENTS, left);
		if (n != -ENOSYS && n != -EPERM)
			return n;
		ring->no_pwait2 = true;
	}
	return (int)peal_sys_epoll_wait(
		ring->epoll, ring->events, EPOLL_EVENTS, in_milliseconds(left));
}

static void take_events(struct peal_ring *ring, int count, struct peal_reap *reap)
{
	for (int i = 0; i < count; i++) {
		if (ring->events[i].data.u64 == EPOLL_BELL_EVENT)
			reap->bells++;
		else
			peal_epoll_event(ring, &ring->events[i]);
	}
}

static void take_ended(struct peal_ring *ring, struct peal_reap *reap)
{
	if (!ring->ended.count)
		return;
	*reap->last = ring->ended.first;
	reap->last = ring->ended.last;
	reap->count += ring->ended.count;
	peal_reap_init(&ring->ended);
}

static void reap_all(struct peal_ring *ring, int count, struct peal_reap *reap)
{
	take_events(ring, count, reap);
	if (until_tick(ring) == 0) {
		peal_epoll_tick(ring);
		ring->next_tick = read_clock(CLOCK_MONOTONIC_COARSE) + TICK;
	}
	take_ended(ring, reap);
}

int peal_epoll_peek(struct peal_ring *ring, struct peal_reap *reap)
{
	int n = (int)peal_sys_epoll_wait(ring->epoll, ring->events, EPOLL_EVENTS, 0);

	if (n < 0 && n != -EINTR)
		return n;
	reap_all(ring, n, reap);
	return 0;
}

/* Goes back to sleep only where the kernel woke for our own sake: a tick, or the slack. */
int peal_epoll_wait(struct peal_ring *ring, int64_t deadline, struct peal_reap *reap)
{
	int64_t left;
	int n;

	do {
		left = until(ring, deadline);
		n = sleep_for(ring, left);
		if (n < 0 && n != -EINTR)
			return n;
		reap_all(ring, n, reap);
	} while (n == 0 && left > 0 && !reap->count);
	return 0;
}
