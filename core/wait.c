/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "core/shard.h"
#include "core/wait.h"

/* The runtime's own tasks wait for the others to end: nothing ends their waits. */
int peal_wait_allowed(struct peal_task *task)
{
	return task->shard->cancelled && !task->system ? -ECANCELED : 0;
}

/* A fiber that takes no notice of being cancelled must not keep its shard from everything else. */
static int refuse(struct peal_task *task, int err)
{
	if (--task->shard->op_budget == 0)
		peal_yield();
	return err;
}

int peal_wait_begin(struct peal_wait *wait)
{
	struct peal_task *task = peal_task_current();
	int err;

	if (!task)
		return -EPERM;
	err = peal_wait_allowed(task);
	if (err)
		return refuse(task, err);
	peal_wait_enter(wait, task);
	return 0;
}

int peal_wait_end(struct peal_wait *wait)
{
	wait->task->wait = NULL;
	return wait->cancelled ? -ECANCELED : 0;
}

void peal_wait_cancel(struct peal_task *task)
{
	struct peal_wait *wait = task->wait;

	task->wait = NULL; /* once */
	if (wait)
		wait->cancel(wait);
}

void peal_wait_cancel_all(struct peal_shard *shard)
{
	shard->cancelled = true;
	PEAL_LIST_EACH (entry, &shard->tasks) {
		struct peal_task *task = PEAL_CONTAINER_OF(entry, struct peal_task, all);

		if (!task->system)
			peal_wait_cancel(task);
	}
}
