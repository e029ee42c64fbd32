/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <peal/time.h>

#include "core/runtime/embed.h"
#include "core/base/fatal.h"
#include "core/base/log.h"
#include "core/base/opts.h"
#include "core/runtime/rt.h"
#include "core/runtime/shard_thread.h"
#include "core/sys.h"

#define BUDGET_DEFAULT PEAL_MS
#define STARVED_NS     PEAL_MS

/* The descriptor */

static int watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return (int)peal_sys_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int open_descriptors(struct peal_embed *embed, int ring)
{
	int err;

	embed->timer = (int)peal_sys_timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (embed->timer < 0)
		return embed->timer;
	embed->epoll = (int)peal_sys_epoll_create(EPOLL_CLOEXEC);
	if (embed->epoll < 0)
		return embed->epoll;
	err = watch(embed->epoll, embed->timer);
	return err ? err : watch(embed->epoll, ring);
}

static int open_fd(struct peal_shard *shard, struct peal_reason *reason)
{
	struct peal_embed *embed = &shard->rt->embed;
	int ring = -EOPNOTSUPP, err;

	/* A timer of the kernel's would not go off by a clock that is another. */
	if (!(peal_backend_caps(shard->backend, shard->ring) & PEAL_CAP_TIMELESS))
		ring = shard->backend->poll_fd(shard->ring);
	if (ring < 0)
		return peal_refuse(reason, ring,
			"a runtime on backend %s cannot be embedded: it has no descriptor to wait for",
			shard->backend->name);
	err = open_descriptors(embed, ring);
	return err < 0
		? peal_refuse(reason, err, "no descriptors for an embedded runtime: %s (ulimit -n)",
			  strerror(-err))
		: 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		peal_sys_close(*fd);
	*fd = -1;
}

/* 0 or a negative errno. Setting it again takes back what it told. */
static int set_timer(struct peal_embed *embed, int64_t at)
{
	struct itimerspec when = { 0 };
	int err;

	if (at < 1)
		at = 1; /* long past; 0 would stop the timer */
	if (at == embed->timer_at)
		return 0;
	if (at != PEAL_NEVER)
		when.it_value = (struct timespec){ .tv_sec = at / PEAL_S, .tv_nsec = at % PEAL_S };
	err = (int)peal_sys_timerfd_settime(embed->timer, TFD_TIMER_ABSTIME, &when);
	if (!err)
		embed->timer_at = at;
	return err;
}

/* Its thread is a shard during a turn, and otherwise whatever it was. */

static void enter(struct peal_shard *shard)
{
	peal_fiber_enter_thread(&shard->rt->embed.fibers);
	peal_shard_here = shard;
}

static void leave(struct peal_shard *shard)
{
	peal_shard_here = NULL;
	peal_fiber_leave_thread(&shard->rt->embed.fibers);
}

/* Make the descriptor readable: there is more to do. */
static void ring_own_bell(struct peal_shard *shard)
{
	int err = shard->backend->bell_from_outside(shard->ring);

	/* The timer is another way to make it so. */
	if (err)
		err = set_timer(&shard->rt->embed, peal_shard_now(shard));
	if (err)
		peal_fatal(
			"an embedded shard can neither ring its bell nor set its timer: error %d",
			-err);
}

void peal_embed_begin(struct peal_rt *rt)
{
	struct peal_embed *embed = &rt->embed;
	struct peal_shard *shard = rt->shards[0];

	*embed = (struct peal_embed){
		.epoll = -1, .timer = -1, .timer_at = PEAL_NEVER, .thread = pthread_self()
	};
	shard->opened = open_fd;
	if (!peal_shard_thread_begin(shard))
		return;
	/* What listens for the bell may still have to be handed to the kernel. */
	peal_shard_poll(shard);
	ring_own_bell(shard);
	leave(shard);
}

void peal_embed_end(struct peal_rt *rt)
{
	struct peal_embed *embed = &rt->embed;
	struct peal_shard *shard = rt->shards[0];

	if (embed->state == PEAL_EMBED_ENDED) {
		enter(shard);
		peal_shard_thread_meet(shard, embed->meeting);
	}
	close_fd(&embed->epoll);
	close_fd(&embed->timer);
	peal_shard_thread_end(shard);
}

void peal_embed_after_fork(struct peal_rt *rt)
{
	if (!rt->opts.embedded)
		return;
	close_fd(&rt->embed.epoll);
	close_fd(&rt->embed.timer);
}

/* Parking */

/*
 * The descriptor tells of what comes from now on, but the ring may hold something already, and what was
 * started must be handed to the kernel. Whoever has displaced PARKED meanwhile has rung a bell, which
 * may be among what was taken in here.
 */
static bool something_came(struct peal_shard *shard)
{
	peal_shard_poll(shard);
	return peal_sched_pending(shard) || shard->refused || shard->cancel_retries ||
		shard->owed_count || !peal_inbox_parked(&shard->inbox);
}

static bool park(struct peal_shard *shard)
{
	struct peal_embed *embed = &shard->rt->embed;
	int64_t deadline;

	if (!peal_shard_park_begin(shard, &deadline))
		return false;
	if (!something_came(shard) && !set_timer(embed, deadline)) {
		embed->state = PEAL_EMBED_PARKED;
		return true;
	}
	peal_shard_park_end(shard);
	return false;
}

/* It sleeps for a moment only, and its inbox is not marked: see loop.c. */
static bool starve(struct peal_shard *shard)
{
	struct peal_embed *embed = &shard->rt->embed;

	peal_shard_poll(shard);
	if (set_timer(embed, peal_shard_now(shard) + STARVED_NS))
		return false;
	embed->state = PEAL_EMBED_STARVED;
	return true;
}

static void wake_up(struct peal_shard *shard)
{
	struct peal_embed *embed = &shard->rt->embed;

	if (embed->state == PEAL_EMBED_PARKED)
		peal_shard_park_end(shard);
	else if (embed->state == PEAL_EMBED_STARVED)
		peal_shard_feed(shard);
	embed->state = PEAL_EMBED_AWAKE;
}

/* Turns */

/* What is in flight still is cancelled: it ends, and the descriptor tells. */
static bool finish(struct peal_shard *shard)
{
	struct peal_embed *embed = &shard->rt->embed;

	if (peal_shard_finish(shard)) {
		embed->meeting = peal_shard_thread_leave(shard);
		embed->state = PEAL_EMBED_ENDED;
		return true;
	}
	return !peal_sched_pending(shard) && !shard->flush &&
		!set_timer(embed, peal_shard_now(shard) + PEAL_MS);
}

/* Once round. True when there is nothing more to do now. */
static bool turn(struct peal_shard *shard)
{
	if (shard->stopping)
		return finish(shard);
	if (!peal_shard_turn(shard))
		return false;
	return peal_queue_empty(&shard->starved) ? park(shard) : starve(shard);
}

/* Until there is nothing to do, or for so long. */
static bool run(struct peal_shard *shard, int64_t budget)
{
	int64_t begin = peal_shard_now(shard);
	bool idle;

	wake_up(shard);
	do
		idle = turn(shard);
	while (!idle && peal_shard_now(shard) - begin < budget);
	if (!idle)
		ring_own_bell(shard);
	return idle;
}

static int check(const struct peal_rt *rt)
{
	if (!rt || !rt->opts.embedded)
		return -EINVAL;
	if (peal_rt_is_stale(rt))
		return -ESTALE;
	if (peal_shard_current())
		return -EDEADLK;
	return pthread_equal(rt->embed.thread, pthread_self()) ? 0 : -EPERM;
}

int peal_rt_turn(struct peal_rt *rt, const struct peal_turn_opts *given)
{
	struct peal_turn_opts opts;
	int err = check(rt);
	bool idle;

	if (!err)
		err = PEAL_OPTS_READ(&opts, given);
	if (!err && opts.budget < 0)
		err = -EINVAL;
	if (err)
		return err;
	if (rt->embed.state == PEAL_EMBED_ENDED)
		return -ESHUTDOWN;
	enter(rt->shards[0]);
	idle = run(rt->shards[0], opts.budget ? opts.budget : BUDGET_DEFAULT);
	leave(rt->shards[0]);
	if (rt->embed.state == PEAL_EMBED_ENDED)
		return -ESHUTDOWN;
	return !idle;
}

int peal_rt_fd(const struct peal_rt *rt)
{
	if (!rt || !rt->opts.embedded)
		return -EINVAL;
	return rt->embed.epoll < 0 ? -ESTALE : rt->embed.epoll; /* closed by a fork */
}

int peal_embed_run_out(struct peal_rt *rt)
{
	struct pollfd fd = { .fd = rt->embed.epoll, .events = POLLIN };
	int n;

	while ((n = peal_rt_turn(rt, NULL)) >= 0)
		if (!n)
			peal_sys_poll(&fd, 1, -1);
	return n == -ESHUTDOWN ? 0 : n;
}
