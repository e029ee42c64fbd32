/* SPDX-License-Identifier: MIT */
/*
 * Messages inside the core: the rings that a shard sends into, those it has to read, and who on it
 * gets what arrives.
 *
 * A pair is made by the sender at its first message and stays until the runtime is freed. As a sender
 * a shard owns `out` and the pairs in it; a pair with QUEUED set belongs to its receiver as well, which
 * has it in one of its two queues.
 */
#ifndef PEAL_CORE_MSG_H
#define PEAL_CORE_MSG_H

#include <peal/msg.h>

#include "core/base/compiler.h"
#include "core/base/list.h"
#include "core/msg/msg_ring.h"
#include "core/base/table.h"

struct peal_shard;
struct peal_task;

/* So many messages are published at once if nobody suspends before. */
#define PEAL_MSG_BATCH   64
/* A turn of the loop handles so many, or for so long; then others have their turn. */
#define PEAL_MSG_TURN    256
#define PEAL_MSG_TURN_NS 200000
/* Looks whether a sender in full flow has more, before its ring is left. */
#define PEAL_MSG_LINGER  32

struct peal_pair {
	struct peal_shard *from, *to;
	/* The sender's */
	PEAL_ALIGNED_LINE struct peal_link unpublished; /* in peal_msgs.unpublished */
	uint64_t quick; /* until so many were written, a send is nothing but writing one more */
	bool has_unpublished;
	bool asked;               /* the receiver will answer (msg_ring.h) */
	struct peal_list senders; /* fibers that wait for room, in order */
	struct peal_list tickets; /* fibers that wait for a message to be received */
	/* The receiver's */
	PEAL_ALIGNED_LINE struct peal_link arrived; /* in peal_msgs.active or held */
	struct peal_msg_ring ring;
};

/* Messages that wait for a fiber, first in, first out; bounded, allocated at the first. */
struct peal_mailbox {
	struct peal_msg *slots; /* of PEAL_MSG_ROOM */
	uint32_t first, count;
};

/* A tag that somebody has asked for on this shard. Stays until the shard ends. */
struct peal_msg_box {
	uint32_t tag;
	peal_msg_fn *fn; /* NULL: messages go to fibers */
	void *arg;
	struct peal_list receivers; /* fibers that wait, in order; only when the mailbox is empty */
	struct peal_mailbox mailbox;
	struct peal_msg_box *older; /* of peal_msgs.newest_box */
};

struct peal_msgs {
	/* As a sender */
	struct peal_pair **out;        /* by receiver; NULL until the first message */
	uint32_t out_count;            /* of these; 0 until then */
	struct peal_queue unpublished; /* pairs */
	/* As a receiver */
	struct peal_queue active; /* pairs that have something to read */
	struct peal_queue held;   /* pairs whose next message found no room */
	struct peal_table boxes;  /* by tag */
	struct peal_msg_box *newest_box;
	struct peal_mailbox unclaimed; /* nobody has asked for these tags */
	bool sweep;                    /* somebody has since, or there is room again */
	bool closed;                   /* nothing is handled any more */
	bool warned;
};

void peal_msgs_init(struct peal_shard *shard);

/* msg_send.c: let what was sent be seen. */
void peal_msgs_publish_all(struct peal_shard *shard);
/* Somebody waits for the receiver to get on: serve him as far as it is, and have it tell when it is
 * further. */
void peal_pair_ask(struct peal_shard *shard, struct peal_pair *pair);

/* msg_ticket.c: the receiver has read so many. */
void peal_tickets_serve(struct peal_pair *pair, uint64_t head);

/* msg_recv.c: on the receiver's loop, from its inbox: there is something to read. */
void peal_pair_arrive(struct peal_shard *shard, struct peal_node *node);
/* Some of what has arrived. */
void peal_msgs_turn(struct peal_shard *shard);
/* The inbox was closed: what was published before is handled, nothing after that. */
void peal_msgs_close(struct peal_shard *shard);

/* msg_end.c: all loops have ended: count and report what was sent from here or kept here and was not
 * received. */
void peal_msgs_report(struct peal_shard *shard);
/* No shard runs any more. */
void peal_msgs_free(struct peal_shard *shard);

/* Is there something to handle? */
static inline bool peal_msgs_pending(const struct peal_msgs *msgs)
{
	return (!peal_queue_empty(&msgs->active) || msgs->sweep) && !msgs->closed;
}

#endif
