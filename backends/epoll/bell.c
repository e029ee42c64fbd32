/* SPDX-License-Identifier: MIT */
/*
 * The bell is an eventfd, registered edge-triggered: every write is an event, so that it is sticky
 * (the event stays until it was reported) and nobody needs to read it back.
 */
#include "core/sys.h"

#include "backends/epoll/epoll.h"

/* The bell of a ring whose epoll is open. */
int peal_epoll_bell_open(struct peal_ring *ring)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = EPOLL_BELL_EVENT };

	ring->bell = (int)peal_sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ring->bell < 0)
		return ring->bell;
	return (int)peal_sys_epoll_ctl(ring->epoll, EPOLL_CTL_ADD, ring->bell, &event);
}

/* For signal handlers too: whoever was interrupted must find errno as it was. */
int peal_epoll_bell_from_outside(struct peal_ring *to)
{
	uint64_t one = 1;
	int saved_errno = errno;
	long n = peal_sys_write(to->bell, &one, sizeof(one));

	errno = saved_errno;
	return n < 0 ? (int)n : 0;
}

int peal_epoll_bell(struct peal_ring *from, struct peal_ring *to)
{
	(void)from;
	return peal_epoll_bell_from_outside(to);
}
