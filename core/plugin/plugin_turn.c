/* SPDX-License-Identifier: MIT */
/*
 * Whose turn it is to load a plugin. A mutex would not do: a load waits for shards, on one of which
 * it may be a fiber.
 */
#include <errno.h>

#include "core/base/fatal.h"
#include "core/plugin/plugin.h"
#include "core/task/task.h"

void peal_turn_init(struct peal_turn *turn)
{
	*turn = (struct peal_turn){ .last = &turn->first };
	pthread_mutex_init(&turn->lock, NULL);
}

void peal_turn_destroy(struct peal_turn *turn)
{
	pthread_mutex_destroy(&turn->lock);
}

static bool is_mine(const struct peal_turn *turn)
{
	struct peal_task *task = peal_task_current();

	if (!turn->taken || turn->task != task)
		return false;
	return task || pthread_equal(turn->thread, pthread_self());
}

/* Unlocks. Whoever gives the turn away hands it over, so that nobody can come in between. */
static void wait_for_turn(struct peal_turn *turn)
{
	struct peal_turn_wait wait = { .thread = pthread_self() };

	peal_sleeper_init(&wait.sleeper);
	*turn->last = &wait;
	turn->last = &wait.next;
	pthread_mutex_unlock(&turn->lock);
	peal_sleeper_sleep(&wait.sleeper);
}

static void take(struct peal_turn *turn)
{
	if (turn->taken) {
		wait_for_turn(turn);
		return;
	}
	turn->taken = true;
	turn->task = peal_task_current();
	turn->thread = pthread_self();
	pthread_mutex_unlock(&turn->lock);
}

int peal_turn_take(struct peal_turn *turn)
{
	pthread_mutex_lock(&turn->lock);
	if (is_mine(turn)) {
		pthread_mutex_unlock(&turn->lock);
		return -EDEADLK;
	}
	take(turn);
	/* It may have been closed while we waited; only who has the turn changes that. */
	if (!turn->closed)
		return 0;
	peal_turn_give(turn);
	return -ESHUTDOWN;
}

void peal_turn_give(struct peal_turn *turn)
{
	struct peal_turn_wait *next;

	pthread_mutex_lock(&turn->lock);
	peal_assert(is_mine(turn));
	next = turn->first;
	if (!next) {
		turn->taken = false;
		pthread_mutex_unlock(&turn->lock);
		return;
	}
	turn->first = next->next;
	if (!turn->first)
		turn->last = &turn->first;
	turn->task = next->sleeper.task;
	turn->thread = next->thread;
	pthread_mutex_unlock(&turn->lock);
	peal_sleeper_wake(&next->sleeper);
}

void peal_turn_close(struct peal_turn *turn)
{
	pthread_mutex_lock(&turn->lock);
	peal_assert(!is_mine(turn));
	take(turn);
	turn->closed = true;
	peal_turn_give(turn);
}
