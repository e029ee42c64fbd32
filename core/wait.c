/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "core/shard.h"
#include "core/wait.h"

int peal_wait_begin(struct peal_wait *wait)
{
	struct peal_shard *shard = peal_shard_current();

	if (!shard || !shard->running)
		return -EPERM;
	if (shard->cancelled && !shard->running->system)
		return -ECANCELED;
	wait->task = shard->running;
	wait->cancelled = false;
	/* The runtime's own tasks wait for the others to end: nothing ends their waits. */
	if (wait->task->system)
		peal_list_init(&wait->list);
	else
		peal_list_append(&shard->waits, &wait->list);
	return 0;
}

void peal_wait_end(struct peal_wait *wait)
{
	peal_list_remove(&wait->list);
}

void peal_wait_cancel_all(struct peal_shard *shard)
{
	shard->cancelled = true;
	while (!peal_list_empty(&shard->waits)) {
		struct peal_wait *wait = PEAL_CONTAINER_OF(
			shard->waits.next, struct peal_wait, list);

		peal_list_remove(&wait->list);
		wait->cancel(wait);
	}
}
