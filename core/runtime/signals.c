/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/runtime/rt.h"
#include "core/runtime/shard_thread.h"
#include "core/runtime/signal_gate.h"
#include "core/runtime/signal_queue.h"
#include "core/runtime/signals.h"

_Static_assert(sizeof(((struct peal_sigwatch *)0)->link) == sizeof(struct peal_list),
	"a watch has room for a list entry");

static const int drains[] = { SIGINT, SIGTERM };
#define DRAINS (sizeof(drains) / sizeof(drains[0]))

struct peal_signals {
	struct peal_signals_listener listener;
	struct peal_rt *rt;
	struct peal_node node;               /* to shard 0 */
	PEAL_ATOMIC(bool) ready;             /* shard 0 listens */
	PEAL_ATOMIC(bool) called;            /* the node is under way */
	PEAL_ATOMIC(bool) drain_heard;       /* once is enough: the next one is for somebody else */
	PEAL_ATOMIC(uint64_t) drain_on;      /* bits of signals */
	PEAL_ATOMIC(uint64_t) watched;       /* likewise */
	PEAL_ATOMIC(uint64_t) missed;        /* likewise: for which there was no slot */
	struct peal_list watches;            /* shard 0's */
	uint32_t watchers[PEAL_SIGNALS + 1]; /* likewise, by number */
	struct peal_signals_queue queue;
};

/* In the handler */

/* Real-time signals are counted by whoever sends them; of others one is as good as two. */
static void remember(struct peal_signals *signals, const siginfo_t *info)
{
	const struct peal_siginfo signal = {
		.number = info->si_signo,
		.code = info->si_code,
		.pid = info->si_pid,
		.uid = info->si_uid,
		.value = (uint64_t)(uintptr_t)info->si_value.sival_ptr,
	};

	if (peal_signals_queue_put(&signals->queue, &signal))
		return;
	if (peal_load_seq_cst(&signals->ready))
		peal_count_outside(signals->rt->stats, signals_missed);
	peal_or_seq_cst(&signals->missed, peal_signals_bit(info->si_signo));
}

static void call(struct peal_signals *signals)
{
	if (peal_load_seq_cst(&signals->ready) && !peal_exchange_seq_cst(&signals->called, true))
		peal_shard_deliver_from_outside(signals->rt->shards[0], &signals->node);
}

static bool heard(struct peal_signals_listener *listener, const siginfo_t *info)
{
	struct peal_signals *signals = PEAL_CONTAINER_OF(listener, struct peal_signals, listener);
	uint64_t bit = peal_signals_bit(info->si_signo);
	bool of_use = peal_load_seq_cst(&signals->watched) & bit;

	if ((peal_load_seq_cst(&signals->drain_on) & bit) &&
		!peal_exchange_seq_cst(&signals->drain_heard, true))
		of_use = true;
	if (of_use) {
		remember(signals, info);
		call(signals);
	}
	return of_use;
}

/* On shard 0 */

/* A watch may take itself or others away: a mark keeps the place. */
static void tell_watches(struct peal_signals *signals, const struct peal_siginfo *signal)
{
	struct peal_list mark;

	for (struct peal_list *entry = signals->watches.next; entry != &signals->watches;) {
		struct peal_sigwatch *watch = PEAL_CONTAINER_OF(
			(void *(*)[2])(void *)entry, struct peal_sigwatch, link);

		peal_list_append(entry->next, &mark); /* after the entry */
		if (watch->number == signal->number)
			watch->fn(watch, signal);
		entry = mark.next;
		peal_list_remove(&mark);
	}
}

static void announce(struct peal_signals *signals, const struct peal_siginfo *signal)
{
	PEAL_COUNT(signals->rt->shards[0], signals_heard);
	if (peal_load_seq_cst(&signals->drain_on) & peal_signals_bit(signal->number)) {
		peal_log(PEAL_LOG_INFO, "%s: the runtime drains; a second one kills",
			signal->number == SIGINT ? "SIGINT" : "SIGTERM");
		peal_rt_drain(signals->rt);
	}
	tell_watches(signals, signal);
}

static void receive(struct peal_signals *signals)
{
	struct peal_siginfo signal;
	uint64_t missed;

	while (peal_signals_queue_take(&signals->queue, &signal))
		announce(signals, &signal);
	missed = peal_exchange_seq_cst(&signals->missed, 0);
	for (int number = 1; number <= PEAL_SIGNALS; number++)
		if (missed & peal_signals_bit(number))
			announce(signals, &(const struct peal_siginfo){ .number = number });
}

static void arrive(struct peal_shard *shard, struct peal_node *node)
{
	struct peal_signals *signals = PEAL_CONTAINER_OF(node, struct peal_signals, node);

	(void)shard;
	peal_exchange_seq_cst(&signals->called, false);
	receive(signals);
}

/* Opening and closing */

static struct peal_signals *create(struct peal_rt *rt)
{
	struct peal_signals *signals = peal_alloc(1, sizeof(*signals));

	if (!signals)
		return NULL;
	signals->rt = rt;
	signals->listener.heard = heard;
	signals->node.fn = arrive;
	peal_list_init(&signals->watches);
	peal_signals_queue_init(&signals->queue);
	peal_signals_gate_add(&signals->listener);
	return signals;
}

static int drain_on(struct peal_signals *signals, int number)
{
	int err;

	/* Who is started in the background is not to be interrupted. */
	if (peal_signals_ignored(number))
		return 0;
	err = peal_signals_gate_hold(number);
	if (!err)
		peal_or_seq_cst(&signals->drain_on, peal_signals_bit(number));
	return err;
}

int peal_signals_open(struct peal_rt *rt, struct peal_reason *reason)
{
	int err = 0;

	rt->signals = create(rt);
	if (!rt->signals)
		return peal_refuse(reason, -ENOMEM, "no memory for signals");
	for (size_t i = 0; i < DRAINS && !err; i++)
		err = drain_on(rt->signals, drains[i]);
	if (!err)
		return 0;
	peal_signals_close(rt);
	return peal_refuse(reason, err, "no handler for signals: %s", strerror(-err));
}

void peal_signals_ready(struct peal_rt *rt)
{
	if (!rt->signals)
		return;
	peal_store_seq_cst(&rt->signals->ready, true);
	receive(rt->signals);
}

void peal_signals_close(struct peal_rt *rt)
{
	struct peal_signals *signals = rt->signals;

	if (!signals)
		return;
	for (size_t i = 0; i < DRAINS; i++)
		if (peal_load_seq_cst(&signals->drain_on) & peal_signals_bit(drains[i]))
			peal_signals_gate_release(drains[i]);
	for (int number = 1; number <= PEAL_SIGNALS; number++)
		if (signals->watchers[number])
			peal_signals_gate_release(number);
	peal_signals_gate_remove(&signals->listener);
	peal_free(signals);
	rt->signals = NULL;
}

/* Watches */

static bool on_shard_0(const struct peal_rt *rt)
{
	struct peal_shard *shard = peal_shard_current();

	return shard && shard->rt == rt && shard->index == 0;
}

/* The first watch of a signal installs its handler, which may run on this thread. */
static int begin_watching(struct peal_rt *rt, int number)
{
	int err = 0;

	if (!rt->signals) {
		rt->signals = create(rt);
		if (!rt->signals)
			return -ENOMEM;
		peal_signals_ready(rt);
	}
	if (rt->zeroth != PEAL_ZEROTH_OWN)
		err = peal_shard_thread_give_stack(rt->shards[0]);
	if (!err && !rt->signals->watchers[number])
		err = peal_signals_gate_hold(number);
	return err;
}

int peal_signals_watch(struct peal_rt *rt, struct peal_sigwatch *watch)
{
	int err;

	if (!watch || !watch->fn || !peal_signals_valid(watch->number))
		return -EINVAL;
	if (!on_shard_0(rt))
		return -EPERM;
	if (watch->link[0])
		return -EBUSY;
	err = begin_watching(rt, watch->number);
	if (err)
		return err;
	if (!rt->signals->watchers[watch->number]++)
		peal_or_seq_cst(&rt->signals->watched, peal_signals_bit(watch->number));
	peal_list_append(&rt->signals->watches, (struct peal_list *)(void *)watch->link);
	return 0;
}

void peal_signals_unwatch(struct peal_rt *rt, struct peal_sigwatch *watch)
{
	if (!watch || !on_shard_0(rt) || !watch->link[0])
		return;
	peal_list_remove((struct peal_list *)(void *)watch->link);
	watch->link[0] = watch->link[1] = NULL;
	if (--rt->signals->watchers[watch->number])
		return;
	peal_and_seq_cst(&rt->signals->watched, ~peal_signals_bit(watch->number));
	peal_signals_gate_release(watch->number);
}
