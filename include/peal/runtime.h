/* SPDX-License-Identifier: MIT */
/*
 * The runtime: a set of shards, one thread and one ring each.
 *
 * peal_run() is the simple way in: it starts a runtime, runs one function as its main task, and takes
 * everything down when that has returned. peal_rt_start() and peal_rt_stop() are its two halves for
 * programs that have a main thread of their own.
 */
#ifndef PEAL_RUNTIME_H
#define PEAL_RUNTIME_H

#include <peal/base.h>
#include <peal/task.h>

PEAL_BEGIN_DECLS

struct peal_rt;

/* The life of a runtime, in order. */
enum peal_rt_state {
	PEAL_RT_BOOTING, /* shards are starting */
	PEAL_RT_RUNNING,
	PEAL_RT_DRAINING, /* accepts have ended; what was begun goes on until the drain timeout */
	PEAL_RT_STOPPING, /* what waits is cancelled */
	PEAL_RT_STOPPED,
	PEAL_RT_EMERGENCY /* from any of them but the last, to the last: peal_rt_emergency() */
};

enum peal_log_level { PEAL_LOG_ERROR, PEAL_LOG_WARNING, PEAL_LOG_INFO, PEAL_LOG_DEBUG };

/* How shards are tied to CPUs. */
#define PEAL_AFFINITY_AUTO 0 /* one CPU each, where there is one shard for each CPU we may use */
#define PEAL_AFFINITY_NONE 1 /* the kernel's scheduler decides */

/*
 * In every field zero means the default. Flags are bytes: 0 no, 1 yes.
 */
struct peal_rt_opts {
	size_t size;      /* of this struct; PEAL_RT() sets it */
	const char *name; /* shown by `peal stat`; NULL: the program's name */
	const char
		*backend; /* "uring", "epoll", ...; NULL: $PEAL_BACKEND, or the best that works */
	int64_t drain_timeout; /* ns that draining may take before what waits is cancelled; 10 s */
	size_t stack_size;     /* usable bytes of a fiber's stack; 64 KiB, at least 16 KiB */
	uint32_t shards;       /* 0: as many as CPUs this process may use (CPU set, cgroup quota) */
	uint32_t max_tasks;    /* tasks that may exist at a time; 1,048,576 */
	uint32_t max_blocking; /* threads of the blocking pool; 4 per shard, at least 8 */
	uint32_t max_blocking_queue; /* calls that may wait for one of them; 65,536 */
	uint32_t ring_entries;       /* submissions per kernel entry; the backend's own choice */
	uint8_t affinity;            /* PEAL_AFFINITY_AUTO */
	uint8_t no_stealing;         /* stealable tasks stay where they were spawned */
	uint8_t report_overflow; /* name the fiber whose stack overflowed: installs a SIGSEGV handler */
	uint8_t embedded;        /* shard 0 runs in your loop: peal_rt_turn() */
	/* For peculiar loads; peal-knobs(7) has all numbers with their ranges. */
	int64_t slice;        /* ns that a shard runs tasks before it looks at its ring; 200 us */
	int64_t spin;         /* the longest that it watches for work before it sleeps, ns; 50 us */
	uint32_t steal_batch; /* tasks that it takes from another one at a time; 32 */
	uint8_t spin_share;   /* percent of the time that it may watch for nothing; 10 */
	uint8_t no_spinning;  /* it sleeps at once */
	uint8_t drain_on_signal; /* SIGINT and SIGTERM drain; see below */
	uint8_t reserved[1];     /* 0 */
	uint32_t lease_buffers;  /* of each shard, for leases (lease.h); 256 */
	uint32_t lease_size;     /* bytes of each; 4096 */
};

/* Options in place: peal_run(main_task, NULL, PEAL_RT(.shards = 2)). C only. */
#define PEAL_RT(...) \
	(&(const struct peal_rt_opts){ .size = sizeof(struct peal_rt_opts), __VA_ARGS__ })

/*
 * Signals. The library installs no handler unless asked. With drain_on_signal the first SIGINT or SIGTERM
 * is a peal_rt_drain() of every runtime that was started with it. The second is for those who do not want
 * to wait: what was there before (by default: the end, with the exit status of a killed process) gets it.
 * A handler that was installed before is called as well, each time, and is put back, like the default,
 * when the last such runtime has gone. A signal that the process ignores when the runtime starts stays
 * ignored: that is how shells start programs in the background.
 *
 * The threads that a runtime starts block all signals but SIGPROF and those of faults, so that handlers,
 * yours too, run on your threads: on that of peal_run() also while it is a shard. Children that are
 * started from a task inherit that mask.
 */

/*
 * Start a runtime, run fn(arg) as its main task on shard 0, drain it, and free it. Returns what fn
 * returned; or, when the runtime could not be started, a negative errno (the log hook is told why):
 * those of peal_rt_start(). opts may be NULL. Any thread that is no shard; blocks it.
 */
PEAL_API int peal_run(peal_task_fn *fn, void *arg, const struct peal_rt_opts *opts);

/*
 * Start a runtime whose shards run on threads of their own (but for shard 0 of an embedded one). reason
 * may be NULL.
 *
 * 0 and the runtime in *rt; -EINVAL for options that make no sense, -E2BIG for ones this library does
 * not know, -ENOENT for a backend that does not exist, the backend's own error when none works here,
 * -EAGAIN or -ENOMEM when threads or memory are refused. On failure nothing stays behind. Any thread
 * that is no shard.
 */
PEAL_API int peal_rt_start(
	struct peal_rt **rt, const struct peal_rt_opts *opts, struct peal_reason *reason);

/*
 * Ask a runtime to come to its end: accepts end, peal_draining() becomes true, and tasks get
 * drain_timeout to finish; then everything that waits is cancelled. The main task of peal_run() is
 * cancelled at once, with its scope (scope.h): it is the one that begins new things. Returns at once;
 * asking again does nothing. Any thread.
 */
PEAL_API void peal_rt_drain(struct peal_rt *rt);

/*
 * Drain a runtime, wait until every task has ended and its threads are gone, and free it. Accepts
 * NULL. Any thread that is no shard of it (-EDEADLK otherwise, and nothing happens); of an embedded
 * runtime only the thread that has started it (-EPERM), which turns it to its end. Blocks.
 */
PEAL_API int peal_rt_stop(struct peal_rt *rt);

/*
 * The end without ceremony, from any state: every shard leaves its loop as soon as what it runs gives
 * way: the caller's own at once, others at the end of their slice, which is 200 us away at most. Tasks that wait are abandoned where they are: they do not
 * return, their clean-up and C++ destructors do not run, plugins and shard-local values are not stopped or
 * destroyed; posts that have not run never will. Operations are cancelled, and the kernel gets 100 ms to
 * give them up: what it (or a call on the blocking pool) still works on then stays mapped for it. The log
 * hook is told by name and number what was lost, and the counters tasks_abandoned and ops_abandoned.
 *
 * Returns at once; what takes the runtime down is still peal_rt_stop(), or peal_run(), which returns
 * -ECANCELED if its main task had not ended. Both wait for tasks that do not give way. Any thread, and
 * async-signal-safe, while the runtime exists. Accepts NULL.
 */
PEAL_API void peal_rt_emergency(struct peal_rt *rt);

/*
 * fork(2). The child of a fork has none of the parent's shards, also if a task has forked. Its copies of
 * runtimes are of no use but do no harm: nothing that the child does reaches the parent's rings. What
 * takes a runtime gives -ESTALE there (peal_rt_drain() and peal_rt_emergency() do nothing, peal_rt_caps()
 * is 0), what belongs to shards -EPERM, as on any thread that is none. The child may exec, _exit(2), or
 * start runtimes of its own; it must not return from a task (that ends it, with a message). Signals that
 * runtimes of the parent listened to do what they did before. A hook for memory (below) must work in the
 * child. pthread_atfork(3) sees to all this, so it is true for fork(2), not for bare system calls.
 */

/*
 * A runtime in somebody else's loop. Started with the option `embedded`, it gives its shard 0 no thread:
 * the thread that has called peal_rt_start() is lent to it, one peal_rt_turn() at a time, whenever the
 * descriptor peal_rt_fd() is readable. Other shards have their threads as always; with .shards = 1 all
 * of the runtime happens in the turns.
 *
 *	struct pollfd fds[2] = { { peal_rt_fd(rt), POLLIN, 0 }, { theirs, POLLIN, 0 } };
 *
 *	while (poll(fds, 2, -1) >= 0) {
 *		if (fds[0].revents && peal_rt_turn(rt, NULL) == -ESHUTDOWN)
 *			break;
 *		if (fds[1].revents)
 *			handle(theirs);
 *	}
 *	peal_rt_stop(rt);
 *
 * The descriptor tells of everything: I/O, timers, what other threads send, and a turn that ended
 * because its time was over. It is level-triggered (epoll's EPOLLET works as well), may be readable for
 * nothing, and stays the runtime's: wait for it, do not read or close it. docs/examples has the same for
 * GLib and libuv.
 *
 * Between turns the thread is no shard: give it work as from any other thread, with peal_rt_spawn() (and
 * .place = PEAL_PINNED(0), if it is to run in the turns), peal_rt_post(), ports. It is not tied to a CPU.
 * A loop that is busy for long delays shard 0, not the others. One thread may run several embedded
 * runtimes, in turns that are not nested.
 */
struct peal_turn_opts {
	size_t size;    /* of this struct; PEAL_TURN() sets it */
	int64_t budget; /* ns after which no further task is begun in this turn; 1 ms */
};

#define PEAL_TURN(...) \
	(&(const struct peal_turn_opts){ .size = sizeof(struct peal_turn_opts), __VA_ARGS__ })

/*
 * Run what shard 0 has to do. 0 when there is nothing more to do and the descriptor tells when there
 * is; 1 when the budget was used up (the descriptor is readable then); -ESHUTDOWN when the runtime has
 * ended: all that is left to do is peal_rt_stop(). -EPERM on any thread but the one that has started it,
 * -EDEADLK in a task or callback of a shard, -EINVAL for a runtime that is not embedded or a negative
 * budget, -E2BIG for options this library does not know. opts may be NULL. A task that does not give way
 * keeps the thread for as long as it likes.
 */
PEAL_API int peal_rt_turn(struct peal_rt *rt, const struct peal_turn_opts *opts);

/* The descriptor, or -EINVAL for a runtime that is not embedded. Any thread, while the runtime exists. */
PEAL_API int peal_rt_fd(const struct peal_rt *rt);

/* Any thread, while the runtime exists. */
PEAL_API enum peal_rt_state peal_rt_state(const struct peal_rt *rt);
PEAL_API unsigned int peal_rt_shards(const struct peal_rt *rt);
/* The backend's name, and in one line why it is this one. */
PEAL_API const char *peal_rt_backend(const struct peal_rt *rt);
PEAL_API const char *peal_rt_backend_reason(const struct peal_rt *rt);
/* What the backend can do (PEAL_CAP_* in backend.h). */
PEAL_API uint64_t peal_rt_caps(const struct peal_rt *rt);

/* The runtime and the shard's index that the calling thread belongs to; NULL and -EPERM on a thread
 * that is no shard. */
PEAL_API struct peal_rt *peal_rt_current(void);
PEAL_API int peal_shard(void);

/* Is the calling shard's runtime on its way to the end? Loops that serve for ever ask this. False off
 * a shard. */
PEAL_API bool peal_draining(void);

/*
 * Run fn(post) once on a shard's loop, without a fiber. The node is yours, zeroed before its first
 * use, and must stay until fn is called; from then on it is yours again. Posts of one thread to one
 * shard run in order. -EINVAL for a shard that does not exist, -EBUSY for a node that is posted
 * already, -ESHUTDOWN after the shards have stopped listening. Nothing is allocated. Any thread.
 */
struct peal_post;
typedef void peal_post_fn(struct peal_post *post);

struct peal_post {
	void *link[2];
	peal_post_fn *fn;
	uint32_t state;
	uint32_t reserved;
};

PEAL_API int peal_rt_post(
	struct peal_rt *rt, unsigned int shard, struct peal_post *post, peal_post_fn *fn);

/*
 * One pointer per shard and key. peal_local_create() makes a key for the runtime (at most 64 of them;
 * -ENOSPC after that); `destroy` is called on each shard, with what is not NULL there, when the shard
 * stops. Keys are never given back. Create: any thread. Get and set: a shard's thread, elsewhere NULL
 * and -EPERM.
 */
PEAL_API int peal_local_create(struct peal_rt *rt, unsigned int *key, void (*destroy)(void *value));
PEAL_API void *peal_local_get(unsigned int key);
PEAL_API int peal_local_set(unsigned int key, void *value);

/*
 * Hooks of the process. Set them before the first runtime is started and leave them; NULL takes one
 * away. None of them may call Peal.
 *
 * The log hook gets one line at a time, from any thread. Without it the library says nothing.
 */
typedef void peal_log_fn(void *arg, enum peal_log_level level, const char *text);
PEAL_API void peal_set_log(peal_log_fn *log, void *arg);

/*
 * Memory for the library's own objects: aligned_alloc(3), free(3) in shape; `allocate` may return
 * NULL and need not clear. Returns -EBUSY while a runtime exists. Both or none.
 */
PEAL_API int peal_set_allocator(
	void *(*allocate)(size_t alignment, size_t size), void (*release)(void *memory));

/* Told what broke, before the process is aborted. Without a hook the text goes to stderr, as that of
 * assert(3) does. */
typedef void peal_fatal_fn(const char *text);
PEAL_API void peal_set_fatal(peal_fatal_fn *fatal);

PEAL_END_DECLS

#endif
