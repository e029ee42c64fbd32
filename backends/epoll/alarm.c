/* SPDX-License-Identifier: MIT */
/*
 * The alarm: one timer for deadlines and for ticks. It is set when it would be too late, and left alone
 * when it is early: deadlines mostly move away before they come, and a timer that is set for each sleep
 * costs more than all else that we do for a request (0.8 us of 8). Sleeps with a timeout would be
 * less exact, too: the kernel adds slack to those.
 */
#include <peal/time.h>

#include "core/sys.h"

#include "backends/epoll/epoll.h"

#define TICK (10 * PEAL_MS)

int64_t peal_epoll_now(struct peal_ring *ring)
{
	struct timespec now = { 0 };

	(void)ring;
	peal_sys_clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * PEAL_S + now.tv_nsec;
}

/* The alarm of a ring whose epoll is open. Edge-triggered: setting it again takes back what it told. */
int peal_epoll_alarm_open(struct peal_ring *ring)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = EPOLL_ALARM_EVENT };

	ring->alarm_at = ring->tick_at = PEAL_NEVER;
	ring->alarm = (int)peal_sys_timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (ring->alarm < 0)
		return ring->alarm;
	return (int)peal_sys_epoll_ctl(ring->epoll, EPOLL_CTL_ADD, ring->alarm, &event);
}

int peal_epoll_alarm_by(struct peal_ring *ring, int64_t at)
{
	const struct itimerspec when = { .it_value = {
						 .tv_sec = at / PEAL_S, .tv_nsec = at % PEAL_S } };
	int err;

	if (ring->alarm_at <= at)
		return 0;
	err = (int)peal_sys_timerfd_settime(ring->alarm, TFD_TIMER_ABSTIME, &when);
	if (!err)
		ring->alarm_at = at;
	return err;
}

/* If it cannot be set now, the next wait does it. */
void peal_epoll_tick_later(struct peal_ring *ring)
{
	if (ring->tick_at != PEAL_NEVER)
		return;
	ring->tick_at = peal_epoll_now(ring) + TICK;
	peal_epoll_alarm_by(ring, ring->tick_at);
}

void peal_epoll_alarm_went_off(struct peal_ring *ring)
{
	ring->alarm_at = PEAL_NEVER;
	if (ring->tick_at == PEAL_NEVER)
		return;
	if (peal_epoll_now(ring) < ring->tick_at) {
		peal_epoll_alarm_by(ring, ring->tick_at);
		return;
	}
	ring->tick_at = PEAL_NEVER;
	if (peal_epoll_prove(ring))
		peal_epoll_tick_later(ring);
}
