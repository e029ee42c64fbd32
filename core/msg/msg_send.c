/* SPDX-License-Identifier: MIT */
/*
 * Sending messages: write, publish, and wait for room.
 *
 * A fiber that finds the ring full stands in a line and hands over what it wants to send; whoever
 * finds out that there is room (the fiber itself or the receiver's answer) writes it into the ring on
 * its behalf, first come, first served, and then makes the fiber ready.
 */
#include <errno.h>
#include <limits.h>

#include "core/base/alloc.h"
#include "core/runtime/rt.h"
#include "core/task/task_here.h"
#include "core/task/wait.h"

/* On the stack of a fiber that waits for room. */
struct send_wait {
	struct peal_wait wait;
	struct peal_list line; /* in pair->senders */
	uint32_t tag;
	const uint64_t *values;
	size_t count; /* that are still to be sent */
};

void peal_msgs_init(struct peal_shard *shard)
{
	peal_queue_init(&shard->msgs.unpublished);
	peal_queue_init(&shard->msgs.active);
	peal_queue_init(&shard->msgs.held);
}

/* Publishing */

static void publish(struct peal_shard *shard, struct peal_pair *pair)
{
	struct peal_msg_ring *ring = &pair->ring;

	if (ring->written == ring->published)
		return;
	PEAL_COUNT(shard, messages_published);
	PEAL_COUNT_ADD(shard, messages_sent, ring->written - ring->published);
	/* Refused when the receiver has stopped: peal_msgs_report() accounts for what it did not read. */
	if (peal_msg_ring_publish(ring))
		(void)peal_shard_deliver(pair->to, &ring->node);
}

void peal_msgs_publish_all(struct peal_shard *shard)
{
	struct peal_link *link;

	while ((link = peal_queue_pop(&shard->msgs.unpublished))) {
		struct peal_pair *pair = PEAL_CONTAINER_OF(link, struct peal_pair, unpublished);

		pair->has_unpublished = false;
		pair->quick = pair->ring.written;
		publish(shard, pair);
	}
}

/* A bell that was rung may lie in our ring until it is flushed. */
static void flush_bells(struct peal_shard *shard)
{
	if (shard->flush)
		peal_shard_poll(shard);
}

int peal_msg_flush(void)
{
	struct peal_shard *shard = peal_shard_current();

	if (!shard)
		return -EPERM;
	peal_accums_all_due(shard);
	peal_msgs_publish(shard);
	flush_bells(shard);
	return 0;
}

/* Writing; there is room */

/* What is written next is neither the first nor the last of a batch, and there is room, for so many. */
static inline void allow_quick(struct peal_pair *pair)
{
	uint64_t batch = pair->ring.published + PEAL_MSG_BATCH - 1;

	pair->quick = batch < pair->ring.limit ? batch : pair->ring.limit;
}

static inline void write_one(
	struct peal_shard *shard, struct peal_pair *pair, uint32_t tag, uint64_t value)
{
	struct peal_msg_ring *ring = &pair->ring;

	peal_msg_ring_write(ring, shard->index, tag, value);
	if (!pair->has_unpublished) {
		/* The receiver has written these: fetched now, while the entry's line is, and not one after
		 * the other when they are needed. */
		peal_fetch_to_write(&ring->tail);
		peal_fetch_to_write(&pair->to->inbox);
		pair->has_unpublished = true;
		peal_queue_push(&shard->msgs.unpublished, &pair->unpublished);
	}
	if (ring->written - ring->published == PEAL_MSG_BATCH)
		publish(shard, pair);
	allow_quick(pair);
}

static size_t write_many(struct peal_shard *shard, struct peal_pair *pair, uint32_t tag,
	const uint64_t *values, size_t count)
{
	size_t n = 0;

	for (; n < count && peal_msg_ring_has_room(&pair->ring); n++)
		write_one(shard, pair, tag, values[n]);
	return n;
}

/* Waiting for room */

static struct send_wait *first_sender(struct peal_pair *pair)
{
	return PEAL_CONTAINER_OF(pair->senders.next, struct send_wait, line);
}

/* Write on behalf of those who stand in line. While there are any, there is no room for others. */
static void serve_senders(struct peal_shard *shard, struct peal_pair *pair)
{
	while (!peal_list_empty(&pair->senders)) {
		struct send_wait *sender = first_sender(pair);
		size_t n = write_many(shard, pair, sender->tag, sender->values, sender->count);

		sender->values += n;
		sender->count -= n;
		if (sender->count) {
			pair->quick = pair->ring.limit = pair->ring.written;
			return;
		}
		peal_list_remove(&sender->line);
		if (sender->wait.task->state == PEAL_TASK_SUSPENDED)
			peal_task_resume(sender->wait.task);
	}
}

/* Somebody waits for the receiver to get on: look how far it is, and have it answer when it is further. */
void peal_pair_ask(struct peal_shard *shard, struct peal_pair *pair)
{
	uint64_t head = pair->asked ? peal_msg_ring_look(&pair->ring)
				    : peal_msg_ring_ask(&pair->ring);

	pair->asked = true;
	serve_senders(shard, pair);
	peal_tickets_serve(pair, head);
}

static void answer_arrived(struct peal_shard *shard, struct peal_node *node)
{
	struct peal_pair *pair = PEAL_CONTAINER_OF(node, struct peal_pair, ring.answer);
	uint64_t head = peal_msg_ring_look(&pair->ring);

	pair->asked = false;
	serve_senders(shard, pair);
	peal_tickets_serve(pair, head);
	if (!peal_list_empty(&pair->senders) || !peal_list_empty(&pair->tickets))
		peal_pair_ask(shard, pair);
}

static void cancel_send(struct peal_wait *wait)
{
	struct send_wait *sender = PEAL_CONTAINER_OF(wait, struct send_wait, wait);

	if (wait->task->state != PEAL_TASK_SUSPENDED)
		return; /* all was sent */
	wait->cancelled = true;
	peal_list_remove(&sender->line);
	peal_task_resume(wait->task);
}

/* How many were sent, or the error that kept the first from being sent. */
static ssize_t wait_for_room(struct peal_shard *shard, struct peal_pair *pair, uint32_t tag,
	const uint64_t *values, size_t count)
{
	struct send_wait sender = { .wait = { .cancel = cancel_send, .what = "msg_send" },
		.tag = tag,
		.values = values,
		.count = count };
	int err = peal_wait_begin(&sender.wait);

	if (err)
		return err;
	peal_list_append(&pair->senders, &sender.line);
	peal_pair_ask(shard, pair);
	if (sender.count)
		peal_task_suspend(sender.wait.task);
	err = peal_wait_end(&sender.wait);
	return err && sender.count == count ? err : (ssize_t)(count - sender.count);
}

/* Pairs */

static PEAL_COLD struct peal_pair *make_pair(struct peal_shard *from, struct peal_shard *to)
{
	struct peal_msgs *msgs = &from->msgs;
	struct peal_pair *pair;

	if (!msgs->out) {
		msgs->out = peal_alloc(from->rt->shard_count, sizeof(*msgs->out));
		msgs->out_count = msgs->out ? from->rt->shard_count : 0;
	}
	pair = msgs->out ? peal_alloc_line(sizeof(*pair)) : NULL;
	if (!pair)
		return NULL;
	pair->from = from;
	pair->to = to;
	peal_list_init(&pair->senders);
	peal_list_init(&pair->tickets);
	peal_msg_ring_init(&pair->ring);
	pair->ring.node.fn = peal_pair_arrive;
	pair->ring.answer.fn = answer_arrived;
	msgs->out[to->index] = pair;
	return pair;
}

/* The ring to a shard, made if it is not there yet. 0 or a negative errno. */
static inline int find_pair(struct peal_shard *shard, unsigned int to, struct peal_pair **pair)
{
	if (PEAL_UNLIKELY(!shard))
		return -EPERM;
	if (PEAL_UNLIKELY(to >= shard->rt->shard_count))
		return -EINVAL;
	*pair = PEAL_LIKELY(shard->msgs.out != NULL) ? shard->msgs.out[to] : NULL;
	if (PEAL_UNLIKELY(!*pair))
		*pair = make_pair(shard, shard->rt->shards[to]);
	return *pair ? 0 : -ENOMEM;
}

/* Sending */

/* There was none when last looked. */
static PEAL_NOINLINE bool find_room(struct peal_shard *shard, struct peal_pair *pair)
{
	if (peal_list_empty(&pair->senders)) {
		peal_msg_ring_look(&pair->ring);
		if (peal_msg_ring_has_room(&pair->ring))
			return true;
	}
	PEAL_COUNT(shard, messages_full);
	return false;
}

static ssize_t send_many(struct peal_shard *shard, struct peal_pair *pair, uint32_t tag,
	const uint64_t *values, size_t count)
{
	size_t n = 0;
	ssize_t more;

	if (peal_msg_ring_has_room(&pair->ring) || find_room(shard, pair))
		n = write_many(shard, pair, tag, values, count);
	if (n == count)
		return (ssize_t)n;
	more = shard->running ? wait_for_room(shard, pair, tag, values + n, count - n) : -EAGAIN;
	if (more < 0)
		return n ? (ssize_t)n : more;
	return (ssize_t)n + more;
}

/*
 * A batch was published and the sender goes on. A bell that was rung for it must not wait for that; and
 * who only sends must not keep the shard from its ring: a fiber gives way after so many batches.
 */
static PEAL_NOINLINE void after_batch(struct peal_shard *shard)
{
	flush_bells(shard);
	if (shard->running && --shard->op_budget == 0)
		peal_yield();
}

/*
 * What most sends are: a message between the first and the last of a batch, with room. False: it was not
 * sent. Inlined, and without a call, so that all it stores is the message: the CPU's store buffer
 * then holds many of them while it fetches their lines from the receiver's.
 */
static inline bool send_quickly(
	struct peal_shard *shard, unsigned int to, uint32_t tag, uint64_t value)
{
	struct peal_pair *pair;

	if (PEAL_UNLIKELY(!shard || to >= shard->msgs.out_count))
		return false;
	pair = shard->msgs.out[to];
	if (PEAL_UNLIKELY(!pair || pair->ring.written == pair->quick))
		return false;
	peal_msg_ring_write(&pair->ring, shard->index, tag, value);
	return true;
}

static inline int send_one(
	struct peal_shard *shard, struct peal_pair *pair, uint32_t tag, uint64_t value)
{
	if (PEAL_UNLIKELY(!peal_msg_ring_has_room(&pair->ring))) {
		ssize_t n = send_many(shard, pair, tag, &value, 1);

		return n < 0 ? (int)n : 0;
	}
	write_one(shard, pair, tag, value);
	if (PEAL_UNLIKELY(pair->ring.written == pair->ring.published))
		after_batch(shard);
	return 0;
}

static PEAL_NOINLINE int send_slowly(
	struct peal_shard *shard, unsigned int to, uint32_t tag, uint64_t value)
{
	struct peal_pair *pair;
	int err = find_pair(shard, to, &pair);

	return err ? err : send_one(shard, pair, tag, value);
}

int peal_msg_send(unsigned int to, uint32_t tag, uint64_t value)
{
	struct peal_shard *shard = peal_shard_current();

	if (PEAL_LIKELY(send_quickly(shard, to, tag, value)))
		return 0;
	return send_slowly(shard, to, tag, value);
}

static PEAL_NOINLINE int try_send_slowly(
	struct peal_shard *shard, unsigned int to, uint32_t tag, uint64_t value)
{
	struct peal_pair *pair;
	int err = find_pair(shard, to, &pair);

	if (err)
		return err;
	if (!peal_msg_ring_has_room(&pair->ring) && !find_room(shard, pair))
		return -EAGAIN;
	write_one(shard, pair, tag, value);
	return 0;
}

int peal_msg_try_send(unsigned int to, uint32_t tag, uint64_t value)
{
	struct peal_shard *shard = peal_shard_current();

	if (PEAL_LIKELY(send_quickly(shard, to, tag, value)))
		return 0;
	return try_send_slowly(shard, to, tag, value);
}

ssize_t peal_msg_send_many(unsigned int to, uint32_t tag, const uint64_t *values, size_t count)
{
	struct peal_shard *shard = peal_shard_current();
	struct peal_pair *pair;
	int err = find_pair(shard, to, &pair);
	ssize_t n;

	if (err)
		return err;
	if (count > SSIZE_MAX || (count && !values))
		return -EINVAL;
	n = count ? send_many(shard, pair, tag, values, count) : 0;
	if (count >= PEAL_MSG_BATCH)
		after_batch(shard);
	return n;
}

int peal_msg_send_now(unsigned int to, uint32_t tag, uint64_t value)
{
	struct peal_shard *shard = peal_shard_current();
	struct peal_pair *pair;
	int err = find_pair(shard, to, &pair);

	if (!err)
		err = send_one(shard, pair, tag, value);
	if (err)
		return err;
	publish(shard, pair);
	flush_bells(shard);
	return 0;
}

int peal_msg_send_ticket(unsigned int to, uint32_t tag, uint64_t value, struct peal_ticket *ticket)
{
	struct peal_shard *shard = peal_shard_current();
	struct peal_pair *pair;
	int err = find_pair(shard, to, &pair);

	if (!err)
		err = ticket ? send_one(shard, pair, tag, value) : -EINVAL;
	if (err)
		return err;
	/* Of the last that was written: at the latest then, this one is received, too. */
	ticket->position = pair->ring.written;
	ticket->to = to;
	ticket->from = shard->index;
	return 0;
}
