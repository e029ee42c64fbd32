/* SPDX-License-Identifier: MIT */
/*
 * Of two shards that use a channel the quicker one catches up with the other again and again. It then
 * lingers (core/sched/linger.h) before it gets into the queue, where it would make both sides take both locks;
 * and it does so until there is a good deal to do, or time is over. For whoever follows close behind the
 * other takes the cache line with its position away from it at each value; that is also why the looks are
 * far between.
 *
 * A fiber that lingers is not in the queue yet, so one of another shard that comes meanwhile may be served
 * first. Which of the two came first nobody can tell: neither has done anything that could be seen.
 */
#include "core/sync/chan_buffer.h"

#include "core/runtime/shard.h"

/* A buffer for fewer values is passed from hand to hand: that is for peal_task_park_lingering(). */
#define CAPACITY_LEAST 16
/* So many values are worth it, or half the buffer. */
#define ENOUGH_MOST    64
/* Pauses between two looks, in those of lingering. */
#define STRIDE         3

/* What could be sent, or received, at this moment. */
static size_t possible(struct peal_chan *chan, bool send)
{
	size_t held = peal_chan_held(chan);

	if (held > chan->capacity)
		return 0; /* both ends have moved while we looked */
	return send ? chan->capacity - held : held;
}

bool peal_chan_linger(struct peal_chan *chan, bool send, struct peal_shard *shard)
{
	struct peal_linger *linger = send ? &chan->in.linger : &chan->out.linger;
	size_t enough = chan->capacity / 2 < ENOUGH_MOST ? chan->capacity / 2 : ENOUGH_MOST;
	unsigned int looks = 0;
	size_t found = 0;

	if (chan->capacity < CAPACITY_LEAST || peal_load_relaxed(&chan->slow) ||
		!peal_linger_may(shard, linger))
		return false;
	while (found < enough && peal_linger_on(shard, &looks) && !peal_load_relaxed(&chan->slow))
		if (looks % STRIDE == 0)
			found = possible(chan, send);
	peal_linger_settle(shard, linger, found >= enough);
	return found > 0;
}
