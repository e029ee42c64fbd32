/* SPDX-License-Identifier: MIT */
/* Peek and wait: what epoll reports, and what has ended since without its help. */
#include <peal/time.h>

#include "core/sys.h"

#include "backends/epoll/epoll.h"

#define FOR_EVER -1

/* False when there was nothing but the alarm. */
static bool take_events(struct peal_ring *ring, int count, struct peal_reap *reap)
{
	bool news = false;

	for (int i = 0; i < count; i++) {
		const struct epoll_event *event = &ring->events[i];

		if (event->data.u64 == EPOLL_ALARM_EVENT) {
			peal_epoll_alarm_went_off(ring);
			continue;
		}
		news = true;
		if (event->data.u64 == EPOLL_BELL_EVENT)
			reap->bells++;
		else
			peal_epoll_event(ring, event);
	}
	return news;
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

/* One look at the kernel, or one sleep. *news: something came that the caller may want to know of. */
static int look(struct peal_ring *ring, int timeout, struct peal_reap *reap, bool *news)
{
	int n = (int)peal_sys_epoll_wait(ring->epoll, ring->events, EPOLL_EVENTS, timeout);

	if (n < 0 && n != -EINTR)
		return n;
	*news = take_events(ring, n, reap) || n == -EINTR || ring->ended.count;
	take_ended(ring, reap);
	return 0;
}

int peal_epoll_peek(struct peal_ring *ring, struct peal_reap *reap)
{
	bool news;

	return look(ring, 0, reap, &news);
}

/* Until when the alarm lets us sleep: 0, not at all, since the deadline is past. */
static int set_alarm(struct peal_ring *ring, int64_t deadline, int *timeout)
{
	int64_t by = deadline < ring->tick_at ? deadline : ring->tick_at;

	*timeout = FOR_EVER;
	if (ring->alarm_at <= by)
		return 0;
	if (deadline <= peal_epoll_now(ring))
		*timeout = 0;
	return *timeout ? peal_epoll_alarm_by(ring, by) : 0;
}

/* Sleeps on when it was only the alarm, which may go off early. */
int peal_epoll_wait(struct peal_ring *ring, int64_t deadline, struct peal_reap *reap)
{
	bool news = false, looked = false;
	int timeout, err;

	if (ring->ended.count)
		return peal_epoll_peek(ring, reap);
	for (;;) {
		err = set_alarm(ring, deadline, &timeout);
		if (err || (looked && !timeout))
			return err;
		err = look(ring, timeout, reap, &news);
		if (err || news || !timeout)
			return err;
		looked = true;
	}
}
