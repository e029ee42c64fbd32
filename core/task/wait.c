/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "core/runtime/shard.h"
#include "core/task/wait.h"

/* A fiber that takes no notice of being cancelled must not keep its shard from everything else. */
int peal_wait_refuse(struct peal_task *task, int err)
{
	if (err == -ETIMEDOUT)
		task->expired = true;
	if (--task->shard->op_budget == 0)
		peal_task_yield(task);
	return err;
}

int peal_wait_begin(struct peal_wait *wait)
{
	struct peal_task *task = peal_task_current();

	return task ? peal_wait_begin_in(wait, task) : -EPERM;
}

int peal_wait_end(struct peal_wait *wait)
{
	struct peal_task *task = wait->task;
	int err;

	task->wait = NULL;
	if (!wait->cancelled)
		return 0;
	err = peal_wait_allowed(task);
	if (err == -ETIMEDOUT)
		task->expired = true;
	return err;
}

void peal_wait_cancel(struct peal_task *task)
{
	struct peal_wait *wait = task->wait;

	if (!wait || wait->asked)
		return;
	wait->asked = true;
	wait->cancel(wait);
}
