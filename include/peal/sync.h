/* SPDX-License-Identifier: MIT */
/*
 * Between fibers: channels, mutexes, semaphores, conditions, barriers, and what is done once.
 *
 * All of them work between fibers of one shard and of any shards of one runtime. What runs on one shard
 * needs no locks against what runs on the same shard between two waits (task.h); these are for what has
 * to hold across waits, and across shards.
 *
 * Fibers that wait are served in the order in which they came. A wait suspends the fiber, not the
 * thread, and takes part in cancelling: it returns -ECANCELED or -ETIMEDOUT as scope.h says, at once if
 * the fiber is cancelled already, and then it has taken nothing. What releases (unlock, release, signal,
 * close) and what only tries takes no part, never suspends and always works.
 *
 *	PEAL_WITHIN(100 * PEAL_MS)
 *		err = peal_mutex_lock(&mutex);
 *
 * The structs are embedded by their users, all zero before their first use or set up by their init call,
 * and stay where they are. They may go when nobody waits or will wait; one whose wait has just ended may
 * free what it waited for.
 */
#ifndef PEAL_SYNC_H
#define PEAL_SYNC_H

#include <peal/base.h>
#include <peal/task.h>

PEAL_BEGIN_DECLS

/*
 * A mutex belongs to the fiber that has locked it, which may suspend meanwhile. Unlocking hands it to the
 * first that waits. Zeroed before its first use.
 */
struct peal_mutex {
	uint64_t room[6];
};

/* 0; -EDEADLK when the caller has it already; -EINVAL for NULL; -EPERM when the caller is no fiber;
 * -ECANCELED, -ETIMEDOUT. May suspend. */
PEAL_API int peal_mutex_lock(struct peal_mutex *mutex);
/* 0; -EBUSY; otherwise as peal_mutex_lock(). Does not suspend. */
PEAL_API int peal_mutex_try_lock(struct peal_mutex *mutex);
/* 0; -EPERM when the caller does not have it; -EINVAL for NULL. Does not suspend. */
PEAL_API int peal_mutex_unlock(struct peal_mutex *mutex);

/*
 * A condition that fibers wait for, with a mutex that guards what it is about:
 *
 *	peal_mutex_lock(&queue->mutex);
 *	while (!queue->first && !err)
 *		err = peal_condition_wait(&queue->filled, &queue->mutex);
 *	...
 *	peal_mutex_unlock(&queue->mutex);
 *
 * Zeroed before its first use.
 */
struct peal_condition {
	uint64_t room[6];
};

/*
 * Let go of the mutex, wait until signalled, and lock the mutex again, which nothing cancels: the caller
 * has it afterwards in any case. There are no wakes for nothing, but whoever gets the mutex in between
 * may change things.
 *
 * 0 when it was signalled; -EPERM when the caller does not have the mutex; -EINVAL for NULL; -ECANCELED,
 * -ETIMEDOUT: no signal was used up. Suspends.
 */
PEAL_API int peal_condition_wait(struct peal_condition *condition, struct peal_mutex *mutex);
/* Wake the first that waits, or all. Nothing is kept for those who come later. The mutex need not be
 * held. 0; -EINVAL for NULL. Any thread. Does not suspend. */
PEAL_API int peal_condition_signal(struct peal_condition *condition);
PEAL_API int peal_condition_broadcast(struct peal_condition *condition);

/*
 * A semaphore: a number of permits. Zeroed, it has none. Those who wait get theirs in order: one that
 * wants many holds up others that want fewer, and is not starved by them.
 */
struct peal_semaphore {
	uint64_t room[6];
};

/* 0; -EINVAL for NULL. Before anybody uses it. Any thread. */
PEAL_API int peal_semaphore_init(struct peal_semaphore *semaphore, uint32_t permits);
/* Take so many permits at once. 0; -EPERM when the caller is no fiber; -EINVAL for NULL; -ECANCELED,
 * -ETIMEDOUT. May suspend. */
PEAL_API int peal_semaphore_acquire(struct peal_semaphore *semaphore, uint32_t permits);
/* 0; -EAGAIN when there are not so many, or others wait; -EINVAL for NULL. Any thread. Does not
 * suspend. */
PEAL_API int peal_semaphore_try_acquire(struct peal_semaphore *semaphore, uint32_t permits);
/* 0; -EOVERFLOW when there would be more than 2^32-1; -EINVAL for NULL. Any thread. Does not
 * suspend. */
PEAL_API int peal_semaphore_release(struct peal_semaphore *semaphore, uint32_t permits);

/* A barrier: when so many fibers have come, all go on, and it begins anew. */
struct peal_barrier {
	uint64_t room[6];
};

/* 0; -EINVAL for NULL or a count of 0. Before anybody uses it. Any thread. */
PEAL_API int peal_barrier_init(struct peal_barrier *barrier, uint32_t count);
/* 1 for the last that came, 0 for the others; -EINVAL for NULL and for one without a count; -EPERM when
 * the caller is no fiber; -ECANCELED, -ETIMEDOUT: the caller counts as not having come. May suspend. */
PEAL_API int peal_barrier_wait(struct peal_barrier *barrier);

/* Something that is done once, whoever comes first. Zeroed before its first use. */
struct peal_once {
	uint64_t room[6];
};

/*
 * Unless it was done before, run fn(arg), here and now, and let all others who ask wait for it. When it
 * returns a negative result it was not done: the caller gets that, and the next one tries again.
 *
 * 0 when it is done, by whomever; what fn returned, if negative; -EDEADLK when fn asks for itself;
 * -EINVAL for NULL; -EPERM when it is not done and the caller is no fiber; -ECANCELED, -ETIMEDOUT. May
 * suspend.
 */
PEAL_API int peal_once(struct peal_once *once, peal_task_fn *fn, void *arg);

/*
 * A channel: values of one size, copied from any fiber to any fiber, first in, first out. Up to
 * `capacity` of them wait in its buffer; with a capacity of 0 each is passed from hand to hand, and both
 * sides wait for each other.
 *
 *	struct peal_chan *chan;
 *	struct line line;
 *
 *	err = peal_chan_create(&chan, 64, sizeof line);
 *	...
 *	err = peal_chan_send(chan, &line);                      // on any shard
 *	...
 *	while (!(err = peal_chan_recv(chan, &line)))            // on any other
 *		print(&line);
 *	// -ESHUTDOWN: closed, and all was received
 *
 * Closing says that nothing more will be sent. What is in the buffer can still be received; after that
 * receiving gives -ESHUTDOWN, while sending gives -EPIPE from the close on.
 *
 * The values of one sender are received in its order. A cancelled send was not received, and a cancelled
 * receive has taken nothing. Values may be pointers: then what they point to belongs to the receiver.
 */
struct peal_chan;

/* 0 and the channel in *chan; -ENOMEM; -EINVAL for NULL. size may be 0: then only the arrival counts,
 * and the pointers to values may be NULL. Any thread. Does not suspend. */
PEAL_API int peal_chan_create(struct peal_chan **chan, size_t capacity, size_t size);

/* When nobody uses it any more; values in its buffer are lost. Accepts NULL. Ends the program when a
 * fiber waits for it. Any thread. */
PEAL_API void peal_chan_free(struct peal_chan *chan);

/* 0; -EPIPE when it is closed, also while waiting; -EINVAL for NULL; -EPERM when the caller is no fiber;
 * -ECANCELED, -ETIMEDOUT. May suspend. */
PEAL_API int peal_chan_send(struct peal_chan *chan, const void *value);
/* 0; -ESHUTDOWN when it is closed and empty; otherwise as peal_chan_send(). value NULL throws it
 * away. May suspend. */
PEAL_API int peal_chan_recv(struct peal_chan *chan, void *value);

/* The same without waiting: -EAGAIN when it is full, or empty (with a capacity of 0: when nobody waits
 * on the other side). Any thread, also off the shards. Do not suspend: who loops over them gives way. */
PEAL_API int peal_chan_try_send(struct peal_chan *chan, const void *value);
PEAL_API int peal_chan_try_recv(struct peal_chan *chan, void *value);

/* 0; -EALREADY when it was closed before; -EINVAL for NULL. Any thread. Does not suspend. */
PEAL_API int peal_chan_close(struct peal_chan *chan);

/* How many values are in the buffer, at this moment; 0 for NULL. Any thread. */
PEAL_API size_t peal_chan_count(struct peal_chan *chan);

#define PEAL_CHAN_RECV       0
#define PEAL_CHAN_SEND       1

/* The most cases of a select. */
#define PEAL_CHAN_CASES_MOST 32

/* One of several transfers, of which one is to be done. */
struct peal_chan_case {
	struct peal_chan *chan; /* NULL: never */
	void *value;            /* where to; or where from, and then it is only read */
	uint32_t what;          /* PEAL_CHAN_RECV, PEAL_CHAN_SEND */
	int32_t result;         /* of the one whose index is returned: 0, -EPIPE or -ESHUTDOWN */
};

/*
 * Do one of several transfers: wait for the first that can be done; among those that can be done at
 * once each is as likely as the others. The same channel may stand in several cases.
 *
 *	struct peal_chan_case cases[] = {
 *		{ .chan = jobs, .value = &job },
 *		{ .chan = quit },
 *	};
 *	int i = PEAL_WITHIN_GET(PEAL_S, peal_chan_select(cases, 2));
 *
 * Its index, with its own outcome in cases[i].result; -EINVAL for more than PEAL_CHAN_CASES_MOST, for
 * cases that make no sense, and when no case has a channel; -EPERM when the caller is no fiber;
 * -ECANCELED, -ETIMEDOUT: none was done. May suspend.
 */
PEAL_API int peal_chan_select(struct peal_chan_case *cases, unsigned int count);
/* The same without waiting: -EAGAIN when none can be done. On a shard's thread (-EPERM elsewhere). */
PEAL_API int peal_chan_try_select(struct peal_chan_case *cases, unsigned int count);

PEAL_END_DECLS

#endif
