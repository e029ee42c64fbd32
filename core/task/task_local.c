/* SPDX-License-Identifier: MIT */
/*
 * Task-local storage: one pointer per fiber and key. The pointers are allocated when the fiber first sets
 * one, since most never do.
 */
#include <errno.h>

#include "core/base/alloc.h"
#include "core/runtime/rt.h"

int peal_task_local_create(struct peal_rt *rt, unsigned int *key, void (*destroy)(void *value))
{
	int err = -ENOSPC;

	if (!rt || !key)
		return -EINVAL;
	pthread_mutex_lock(&rt->lock);
	if (rt->task_local_keys < PEAL_TASK_LOCAL_KEYS) {
		rt->task_local_destroy[rt->task_local_keys] = destroy;
		*key = rt->task_local_keys++;
		err = 0;
	}
	pthread_mutex_unlock(&rt->lock);
	return err;
}

void *peal_task_local_get(unsigned int key)
{
	struct peal_task *task = peal_task_current();

	return task && task->locals && key < PEAL_TASK_LOCAL_KEYS ? task->locals[key] : NULL;
}

int peal_task_local_set(unsigned int key, void *value)
{
	struct peal_task *task = peal_task_current();

	if (!task)
		return -EPERM;
	if (key >= PEAL_TASK_LOCAL_KEYS)
		return -EINVAL;
	if (!task->locals && !value)
		return 0;
	if (!task->locals)
		task->locals = peal_alloc(PEAL_TASK_LOCAL_KEYS, sizeof(*task->locals));
	if (!task->locals)
		return -ENOMEM;
	task->locals[key] = value;
	return 0;
}

void peal_task_locals_destroy(struct peal_task *task)
{
	for (unsigned int key = PEAL_TASK_LOCAL_KEYS; key-- > 0;) {
		void *value = task->locals[key];

		task->locals[key] = NULL;
		if (value && task->rt->task_local_destroy[key])
			task->rt->task_local_destroy[key](value);
	}
	peal_free(task->locals);
	task->locals = NULL;
}
