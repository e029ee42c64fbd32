/* SPDX-License-Identifier: MIT */
/*
 * The bound on tasks, and knowing when there are none left.
 *
 * One counter per runtime would be written by every spawn on every shard. So shards take permits from
 * it in batches, spend them on spawns, and collect those of tasks that end; with a small bound the
 * batch is one and the bound exact. While a runtime drains, shards give back every permit at once:
 * the counter is then the number of tasks, and whoever takes it to zero tells the keeper.
 *
 * The keeper closes the counter when it finds it at zero, in one step, so that no spawn from outside
 * slips in between.
 */
#include <errno.h>

#include "core/base/fatal.h"
#include "core/runtime/rt.h"

#define CLOSED 0x80000000u

/* Take up to `wanted` permits. Returns how many, or a negative errno when there is none. */
static int take(struct peal_rt *rt, uint32_t wanted)
{
	uint32_t tasks = peal_load_relaxed(&rt->tasks);
	uint32_t n;

	do {
		if (tasks & CLOSED)
			return -ESHUTDOWN;
		n = rt->opts.max_tasks - tasks;
		if (n == 0)
			return -EAGAIN;
		if (n > wanted)
			n = wanted;
	} while (!peal_cas_weak_seq_cst(&rt->tasks, &tasks, tasks + n));
	return (int)n;
}

static void give_back(struct peal_rt *rt, uint32_t n)
{
	if (n && peal_sub_seq_cst(&rt->tasks, n) == n)
		peal_keeper_look(rt);
}

int peal_limit_ask(struct peal_rt *rt, struct peal_shard *shard)
{
	int n = take(rt, shard && !shard->draining ? rt->quota_batch : 1);

	if (n < 0) {
		if (shard && n == -EAGAIN)
			PEAL_COUNT(shard, tasks_refused);
		return n;
	}
	if (shard)
		shard->quota = (uint32_t)n - 1;
	return 0;
}

void peal_limit_give(struct peal_rt *rt, struct peal_shard *shard)
{
	if (!shard || shard->draining) {
		give_back(rt, 1);
		return;
	}
	shard->quota -= rt->quota_batch - 1;
	give_back(rt, rt->quota_batch);
}

void peal_limit_return(struct peal_shard *shard)
{
	uint32_t n = shard->quota;

	shard->quota = 0;
	give_back(shard->rt, n);
}

bool peal_limit_close(struct peal_rt *rt)
{
	uint32_t expected = 0;

	return peal_cas_seq_cst(&rt->tasks, &expected, CLOSED);
}
