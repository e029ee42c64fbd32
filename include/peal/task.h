/* SPDX-License-Identifier: MIT */
/*
 * Tasks: units of work, written as plain functions that may wait.
 *
 * A new task is fresh: a control block without a stack. When a shard first runs it, it becomes a
 * fiber of that shard and stays there, so thread-locals, addresses of locals and I/O in flight remain
 * valid. Only fresh tasks that were spawned PEAL_STEALABLE may start on another shard than intended.
 *
 * A fiber that waits gives its shard to others; it is never interrupted anywhere else. What runs on
 * one shard therefore needs no locks against what runs on the same shard between two waits.
 */
#ifndef PEAL_TASK_H
#define PEAL_TASK_H

#include <peal/base.h>

PEAL_BEGIN_DECLS

struct peal_rt;
struct peal_task;

/*
 * A task's function. Its int is the task's result; a negative one is a failure, which is counted. A
 * C++ exception that leaves it ends the program.
 */
typedef int peal_task_fn(void *arg);

/*
 * Where a task starts. One scalar, 0 is the default:
 *   PEAL_HERE           the calling shard
 *   PEAL_PINNED(shard)  that shard
 *   PEAL_ROUND_ROBIN    the shards in turn
 *   PEAL_LEAST_LOADED   the shard with the fewest tasks, those that are ready counted twice
 *   PEAL_STICKY(key)    one shard for each key (56 bits of it), the same one all the runtime's life
 *   PEAL_STEALABLE      the calling shard, or any other that has nothing to do before it was started
 *   PEAL_NEAR(shard)    that shard, or any other that has nothing to do before it was started
 */
#define PEAL_HERE          ((uint64_t)0)
#define PEAL_PINNED(shard) (((uint64_t)1 << 56) | (uint32_t)(shard))
#define PEAL_ROUND_ROBIN   ((uint64_t)2 << 56)
#define PEAL_STEALABLE     ((uint64_t)3 << 56)
#define PEAL_LEAST_LOADED  ((uint64_t)4 << 56)
#define PEAL_STICKY(key)   (((uint64_t)5 << 56) | ((uint64_t)(key)&0x00ffffffffffffff))
#define PEAL_NEAR(shard)   (((uint64_t)6 << 56) | (uint32_t)(shard))

/*
 * What runs first on a shard, by classes: high before normal before idle. Strictly, but for one pick in
 * 61 that each lower class gets, so that none starves. A fiber keeps its class when it is woken. Only
 * normal tasks are stolen: PEAL_STEALABLE and PEAL_NEAR ones of another class stay where they were put.
 */
#define PEAL_NORMAL        0 /* the default */
#define PEAL_HIGH          1
#define PEAL_IDLE          2

struct peal_spawn_opts {
	size_t size;         /* of this struct; PEAL_SPAWN() sets it */
	uint64_t place;      /* PEAL_HERE, ... */
	const char *name;    /* for reports; copied, up to 31 bytes. NULL: none */
	uint8_t priority;    /* PEAL_NORMAL, PEAL_HIGH, PEAL_IDLE */
	uint8_t reserved[7]; /* 0 */
};

/* Options in place: peal_spawn(fn, arg, PEAL_SPAWN(.place = PEAL_STEALABLE)). C only. */
#define PEAL_SPAWN(...) \
	(&(const struct peal_spawn_opts){ .size = sizeof(struct peal_spawn_opts), __VA_ARGS__ })

/*
 * Start a task on its own. Its result is only counted. opts may be NULL.
 *
 * 0; -EAGAIN when max_tasks (runtime.h) tasks exist, it never waits for one to end; -ENOMEM; -EINVAL
 * for a shard that does not exist; -E2BIG for options this library does not know; -EPERM off a
 * shard; -ESHUTDOWN when the runtime is stopping. On a shard's thread. Does not suspend.
 */
PEAL_API int peal_spawn(peal_task_fn *fn, void *arg, const struct peal_spawn_opts *opts);

/* The same from any thread. PEAL_HERE means any shard, in turn. */
PEAL_API int peal_rt_spawn(
	struct peal_rt *rt, peal_task_fn *fn, void *arg, const struct peal_spawn_opts *opts);

/*
 * One task on each shard, pinned there; the place in opts is not looked at. All or none: on failure
 * nothing was started. Otherwise as peal_spawn().
 */
PEAL_API int peal_spawn_each(peal_task_fn *fn, void *arg, const struct peal_spawn_opts *opts);

/*
 * Start a task and keep a handle, which must be given to peal_task_join() or peal_task_detach() once.
 * Otherwise as peal_spawn(); *task is not touched on failure.
 */
PEAL_API int peal_task_spawn(
	struct peal_task **task, peal_task_fn *fn, void *arg, const struct peal_spawn_opts *opts);

/*
 * Wait, in a fiber, for a task to end, and free its handle. Returns 0 and the task's own int in
 * *result (NULL is fine); or the negative errno of the wait, and the handle stays yours: -ECANCELED
 * or -ETIMEDOUT when the caller is cancelled (scope.h), -EDEADLK for the calling task itself, -EBUSY when another fiber
 * waits for it already, -EPERM when the caller is no fiber. From any shard of the runtime. Suspends
 * unless the task has ended.
 */
PEAL_API int peal_task_join(struct peal_task *task, int *result);

/* Give the handle up; the task goes on. Accepts NULL. Any thread. Does not suspend. */
PEAL_API void peal_task_detach(struct peal_task *task);

/* Let others run: the calling fiber goes to the end of its shard's queue of its class. 0; -ECANCELED or
 * -ETIMEDOUT when it is cancelled (scope.h), after the others have run all the same; -EPERM when the
 * caller is no fiber. Suspends. */
PEAL_API int peal_yield(void);

/*
 * Has the calling fiber or callback had its share: is the shard's slice over (the knob `slice`; others that
 * have run in it count), or has it had as many calls that did not need to wait as may follow each other?
 * Then the ring and the timers wait, and others perhaps, and it is time for peal_yield(), or for a
 * callback to return. A loop that computes may ask at every step: the clock is read at one in 64 calls if
 * they follow each other closely. Between two calls of which each takes long it is read at each.
 *
 *	for (size_t i = 0; i < n; i++) {
 *		crunch(&block[i]);
 *		if (peal_should_yield() && peal_yield() < 0)
 *			break;
 *	}
 *
 * False off the shards. Does not suspend.
 */
PEAL_API bool peal_should_yield(void);

/*
 * Run fn(arg) as a task somewhere else and wait, in a fiber, for it to end: peal_compute() on whichever
 * shard has time (a stealable task; for computations), peal_call() on a certain one. fn may wait, too; it
 * is cancelled with the caller.
 *
 * 0 and what fn returned in *result (NULL is fine). Or the negative errno of the wait, -ECANCELED or
 * -ETIMEDOUT, when that was cancelled before fn had begun: then fn is not called any more. One that has
 * begun is waited for: its arguments live on the caller's stack. -EAGAIN when max_tasks tasks exist,
 * -ENOMEM; -EINVAL for a shard that does not exist; -EPERM when the caller is no fiber. Suspends.
 */
PEAL_API int peal_compute(peal_task_fn *fn, void *arg, int *result);
PEAL_API int peal_call(unsigned int shard, peal_task_fn *fn, void *arg, int *result);

/*
 * Go on on another shard: the calling fiber becomes one of that shard's. For rebalancing work that lives
 * long, such as connections; nothing moves a fiber that has not asked. It cannot while it has anything
 * that belongs to its shard: -EBUSY when ops that it has started are in flight, timers that it has started
 * are armed, or a scope that it has opened is open; the main task stays where it is. Mutexes and what else
 * there is in sync.h are of no shard: it may have them locked meanwhile.
 *
 * The thread changes, and with it all thread-locals. Compilers keep addresses of those across calls, that
 * of errno too: the function that calls this, and its callers, should use none.
 *
 * 0, also when it is there already; -EINVAL for a shard that does not exist, -ENOMEM, -EPERM when the
 * caller is no fiber; -ECANCELED and -ETIMEDOUT as for any wait. On failure nothing has changed.
 * Suspends.
 */
PEAL_API int peal_move(unsigned int shard);

/*
 * Fiber-local slots: one pointer per fiber and key, as peal_local_create() (runtime.h) has them per
 * shard. A key is for all tasks of the runtime, and there are at most 32 of them (-ENOSPC after that);
 * they are never given back. `destroy`, if any, is called in the fiber that ends, with what is not NULL
 * there, after its function has returned, the last key first; it may wait. Create: any thread; -EINVAL
 * for NULL. Get: NULL where nothing was set, and for who is no fiber. Set: 0; -ENOMEM; -EINVAL for what
 * is no key; -EPERM when the caller is no fiber. None of them suspends.
 */
PEAL_API int peal_task_local_create(
	struct peal_rt *rt, unsigned int *key, void (*destroy)(void *value));
PEAL_API void *peal_task_local_get(unsigned int key);
PEAL_API int peal_task_local_set(unsigned int key, void *value);

/* The name of the calling task, "" when it has none or the caller is no task. */
PEAL_API const char *peal_task_name(void);

/*
 * Run fn(arg) on the runtime's bounded pool of threads and wait for it: for calls that block the
 * thread (name resolution, a library that knows nothing of Peal). fn runs off the shards: it may not
 * use calls that need one. Returns 0 and fn's int in *result (NULL is fine); -ECANCELED or
 * -ETIMEDOUT when the caller is cancelled (scope.h) and fn had not begun (a call that has begun is waited
 * for: its arguments live on the caller's stack); -EAGAIN when the queue of the pool is full, -EPERM when the caller is
 * no fiber. Suspends.
 */
PEAL_API int peal_blocking(peal_task_fn *fn, void *arg, int *result);

PEAL_END_DECLS

#endif
