/* SPDX-License-Identifier: MIT */
/*
 * How the calling fiber sleeps until helpers have got on.
 *
 * It polls an eventfd, which is made at the first need: short walks never sleep. All of it is under
 * the walk's lock, also the writing, so that a helper which has signalled holds nothing of the walk
 * any more once the caller has the lock.
 */
#include <poll.h>
#include <sys/eventfd.h>

#include <peal/io.h>
#include <peal/time.h>
#include "walk.h"

void peal_du_task_begin(struct du_walk *walk)
{
	pthread_mutex_lock(&walk->lock);
	walk->tasks++;
	pthread_mutex_unlock(&walk->lock);
}

/* With the lock held. */
static void signal_caller(struct du_walk *walk)
{
	uint64_t one = 1;

	if (!walk->sleeping || walk->signalled || walk->event_fd < 0)
		return;
	walk->signalled = true;
	du_sys(walk, SYS_write, walk->event_fd, (long)&one, sizeof(one), 0, 0);
}

/* The walk may be gone when this returns. */
void peal_du_task_end(struct du_walk *walk)
{
	pthread_mutex_lock(&walk->lock);
	if (!--walk->tasks)
		signal_caller(walk);
	pthread_mutex_unlock(&walk->lock);
}

void peal_du_wake(struct du_walk *walk)
{
	pthread_mutex_lock(&walk->lock);
	signal_caller(walk);
	pthread_mutex_unlock(&walk->lock);
}

/* From here on helpers signal. */
static void fall_asleep(struct du_walk *walk)
{
	pthread_mutex_lock(&walk->lock);
	if (walk->event_fd < 0)
		walk->event_fd = (int)du_sys(
			walk, SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK, 0, 0, 0);
	walk->sleeping = true;
	pthread_mutex_unlock(&walk->lock);
}

static void wake_up(struct du_walk *walk)
{
	uint64_t count;

	pthread_mutex_lock(&walk->lock);
	walk->sleeping = false;
	if (walk->signalled)
		du_sys(walk, SYS_read, walk->event_fd, (long)&count, sizeof(count), 0, 0);
	walk->signalled = false;
	pthread_mutex_unlock(&walk->lock);
}

/* A negative errno when the runtime does not let us wait any more. */
static int sleep_until_signalled(struct du_walk *walk)
{
	int err;

	if (walk->event_fd < 0)
		return peal_sleep(PEAL_MS);
	err = peal_poll(walk->event_fd, POLLIN);
	return err < 0 ? err : 0;
}

/* Sleep until a node that somebody else has claimed is done, or there is something to tell. */
void peal_du_wait(struct du_walk *walk, struct du_node *node)
{
	int err = 0;

	fall_asleep(walk);
	if (!(atomic_fetch_or_explicit(&node->state, DU_AWAITED, memory_order_acq_rel) & DU_DONE) &&
		!atomic_load_explicit(&walk->told, memory_order_acquire) && !du_ends(walk))
		err = sleep_until_signalled(walk);
	wake_up(walk);
	if (err)
		peal_du_end(walk, err);
}

static bool has_tasks(struct du_walk *walk)
{
	bool has;

	pthread_mutex_lock(&walk->lock);
	has = walk->tasks > 0;
	pthread_mutex_unlock(&walk->lock);
	return has;
}

/* Wait until no task of the walk is left. Tasks end by themselves, so this cannot be refused. */
void peal_du_wait_tasks(struct du_walk *walk)
{
	while (has_tasks(walk)) {
		int err = 0;

		fall_asleep(walk);
		if (has_tasks(walk))
			err = sleep_until_signalled(walk);
		wake_up(walk);
		if (err)
			peal_yield();
	}
}
