/* SPDX-License-Identifier: MIT */
/*
 * Who does the jobs: the calling fiber, and tasks that help it.
 *
 * Jobs are offered as stealable tasks, few at a time: a shard that has nothing to do takes one, goes
 * on with what it finds below, and offers in turn. What is refused (max_tasks) stays where it is and
 * is done there. With run_on=pool the jobs are done on the blocking pool: pool.c.
 */
#include <peal/task.h>
#include <peal/time.h>

#include "walk.h"

#define OFFERS_EACH 8 /* tasks waiting to be started, per worker */
#define OFFERS_MOST 256
#define MUTE        64 /* jobs between a refusal and the next try */

static struct du_worker *here(struct du_walk *walk)
{
	return &walk->workers[walk->plugin->pool ? 0 : peal_shard()];
}

static int task_main(void *arg);

static int spawn(struct du_walk *walk, du_job job)
{
	const struct peal_spawn_opts *opts = PEAL_SPAWN(.place = PEAL_STEALABLE, .name = "du");

	if (walk->plugin->pool)
		return peal_rt_spawn(walk->host->rt, task_main, (void *)job, opts);
	return peal_spawn(task_main, (void *)job, opts);
}

static int offer_one(struct du_walk *walk, du_job job)
{
	int err;

	peal_du_task_begin(walk);
	atomic_fetch_add_explicit(&walk->offered, 1, memory_order_relaxed);
	err = spawn(walk, job);
	if (!err)
		return 0;
	atomic_fetch_sub_explicit(&walk->offered, 1, memory_order_relaxed);
	peal_du_task_end(walk);
	walk->host->count(walk->host, DU_REFUSED, 1);
	return err;
}

static bool may_offer(struct du_worker *worker)
{
	struct du_walk *walk = worker->walk;

	if (!walk->parallel || worker->jobs.count < 2)
		return false;
	if (worker->mute) {
		worker->mute--;
		return false;
	}
	/* A short walk is over before help could come. */
	if (worker->alone && worker->spent + worker->work < DU_ALONE)
		return false;
	worker->alone = false;
	return true;
}

/* Keep a small stock of tasks for shards that have nothing to do. */
void peal_du_offer(struct du_worker *worker)
{
	struct du_walk *walk = worker->walk;
	uint64_t offers = 0;
	du_job job;

	if (!may_offer(worker))
		return;
	while (worker->jobs.count > 1 &&
		atomic_load_explicit(&walk->offered, memory_order_relaxed) < walk->most_offers) {
		peal_du_jobs_pop_oldest(&worker->jobs, &job);
		if (offer_one(walk, job)) {
			worker->mute = MUTE;
			peal_du_jobs_put_back(&worker->jobs, job);
			break;
		}
		offers++;
	}
	if (offers)
		walk->host->count(walk->host, DU_OFFERS, offers);
}

/* Add what the worker has counted to what can be seen. */
void peal_du_publish(struct du_worker *worker)
{
	struct du_walk *walk = worker->walk;

	worker->spent += worker->work;
	worker->work = 0;
	__atomic_fetch_add(&walk->watch->entries, worker->entries, __ATOMIC_RELAXED);
	__atomic_fetch_add(&walk->watch->directories, worker->directories, __ATOMIC_RELAXED);
	__atomic_fetch_add(&walk->watch->allocated, worker->allocated, __ATOMIC_RELAXED);
	walk->host->count(walk->host, DU_ENTRIES, worker->entries);
	walk->host->count(walk->host, DU_DIRECTORIES, worker->directories);
	worker->entries = worker->directories = worker->allocated = 0;
	if (__atomic_load_n(&walk->watch->cancel, __ATOMIC_RELAXED))
		peal_du_end(walk, -ECANCELED);
}

bool peal_du_tick_is_due(struct du_walk *walk)
{
	return walk->opts.tick &&
		peal_now() >= atomic_load_explicit(&walk->next_tick, memory_order_relaxed);
}

static void give_way(struct du_worker *worker)
{
	if (worker->work < DU_YIELD)
		return;
	peal_du_publish(worker);
	peal_yield();
}

static void help(struct du_walk *walk, du_job job)
{
	struct du_worker *worker = here(walk);

	peal_du_job_push_again(worker, job);
	/* One fiber for each shard is enough: this one was only the way here. */
	if (worker->fibers)
		return;
	worker->fibers++;
	while (peal_du_jobs_pop(&worker->jobs, &job)) {
		peal_du_job_run(worker, job);
		peal_du_offer(worker);
		give_way(worker);
		if (peal_du_tick_is_due(walk))
			peal_du_wake(walk);
	}
	worker->fibers--;
	peal_du_line_flush(worker);
	peal_du_publish(worker);
}

static int task_main(void *arg)
{
	du_job job = (du_job)arg;
	struct du_walk *walk = peal_du_job_walk(job);

	atomic_fetch_sub_explicit(&walk->offered, 1, memory_order_relaxed);
	if (walk->plugin->pool)
		peal_du_pool_help(walk, job);
	else
		help(walk, job);
	peal_du_task_end(walk);
	return 0;
}

void peal_du_help_init(struct du_walk *walk)
{
	uint32_t offers = walk->worker_count * OFFERS_EACH;

	walk->most_offers = offers < OFFERS_MOST ? offers : OFFERS_MOST;
}

/* A path is begun, by the calling fiber. (Those who helped with the one before may not have ended yet.) */
void peal_du_help_start(struct du_walk *walk)
{
	struct du_worker *worker = here(walk);

	worker->alone = true;
	worker->spent = worker->work = 0;
}

/* The calling fiber's next piece of work: best the node that the cursor needs. False: there is none. */
bool peal_du_step_of(struct du_worker *worker, struct du_node *node)
{
	du_job job;

	if (peal_du_node_claim(node)) {
		atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
		peal_du_scan(worker, node);
		peal_du_job_trim(worker);
	} else if (peal_du_job_next(worker, &job)) {
		peal_du_job_run(worker, job);
	} else {
		return false;
	}
	peal_du_offer(worker);
	return true;
}

/* Do something for the walk, whose cursor needs the node; if there is nothing to do, wait for it. */
void peal_du_step(struct du_walk *walk, struct du_node *node)
{
	struct du_worker *worker = here(walk);

	if (walk->plugin->pool) {
		peal_du_pool_step(walk, node);
	} else if (!peal_du_step_of(worker, node)) {
		peal_du_line_flush(worker);
		peal_du_publish(worker);
		if (!peal_du_node_is_done(node))
			peal_du_wait(walk, node);
	}
}

/* Let others run, if it is time to. */
void peal_du_give_way(struct du_walk *walk)
{
	struct du_worker *worker = here(walk);

	if (walk->plugin->pool)
		return;
	worker->fibers++;
	give_way(worker);
	worker->fibers--;
}
