/* SPDX-License-Identifier: MIT */
/*
 * run_on=pool: the jobs are done on the threads of the blocking pool, a few milliseconds of them in
 * one call, so that shards which serve others are never held up by a slow disk.
 *
 * The tasks that help are the same (help.c), but what they do is borrow a worker and wait for the
 * pool. The first worker is the calling fiber's.
 */
#include <peal/task.h>
#include <peal/time.h>

#include "walk.h"

#define SLICE 2048 /* work in one call to the pool: about 3 ms */

/* While the queue of the pool is full, later. */
static void call(struct du_walk *walk, peal_task_fn *fn, void *arg)
{
	int err;

	while ((err = peal_blocking(fn, arg, NULL)) == -EAGAIN)
		if (peal_sleep(PEAL_MS))
			break;
	if (err)
		peal_du_end(walk, -ECANCELED);
}

static int help_slice(void *arg)
{
	struct du_worker *worker = arg;
	du_job job;

	while (worker->work < SLICE && peal_du_jobs_pop(&worker->jobs, &job)) {
		peal_du_job_run(worker, job);
		peal_du_offer(worker);
	}
	if (!worker->jobs.count)
		peal_du_line_flush(worker);
	peal_du_publish(worker);
	return 0;
}

/* A worker for a job. NULL: all are busy, the job was left for the first that has done its own. */
static struct du_worker *borrow(struct du_walk *walk, du_job job)
{
	struct du_worker *worker;
	int err = 0;

	pthread_mutex_lock(&walk->lock);
	worker = walk->idle;
	if (worker)
		walk->idle = worker->idle;
	else
		err = peal_du_jobs_push(walk, &walk->spare, job);
	pthread_mutex_unlock(&walk->lock);
	if (worker)
		peal_du_job_push_again(worker, job);
	if (err) {
		peal_du_job_drop(walk, job);
		peal_du_end(walk, err);
	}
	return worker;
}

/* Give it back, unless a job was left in the meantime. */
static bool give_back(struct du_walk *walk, struct du_worker *worker)
{
	du_job job;
	bool left;

	pthread_mutex_lock(&walk->lock);
	left = peal_du_jobs_pop(&walk->spare, &job);
	if (!left) {
		worker->idle = walk->idle;
		walk->idle = worker;
	}
	pthread_mutex_unlock(&walk->lock);
	if (left)
		peal_du_job_push_again(worker, job);
	return !left;
}

/* In a task: a job, and what follows from it. */
void peal_du_pool_help(struct du_walk *walk, du_job job)
{
	struct du_worker *worker = borrow(walk, job);

	if (!worker)
		return;
	do {
		while (worker->jobs.count && !du_ends(walk)) {
			call(walk, help_slice, worker);
			if (peal_du_tick_is_due(walk))
				peal_du_wake(walk);
		}
		while (peal_du_jobs_pop(&worker->jobs, &job))
			peal_du_job_drop(walk, job);
	} while (!give_back(walk, worker));
}

struct step {
	struct du_worker *worker;
	struct du_node *node;
	bool idle;
};

static int step_slice(void *arg)
{
	struct step *step = arg;
	struct du_worker *worker = step->worker;

	while (worker->work < SLICE && !peal_du_node_is_done(step->node))
		if (!peal_du_step_of(worker, step->node)) {
			step->idle = true;
			break;
		}
	if (step->idle)
		peal_du_line_flush(worker);
	peal_du_publish(worker);
	return 0;
}

void peal_du_pool_step(struct du_walk *walk, struct du_node *node)
{
	struct step step = { .worker = walk->workers, .node = node };

	call(walk, step_slice, &step);
	if (step.idle && !peal_du_node_is_done(node))
		peal_du_wait(walk, node);
}
