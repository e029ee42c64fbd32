/* SPDX-License-Identifier: MIT */
/*
 * Channels inside: what chan.c (one channel) and chan_select.c (several) share.
 *
 * A channel has two locks, one for each end of its buffer, so that a sender and a receiver on two CPUs
 * do not wait for each other as long as the buffer is neither full nor empty. Each end is on cache lines
 * of its own and remembers how far the other had come when it last looked. Everything else, the queues
 * of waiters and the mark of the close, is written with both locks held, and so may be read with either:
 * whoever finds nobody waiting while it holds one lock is right, since nobody begins to wait without it.
 *
 * For what is between the ends: a sender writes a value before it publishes the new tail (release), a
 * receiver reads the value after it has seen that tail (acquire); and it publishes the new head after it
 * has read, which the sender sees before it writes there again.
 *
 * A fiber that waits has one claim, and a waiter in the queue of each channel that it waits for. Whoever serves it takes a waiter out of a
 * queue and makes the claim, by compare-and-swap, since others may be about to do the same at another
 * channel; whose claim fails has found a waiter that is over, and goes on to the next. A cancel is a claim
 * as well. Exactly one claim succeeds, and it owes the fiber a wake, after the locks were let go. The fiber
 * itself then takes the waiters out that are still in their queues.
 */
#ifndef PEAL_CORE_CHAN_H
#define PEAL_CORE_CHAN_H

#include <peal/sync.h>

#include "core/base/compiler.h"
#include "core/base/spin.h"
#include "core/sched/linger.h"
#include "core/task/wait.h"

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

struct peal_chan_end {
	PEAL_ALIGNED_LINE struct peal_spin lock;
	PEAL_ATOMIC(size_t)
	moved;        /* values that have passed this end: written with the lock held */
	size_t other; /* what the other end's `moved` was, or more by now */
	size_t at;    /* the slot of the next one */
	struct peal_linger linger;
};

struct peal_chan {
	struct peal_chan_end in, out;
	/* Written with both locks held. */
	PEAL_ALIGNED_LINE bool closed;
	PEAL_ATOMIC(bool) slow; /* closed, or somebody waits: both locks are needed */
	size_t size;            /* of a value */
	size_t capacity;        /* values that fit into the buffer */
	struct peal_chan_queue senders, receivers;
	PEAL_ALIGNED_LINE unsigned char buffer[];
};

/* Both locks. */
static inline void peal_chan_lock(struct peal_chan *chan)
{
	peal_spin_lock(&chan->in.lock);
	peal_spin_lock(&chan->out.lock);
}

static inline void peal_chan_unlock(struct peal_chan *chan)
{
	peal_store_relaxed(
		&chan->slow, chan->closed || chan->senders.first || chan->receivers.first);
	peal_spin_unlock(&chan->out.lock);
	peal_spin_unlock(&chan->in.lock);
}

#define PEAL_CHAN_WAIT(word)                                             \
	{                                                                \
		.wait = {.cancel = peal_chan_wait_cancel, .what = word } \
	}

void peal_chan_wait_cancel(struct peal_wait *wait);

/* With both locks held. */

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
 * wake when it has let go of the locks.
 */
int peal_chan_transfer(struct peal_chan *chan, bool send, void *value, struct peal_task **wake);

/* chan_linger.c: look on for a moment, without locks. True when it is worth to try again. */
bool peal_chan_linger(struct peal_chan *chan, bool send, struct peal_shard *shard);

/* After a success, without locks: wake and count. */
void peal_chan_done(struct peal_task *wake);
/* The same in a fiber that would have waited: who always finds something must not keep the shard from
 * everything else, so it gives way now and then. */
void peal_chan_done_in(struct peal_task *self, struct peal_task *wake);

#endif
