/* SPDX-License-Identifier: MIT */
/*
 * What a runtime has counted, read from inside: two snapshots, and what happened between them. `peal
 * stat PID` reads the same from outside.
 *
 * Prints:
 *	100 tasks spawned, 100 finished
 */
#include <peal/peal.h>

#include <inttypes.h>
#include <stdio.h>

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int main_task(void *arg)
{
	struct peal_stats *stats;
	uint64_t spawned, finished;
	int err = peal_stats(&stats, NULL);

	(void)arg;
	if (err)
		return err;
	spawned = peal_stats_value(stats, "tasks_spawned");
	finished = peal_stats_value(stats, "tasks_finished");
	for (int i = 0; i < 100 && !err; i++)
		err = peal_spawn(nothing, NULL, NULL);
	if (!err)
		err = peal_sleep(PEAL_MS); /* they run on this shard, before this task goes on */
	if (!err)
		err = peal_stats_refresh(stats);
	if (!err)
		printf("%" PRIu64 " tasks spawned, %" PRIu64 " finished\n",
			peal_stats_value(stats, "tasks_spawned") - spawned,
			peal_stats_value(stats, "tasks_finished") - finished);
	peal_stats_free(stats);
	return err;
}

int main(void)
{
	return peal_run(main_task, NULL, NULL) < 0;
}
