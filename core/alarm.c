/* SPDX-License-Identifier: MIT */
#include "core/shard.h"
#include "core/alarm.h"

void peal_alarm_start(
	struct peal_shard *shard, struct peal_alarm *alarm, int64_t deadline, peal_alarm_fn *fn)
{
	peal_alarm_stop(shard, alarm);
	alarm->fn = fn;
	alarm->armed = true;
	peal_heap_insert(&shard->alarms.heap, &alarm->node, deadline);
	PEAL_COUNT(shard, timers_armed);
}

void peal_alarm_stop(struct peal_shard *shard, struct peal_alarm *alarm)
{
	if (!alarm->armed)
		return;
	alarm->armed = false;
	peal_heap_remove(&shard->alarms.heap, &alarm->node);
}

void peal_alarms_run(struct peal_shard *shard, int64_t now)
{
	struct peal_heap_node *first;

	while ((first = shard->alarms.heap.root) && first->key <= now) {
		struct peal_alarm *alarm = PEAL_CONTAINER_OF(first, struct peal_alarm, node);

		peal_alarm_stop(shard, alarm);
		PEAL_COUNT(shard, timers_fired);
		alarm->fn(alarm);
	}
}

int64_t peal_alarms_next(const struct peal_shard *shard)
{
	return shard->alarms.heap.root ? shard->alarms.heap.root->key : PEAL_NEVER;
}
