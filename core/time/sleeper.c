/* SPDX-License-Identifier: MIT */
/* Waiting once, in a fiber or on a foreign thread. */
#include <peal/runtime.h>

#include "core/base/fatal.h"
#include "core/time/sleeper.h"
#include "core/task/task.h"

void peal_sleeper_init(struct peal_sleeper *sleeper)
{
	peal_store_relaxed(&sleeper->woken, false);
	sleeper->task = peal_task_current();
	if (sleeper->task)
		return;
	/* A shard's loop must never block: what it would wait for may need it. */
	peal_assert(!peal_rt_current());
	pthread_mutex_init(&sleeper->lock, NULL);
	pthread_cond_init(&sleeper->changed, NULL);
}

static void block(struct peal_sleeper *sleeper)
{
	pthread_mutex_lock(&sleeper->lock);
	while (!peal_load_relaxed(&sleeper->woken))
		pthread_cond_wait(&sleeper->changed, &sleeper->lock);
	pthread_mutex_unlock(&sleeper->lock);
	pthread_cond_destroy(&sleeper->changed);
	pthread_mutex_destroy(&sleeper->lock);
}

/*
 * At least one park, whatever `woken` says: the wake has to come, or it would find a task that is
 * gone (see peal_task_park()). More than one for the keeper of a runtime, which stops plugins and
 * is woken for other reasons as well; it outlives every waker.
 */
static void park(struct peal_sleeper *sleeper)
{
	do
		peal_task_park();
	while (!peal_load_acquire(&sleeper->woken));
}

void peal_sleeper_sleep(struct peal_sleeper *sleeper)
{
	if (sleeper->task)
		park(sleeper);
	else
		block(sleeper);
}

static void wake_task(struct peal_sleeper *sleeper)
{
	struct peal_task *task = sleeper->task;

	peal_store_release(&sleeper->woken, true);
	peal_task_wake(task);
}

static void wake_thread(struct peal_sleeper *sleeper)
{
	pthread_mutex_lock(&sleeper->lock);
	peal_store_relaxed(&sleeper->woken, true);
	/* Inside the lock: outside of it the sleeper might be gone. */
	pthread_cond_signal(&sleeper->changed);
	pthread_mutex_unlock(&sleeper->lock);
}

void peal_sleeper_wake(struct peal_sleeper *sleeper)
{
	if (sleeper->task)
		wake_task(sleeper);
	else
		wake_thread(sleeper);
}
