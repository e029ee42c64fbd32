/* SPDX-License-Identifier: MIT */
/*
 * The ring of messages from one shard to another: one producer, one consumer, bounded; and how the two
 * tell each other that there is something to do without ever missing it.
 *
 * Each side has one word that the other reads, a count that grows without wrapping (63 bits) with a
 * flag in its lowest bit:
 *
 *   tail  How many entries the sender has published, and QUEUED: the receiver knows that there is
 *         something, because the ring's node lies in its inbox or the receiver works on the ring.
 *   head  How many entries the receiver has read, and WANTED: the sender wants to hear when that has
 *         grown, because a fiber of its waits for room or for a message to be received.
 *
 * Since the flag is in the word that carries the news, no second variable has to be ordered against it.
 *
 * Why no message lies unseen. Publishing is an exchange of tail for the new count with QUEUED; resting
 * is a compare-and-swap of tail from the count that was read, with QUEUED, to the same without. Take
 * the modification order of tail. If a publication comes before the receiver comes to rest, the
 * compare-and-swap finds another count than it read, fails, and the receiver goes on. If it comes
 * after, the exchange finds QUEUED gone, and the sender pushes the node. So whenever published entries
 * are unread, either the receiver is at work or a node is in its inbox, and there is exactly one: only
 * the exchange that sets QUEUED pushes, only the receiver, done with the node, clears it.
 *
 * Why no waiting sender is forgotten. Asking is an atomic or of WANTED into head, which tells how far
 * the receiver was; telling is an exchange of head for the new count without it. In the modification
 * order of head, a telling that comes before the asking is seen by it, so the sender knows of the room
 * without a wake. One that comes after finds WANTED, and its receiver answers, once. There is one as
 * long as published entries are unread, because a receiver tells before it rests. (The sender asks
 * again only after the answer has come, so an answer's node is never in use twice.)
 *
 * Memory: entries are plain. They are written before the exchange of tail (release) that publishes
 * them and read after a load of tail (acquire) that shows it; they are read before the exchange of head
 * (release) that gives their slots back and written again after a load of head, or an or (acquire),
 * that shows that. The nodes are plain as well: the receiver's last use of its node comes before it
 * clears QUEUED (release), the next push after the exchange that found it cleared (acquire), and
 * likewise for the answer with WANTED. Nothing here needs a total order over several variables, so
 * nothing is seq_cst and there are no fences.
 *
 * Each side keeps what it alone uses, and what it last saw of the other's word, in lines of its own. The
 * node shares tail's line: both are written by the sender when the receiver has to be told.
 */
#ifndef PEAL_CORE_MSG_RING_H
#define PEAL_CORE_MSG_RING_H

#include <stdbool.h>
#include <stdint.h>

#include <peal/msg.h>

#include "core/base/compiler.h"
#include "core/base/node.h"

#ifndef PEAL_MSG_SLOTS
#define PEAL_MSG_SLOTS PEAL_MSG_ROOM /* a power of two */
#endif

/* How far ahead a sender fetches lines, which are in its receiver's cache: more than what it writes
 * while one is on its way, and behind what the receiver reads as long as the ring is not nearly full. */
#define PEAL_MSG_AHEAD 32

#define PEAL_MSG_FLAG  ((uint64_t)1)

struct peal_msg_ring {
	/* The sender's */
	_Alignas(128) uint64_t written; /* entries */
	uint64_t published;
	uint64_t limit; /* how far it may write: head as last seen, and the slots */
	/* Written by the sender */
	_Alignas(128) PEAL_ATOMIC(uint64_t) tail;
	struct peal_node node; /* in the receiver's inbox */
	/* Written by the receiver */
	_Alignas(128) PEAL_ATOMIC(uint64_t) head;
	struct peal_node answer; /* in the sender's inbox */
	/* The receiver's */
	_Alignas(128) uint64_t read;
	uint64_t seen; /* tail as last seen */
	_Alignas(128) struct peal_msg slots[PEAL_MSG_SLOTS];
};

static inline void peal_msg_ring_init(struct peal_msg_ring *ring)
{
	ring->written = ring->published = ring->read = ring->seen = 0;
	ring->limit = PEAL_MSG_SLOTS;
	peal_store_relaxed(&ring->tail, 0);
	peal_store_relaxed(&ring->head, 0);
}

/* Sender */

/* Is there room, as far as is known? */
static inline bool peal_msg_ring_has_room(const struct peal_msg_ring *ring)
{
	return ring->written != ring->limit;
}

/* There must be room. Nobody sees the entry before it is published. */
static inline void peal_msg_ring_write(
	struct peal_msg_ring *ring, uint32_t from, uint32_t tag, uint64_t value)
{
	struct peal_msg *slot = &ring->slots[ring->written % PEAL_MSG_SLOTS];

	if (ring->written % 4 == 0) /* a line of 64 bytes */
		peal_fetch_to_write(
			&ring->slots[(ring->written + PEAL_MSG_AHEAD) % PEAL_MSG_SLOTS]);
	*slot = (struct peal_msg){ .tag = tag, .from = from, .value = value };
	ring->written++;
}

/* Publish what was written. True when the caller must push the node into the receiver's inbox. */
static inline bool peal_msg_ring_publish(struct peal_msg_ring *ring)
{
	uint64_t old = peal_exchange_acq_rel(&ring->tail, ring->written << 1 | PEAL_MSG_FLAG);

	ring->published = ring->written;
	return !(old & PEAL_MSG_FLAG);
}

/* How many entries have been read by now. */
static inline uint64_t peal_msg_ring_head(struct peal_msg_ring *ring)
{
	return peal_load_acquire(&ring->head) >> 1;
}

/* The same; room for as many more is taken note of. */
static inline uint64_t peal_msg_ring_look(struct peal_msg_ring *ring)
{
	uint64_t head = peal_msg_ring_head(ring);

	ring->limit = head + PEAL_MSG_SLOTS;
	return head;
}

/* The same, and the receiver will answer when there are more. Not again before it has answered. */
static inline uint64_t peal_msg_ring_ask(struct peal_msg_ring *ring)
{
	uint64_t head = peal_or_acq_rel(&ring->head, PEAL_MSG_FLAG) >> 1;

	ring->limit = head + PEAL_MSG_SLOTS;
	return head;
}

/* Receiver, from when it has the node until it has come to rest */

/* The oldest entry that was not dropped; NULL when there is none. */
static inline const struct peal_msg *peal_msg_ring_next(struct peal_msg_ring *ring)
{
	if (ring->read == ring->seen) {
		ring->seen = peal_load_acquire(&ring->tail) >> 1;
		if (ring->read == ring->seen)
			return NULL;
	}
	return &ring->slots[ring->read % PEAL_MSG_SLOTS];
}

/* When there is one: how many follow each other in memory from there on, but not more than `most`. */
static inline unsigned int peal_msg_ring_run(const struct peal_msg_ring *ring, unsigned int most)
{
	uint64_t n = ring->seen - ring->read, to_end = PEAL_MSG_SLOTS - ring->read % PEAL_MSG_SLOTS;

	n = n < to_end ? n : to_end;
	return n < most ? (unsigned int)n : most;
}

/* They will be read: their lines come from the sender's cache, all at a time and not one by one. */
static inline void peal_msg_ring_fetch(const struct peal_msg *msg, const struct peal_msg *end)
{
	for (; msg < end; msg += 4)
		__builtin_prefetch(msg, 0, 3);
}

/* How many there are. */
static inline unsigned int peal_msg_ring_count(struct peal_msg_ring *ring)
{
	return (unsigned int)((peal_load_acquire(&ring->tail) >> 1) - ring->read);
}

/* It was read. Its slot stays ours until we tell. */
static inline void peal_msg_ring_drop(struct peal_msg_ring *ring)
{
	ring->read++;
}

/* Tell the sender how far we are. True when the caller must push the answer into its inbox. */
static inline bool peal_msg_ring_tell(struct peal_msg_ring *ring)
{
	return peal_exchange_acq_rel(&ring->head, ring->read << 1) & PEAL_MSG_FLAG;
}

/* After telling: there is nothing more. False when there is. */
static inline bool peal_msg_ring_rest(struct peal_msg_ring *ring)
{
	uint64_t expected = ring->read << 1 | PEAL_MSG_FLAG;

	return peal_cas_acq_rel(&ring->tail, &expected, ring->read << 1);
}

/* When both have stopped: how many entries were written and never read, and the first of them. */
static inline uint64_t peal_msg_ring_unread(struct peal_msg_ring *ring)
{
	return ring->written - peal_msg_ring_head(ring);
}

static inline const struct peal_msg *peal_msg_ring_oldest(const struct peal_msg_ring *ring)
{
	return &ring->slots[ring->read % PEAL_MSG_SLOTS];
}

#endif
