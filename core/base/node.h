/* SPDX-License-Identifier: MIT */
/*
 * What travels through a shard's inbox: an object with a function to be called on the shard's loop.
 */
#ifndef PEAL_CORE_NODE_H
#define PEAL_CORE_NODE_H

#include "core/sched/inbox.h"

struct peal_shard;
struct peal_node;

typedef void peal_node_fn(struct peal_shard *shard, struct peal_node *node);

struct peal_node {
	struct peal_inbox_node link;
	peal_node_fn *fn;
};

#endif
