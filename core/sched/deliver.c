/* SPDX-License-Identifier: MIT */
/*
 * Into another shard's inbox, with a bell if it sleeps.
 */
#include <errno.h>

#include "core/base/fatal.h"
#include "core/runtime/rt.h"
#include "core/sys.h"

/* A millisecond each. */
#define OUTSIDE_TRIES 10000

/* A bell that could not be rung is owed: the shard does not sleep before it has been. */
static PEAL_COLD void owe(struct peal_shard *from, struct peal_shard *to)
{
	PEAL_COUNT(from, wakes_failed);
	if (!from->owed[to->index])
		from->owed_count++;
	from->owed[to->index] = true;
}

static int ring_from_shard(struct peal_shard *from, struct peal_shard *to)
{
	int err = from->backend->bell(from->ring, to->ring);

	from->flush = true;
	if (!err)
		PEAL_COUNT(from, wakes_sent);
	return err;
}

void peal_bells_retry(struct peal_shard *shard)
{
	for (uint32_t i = 0; shard->owed_count && i < shard->rt->shard_count; i++) {
		if (!shard->owed[i] || ring_from_shard(shard, shard->rt->shards[i]) < 0)
			continue;
		shard->owed[i] = false;
		shard->owed_count--;
	}
}

static int deliver_from_shard(
	struct peal_shard *from, struct peal_shard *to, struct peal_node *node)
{
	switch (peal_inbox_push(&to->inbox, &node->link)) {
	case PEAL_INBOX_REFUSED:
		return -ESHUTDOWN;
	case PEAL_INBOX_RING:
		if (ring_from_shard(from, to) < 0)
			owe(from, to);
		return 0;
	default:
		return 0;
	}
}

/*
 * Nobody would try again later, so it is done here. What a bell can lack is a little of the kernel's
 * memory, which is back soon or never.
 */
static void ring_from_outside(struct peal_shard *to)
{
	int err = 0;

	for (int tries = 0; tries < OUTSIDE_TRIES; tries++) {
		err = to->backend->bell_from_outside(to->ring);
		if (!err) {
			peal_count_outside(to->rt->stats, wakes_sent);
			return;
		}
		peal_count_outside(to->rt->stats, wakes_failed);
		peal_sys_poll(NULL, 0, 1);
	}
	peal_fatal("the bell of shard %u cannot be rung: error %d", to->index, -err);
}

/*
 * From a thread that is no shard of the runtime. It must be out of here before the ring is closed:
 * `outside` tells (life.c waits for it).
 */
int peal_shard_deliver_from_outside(struct peal_shard *to, struct peal_node *node)
{
	struct peal_rt *rt = to->rt;
	enum peal_inbox_pushed pushed;

	if (PEAL_UNLIKELY(peal_load_relaxed(&rt->stale)))
		return -ESTALE;
	peal_add_seq_cst(&rt->outside, 1);
	pushed = peal_inbox_push(&to->inbox, &node->link);
	if (pushed == PEAL_INBOX_RING)
		ring_from_outside(to);
	peal_sub_seq_cst(&rt->outside, 1);
	return pushed == PEAL_INBOX_REFUSED ? -ESHUTDOWN : 0;
}

int peal_shard_deliver(struct peal_shard *shard, struct peal_node *node)
{
	struct peal_shard *here = peal_shard_current();

	if (here && here->rt == shard->rt)
		return deliver_from_shard(here, shard, node);
	return peal_shard_deliver_from_outside(shard, node);
}

unsigned int peal_shard_receive(struct peal_shard *shard, struct peal_inbox_node *link)
{
	unsigned int n = 0;

	for (; link; n++) {
		struct peal_node *node = PEAL_CONTAINER_OF(link, struct peal_node, link);

		link = link->next; /* the node may be gone after its call */
		node->fn(shard, node);
	}
	return n;
}
