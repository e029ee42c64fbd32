/* SPDX-License-Identifier: MIT */
/*
 * Channels: values from any fiber to any fiber, through a bounded buffer or from hand to hand.
 */
#include <errno.h>

#include "core/base/alloc.h"
#include "core/sync/chan_buffer.h"
#include "core/base/fatal.h"
#include "core/runtime/shard.h"
#include "core/task/task_here.h"

/* So many take as long as an operation that completes at once: that is what the budget of a slice is
 * meant for. */
#define TRANSFERS_PER_OP 8

int peal_chan_create(struct peal_chan **chan, size_t capacity, size_t size)
{
	struct peal_chan *made;
	size_t bytes;

	if (!chan)
		return -EINVAL;
	if (__builtin_mul_overflow(capacity, size, &bytes) ||
		__builtin_add_overflow(bytes, sizeof(*made), &bytes))
		return -ENOMEM;
	peal_alloc_hold();
	made = peal_alloc_line(bytes);
	if (!made) {
		peal_alloc_release();
		return -ENOMEM;
	}
	made->size = size;
	made->capacity = capacity;
	*chan = made;
	return 0;
}

void peal_chan_free(struct peal_chan *chan)
{
	if (!chan)
		return;
	/* Whoever put in the value that the caller received last may not have let go of his end yet. */
	peal_chan_lock(chan);
	if (chan->senders.first || chan->receivers.first)
		peal_fatal("a channel was freed while a fiber waited for it");
	peal_chan_unlock(chan);
	peal_free(chan);
	peal_alloc_release();
}

void peal_chan_enqueue(struct peal_chan_queue *queue, struct peal_chan_waiter *waiter)
{
	waiter->next = NULL;
	waiter->prev = queue->last;
	if (queue->last)
		queue->last->next = waiter;
	else
		queue->first = waiter;
	queue->last = waiter;
	waiter->queued = true;
}

void peal_chan_dequeue(struct peal_chan_queue *queue, struct peal_chan_waiter *waiter)
{
	if (!waiter->queued)
		return;
	if (waiter->prev)
		waiter->prev->next = waiter->next;
	else
		queue->first = waiter->next;
	if (waiter->next)
		waiter->next->prev = waiter->prev;
	else
		queue->last = waiter->prev;
	waiter->next = NULL;
	waiter->queued = false;
}

/* The first whose claim succeeds, out of the queue; the caller now owes its task a wake. */
static struct peal_chan_waiter *claim_first(struct peal_chan_queue *queue)
{
	struct peal_chan_waiter *waiter;

	while ((waiter = queue->first)) {
		uint32_t expected = PEAL_CHAN_WAITS;

		peal_chan_dequeue(queue, waiter);
		if (peal_cas_acq_rel(
			    &waiter->wait->claim, &expected, PEAL_CHAN_SERVED + waiter->index))
			return waiter;
	}
	return NULL;
}

static bool anybody_in(struct peal_chan_queue *queue)
{
	while (queue->first && peal_load_acquire(&queue->first->wait->claim) != PEAL_CHAN_WAITS)
		peal_chan_dequeue(queue, queue->first);
	return queue->first != NULL;
}

bool peal_chan_ready(struct peal_chan *chan, bool send)
{
	if (chan->closed)
		return true;
	if (send)
		return peal_chan_held(chan) < chan->capacity || anybody_in(&chan->receivers);
	return peal_chan_held(chan) || anybody_in(&chan->senders);
}

static struct peal_task *serve(struct peal_chan_waiter *waiter)
{
	waiter->wait->result = 0;
	return waiter->wait->wait.task;
}

static int put(struct peal_chan *chan, const void *value, struct peal_task **wake)
{
	struct peal_chan_waiter *receiver;

	if (chan->closed)
		return -EPIPE;
	receiver = claim_first(&chan->receivers);
	if (receiver) {
		peal_chan_copy(chan, receiver->value, value);
		*wake = serve(receiver);
		return 0;
	}
	if (peal_chan_held(chan) == chan->capacity)
		return -EAGAIN;
	peal_chan_push(chan, value);
	return 0;
}

/* There is room: the value of the first sender that waits moves up. */
static void refill(struct peal_chan *chan, struct peal_task **wake)
{
	struct peal_chan_waiter *sender = claim_first(&chan->senders);

	if (!sender)
		return;
	peal_chan_push(chan, sender->value);
	*wake = serve(sender);
}

static int get(struct peal_chan *chan, void *value, struct peal_task **wake)
{
	struct peal_chan_waiter *sender;

	if (peal_chan_held(chan)) {
		peal_chan_pull(chan, value);
		refill(chan, wake);
		return 0;
	}
	sender = claim_first(&chan->senders);
	if (sender) {
		peal_chan_copy(chan, value, sender->value);
		*wake = serve(sender);
		return 0;
	}
	return chan->closed ? -ESHUTDOWN : -EAGAIN;
}

int peal_chan_transfer(struct peal_chan *chan, bool send, void *value, struct peal_task **wake)
{
	return send ? put(chan, value, wake) : get(chan, value, wake);
}

/* On a shard: its count. */
static inline uint64_t count(struct peal_shard *shard)
{
	PEAL_COUNT(shard, chan_transfers);
	return peal_load_relaxed(&shard->counters->chan_transfers);
}

void peal_chan_done(struct peal_task *wake)
{
	struct peal_shard *shard = peal_shard_current();

	if (wake)
		peal_task_wake(wake);
	if (shard)
		count(shard);
}

void peal_chan_done_in(struct peal_task *self, struct peal_task *wake)
{
	struct peal_shard *shard = self->shard;
	bool gives_way = count(shard) % TRANSFERS_PER_OP == 0 && --shard->op_budget == 0;

	if (wake) {
		peal_task_wake(wake);
		gives_way |= shard->flush; /* its shard sleeps, and the bell is not rung before */
	}
	if (PEAL_UNLIKELY(gives_way))
		peal_task_yield(self);
}

void peal_chan_wait_cancel(struct peal_wait *wait)
{
	struct peal_chan_wait *mine = PEAL_CONTAINER_OF(wait, struct peal_chan_wait, wait);
	uint32_t expected = PEAL_CHAN_WAITS;

	if (!peal_cas_acq_rel(&mine->claim, &expected, PEAL_CHAN_CANCELLED))
		return; /* its wake is on the way */
	wait->cancelled = true;
	peal_task_wake(wait->task);
}

/* Suspend a fiber whose waiter is in the queue. */
static int sleep_in(struct peal_chan *chan, bool send, struct peal_chan_waiter *waiter)
{
	int err;

	PEAL_COUNT(waiter->wait->wait.task->shard, sync_waits);
	peal_task_park_lingering(waiter->wait->wait.task);
	err = peal_wait_end(&waiter->wait->wait);
	if (!err)
		return waiter->wait->result;
	peal_chan_lock(chan);
	peal_chan_dequeue(peal_chan_queue_of(chan, send), waiter);
	peal_chan_unlock(chan);
	return err;
}

/* With both locks: done, failed, or queued, which is -EAGAIN. */
static int transfer_or_queue(
	struct peal_chan *chan, bool send, struct peal_chan_waiter *waiter, struct peal_task **wake)
{
	int err;

	peal_chan_lock(chan);
	err = peal_chan_transfer(chan, send, waiter->value, wake);
	if (err == -EAGAIN)
		peal_chan_enqueue(peal_chan_queue_of(chan, send), waiter);
	peal_chan_unlock(chan);
	return err;
}

static PEAL_NOINLINE int transfer_slowly(
	struct peal_chan *chan, bool send, void *value, struct peal_task *self)
{
	struct peal_chan_wait wait = PEAL_CHAN_WAIT("channel");
	struct peal_chan_waiter waiter = { .wait = &wait, .value = value };
	struct peal_task *wake = NULL;
	int err;

	if (peal_chan_linger(chan, send, self->shard) &&
		peal_chan_transfer_alone(chan, send, value)) {
		peal_chan_done_in(self, NULL);
		return 0;
	}
	peal_wait_enter(&wait.wait, self);
	err = transfer_or_queue(chan, send, &waiter, &wake);
	if (err == -EAGAIN)
		return sleep_in(chan, send, &waiter);
	peal_wait_end(&wait.wait);
	if (!err)
		peal_chan_done_in(self, wake);
	return err;
}

/* The usual case first, with nothing that only a wait needs. */
static inline int transfer(struct peal_chan *chan, bool send, void *value)
{
	struct peal_task *self = peal_task_current();
	int err;

	if (!chan || (!value && send && chan->size))
		return -EINVAL;
	err = self ? peal_wait_check(self) : -EPERM;
	if (PEAL_UNLIKELY(err))
		return err;
	if (PEAL_UNLIKELY(!peal_chan_transfer_alone(chan, send, value)))
		return transfer_slowly(chan, send, value, self);
	peal_chan_done_in(self, NULL);
	return 0;
}

static int try_transfer(struct peal_chan *chan, bool send, void *value)
{
	struct peal_task *wake = NULL;
	int err = 0;

	if (!chan || (!value && send && chan->size))
		return -EINVAL;
	if (!peal_chan_transfer_alone(chan, send, value)) {
		peal_chan_lock(chan);
		err = peal_chan_transfer(chan, send, value, &wake);
		peal_chan_unlock(chan);
	}
	if (!err)
		peal_chan_done(wake);
	return err;
}

int peal_chan_send(struct peal_chan *chan, const void *value)
{
	return transfer(chan, true, (void *)(uintptr_t)value);
}

int peal_chan_recv(struct peal_chan *chan, void *value)
{
	return transfer(chan, false, value);
}

int peal_chan_try_send(struct peal_chan *chan, const void *value)
{
	return try_transfer(chan, true, (void *)(uintptr_t)value);
}

int peal_chan_try_recv(struct peal_chan *chan, void *value)
{
	return try_transfer(chan, false, value);
}

/* Everybody in a queue, whose wait ends with an error; linked by next. */
static struct peal_chan_waiter *dismiss(struct peal_chan_queue *queue, int err)
{
	struct peal_chan_waiter *first = NULL, **last = &first, *waiter;

	while ((waiter = claim_first(queue))) {
		waiter->wait->result = err;
		*last = waiter;
		last = &waiter->next;
	}
	return first;
}

static void wake_all(struct peal_chan_waiter *waiter)
{
	while (waiter) {
		struct peal_chan_waiter *next = waiter->next;

		peal_task_wake(waiter->wait->wait.task);
		waiter = next;
	}
}

int peal_chan_close(struct peal_chan *chan)
{
	struct peal_chan_waiter *senders = NULL, *receivers = NULL;
	bool closed;

	if (!chan)
		return -EINVAL;
	peal_chan_lock(chan);
	closed = chan->closed;
	if (!closed) {
		chan->closed = true;
		senders = dismiss(&chan->senders, -EPIPE);
		receivers = dismiss(&chan->receivers, -ESHUTDOWN);
	}
	peal_chan_unlock(chan);
	wake_all(senders);
	wake_all(receivers);
	return closed ? -EALREADY : 0;
}

size_t peal_chan_count(struct peal_chan *chan)
{
	size_t n;

	if (!chan)
		return 0;
	peal_chan_lock(chan);
	n = peal_chan_held(chan);
	peal_chan_unlock(chan);
	return n;
}
