/* SPDX-License-Identifier: MIT */
/*
 * Receiving messages: whose they are, and a bounded number of them in each turn of the loop.
 *
 * A message goes to the handler of its tag, to a fiber that waits for it, into the mailbox of its tag,
 * or, while nobody has asked for the tag, to those that are unclaimed. When there is no room for it
 * its whole pair is held: nothing overtakes anything, and in the end the sender has to wait.
 */
#include <errno.h>

#include "core/base/alloc.h"
#include "core/base/fatal.h"
#include "core/base/log.h"
#include "core/msg/mailbox.h"
#include "core/runtime/rt.h"
#include "core/task/task_here.h"
#include "core/task/wait.h"

/* On the stack of a fiber that waits for a message. */
struct recv_wait {
	struct peal_wait wait;
	struct peal_list line; /* in box->receivers */
	struct peal_msg *msg;
};

/* Boxes */

static struct peal_msg_box *find_box(struct peal_shard *shard, uint32_t tag)
{
	return peal_table_find(&shard->msgs.boxes, tag);
}

/* Found or made; NULL when there is no memory. */
static struct peal_msg_box *get_box(struct peal_shard *shard, uint32_t tag)
{
	struct peal_msg_box *box = find_box(shard, tag);

	if (box)
		return box;
	box = peal_alloc(1, sizeof(*box));
	if (!box || peal_table_add(&shard->msgs.boxes, tag, box) < 0) {
		peal_free(box);
		return NULL;
	}
	box->tag = tag;
	peal_list_init(&box->receivers);
	box->older = shard->msgs.newest_box;
	shard->msgs.newest_box = box;
	return box;
}

/* Where a message goes */

/* To a fiber that waits for it. */
static void hand_over(struct peal_msg_box *box, const struct peal_msg *msg)
{
	struct recv_wait *receiver = PEAL_CONTAINER_OF(box->receivers.next, struct recv_wait, line);

	*receiver->msg = *msg;
	peal_list_remove(&receiver->line);
	peal_task_resume(receiver->wait.task);
}

static PEAL_COLD bool keep_unclaimed(struct peal_shard *shard, const struct peal_msg *msg)
{
	struct peal_msgs *msgs = &shard->msgs;

	if (!peal_mailbox_open(&msgs->unclaimed) && peal_mailbox_put(&msgs->unclaimed, msg)) {
		PEAL_COUNT(shard, messages_unclaimed);
		return true;
	}
	if (!msgs->warned)
		peal_log(PEAL_LOG_WARNING,
			"shard %u has no room for a message of tag %u from shard %u, which nobody there handles "
			"or receives: it keeps %u such messages; what follows them waits, too",
			shard->index, msg->tag, msg->from, msgs->unclaimed.count);
	msgs->warned = true;
	return false;
}

/* To whoever it belongs to that is no handler. False when there is no room: it stays where it is. */
static PEAL_NOINLINE bool keep(
	struct peal_shard *shard, struct peal_msg_box *box, const struct peal_msg *msg)
{
	if (!box || !box->mailbox.slots)
		return keep_unclaimed(shard, msg);
	if (peal_list_empty(&box->receivers))
		return peal_mailbox_put(&box->mailbox, msg);
	hand_over(box, msg);
	return true;
}

static inline bool dispatch(
	struct peal_shard *shard, struct peal_msg_box *box, const struct peal_msg *msg)
{
	if (PEAL_UNLIKELY(!box || !box->fn))
		return keep(shard, box, msg);
	box->fn(msg, box->arg);
	return true;
}

/* What was kept, when somebody has asked for more tags */

/* A tag was asked for, or there is room where there was none. */
static PEAL_COLD void look_again(struct peal_shard *shard)
{
	shard->msgs.sweep = true;
	peal_queue_splice(&shard->msgs.active, &shard->msgs.held);
}

/*
 * Whatever still belongs nowhere is put back, in order. There is room: for itself in what it was taken
 * from; and in a mailbox, because one is made for a tag before its messages come here, and is as
 * large as this.
 */
static void sweep_unclaimed(struct peal_shard *shard)
{
	struct peal_mailbox *unclaimed = &shard->msgs.unclaimed;

	for (uint32_t left = unclaimed->count; left; left--) {
		struct peal_msg msg = peal_mailbox_take(unclaimed);
		struct peal_msg_box *box = find_box(shard, msg.tag);
		bool claimed = box && (box->fn || box->mailbox.slots);
		bool kept = claimed ? dispatch(shard, box, &msg)
				    : peal_mailbox_put(unclaimed, &msg);

		peal_assert(kept);
	}
}

static PEAL_COLD void sweep(struct peal_shard *shard)
{
	shard->msgs.sweep = false;
	sweep_unclaimed(shard);
	for (struct peal_msg_box *box = shard->msgs.newest_box; box; box = box->older) {
		while (box->fn && box->mailbox.count) {
			struct peal_msg msg = peal_mailbox_take(&box->mailbox);

			box->fn(&msg, box->arg);
		}
	}
}

/* Reading */

/* Entries that follow each other, one at least, until one finds no room or a handler has asked for more
 * tags. Returns the first that was not read. */
static inline const struct peal_msg *read_run(struct peal_shard *shard, struct peal_msg_ring *ring,
	const struct peal_msg *msg, const struct peal_msg *end)
{
	struct peal_msg_box *box;

	peal_msg_ring_fetch(msg, end);
	box = find_box(shard, msg->tag);
	do {
		if (PEAL_UNLIKELY(!box || box->tag != msg->tag))
			box = find_box(shard, msg->tag);
		if (PEAL_UNLIKELY(!dispatch(shard, box, msg)))
			break;
		peal_msg_ring_drop(ring);
		msg++;
	} while (msg != end && PEAL_LIKELY(!shard->msgs.sweep));
	return msg;
}

/* Up to `most` entries. Returns how many; *held tells that the next found no room. What is kept comes
 * before what follows it. */
static unsigned int read_entries(
	struct peal_shard *shard, struct peal_msg_ring *ring, unsigned int most, bool *held)
{
	const struct peal_msg *msg, *end, *first_left;
	unsigned int n = 0;

	*held = false;
	while (n < most && (msg = peal_msg_ring_next(ring))) {
		end = msg + peal_msg_ring_run(ring, most - n);
		first_left = read_run(shard, ring, msg, end);
		n += (unsigned int)(first_left - msg);
		if (PEAL_UNLIKELY(first_left != end || shard->msgs.sweep)) {
			*held = !shard->msgs.sweep;
			break;
		}
	}
	return n;
}

static void tell(struct peal_pair *pair)
{
	/* Refused when the sender has stopped: then nobody there waits. */
	if (peal_msg_ring_tell(&pair->ring))
		(void)peal_shard_deliver(pair->from, &pair->ring.answer);
}

/*
 * Will there be more at once? A sender in full flow publishes a batch every few hundred nanoseconds, and
 * to come to rest and be told again costs both sides more than that. Only while nothing else is to do.
 */
static bool linger(struct peal_shard *shard, struct peal_msg_ring *ring)
{
	for (int i = 0; i < PEAL_MSG_LINGER; i++) {
		if (peal_msg_ring_next(ring))
			return true;
		if (shard->ready_count || shard->callbacks || peal_inbox_pending(&shard->inbox))
			return false;
		peal_cpu_relax();
	}
	return false;
}

/* Take what there is, up to `most`, and put the pair where it belongs then. Returns how many. */
static unsigned int read_pair(struct peal_shard *shard, struct peal_pair *pair, unsigned int most)
{
	struct peal_msg_ring *ring = &pair->ring;
	bool held, more;
	unsigned int n = read_entries(shard, ring, most, &held);

	if (n) {
		/* First what the handlers have answered: the lines that telling and resting write are in the
		 * sender's cache. */
		peal_msgs_publish(shard);
		PEAL_COUNT_ADD(shard, messages_received, n);
		tell(pair);
	}
	if (PEAL_UNLIKELY(held)) {
		PEAL_COUNT(shard, messages_held);
		peal_queue_push(&shard->msgs.held, &pair->arrived);
		return n;
	}
	more = peal_msg_ring_next(ring) || (n >= PEAL_MSG_BATCH / 2 && linger(shard, ring));
	if (more || !peal_msg_ring_rest(ring))
		peal_queue_push(&shard->msgs.active, &pair->arrived);
	return n;
}

void peal_pair_arrive(struct peal_shard *shard, struct peal_node *node)
{
	struct peal_pair *pair = PEAL_CONTAINER_OF(node, struct peal_pair, ring.node);

	peal_queue_push(&shard->msgs.active, &pair->arrived);
}

static struct peal_pair *next_pair(struct peal_shard *shard)
{
	struct peal_link *link;

	if (PEAL_UNLIKELY(shard->msgs.sweep))
		sweep(shard);
	link = peal_queue_pop(&shard->msgs.active);
	return link ? PEAL_CONTAINER_OF(link, struct peal_pair, arrived) : NULL;
}

/*
 * A few of each pair in turn. The clock is read after so many messages as came before, from the 32nd
 * on: handlers may be slow, but looking for it should cost the quick ones nothing.
 */
void peal_msgs_turn(struct peal_shard *shard)
{
	unsigned int n = 0, look = 32;
	struct peal_pair *pair;
	int64_t begin = 0;

	while (n < PEAL_MSG_TURN && (pair = next_pair(shard))) {
		n += read_pair(shard, pair, look - n < PEAL_MSG_BATCH ? look - n : PEAL_MSG_BATCH);
		if (n < look)
			continue;
		if (begin && peal_shard_now(shard) - begin > PEAL_MSG_TURN_NS)
			break;
		begin = begin ? begin : peal_shard_now(shard);
		look *= 2;
	}
}

/* Handling messages */

int peal_msg_handle(uint32_t tag, peal_msg_fn *fn, void *arg)
{
	struct peal_shard *shard = peal_shard_current();
	struct peal_msg_box *box;

	if (!shard || !fn)
		return shard ? -EINVAL : -EPERM;
	box = get_box(shard, tag);
	if (!box)
		return -ENOMEM;
	if (box->fn || !peal_list_empty(&box->receivers))
		return box->fn ? -EEXIST : -EBUSY;
	box->fn = fn;
	box->arg = arg;
	look_again(shard);
	return 0;
}

int peal_msg_unhandle(uint32_t tag)
{
	struct peal_shard *shard = peal_shard_current();
	struct peal_msg_box *box = shard ? find_box(shard, tag) : NULL;

	if (!box || !box->fn)
		return shard ? -ENOENT : -EPERM;
	box->fn = NULL;
	return 0;
}

/* Receiving them in a fiber */

static void cancel_recv(struct peal_wait *wait)
{
	struct recv_wait *receiver = PEAL_CONTAINER_OF(wait, struct recv_wait, wait);

	if (wait->task->state != PEAL_TASK_SUSPENDED)
		return; /* it has a message */
	wait->cancelled = true;
	peal_list_remove(&receiver->line);
	peal_task_resume(wait->task);
}

static int wait_for_message(struct peal_msg_box *box, struct peal_msg *msg)
{
	struct recv_wait receiver = { .wait = { .cancel = cancel_recv, .what = "msg_recv" },
		.msg = msg };
	int err = peal_wait_begin(&receiver.wait);

	if (err)
		return err;
	peal_list_append(&box->receivers, &receiver.line);
	peal_task_suspend(receiver.wait.task);
	return peal_wait_end(&receiver.wait);
}

/* From the first time on the tag has a mailbox. */
static int ask_for(struct peal_shard *shard, struct peal_msg_box *box)
{
	if (box->fn)
		return -EBUSY;
	if (PEAL_LIKELY(box->mailbox.slots != NULL))
		return 0;
	look_again(shard);
	return peal_mailbox_open(&box->mailbox);
}

int peal_msg_recv(uint32_t tag, struct peal_msg *msg)
{
	struct peal_shard *shard = peal_shard_current();
	struct peal_msg_box *box;
	int err;

	if (!shard || !shard->running)
		return -EPERM;
	if (!msg)
		return -EINVAL;
	box = get_box(shard, tag);
	err = box ? ask_for(shard, box) : -ENOMEM;
	if (err)
		return err;
	if (!box->mailbox.count)
		return wait_for_message(box, msg);
	*msg = peal_mailbox_take(&box->mailbox);
	if (box->mailbox.count == PEAL_MSG_ROOM - 1)
		look_again(shard); /* it was full */
	if (--shard->op_budget == 0)
		peal_yield();
	return 0;
}

/* The end: what was published before the inbox was closed is handled, nothing after that. */

static void read_rest(struct peal_shard *shard, struct peal_pair *pair)
{
	unsigned int left = peal_msg_ring_count(&pair->ring), n;
	bool held = false;

	for (; left && !held; left -= n) {
		if (shard->msgs.sweep)
			sweep(shard);
		n = read_entries(shard, &pair->ring, left, &held);
		PEAL_COUNT_ADD(shard, messages_received, n);
	}
	tell(pair);
}

void peal_msgs_close(struct peal_shard *shard)
{
	struct peal_queue last;
	struct peal_link *link;

	peal_queue_init(&last);
	peal_queue_splice(&last, &shard->msgs.active);
	while ((link = peal_queue_pop(&last)))
		read_rest(shard, PEAL_CONTAINER_OF(link, struct peal_pair, arrived));
	shard->msgs.closed = true;
}
