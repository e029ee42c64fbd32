/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "core/task/blocking.h"
#include "core/io/direct.h"
#include "core/io/pooled.h"
#include "core/runtime/rt.h"

/* In the op's room for the backend, which does not have the op. */
struct pooled {
	struct peal_node node; /* how it comes back */
	struct peal_job job;
	struct peal_shard *shard;
	PEAL_ATOMIC(uint32_t) back; /* the inbox did not take it: the shard comes and looks */
};

_Static_assert(sizeof(struct pooled) <= sizeof(((struct peal_op *)0)->backend),
	"an op has no room to be in the pool");

static struct pooled *room(const struct peal_op *op)
{
	return (struct pooled *)(void *)op->backend;
}

static struct peal_op *op_of(struct pooled *pooled)
{
	return (struct peal_op *)(void *)((char *)pooled - offsetof(struct peal_op, backend));
}

static void come_back(struct peal_shard *shard, struct pooled *pooled)
{
	if (peal_shard_deliver(shard, &pooled->node) < 0)
		peal_store_release(&pooled->back, 1); /* it is gone from here on */
}

static void run(struct peal_job *job)
{
	struct pooled *pooled = PEAL_CONTAINER_OF(job, struct pooled, job);
	struct peal_op *op = op_of(pooled);

	op->result = peal_direct_run(op);
	come_back(pooled->shard, pooled);
}

static void arrive(struct peal_shard *shard, struct peal_node *node)
{
	peal_ops_returned(shard, op_of(PEAL_CONTAINER_OF(node, struct pooled, node)));
}

int peal_pooled_submit(struct peal_shard *shard, struct peal_op *op)
{
	struct pooled *pooled = room(op);

	pooled->node.fn = arrive;
	pooled->job.fn = run;
	pooled->shard = shard;
	peal_store_relaxed(&pooled->back, 0);
	return peal_blocking_submit(shard->rt->blocking, &pooled->job, true);
}

void peal_pooled_cancel(struct peal_shard *shard, struct peal_op *op)
{
	struct pooled *pooled = room(op);

	if (!peal_blocking_withdraw(shard->rt->blocking, &pooled->job))
		return;
	op->result = -ECANCELED;
	come_back(shard, pooled);
}

bool peal_pooled_is_back(const struct peal_op *op)
{
	return peal_load_acquire(&room(op)->back);
}
