/* SPDX-License-Identifier: MIT */
/* What fibers wait for among themselves. The driver, a fiber of the same shard, is the other side. */
#include "tests/contract/cancel/cancel.h"

#define TAG   7
#define VALUE 42

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

/* A select that could receive from an empty channel, or send to a full one */

struct two {
	struct peal_chan *empty, *full;
};

static struct two *two(struct attempt *attempt)
{
	return attempt->more;
}

static void begin_two(struct attempt *attempt)
{
	attempt->more = calloc(1, sizeof(struct two));
	ck_assert_ptr_nonnull(attempt->more);
	ck_assert_int_eq(peal_chan_create(&two(attempt)->empty, 1, sizeof(int)), 0);
	ck_assert_int_eq(peal_chan_create(&two(attempt)->full, 1, sizeof(int)), 0);
	ck_assert_int_eq(peal_chan_try_send(two(attempt)->full, &(int){ VALUE }), 0);
}

static int64_t make_select(struct attempt *attempt)
{
	int got = -1, sent = 1, i;
	struct peal_chan_case cases[] = {
		{ .chan = two(attempt)->empty, .value = &got },
		{ .chan = NULL },
		{ .chan = two(attempt)->full, .value = &sent, .what = PEAL_CHAN_SEND },
	};

	i = peal_chan_select(cases, 3);
	ck_assert_int_eq(got, i == 0 ? VALUE : -1);
	if (i >= 0)
		ck_assert_int_eq(cases[i].result, 0);
	return i;
}

static void let_receive(struct attempt *attempt)
{
	if (!attempt->steps++)
		ck_assert_int_eq(peal_chan_try_send(two(attempt)->empty, &(int){ VALUE }), 0);
}

static void let_send(struct attempt *attempt)
{
	if (!attempt->steps++)
		ck_assert_int_eq(peal_chan_try_recv(two(attempt)->full, NULL), 0);
}

/* The other one was not done as well. */
static void has_received(struct attempt *attempt, int64_t result)
{
	int value = -1;

	ck_assert_int_eq(result, 0);
	ck_assert_int_eq(peal_chan_try_recv(two(attempt)->empty, NULL), -EAGAIN);
	ck_assert_int_eq(peal_chan_try_recv(two(attempt)->full, &value), 0);
	ck_assert_int_eq(value, VALUE);
}

static void has_sent(struct attempt *attempt, int64_t result)
{
	int value = -1;

	ck_assert_int_eq(result, 2);
	ck_assert_int_eq(peal_chan_try_recv(two(attempt)->full, &value), 0);
	ck_assert_int_eq(value, 1);
}

static void has_not_received(struct attempt *attempt)
{
	let_receive(attempt);
	has_received(attempt, make_select(attempt));
}

static void has_not_sent(struct attempt *attempt)
{
	let_send(attempt);
	ck_assert_int_eq(peal_chan_try_recv(two(attempt)->full, NULL), -EAGAIN);
	has_sent(attempt, make_select(attempt));
}

static void end_two(struct attempt *attempt)
{
	peal_chan_free(two(attempt)->empty);
	peal_chan_free(two(attempt)->full);
	free(attempt->more);
}

/* A barrier for two: the other one comes, and waits if need be */

static void begin_barrier(struct attempt *attempt)
{
	attempt->more = calloc(1, sizeof(struct peal_barrier));
	ck_assert_int_eq(peal_barrier_init(attempt->more, 2), 0);
}

static int wait_at_barrier(void *arg)
{
	return peal_barrier_wait(arg);
}

static void send_other(struct attempt *attempt)
{
	if (!attempt->steps++)
		ck_assert_int_eq(
			peal_task_spawn(&attempt->task, wait_at_barrier, attempt->more, NULL), 0);
}

static int64_t make_barrier_wait(struct attempt *attempt)
{
	return peal_barrier_wait(attempt->more);
}

static void both_came(struct attempt *attempt, int64_t result)
{
	int others = -1;

	ck_assert_int_eq(peal_task_join(attempt->task, &others), 0);
	ck_assert_int_eq(result + others, 1);
}

/* Who was cancelled has not come: the other one waits for somebody else. */
static void other_still_waits(struct attempt *attempt)
{
	send_other(attempt);
	both_came(attempt, peal_barrier_wait(attempt->more));
}

/* Once: another task does it */

struct single {
	struct peal_once once;
	struct attempt *attempt;
	int done;
};

static struct single *single(struct attempt *attempt)
{
	return attempt->more;
}

static int do_slowly(void *arg)
{
	struct single *it = arg;

	atomic_store(&it->attempt->running, true);
	while (!atomic_load(&it->attempt->go))
		peal_sleep(10 * PEAL_US);
	it->done++;
	return 0;
}

static int do_once(void *arg)
{
	return peal_once(&((struct single *)arg)->once, do_slowly, arg);
}

static void begin_once(struct attempt *attempt)
{
	static struct single only; /* there until the other task has ended, whenever that is */

	only = (struct single){ .attempt = attempt };
	attempt->more = &only;
	ck_assert_int_eq(peal_task_spawn(&attempt->task, do_once, attempt->more, NULL), 0);
	while (!atomic_load(&attempt->running))
		peal_yield();
}

static int64_t make_once(struct attempt *attempt)
{
	return do_once(attempt->more);
}

static void let_do(struct attempt *attempt)
{
	atomic_store(&attempt->go, true);
}

static void was_done_once(struct attempt *attempt, int64_t result)
{
	int others = -1;

	is_zero(attempt, result);
	ck_assert_int_eq(peal_task_join(attempt->task, &others), 0);
	ck_assert_int_eq(others, 0);
	ck_assert_int_eq(single(attempt)->done, 1);
	ck_assert_int_eq(make_once(attempt), 0);
	ck_assert_int_eq(single(attempt)->done, 1);
}

static void is_done_nevertheless(struct attempt *attempt)
{
	let_do(attempt);
	was_done_once(attempt, 0);
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
	{ "chan_select (receives)", begin_two, make_select, let_receive, has_received,
		has_not_received, end_two },
	{ "chan_select (sends)", begin_two, make_select, let_send, has_sent, has_not_sent,
		end_two },
	{ "barrier_wait", begin_barrier, make_barrier_wait, send_other, both_came,
		other_still_waits, end_more },
	{ "once", begin_once, make_once, let_do, was_done_once, is_done_nevertheless, nothing },
	{ "msg_recv", nothing, make_msg_recv, send_message, is_zero, message_is_still_there,
		nothing },
	{ 0 },
};
