/* SPDX-License-Identifier: MIT */
/*
 * The buffer of a channel, with one of its two locks held, or with both (chan.h).
 */
#ifndef PEAL_CORE_CHAN_BUFFER_H
#define PEAL_CORE_CHAN_BUFFER_H

#include <string.h>

#include "core/sync/chan.h"

/* In the buffer; exact with both locks held. */
static inline size_t peal_chan_held(struct peal_chan *chan)
{
	return peal_load_relaxed(&chan->in.moved) - peal_load_relaxed(&chan->out.moved);
}

static inline void peal_chan_copy(struct peal_chan *chan, void *to, const void *from)
{
	if (PEAL_LIKELY(chan->size == sizeof(uint64_t) && to && from))
		memcpy(to, from, sizeof(uint64_t)); /* one move */
	else if (to && from && chan->size)
		memcpy(to, from, chan->size);
}

/* A value goes in, or comes out, at an end whose lock is held. */
static inline void *peal_chan_slot(struct peal_chan *chan, const struct peal_chan_end *end)
{
	return chan->buffer + end->at * chan->size;
}

static inline void peal_chan_move(struct peal_chan *chan, struct peal_chan_end *end)
{
	end->at = end->at + 1 == chan->capacity ? 0 : end->at + 1;
	peal_store_release(&end->moved, peal_load_relaxed(&end->moved) + 1);
}

static inline void peal_chan_push(struct peal_chan *chan, const void *value)
{
	peal_chan_copy(chan, peal_chan_slot(chan, &chan->in), value);
	peal_chan_move(chan, &chan->in);
}

static inline void peal_chan_pull(struct peal_chan *chan, void *value)
{
	peal_chan_copy(chan, value, peal_chan_slot(chan, &chan->out));
	peal_chan_move(chan, &chan->out);
}

/* With the lock of the end only: done, or not without the other. */
static inline bool peal_chan_push_alone(struct peal_chan *chan, const void *value)
{
	size_t tail = peal_load_relaxed(&chan->in.moved);

	if (PEAL_UNLIKELY(peal_load_relaxed(&chan->slow)))
		return false;
	if (tail - chan->in.other >= chan->capacity)
		chan->in.other = peal_load_acquire(&chan->out.moved);
	if (tail - chan->in.other >= chan->capacity)
		return false;
	peal_chan_push(chan, value);
	return true;
}

static inline bool peal_chan_pull_alone(struct peal_chan *chan, void *value)
{
	size_t head = peal_load_relaxed(&chan->out.moved);

	if (PEAL_UNLIKELY(peal_load_relaxed(&chan->slow)))
		return false;
	/* Where this end has moved with both locks it may have passed what it last saw. */
	if ((ptrdiff_t)(chan->out.other - head) <= 0)
		chan->out.other = peal_load_acquire(&chan->in.moved);
	if (chan->out.other == head)
		return false;
	peal_chan_pull(chan, value);
	return true;
}

static inline bool peal_chan_transfer_alone(struct peal_chan *chan, bool send, void *value)
{
	struct peal_chan_end *end = send ? &chan->in : &chan->out;
	bool done;

	peal_spin_lock(&end->lock);
	done = send ? peal_chan_push_alone(chan, value) : peal_chan_pull_alone(chan, value);
	peal_spin_unlock(&end->lock);
	return done;
}

#endif
