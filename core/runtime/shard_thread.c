/* SPDX-License-Identifier: MIT */
/*
 * A shard's thread, from opening to closing.
 *
 * Every shard opens its ring on its own thread (a ring may only be used by the thread that made it).
 * Then all meet; if one of them failed, all go home. They meet once more between the last turn of the
 * last loop and the closing of the rings, because up to then somebody may ring somebody's bell.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/fiber/overflow.h"
#include "core/runtime/rt.h"
#include "core/runtime/shard_thread.h"
#include "core/runtime/signal_gate.h"
#include "core/sys.h"

bool peal_rt_all_open(const struct peal_rt *rt)
{
	for (uint32_t i = 0; i < rt->shard_count; i++)
		if (rt->shards[i]->start_error)
			return false;
	return true;
}

static void prepare_thread(struct peal_shard *shard)
{
	struct peal_rt *rt = shard->rt;
	int err;

	if (rt->opts.affinity == PEAL_AFFINITY_NONE || !rt->pin)
		return;
	err = peal_cpus_pin(peal_cpus_nth(&rt->cpus, shard->index));
	if (err)
		peal_log(PEAL_LOG_WARNING, "shard %u cannot be tied to its CPU: %s", shard->index,
			strerror(-err));
}

static void sigpipe_only(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGPIPE);
}

/*
 * A write to a pipe that nobody reads is an error of that write. The kernel sends a signal as well, to the
 * thread that made the call, and has no flag to leave that out; so it stays pending here.
 */
static void hold_sigpipe(struct peal_shard *shard)
{
	sigset_t set, before;

	sigpipe_only(&set);
	shard->holds_sigpipe = !peal_sys_sigmask(SIG_BLOCK, &set, &before) &&
		!sigismember(&before, SIGPIPE);
}

/* The thread may be the application's. */
static void restore_sigpipe(struct peal_shard *shard)
{
	const struct timespec at_once = { 0 };
	sigset_t set;

	if (!shard->holds_sigpipe)
		return;
	sigpipe_only(&set);
	peal_sys_sigtimedwait(&set, &at_once);
	peal_sys_sigmask(SIG_UNBLOCK, &set, NULL);
}

int peal_shard_thread_give_stack(struct peal_shard *shard)
{
	int err = shard->handler_stack ? 0 : peal_overflow_enter_thread();

	if (!err)
		shard->handler_stack = true;
	return err;
}

/* Handlers may run on a thread that was lent to us; our own threads block what comes from outside. */
static bool needs_stack(const struct peal_shard *shard)
{
	const struct peal_rt *rt = shard->rt;

	return rt->opts.report_overflow ||
		(rt->opts.drain_on_signal && shard->index == 0 && rt->zeroth != PEAL_ZEROTH_OWN);
}

bool peal_shard_thread_begin(struct peal_shard *shard)
{
	struct peal_rt *rt = shard->rt;

	hold_sigpipe(shard);
	shard->start_error = peal_shard_open(shard, &shard->start_reason);
	if (!shard->start_error && needs_stack(shard))
		shard->start_error = peal_shard_thread_give_stack(shard);
	if (!shard->start_error && shard->index == 0)
		peal_keeper_start(rt);
	peal_rt_meet(rt);
	if (!peal_rt_all_open(rt))
		return false;
	peal_rt_set_running(rt);
	peal_gauge_set(shard->counters, shard_state, PEAL_SHARD_STATE_RUNNING);
	return true;
}

uint32_t peal_shard_thread_leave(struct peal_shard *shard)
{
	uint32_t meeting;

	if (peal_rt_arrive(shard->rt, &meeting))
		peal_rt_set_stopped(shard->rt);
	return meeting;
}

void peal_shard_thread_meet(struct peal_shard *shard, uint32_t meeting)
{
	peal_rt_wait_for_others(shard->rt, meeting);
	/* Whoever was delivering from outside when the inbox was closed still has a bell to ring. */
	while (peal_load_seq_cst(&shard->rt->outside))
		sched_yield();
	peal_msgs_report(shard);
	peal_accums_report(shard);
	peal_gauge_set(shard->counters, shard_state, PEAL_SHARD_STATE_STOPPED);
}

void peal_shard_thread_end(struct peal_shard *shard)
{
	if (shard->handler_stack)
		peal_overflow_leave_thread();
	if (!shard->start_error)
		peal_shard_close(shard);
	restore_sigpipe(shard);
}

void peal_shard_thread_run(struct peal_shard *shard)
{
	prepare_thread(shard);
	if (peal_shard_thread_begin(shard)) {
		peal_shard_loop(shard);
		peal_shard_thread_meet(shard, peal_shard_thread_leave(shard));
	}
	peal_shard_thread_end(shard);
}

static void *shard_thread(void *arg)
{
	peal_shard_thread_run(arg);
	return NULL;
}

/* Whether it could be made. Its shard is the new thread's from then on. */
static bool start_thread(struct peal_shard *shard)
{
	char name[16];
	sigset_t before;
	int err;

	peal_signals_block(&before);
	err = pthread_create(&shard->thread_id, NULL, shard_thread, shard);
	peal_signals_unblock(&before);
	if (err) {
		shard->no_thread = true;
		shard->start_error = peal_refuse(&shard->start_reason, -err,
			"no thread for shard %u: %s (ulimit -u, cgroup pids.max)", shard->index,
			strerror(err));
		return false;
	}
	shard->has_thread = true;
	snprintf(name, sizeof(name), "peal/%u", shard->index);
	pthread_setname_np(shard->thread_id, name);
	return true;
}

void peal_shard_threads_start(struct peal_rt *rt, bool borrow)
{
	uint32_t absent = 0;

	for (uint32_t i = borrow; i < rt->shard_count; i++)
		absent += !start_thread(rt->shards[i]);
	if (absent)
		peal_rt_meet_absent(rt, absent);
}

void peal_shard_threads_join(struct peal_rt *rt)
{
	for (uint32_t i = 0; i < rt->shard_count; i++) {
		if (rt->shards[i]->has_thread)
			pthread_join(rt->shards[i]->thread_id, NULL);
		rt->shards[i]->has_thread = false;
	}
}
