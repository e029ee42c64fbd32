/* SPDX-License-Identifier: MIT */
/*
 * What one can ask a runtime.
 */
#include <errno.h>

#include "core/runtime/rt.h"

bool peal_rt_is_stale(const struct peal_rt *rt)
{
	return peal_load_seq_cst(&((struct peal_rt *)(uintptr_t)rt)->stale);
}

enum peal_rt_state peal_rt_state(const struct peal_rt *rt)
{
	return (enum peal_rt_state)peal_load_seq_cst(&((struct peal_rt *)(uintptr_t)rt)->state);
}

unsigned int peal_rt_shards(const struct peal_rt *rt)
{
	return rt->shard_count;
}

const char *peal_rt_backend(const struct peal_rt *rt)
{
	return rt->backend.name;
}

const char *peal_rt_backend_reason(const struct peal_rt *rt)
{
	return rt->backend_why;
}

uint64_t peal_rt_caps(const struct peal_rt *rt)
{
	if (peal_rt_is_stale(rt))
		return 0; /* its rings are closed */
	return peal_backend_caps(&rt->backend, rt->shards[0]->ring);
}

struct peal_rt *peal_rt_current(void)
{
	struct peal_shard *shard = peal_shard_current();

	return shard ? shard->rt : NULL;
}

int peal_shard(void)
{
	struct peal_shard *shard = peal_shard_current();

	return shard ? (int)shard->index : -EPERM;
}

bool peal_draining(void)
{
	struct peal_shard *shard = peal_shard_current();

	return shard && peal_load_seq_cst(&shard->rt->drain_asked);
}

struct peal_plugins **peal_rt_plugins(struct peal_rt *rt)
{
	return &rt->plugins;
}

struct peal_stats_page *peal_rt_stats_page(struct peal_rt *rt)
{
	if (!rt)
		rt = peal_rt_current();
	return rt ? rt->stats : NULL;
}
