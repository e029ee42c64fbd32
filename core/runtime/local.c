/* SPDX-License-Identifier: MIT */
/*
 * Shard-local storage: one pointer per shard and key.
 */
#include <errno.h>

#include "core/runtime/local.h"
#include "core/runtime/rt.h"

int peal_local_create(struct peal_rt *rt, unsigned int *key, void (*destroy)(void *value))
{
	int err = -ENOSPC;

	if (!rt || !key)
		return -EINVAL;
	if (peal_rt_is_stale(rt))
		return -ESTALE;
	pthread_mutex_lock(&rt->lock);
	if (rt->local_keys < PEAL_LOCAL_KEYS) {
		rt->local_destroy[rt->local_keys] = destroy;
		*key = rt->local_keys++;
		err = 0;
	}
	pthread_mutex_unlock(&rt->lock);
	return err;
}

void *peal_local_get(unsigned int key)
{
	struct peal_shard *shard = peal_shard_current();

	return shard && key < PEAL_LOCAL_KEYS ? shard->locals[key] : NULL;
}

int peal_local_set(unsigned int key, void *value)
{
	struct peal_shard *shard = peal_shard_current();

	if (!shard)
		return -EPERM;
	if (key >= PEAL_LOCAL_KEYS)
		return -EINVAL;
	shard->locals[key] = value;
	return 0;
}

void peal_locals_destroy(struct peal_shard *shard)
{
	for (unsigned int key = PEAL_LOCAL_KEYS; key-- > 0;) {
		void *value = shard->locals[key];

		shard->locals[key] = NULL;
		if (value && shard->rt->local_destroy[key])
			shard->rt->local_destroy[key](value);
	}
}
