/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>

#include "core/base/alloc.h"
#include "core/task/blocking.h"
#include "core/runtime/rt.h"
#include "core/runtime/signal_gate.h"
#include "core/task/wait.h"

/* On the stack of the fiber that waits for it. */
struct call {
	struct peal_wait wait;
	struct peal_job job;
	peal_task_fn *fn;
	void *arg;
	int result;
};

struct peal_blocking_pool {
	struct peal_rt *rt;
	uint32_t max_threads, max_queued;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t work;
	struct peal_list jobs;
	uint32_t queued, idle;
	uint32_t threads;
	uint32_t busy; /* threads that run a job */
	bool stopping;
	bool refusing;
	pthread_t ids[]; /* of max_threads */
};

int peal_blocking_pool_create(struct peal_blocking_pool **created, struct peal_rt *rt,
	uint32_t max_threads, uint32_t max_queued)
{
	struct peal_blocking_pool *pool = peal_alloc(
		1, sizeof(*pool) + max_threads * sizeof(pool->ids[0]));

	if (!pool)
		return -ENOMEM;
	pool->rt = rt;
	pool->max_threads = max_threads;
	pool->max_queued = max_queued;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	peal_list_init(&pool->jobs);
	*created = pool;
	return 0;
}

void peal_blocking_pool_destroy(struct peal_blocking_pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (uint32_t i = 0; i < pool->threads; i++)
		pthread_join(pool->ids[i], NULL);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	peal_free(pool);
}

/* With the lock held. NULL when the pool stops. */
static struct peal_job *next_job(struct peal_blocking_pool *pool)
{
	struct peal_job *job;

	while (peal_list_empty(&pool->jobs)) {
		if (pool->stopping)
			return NULL;
		pool->idle++;
		pthread_cond_wait(&pool->work, &pool->lock);
		pool->idle--;
	}
	job = PEAL_CONTAINER_OF(pool->jobs.next, struct peal_job, link);
	peal_list_remove(&job->link);
	pool->queued--;
	pool->busy++;
	return job;
}

static void *worker(void *arg)
{
	struct peal_blocking_pool *pool = arg;
	struct peal_job *job;

	/* It was made by a shard's thread, which is tied to one CPU. */
	peal_cpus_unpin(&pool->rt->cpus);
	pthread_mutex_lock(&pool->lock);
	while ((job = next_job(pool))) {
		pthread_mutex_unlock(&pool->lock);
		job->fn(job); /* it is gone from here on */
		pthread_mutex_lock(&pool->lock);
		pool->busy--;
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

void peal_blocking_refuse(struct peal_blocking_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->refusing = true;
	while (!peal_list_empty(&pool->jobs))
		peal_list_remove(pool->jobs.next);
	pool->queued = 0;
	pthread_mutex_unlock(&pool->lock);
}

uint32_t peal_blocking_busy(struct peal_blocking_pool *pool)
{
	uint32_t busy;

	pthread_mutex_lock(&pool->lock);
	busy = pool->busy;
	pthread_mutex_unlock(&pool->lock);
	return busy;
}

void peal_blocking_pool_leave(struct peal_blocking_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->work);
	for (uint32_t i = 0; i < pool->threads; i++)
		pthread_detach(pool->ids[i]);
	pthread_mutex_unlock(&pool->lock);
}

/* With the lock held. Signals are for the application's own threads. */
static int add_thread(struct peal_blocking_pool *pool)
{
	sigset_t before;
	int err;

	peal_signals_block(&before);
	err = pthread_create(&pool->ids[pool->threads], NULL, worker, pool);
	peal_signals_unblock(&before);
	if (err)
		return -err;
	pthread_setname_np(pool->ids[pool->threads], "peal/blocking");
	pool->threads++;
	return 0;
}

/* With the lock held. A thread that cannot be made is an error only when there is no other: with one,
 * the call is merely late. */
static int provide_thread(struct peal_blocking_pool *pool)
{
	int err;

	if (pool->queued < pool->idle || pool->threads >= pool->max_threads)
		return 0;
	err = add_thread(pool);
	return pool->threads ? 0 : err;
}

int peal_blocking_submit(struct peal_blocking_pool *pool, struct peal_job *job, bool op)
{
	int err;

	pthread_mutex_lock(&pool->lock);
	if (pool->refusing)
		err = -ESHUTDOWN;
	else
		err = op || pool->queued < pool->max_queued ? provide_thread(pool) : -EAGAIN;
	if (!err) {
		peal_list_append(&pool->jobs, &job->link);
		pool->queued++;
		pthread_cond_signal(&pool->work);
	}
	pthread_mutex_unlock(&pool->lock);
	return err;
}

bool peal_blocking_withdraw(struct peal_blocking_pool *pool, struct peal_job *job)
{
	bool waits;

	pthread_mutex_lock(&pool->lock);
	waits = !peal_list_empty(&job->link);
	peal_list_remove(&job->link);
	pool->queued -= waits;
	pthread_mutex_unlock(&pool->lock);
	return waits;
}

/* A call that has begun is waited for. */
static void cancel_call(struct peal_wait *wait)
{
	struct call *call = PEAL_CONTAINER_OF(wait, struct call, wait);

	if (peal_blocking_withdraw(wait->task->rt->blocking, &call->job)) {
		wait->cancelled = true;
		peal_task_wake(wait->task);
	}
}

static void run_call(struct peal_job *job)
{
	struct call *call = PEAL_CONTAINER_OF(job, struct call, job);
	struct peal_task *task = call->wait.task;

	call->result = call->fn(call->arg);
	peal_count_outside(task->rt->stats, blocking_run);
	peal_task_wake(task);
}

int peal_blocking(peal_task_fn *fn, void *arg, int *result)
{
	struct call call = {
		.wait = { .cancel = cancel_call, .what = "blocking" },
		.job.fn = run_call,
		.fn = fn,
		.arg = arg,
	};
	struct peal_shard *shard = peal_shard_current();
	int err, ended;

	if (!fn)
		return -EINVAL;
	err = peal_wait_begin(&call.wait);
	if (err)
		return err;
	err = peal_blocking_submit(shard->rt->blocking, &call.job, false);
	if (err)
		PEAL_COUNT(shard, blocking_refused);
	else
		peal_task_park();
	ended = peal_wait_end(&call.wait);
	if (ended)
		return ended;
	if (!err && result)
		*result = call.result;
	return err;
}
