/* SPDX-License-Identifier: MIT */
#include "core/shard.h"
#include "core/timer.h"

void peal_timer_start(
	struct peal_shard *shard, struct peal_timer *timer, int64_t deadline, peal_timer_fn *fn)
{
	peal_timer_stop(shard, timer);
	timer->fn = fn;
	timer->armed = true;
	peal_heap_insert(&shard->timers.heap, &timer->node, deadline);
	PEAL_COUNT(shard, timers_armed);
}

void peal_timer_stop(struct peal_shard *shard, struct peal_timer *timer)
{
	if (!timer->armed)
		return;
	timer->armed = false;
	peal_heap_remove(&shard->timers.heap, &timer->node);
}

void peal_timers_run(struct peal_shard *shard, int64_t now)
{
	struct peal_heap_node *first;

	while ((first = shard->timers.heap.root) && first->key <= now) {
		struct peal_timer *timer = PEAL_CONTAINER_OF(first, struct peal_timer, node);

		peal_timer_stop(shard, timer);
		PEAL_COUNT(shard, timers_fired);
		timer->fn(timer);
	}
}

int64_t peal_timers_next(const struct peal_shard *shard)
{
	return shard->timers.heap.root ? shard->timers.heap.root->key : PEAL_NEVER;
}
