/* SPDX-License-Identifier: MIT */
#include "core/time/alarm.h"
#include "core/runtime/shard.h"

void peal_alarm_start(
	struct peal_shard *shard, struct peal_alarm *alarm, int64_t deadline, peal_alarm_fn *fn)
{
	peal_wheel_remove(&shard->alarms, &alarm->node);
	alarm->fn = fn;
	peal_wheel_insert(&shard->alarms, &alarm->node, deadline);
	PEAL_COUNT(shard, timers_armed);
}

void peal_alarm_stop(struct peal_shard *shard, struct peal_alarm *alarm)
{
	peal_wheel_remove(&shard->alarms, &alarm->node);
}

void peal_alarms_run(struct peal_shard *shard, int64_t now)
{
	struct peal_wheel *wheel = &shard->alarms;
	struct peal_wheel_node *node;

	/* Without anything due, too, the wheel keeps up: what is inserted then finds its level at once. */
	if (now < peal_wheel_next(wheel) && !peal_wheel_behind(wheel, now))
		return;
	peal_wheel_advance(wheel, now);
	for (int n = 0; n < PEAL_ALARMS_MOST && (node = peal_wheel_take(wheel)); n++) {
		struct peal_alarm *alarm = PEAL_CONTAINER_OF(node, struct peal_alarm, node);

		PEAL_COUNT(shard, timers_fired);
		alarm->fn(alarm);
	}
}

int64_t peal_alarms_next(struct peal_shard *shard)
{
	return peal_wheel_next(&shard->alarms);
}
