/* SPDX-License-Identifier: MIT */
/*
 * A shard: one thread with one ring, one scheduler, one set of timers, one inbox.
 *
 * Everything here is its own thread's, but for what stands under "shared", which has lines of its own.
 */
#ifndef PEAL_CORE_SHARD_H
#define PEAL_CORE_SHARD_H

#include <pthread.h>

#include <peal/backend.h>
#include <peal/runtime.h>

#include "core/msg/accum.h"
#include "core/base/atomic.h"
#include "core/sched/choice.h"
#include "core/base/compiler.h"
#include "core/fiber/fiber.h"
#include "core/sched/fresh.h"
#include "core/sched/hog.h"
#include "core/sched/inbox.h"
#include "core/io/inflight.h"
#include "core/io/lease.h"
#include "core/sched/linger.h"
#include "core/base/list.h"
#include "core/msg/msg.h"
#include "core/base/node.h"
#include "core/stats/stats.h"
#include "core/task/task.h"
#include "core/time/alarm.h"

#define PEAL_LOCAL_KEYS 64
#define PEAL_PRIORITIES 3

/* An order of the keeper's, carried out on the shard's loop. */
typedef void peal_order_fn(struct peal_shard *shard);

/* peal_shard.idle: out of work, so that it may be sent searching. */
enum peal_idleness {
	PEAL_IDLE_NOT,
	PEAL_IDLE_ASLEEP, /* or about to be */
	PEAL_IDLE_SPINNING
};

/* Who asks whether it should yield, and how often the clock is read for that (yield.c). */
struct peal_asking {
	const struct peal_task *task;
	int64_t slice_end;
	int64_t at;           /* when the clock was read */
	uint32_t calls, left; /* between two times that it is; until the next */
};

struct peal_shard {
	struct peal_rt *rt;
	uint32_t index;
	const struct peal_backend *backend;
	struct peal_ring *ring;
	struct peal_ring *forkable; /* the same, as fork.c may see it */
	struct peal_counters *counters;

	/* Scheduling */
	struct peal_fiber thread;  /* the loop's own context */
	struct peal_task *running; /* NULL on the loop */
	/* When its slice began. How long somebody waits is told by this one, so that a wait costs a store and no
	 * look at the clock. */
	int64_t clock;
	/* Started fibers, and fresh tasks that are not stealable, by priority. */
	struct peal_queue ready[PEAL_PRIORITIES];
	struct peal_task *next; /* woken by the fiber that runs: it is next */
	uint32_t ready_count;   /* of all these */
	uint32_t handoffs;      /* that many of them in a row were next */
	uint32_t until_floor;   /* picks until a lower class gets one */
	uint32_t normal_picks;
	bool floor_is_idles; /* the last one that a lower class got was the idle class's */
	bool after_callback; /* the last item was one: a task's turn */
	uint32_t op_budget;
	int64_t slice_end; /* of the slice that runs, if nothing ends it before */
	struct peal_asking asking;
	uint32_t quota;            /* tasks it may spawn before it asks the runtime (limit.c) */
	uint32_t quota_most;       /* of which it keeps so many when others end; 0 when draining */
	bool draining;             /* accepts have ended, and permits go back at once */
	bool stopping;             /* leave the loop when nothing is in flight */
	bool cancelled;            /* every wait ends with -ECANCELED */
	bool searching;            /* counted among the runtime's searchers: it must search */
	bool resting;              /* counted among the idle */
	bool search_due;           /* somebody has sent it searching; the node has not arrived */
	bool flush;                /* the ring has something queued that is no op: a bell */
	struct peal_queue starved; /* fresh tasks for which there was no stack */
	struct peal_choice choice;
	struct peal_linger linger; /* of fibers that wait for one of another shard */
	bool *owed;                /* bells that could not be rung yet, by shard */
	uint32_t owed_count;

	/* Tasks */
	struct peal_stack_pool *stacks;
	int64_t park_begin; /* of its last sleep, and whether it watches meanwhile (park.c) */
	bool watching;
	int64_t trim_at; /* when stacks are given back; PEAL_NEVER: none are left over (park.c) */
	struct peal_link *task_cache; /* last used first */
	uint32_t task_cache_count;
	struct peal_list tasks; /* started and not ended */
	struct peal_list kept;  /* ended, and timers that they have started are armed */
	uint32_t task_count;

	/* Ops */
	struct peal_inflight inflight;
	struct peal_op *callbacks, **callbacks_last; /* completed, callback not called yet */
	struct peal_op *refused, **refused_last;     /* the ring was full: to be submitted again */
	uint32_t cancel_retries;                     /* ops whose cancel the ring did not take */
	struct peal_standing *news;                  /* something has come for these */
	struct peal_leases leases;

	struct peal_wheel alarms;
	struct peal_boottime *boottime; /* NULL until it is used */
	struct peal_msgs msgs;
	struct peal_accums accums;
	void *locals[PEAL_LOCAL_KEYS];

	/* Shared */
	PEAL_ALIGNED_LINE struct peal_inbox inbox;
	PEAL_ALIGNED_LINE PEAL_ATOMIC(uint32_t) idle; /* enum peal_idleness (wake.c) */
	struct peal_node search;                      /* how somebody sends it searching */
	struct peal_node control; /* the keeper's orders, one at a time (life.c) */
	peal_order_fn *order;
	struct peal_node emergency;
	struct peal_fresh fresh;
	struct peal_hog hog;
	PEAL_ALIGNED_LINE struct peal_inbox
		near;                   /* fresh stealable tasks from elsewhere (place.c) */
	struct peal_node near_node;     /* tells the shard that there are some */
	PEAL_ATOMIC(bool) near_due;     /* while that is under way */
	PEAL_ATOMIC(uint32_t) incoming; /* tasks on the way to the least loaded */
	PEAL_ATOMIC(uint32_t) load;     /* peal_sched_load() as of the last slice */

	pthread_t thread_id;
	bool has_thread;    /* to be joined; shard 0 may run on a borrowed one */
	bool no_thread;     /* none could be made */
	bool handler_stack; /* the thread was given a stack for signal handlers */
	bool holds_sigpipe;
	int start_error;
	struct peal_reason start_reason;
	/* What is to be done once its ring is open; NULL: nothing. */
	int (*opened)(struct peal_shard *shard, struct peal_reason *reason);
};

extern PEAL_THREAD_LOCAL struct peal_shard *peal_shard_here;

/* The calling thread's shard, or NULL. Not to be kept across a suspension of a thread-less caller;
 * fibers do not change threads, so it is constant within one. */
static inline struct peal_shard *peal_shard_current(void)
{
	return peal_shard_here;
}

#define PEAL_COUNT(shard, counter)        peal_count((shard)->counters, counter)
#define PEAL_COUNT_ADD(shard, counter, n) peal_count_add((shard)->counters, counter, n)

/* Let what was sent be seen. */
static inline void peal_msgs_publish(struct peal_shard *shard)
{
	if (PEAL_UNLIKELY(!peal_queue_empty(&shard->msgs.unpublished)))
		peal_msgs_publish_all(shard);
	if (PEAL_UNLIKELY(!peal_queue_empty(&shard->accums.due)))
		peal_accums_publish(shard);
}

static inline int64_t peal_shard_now(const struct peal_shard *shard)
{
	return shard->backend->now(shard->ring);
}

/* shard.c. Its thread calls open, peal_shard_loop() and close, meeting the others in between. */
struct peal_shard *peal_shard_create(struct peal_rt *rt, uint32_t index);
void peal_shard_free(struct peal_shard *shard);
int peal_shard_open(struct peal_shard *shard, struct peal_reason *reason);
void peal_shard_close(struct peal_shard *shard);

/* loop.c: until it is stopped and nothing is in flight. */
void peal_shard_loop(struct peal_shard *shard);
/*
 * Its parts, for a thread that has a loop of its own. A turn returns whether there is nothing more to
 * run: the shard should sleep then, for a moment only if some of its tasks are starved of stacks, and
 * feed them afterwards. Once shard->stopping is set, peal_shard_finish() takes its place, until it
 * returns that nothing is left.
 */
bool peal_shard_turn(struct peal_shard *shard);
void peal_shard_feed(struct peal_shard *shard);
bool peal_shard_finish(struct peal_shard *shard);
/* Flush and reap, without or with sleeping. True when a bell was heard. */
bool peal_shard_poll(struct peal_shard *shard);
bool peal_shard_wait(struct peal_shard *shard, int64_t deadline);

/* deliver.c: put a node into a shard's inbox and ring if it sleeps. Any thread. -ESHUTDOWN when the
 * shard listens no more; the node is then still the caller's. */
int peal_shard_deliver(struct peal_shard *shard, struct peal_node *node);
/* The same for whoever does not know on which thread it is: async-signal-safe. */
int peal_shard_deliver_from_outside(struct peal_shard *shard, struct peal_node *node);
/* On the shard's loop: call what was delivered. Returns how many. */
unsigned int peal_shard_receive(struct peal_shard *shard, struct peal_inbox_node *node);
/* Ring the bells that are owed. */
void peal_bells_retry(struct peal_shard *shard);

/* sched.c: the queues. */
void peal_sched_init(struct peal_shard *shard);
void peal_sched_ready(struct peal_shard *shard, struct peal_task *task);
/* The same for one that is fresh, or whose state says so already. */
static inline void peal_sched_queue(struct peal_shard *shard, struct peal_task *task)
{
	peal_queue_push(&shard->ready[task->priority], &task->link);
	shard->ready_count++;
}
/* A started fiber that the running one has woken, if any runs. */
void peal_sched_woken(struct peal_shard *shard, struct peal_task *task);
void peal_sched_fresh(struct peal_shard *shard, struct peal_task *task);
/* Ready, before all others of its priority. */
void peal_sched_first(struct peal_shard *shard, struct peal_task *task);
struct peal_task *peal_sched_pick(struct peal_shard *shard);
bool peal_sched_pending(struct peal_shard *shard);
/* What stands in line; the same and the tasks that have started. On its thread. */
uint32_t peal_sched_depth(struct peal_shard *shard);
uint32_t peal_sched_load(struct peal_shard *shard);
/* slice.c: callbacks and tasks until the slice is used up. */
void peal_sched_slice(struct peal_shard *shard, int64_t now);

/* steal.c: do all the others sleep? Then there is no work on them. */
bool peal_steal_others_idle(struct peal_shard *shard);
/* Is there work on other shards? What was published before the call is seen. */
bool peal_steal_visible(struct peal_shard *shard);
/* Is there any on any shard, or in the runtime's list? */
bool peal_steal_anything(struct peal_rt *rt);
/* Look for it. True when something was found. */
bool peal_steal_search(struct peal_shard *shard);
/* From the runtime's overflow list into the shard's own ring. */
bool peal_steal_overflow(struct peal_shard *shard);

/* place.c: the stealable tasks that were placed on `from`, into the ring of `shard`. Returns how many. */
unsigned int peal_near_take(struct peal_shard *shard, struct peal_shard *from);
void peal_near_arrived(struct peal_shard *shard, struct peal_node *node);

/* wake.c: who sleeps, and waking one of them for work that was published. */
void peal_wake_one(struct peal_shard *shard);
/* The same for a single task that might be stuck behind what its shard runs, if nobody will look for such
 * by himself. On `shard`, or NULL on a thread that is no shard of the runtime. */
void peal_wake_for_stuck(struct peal_rt *rt, struct peal_shard *shard);
void peal_idle_enter(struct peal_shard *shard);
void peal_idle_leave(struct peal_shard *shard);
void peal_idle_spins(struct peal_shard *shard, bool spins);
void peal_search_arrived(struct peal_shard *shard, struct peal_node *node);

/* park.c: nothing to run: spin, then sleep. */
void peal_shard_park(struct peal_shard *shard);
/*
 * The two halves of it, for a thread that sleeps elsewhere (embed.c): false when there is something to
 * do after all; otherwise it is to sleep until *deadline, and to call end first when it is back.
 */
bool peal_shard_park_begin(struct peal_shard *shard, int64_t *deadline);
void peal_shard_park_end(struct peal_shard *shard);

/* ops.c, for the loop. */
void peal_ops_reaped(struct peal_shard *shard, struct peal_reap *reap);
void peal_ops_retry(struct peal_shard *shard);
/* One callback; false when there is none. */
bool peal_ops_callback(struct peal_shard *shard);
/* Ask for all ops to end that `which` is true of. */
typedef bool peal_op_which_fn(const struct peal_op *op);
void peal_ops_cancel_all(struct peal_shard *shard, peal_op_which_fn *which);
bool peal_op_accepts(const struct peal_op *op);
bool peal_op_calls_back(const struct peal_op *op);
bool peal_op_any(const struct peal_op *op);
/* Ops that the blocking pool gave back when the inbox was closed. */
void peal_ops_collect(struct peal_shard *shard);

#endif
