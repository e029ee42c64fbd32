/* SPDX-License-Identifier: MIT */
/*
 * Messages: small tagged values that travel from shard to shard.
 *
 *	enum { WORK = 1, DONE };
 *
 *	static void on_work(const struct peal_msg *msg, void *arg)
 *	{
 *		struct job *job = (struct job *)(uintptr_t)msg->value;
 *
 *		finish(job);
 *		if (peal_msg_send(msg->from, DONE, msg->value) == -EAGAIN)
 *			later(job);                              // a callback never waits
 *	}
 *
 *	peal_msg_handle(WORK, on_work, NULL);                    // on the shard that receives
 *	peal_msg_send(shard, WORK, (uintptr_t)job);              // on the shard that sends
 *
 * A message is 16 bytes and costs a few nanoseconds, because many travel together: what a fiber sends is
 * held back until it suspends or ends, what a callback sends until it returns, or until 64 messages
 * wait for one shard. Then the receiver sees all of them at once, and is woken at most once if it
 * sleeps. peal_msg_flush() and peal_msg_send_now() are for those who cannot wait that long.
 *
 * Order: what one shard sends to another arrives in the order in which it was sent, whatever the tags.
 * There is no order between different senders. A shard may send to itself; that is a message like any
 * other and is handled by a later turn of the loop.
 *
 * Bounds: between each sender and each receiver there is room for PEAL_MSG_ROOM messages. When it is
 * used up a fiber that sends waits, and a callback gets -EAGAIN.
 *
 * Who gets a message is decided by its tag, a number of yours, on the receiving shard: the handler of
 * the tag (peal_msg_handle()), a callback; or, without one, the fibers that call peal_msg_recv() for
 * it. What a handler cannot do at once, because it would have to wait, belongs into such a fiber. A
 * receiver whose fibers do not keep up stops taking what comes from those who send to it, so that they
 * have to wait in the end.
 *
 * Nothing is lost in silence. Messages of a tag that nobody has asked for yet are kept, up to
 * PEAL_MSG_ROOM of them per shard, and go to the first who does; when there are more, the senders of
 * those wait with all they send to this shard (the counter messages_held, and a warning for the log
 * hook). What tasks have sent is handled before the runtime stops, since it stops after its last task
 * has ended. What callbacks send while shards are being stopped, and what nobody has asked for until
 * then, is dropped: the counter messages_dropped and a warning say how much and between whom.
 *
 * All calls belong to a shard's thread; elsewhere they give -EPERM (use peal_rt_post() or
 * peal_rt_spawn() there). "In a fiber" says which of them may suspend.
 */
#ifndef PEAL_MSG_H
#define PEAL_MSG_H

#include <peal/base.h>

PEAL_BEGIN_DECLS

/* Messages that may be under way from one shard to another, and that a mailbox holds. */
#define PEAL_MSG_ROOM 1024

/* A message as its receiver sees it. */
struct peal_msg {
	uint32_t tag;
	uint32_t from; /* the shard that has sent it */
	uint64_t value;
};

/*
 * Handles a message, on the shard's loop. msg is valid during the call. Must not suspend: it is not a
 * fiber. It may send, and change the handlers of this shard.
 */
typedef void peal_msg_fn(const struct peal_msg *msg, void *arg);

/*
 * From now on the calling shard's messages of this tag go to fn(msg, arg), those that were kept until
 * now first. Other shards have handlers of their own (peal_spawn_each() reaches them all).
 *
 * 0; -EINVAL without a function, -EEXIST when the tag has a handler (take that away first), -EBUSY
 * while a fiber waits for it in peal_msg_recv(), -ENOMEM, -EPERM off a shard. Does not suspend.
 */
PEAL_API int peal_msg_handle(uint32_t tag, peal_msg_fn *fn, void *arg);

/* Take the handler of a tag away; messages that come later are kept. Also in the handler itself. 0,
 * -ENOENT when there is none, -EPERM off a shard. Does not suspend. */
PEAL_API int peal_msg_unhandle(uint32_t tag);

/*
 * Send a message to a shard. In a fiber it waits while there is no room, and gives way to others now
 * and then; anywhere else (handlers, completion callbacks, posts, timers) it gives -EAGAIN instead.
 *
 * 0: it will arrive. -EINVAL for a shard that does not exist, -ENOMEM when this is the first message
 * between the two and there is no memory for their ring, -ECANCELED when the wait was cancelled (the
 * message was not sent; one that needs no wait is sent even so), -EPERM off a shard. May suspend.
 */
PEAL_API int peal_msg_send(unsigned int shard, uint32_t tag, uint64_t value);

/* The same without waiting: -EAGAIN when there is no room, or when fibers of this shard wait for some
 * already. Does not suspend. */
PEAL_API int peal_msg_try_send(unsigned int shard, uint32_t tag, uint64_t value);

/*
 * Send `count` messages of one tag; values is read during the call only. Returns how many were sent,
 * which in a fiber is all of them unless the wait was cancelled, and elsewhere as many as there is room
 * for; or, when that is none of them, the error of peal_msg_send(). May suspend.
 */
PEAL_API ssize_t peal_msg_send_many(
	unsigned int shard, uint32_t tag, const uint64_t *values, size_t count);

/*
 * Send a message and let it be seen at once, with all that was sent to that shard before: as
 * peal_msg_send() followed by peal_msg_flush() for one shard. For a message that somebody waits for
 * while the sender goes on working. May suspend.
 */
PEAL_API int peal_msg_send_now(unsigned int shard, uint32_t tag, uint64_t value);

/* Let everything that this shard has sent be seen now, accumulated sums below their threshold too. 0,
 * or -EPERM off a shard. Does not suspend. */
PEAL_API int peal_msg_flush(void);

/*
 * Knowing that a message was received. A ticket is plain data, yours, and may be forgotten; it has no
 * meaning on another shard.
 */
struct peal_ticket {
	uint64_t position;
	uint32_t to;
	uint32_t from;
};

/* As peal_msg_send(), and on success *ticket stands for the message. May suspend. */
PEAL_API int peal_msg_send_ticket(
	unsigned int shard, uint32_t tag, uint64_t value, struct peal_ticket *ticket);

/*
 * Wait, in a fiber of the shard that sent it, until a message was received: its handler has returned,
 * or the receiving shard keeps it for the fiber that will ask for it. Everything that was sent to
 * that shard before was received, too.
 *
 * 0; -ECANCELED when the wait was cancelled (the message is on its way nevertheless); -EINVAL for a
 * ticket that this shard did not get; -EAGAIN when the caller is no fiber and it was not received
 * yet; -EPERM off a shard. Suspends unless it was received already.
 */
PEAL_API int peal_ticket_wait(const struct peal_ticket *ticket);

/*
 * Take the oldest message of a tag, waiting for one if there is none. Fibers that wait for the same tag
 * get messages in turn.
 *
 * 0 and the message in *msg; -ECANCELED when the wait was cancelled (a message that was there is given
 * out even so), -EBUSY when the tag has a handler, -EINVAL without msg, -ENOMEM, -EPERM when the
 * caller is no fiber. May suspend.
 */
PEAL_API int peal_msg_recv(uint32_t tag, struct peal_msg *msg);

/*
 * Accumulators: for what is counted often and may be told as a sum. Each sender has one for each
 * receiver and tag (these tags are apart from those of messages), made at the first addition. What is
 * added stays here until the sender gives way, as messages do, and until it has reached the
 * accumulator's threshold; then it joins what the receiver has not looked at yet. The receiver is
 * told when that was nothing before. So however much is added, at most one notice of it is under
 * way, and there is no bound to run into. Sums stop at UINT64_MAX.
 *
 * There is no order between sums and messages. Sums that nobody has asked for grow until somebody does;
 * while the runtime drains thresholds are passed over, so that nothing is left behind; what is left
 * even so is counted in sums_dropped, and told to the log hook.
 *
 *	peal_accum_handle(BYTES_SEEN, on_bytes, NULL);           // on_bytes() gets msg->value of them
 *	peal_accum_add(shard, BYTES_SEEN, n);
 *
 * Add n to what is to be told to a shard. 0; -EINVAL for a shard that does not exist, -ENOMEM for the
 * first addition of this tag to that shard, -EPERM off a shard. Does not suspend.
 */
PEAL_API int peal_accum_add(unsigned int shard, uint32_t tag, uint64_t n);

/* Let the calling shard's sums of a tag for that shard wait here until they have reached a threshold, or
 * peal_msg_flush() is called. Until it is set it is 1. Errors as those of peal_accum_add(). Does not
 * suspend. */
PEAL_API int peal_accum_threshold(unsigned int shard, uint32_t tag, uint64_t threshold);

/*
 * From now on the sums of a tag for the calling shard go to fn(msg, arg): msg->value is what msg->from
 * has added since fn was last called for it. It may do what a handler of messages may.
 *
 * 0; -EINVAL without a function, -EEXIST when the tag has a handler, -ENOMEM, -EPERM off a shard. Does
 * not suspend.
 */
PEAL_API int peal_accum_handle(uint32_t tag, peal_msg_fn *fn, void *arg);

/* Take the handler away; what is added later is kept. 0, -ENOENT when there is none, -EPERM off a shard.
 * Does not suspend. */
PEAL_API int peal_accum_unhandle(uint32_t tag);

PEAL_END_DECLS

#endif
