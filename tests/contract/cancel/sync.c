/* SPDX-License-Identifier: MIT */
/* What fibers wait for among themselves. The driver, a fiber of the same shard, is the other side. */
#include "tests/contract/cancel/cancel.h"

#define TAG   7
#define VALUE 42

static void nothing(struct attempt *attempt)
{
	(void)attempt;
}

static void is_zero(struct attempt *attempt, int64_t result)
{
	(void)attempt;
	ck_assert_int_eq(result, 0);
}

/* A mutex, that the driver has locked; and one with a condition */

struct guarded {
	struct peal_mutex mutex;
	struct peal_condition condition;
	bool happened;
};

static struct guarded *guarded(struct attempt *attempt)
{
	return attempt->more;
}

static void begin_condition(struct attempt *attempt)
{
	attempt->more = calloc(1, sizeof(struct guarded));
	ck_assert_ptr_nonnull(attempt->more);
}

static void begin_mutex(struct attempt *attempt)
{
	begin_condition(attempt);
	ck_assert_int_eq(peal_mutex_lock(&guarded(attempt)->mutex), 0);
}

static int64_t make_lock(struct attempt *attempt)
{
	int err = peal_mutex_lock(&guarded(attempt)->mutex);

	if (!err)
		ck_assert_int_eq(peal_mutex_unlock(&guarded(attempt)->mutex), 0);
	return err;
}

static void unlock(struct attempt *attempt)
{
	if (!attempt->steps++)
		ck_assert_int_eq(peal_mutex_unlock(&guarded(attempt)->mutex), 0);
}

/* Whoever gave up, or got it, does not keep it. */
static void is_free(struct attempt *attempt)
{
	ck_assert_int_eq(peal_mutex_try_lock(&guarded(attempt)->mutex), 0);
	ck_assert_int_eq(peal_mutex_unlock(&guarded(attempt)->mutex), 0);
}

static void unlock_and_check(struct attempt *attempt)
{
	unlock(attempt);
	is_free(attempt);
}

/* After a cancel, too, the mutex is the waiter's again. */
static int64_t make_condition_wait(struct attempt *attempt)
{
	struct guarded *it = guarded(attempt);
	int err = 0;

	ck_assert_int_eq(peal_mutex_try_lock(&it->mutex), 0);
	while (!err && !it->happened)
		err = peal_condition_wait(&it->condition, &it->mutex);
	ck_assert_int_eq(peal_mutex_try_lock(&it->mutex), -EDEADLK); /* it is ours */
	ck_assert_int_eq(peal_mutex_unlock(&it->mutex), 0);
	return err;
}

static void let_happen(struct attempt *attempt)
{
	guarded(attempt)->happened = true;
	peal_condition_signal(&guarded(attempt)->condition);
}

static void happened(struct attempt *attempt, int64_t result)
{
	is_zero(attempt, result);
	is_free(attempt);
}

static void end_more(struct attempt *attempt)
{
	free(attempt->more);
}

/* A semaphore without permits */

static void begin_semaphore(struct attempt *attempt)
{
	attempt->more = calloc(1, sizeof(struct peal_semaphore));
	ck_assert_int_eq(peal_semaphore_init(attempt->more, 0), 0);
}

static int64_t make_acquire(struct attempt *attempt)
{
	return peal_semaphore_acquire(attempt->more, 1);
}

static void give_permit(struct attempt *attempt)
{
	if (!attempt->steps++)
		ck_assert_int_eq(peal_semaphore_release(attempt->more, 1), 0);
}

static void permit_is_taken(struct attempt *attempt, int64_t result)
{
	is_zero(attempt, result);
	ck_assert_int_eq(peal_semaphore_try_acquire(attempt->more, 1), -EAGAIN);
}

static void permit_is_still_there(struct attempt *attempt)
{
	give_permit(attempt);
	ck_assert_int_eq(peal_semaphore_try_acquire(attempt->more, 1), 0);
}

/* Channels with room for one value: empty, and full */

static void begin_empty(struct attempt *attempt)
{
	struct peal_chan *chan;

	ck_assert_int_eq(peal_chan_create(&chan, 1, sizeof(int)), 0);
	attempt->more = chan;
}

static void put_in(struct attempt *attempt)
{
	if (!attempt->steps++)
		ck_assert_int_eq(peal_chan_try_send(attempt->more, &(int){ VALUE }), 0);
}

static void begin_taken(struct attempt *attempt)
{
	begin_empty(attempt);
	put_in(attempt);
	attempt->steps = 0;
}

static int64_t make_chan_recv(struct attempt *attempt)
{
	int value = -1, err = peal_chan_recv(attempt->more, &value);

	ck_assert_int_eq(value, err ? -1 : VALUE);
	return err;
}

static void value_is_still_there(struct attempt *attempt)
{
	put_in(attempt);
	ck_assert_int_eq(peal_chan_try_recv(attempt->more, NULL), 0);
}

static int64_t make_chan_send(struct attempt *attempt)
{
	return peal_chan_send(attempt->more, &(int){ 1 });
}

static void take_out(struct attempt *attempt)
{
	int value = -1;

	if (attempt->steps++)
		return;
	ck_assert_int_eq(peal_chan_try_recv(attempt->more, &value), 0);
	ck_assert_int_eq(value, VALUE);
}

static void value_is_sent(struct attempt *attempt, int64_t result)
{
	int value = -1;

	is_zero(attempt, result);
	ck_assert_int_eq(peal_chan_try_recv(attempt->more, &value), 0);
	ck_assert_int_eq(value, 1);
}

static void value_is_not_sent(struct attempt *attempt)
{
	take_out(attempt);
	ck_assert_int_eq(peal_chan_try_recv(attempt->more, NULL), -EAGAIN);
}

static void end_chan(struct attempt *attempt)
{
	peal_chan_free(attempt->more);
}

/* Messages to this shard */

static int64_t make_msg_recv(struct attempt *attempt)
{
	struct peal_msg msg = { 0 };
	int err = peal_msg_recv(TAG, &msg);

	ck_assert_uint_eq(msg.value, err ? 0 : VALUE);
	return err;
}

static void send_message(struct attempt *attempt)
{
	if (!attempt->steps++)
		ck_assert_int_eq(peal_msg_send_now((unsigned int)peal_shard(), TAG, VALUE), 0);
}

static void message_is_still_there(struct attempt *attempt)
{
	send_message(attempt);
	ck_assert_int_eq(make_msg_recv(attempt), 0);
}

const struct call sync_calls[] = {
	{ "mutex_lock", begin_mutex, make_lock, unlock, happened, unlock_and_check, end_more,
		.needs_driver = true },
	{ "condition_wait", begin_condition, make_condition_wait, let_happen, happened, is_free,
		end_more },
	{ "semaphore_acquire", begin_semaphore, make_acquire, give_permit, permit_is_taken,
		permit_is_still_there, end_more },
	{ "chan_recv", begin_empty, make_chan_recv, put_in, is_zero, value_is_still_there,
		end_chan },
	{ "chan_send", begin_taken, make_chan_send, take_out, value_is_sent, value_is_not_sent,
		end_chan },
	{ "msg_recv", nothing, make_msg_recv, send_message, is_zero, message_is_still_there,
		nothing },
	{ 0 },
};
