/* SPDX-License-Identifier: MIT */
/*
 * Channels inside: what chan.c (one channel) and chan_select.c (several) share.
 *
 * A channel's lock guards its buffer and its two queues of waiters. A fiber that waits has one claim, and
 * a waiter in the queue of each channel that it waits for. Whoever serves it takes a waiter out of a
 * queue and makes the claim, by compare-and-swap, since others may be about to do the same at another
 * channel; whose claim fails has found a waiter that is over, and goes on to the next. A cancel is a claim
 * as well. Exactly one claim succeeds, and it owes the fiber a wake, after the lock was let go. The fiber
 * itself then takes the waiters out that are still in their queues.
 */
#ifndef PEAL_CORE_CHAN_H
#define PEAL_CORE_CHAN_H

#include <peal/sync.h>

#include "core/spin.h"
#include "core/wait.h"

/* peal_chan_wait.claim: one of these, or PEAL_CHAN_SERVED + the waiter's index. */
enum { PEAL_CHAN_WAITS, PEAL_CHAN_CANCELLED, PEAL_CHAN_SERVED };

struct peal_chan_wait {
	struct peal_wait wait;
	PEAL_ATOMIC(uint32_t) claim;
	int result; /* written by whose claim succeeded */
};

struct peal_chan_waiter {
	struct peal_chan_waiter *next, *prev;
	struct peal_chan_wait *wait;
	void *value; /* to be filled by a sender, or taken by a receiver; NULL where nobody wants it */
	uint32_t index;
	bool queued;
};

struct peal_chan_queue {
	struct peal_chan_waiter *first, *last;
};

struct peal_chan {
	struct peal_spin lock;
	bool closed;
	size_t size;     /* of a value */
	size_t capacity; /* values that fit into the buffer */
	size_t head;     /* index of the oldest */
	size_t count;
	struct peal_chan_queue senders, receivers;
	unsigned char buffer[];
};

#define PEAL_CHAN_WAIT(word)                                             \
	{                                                                \
		.wait = {.cancel = peal_chan_wait_cancel, .what = word } \
	}

void peal_chan_wait_cancel(struct peal_wait *wait);

/* With the lock held. */

static inline struct peal_chan_queue *peal_chan_queue_of(struct peal_chan *chan, bool send)
{
	return send ? &chan->senders : &chan->receivers;
}

void peal_chan_enqueue(struct peal_chan_queue *queue, struct peal_chan_waiter *waiter);
void peal_chan_dequeue(struct peal_chan_queue *queue, struct peal_chan_waiter *waiter);

/* Would the transfer be done, or fail, at once? Those of the other side whose wait is over are taken out. */
bool peal_chan_ready(struct peal_chan *chan, bool send);

/*
 * Send or receive without waiting: 0, -EAGAIN, -EPIPE, -ESHUTDOWN. In *wake a task that the caller must
 * wake when it has let go of the lock.
 */
int peal_chan_transfer(struct peal_chan *chan, bool send, void *value, struct peal_task **wake);

/* After a success, without locks: wake and count. */
void peal_chan_done(struct peal_task *wake);
/* The same in a fiber that would have waited: who always finds something must not keep the shard from
 * everything else, so it gives way now and then. */
void peal_chan_done_in(struct peal_task *self, struct peal_task *wake);

#endif
