/* SPDX-License-Identifier: MIT */
/*
 * Functions that run on a shard's loop, without a fiber.
 */
#include <errno.h>

#include "core/runtime/rt.h"

_Static_assert(sizeof(((struct peal_post *)0)->link) == sizeof(struct peal_node),
	"a post's room holds an inbox node");

enum { FREE, POSTED };

static PEAL_ATOMIC(uint32_t) * state_of(struct peal_post *post)
{
	return (PEAL_ATOMIC(uint32_t) *)(void *)&post->state;
}

static void run(struct peal_shard *shard, struct peal_node *node)
{
	struct peal_post *post = PEAL_CONTAINER_OF(
		(void *(*)[2])(void *)node, struct peal_post, link);
	peal_post_fn *fn = post->fn;

	PEAL_COUNT(shard, posts_run);
	peal_store_release(state_of(post), FREE); /* from here on it is the caller's again */
	fn(post);
}

int peal_rt_post(struct peal_rt *rt, unsigned int shard, struct peal_post *post, peal_post_fn *fn)
{
	struct peal_node *node = (struct peal_node *)(void *)post->link;
	uint32_t expected = FREE;
	int err;

	if (!rt || !fn || shard >= rt->shard_count)
		return -EINVAL;
	if (!peal_cas_acq_rel(state_of(post), &expected, POSTED))
		return -EBUSY;
	post->fn = fn;
	node->fn = run;
	err = peal_shard_deliver(rt->shards[shard], node);
	if (err)
		peal_store_release(state_of(post), FREE);
	return err;
}
