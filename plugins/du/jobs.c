/* SPDX-License-Identifier: MIT */
/*
 * Jobs and the deques they wait in.
 *
 * A worker takes the newest job, so that it goes down before it goes on: few directories wait and few
 * are open. Others are offered the oldest, which is nearest to the top and so the most work.
 */
#include "walk.h"

#define KIND       3u
#define FIRST_SIZE 64

static void *target(du_job job)
{
	return (void *)(job & ~(du_job)KIND);
}

static enum du_job_kind kind(du_job job)
{
	return (enum du_job_kind)(job & KIND);
}

static struct du_node *node_of(du_job job)
{
	if (kind(job) == DU_JOB_NAMES)
		return ((struct du_part *)target(job))->node;
	return target(job);
}

struct du_walk *peal_du_job_walk(du_job job)
{
	return node_of(job)->walk;
}

static int grow(struct du_walk *walk, struct du_jobs *jobs)
{
	size_t size = jobs->size ? jobs->size * 2 : FIRST_SIZE;
	du_job *ring = walk->host->alloc(size, sizeof(*ring));

	if (!ring)
		return -ENOMEM;
	for (size_t i = 0; i < jobs->count; i++)
		ring[i] = jobs->ring[(jobs->head + i) & (jobs->size - 1)];
	walk->host->free(jobs->ring);
	jobs->ring = ring;
	jobs->head = 0;
	jobs->size = size;
	return 0;
}

/* 0, or -ENOMEM. */
int peal_du_jobs_push(struct du_walk *walk, struct du_jobs *jobs, du_job job)
{
	if (jobs->count == jobs->size && grow(walk, jobs))
		return -ENOMEM;
	jobs->ring[(jobs->head + jobs->count++) & (jobs->size - 1)] = job;
	return 0;
}

bool peal_du_jobs_pop(struct du_jobs *jobs, du_job *job)
{
	if (!jobs->count)
		return false;
	*job = jobs->ring[(jobs->head + --jobs->count) & (jobs->size - 1)];
	return true;
}

bool peal_du_jobs_pop_oldest(struct du_jobs *jobs, du_job *job)
{
	if (!jobs->count)
		return false;
	*job = jobs->ring[jobs->head];
	jobs->head = (jobs->head + 1) & (jobs->size - 1);
	jobs->count--;
	return true;
}

/* Undo peal_du_jobs_pop_oldest(). */
void peal_du_jobs_put_back(struct du_jobs *jobs, du_job job)
{
	jobs->head = (jobs->head - 1) & (jobs->size - 1);
	jobs->ring[jobs->head] = job;
	jobs->count++;
}

/* A job that is the worker's from now on, with its reference. */
void peal_du_job_push_again(struct du_worker *worker, du_job job)
{
	if (!peal_du_jobs_push(worker->walk, &worker->jobs, job))
		return;
	peal_du_end(worker->walk, -ENOMEM);
	peal_du_job_drop(worker->walk, job);
}

/* A new one. */
void peal_du_job_push(struct du_worker *worker, void *what, enum du_job_kind kind)
{
	peal_du_job_push_again(worker, (du_job)what | kind);
}

/* Forget a job: the walk ends, or somebody else has done it. */
void peal_du_job_drop(struct du_walk *walk, du_job job)
{
	struct du_node *node = node_of(job);

	/* Above a line, parts are in the node's list and go with it. */
	if (kind(job) == DU_JOB_NAMES && node->line)
		peal_du_part_free(walk, target(job));
	peal_du_node_unref(node);
}

static bool memory_is_short(struct du_walk *walk)
{
	return atomic_load_explicit(&walk->retained, memory_order_relaxed) > walk->opts.max_memory;
}

/* Ahead of the cursor nothing more is scanned while too many results wait for it. */
static bool must_wait(struct du_walk *walk, du_job job)
{
	return kind(job) == DU_JOB_SCAN && !node_of(job)->line && memory_is_short(walk);
}

/* Take the newest job that need not wait out, closing the gap. */
static bool take_urgent(struct du_walk *walk, struct du_jobs *jobs, du_job *job)
{
	size_t mask = jobs->size - 1;

	for (size_t i = jobs->count; i-- > 0;) {
		*job = jobs->ring[(jobs->head + i) & mask];
		if (must_wait(walk, *job))
			continue;
		for (jobs->count--; i < jobs->count; i++)
			jobs->ring[(jobs->head + i) & mask] =
				jobs->ring[(jobs->head + i + 1) & mask];
		return true;
	}
	return false;
}

/* The next job for the calling fiber, which keeps for later what must wait. */
bool peal_du_job_next(struct du_worker *worker, du_job *job)
{
	if (memory_is_short(worker->walk))
		return take_urgent(worker->walk, &worker->jobs, job);
	return peal_du_jobs_pop(&worker->jobs, job);
}

/* Forget the newest jobs as far as others have done them. */
void peal_du_job_trim(struct du_worker *worker)
{
	struct du_jobs *jobs = &worker->jobs;

	while (jobs->count) {
		du_job job = jobs->ring[(jobs->head + jobs->count - 1) & (jobs->size - 1)];

		if (kind(job) != DU_JOB_SCAN || node_of(job)->line ||
			atomic_load_explicit(&node_of(job)->state, memory_order_relaxed) ==
				DU_FRESH)
			return;
		peal_du_jobs_pop(jobs, &job);
		peal_du_job_drop(worker->walk, job);
	}
}

/* Helpers do not keep what must wait: the cursor will come by. */
static void scan(struct du_worker *worker, struct du_node *node)
{
	bool later = !node->line && memory_is_short(worker->walk);

	if (!later && peal_du_node_claim(node))
		peal_du_scan(worker, node);
	else
		peal_du_node_unref(node);
}

/* Do a job. Its reference is used up. */
void peal_du_job_run(struct du_worker *worker, du_job job)
{
	struct du_walk *walk = worker->walk;
	struct du_node *node = node_of(job);

	if (worker->tally.line != node->line)
		peal_du_line_flush(worker);
	if (du_ends(walk))
		peal_du_job_drop(walk, job);
	else if (kind(job) == DU_JOB_SCAN)
		scan(worker, node);
	else if (kind(job) == DU_JOB_MORE)
		peal_du_scan_more(worker, node);
	else
		peal_du_scan_names(worker, target(job));
}
