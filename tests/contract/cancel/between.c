/* SPDX-License-Identifier: MIT */
/* What fibers wait for from another shard, or at a port. */
#include "tests/contract/cancel/cancel.h"

#define TAG   9
#define VALUE 42
#define LAST  43

static void is_zero(struct attempt *attempt, int64_t result)
{
	(void)attempt;
	ck_assert_int_eq(result, 0);
}

static void go_there(struct attempt *attempt, peal_task_fn *fn)
{
	ck_assert_int_eq(
		peal_task_spawn(&attempt->task, fn, attempt, PEAL_SPAWN(.place = PEAL_PINNED(1))),
		0);
}

static void join(struct attempt *attempt)
{
	int result = -1;

	ck_assert_int_eq(peal_task_join(attempt->task, &result), 0);
	ck_assert_int_eq(result, 0);
}

/* call and compute: what has begun is waited for */

static int run_until_go(void *arg)
{
	struct attempt *attempt = arg;

	atomic_store(&attempt->running, true);
	while (!atomic_load(&attempt->go))
		peal_sleep(10 * PEAL_US);
	atomic_store(&attempt->running, false);
	return VALUE;
}

static void let_go(struct attempt *attempt)
{
	atomic_store(&attempt->go, true);
}

static int64_t check_call(struct attempt *attempt, int err, int result)
{
	ck_assert(!atomic_load(&attempt->running));
	ck_assert_int_eq(result, err ? -1 : VALUE);
	return err;
}

static int64_t make_call_there(struct attempt *attempt)
{
	int result = -1, err = peal_call(1, run_until_go, attempt, &result);

	return check_call(attempt, err, result);
}

static int64_t make_call_here(struct attempt *attempt)
{
	int result = -1, err = peal_call(0, run_until_go, attempt, &result);

	return check_call(attempt, err, result);
}

static int64_t make_compute(struct attempt *attempt)
{
	int result = -1, err = peal_compute(run_until_go, attempt, &result);

	return check_call(attempt, err, result);
}

/* Messages to a shard where nobody takes them: it keeps so many, and so many more fit between the two.
 * `filled` is how many were sent. */

static void send_before(struct attempt *attempt, size_t count)
{
	while (attempt->filled < count) {
		int err = peal_msg_try_send(1, TAG, VALUE);

		ck_assert(!err || err == -EAGAIN);
		attempt->filled += !err;
		if (err)
			peal_sleep(10 * PEAL_US);
	}
	ck_assert_int_eq(peal_msg_flush(), 0);
}

/* They are there, and there is no room for another one. */
static void begin_kept(struct attempt *attempt)
{
	struct peal_ticket ticket;

	send_before(attempt, PEAL_MSG_ROOM - 1);
	ck_assert_int_eq(peal_msg_send_ticket(1, TAG, VALUE, &ticket), 0);
	ck_assert_int_eq(peal_ticket_wait(&ticket), 0);
	attempt->filled++;
}

static void begin_crowded(struct attempt *attempt)
{
	send_before(attempt, 2 * PEAL_MSG_ROOM);
}

/* As many as were sent before the call, and the one of the call or the one that says that it is the last. */
static int take_all(void *arg)
{
	struct attempt *attempt = arg;
	struct peal_msg msg;

	for (size_t i = 0; i < attempt->filled; i++) {
		ck_assert_int_eq(peal_msg_recv(TAG, &msg), 0);
		ck_assert_uint_eq(msg.value, VALUE);
	}
	ck_assert_int_eq(peal_msg_recv(TAG, &msg), 0);
	ck_assert_uint_eq(msg.value, LAST);
	return 0;
}

static void start_taking(struct attempt *attempt)
{
	if (!attempt->steps++)
		go_there(attempt, take_all);
}

static int64_t make_ticket_wait(struct attempt *attempt)
{
	struct peal_ticket ticket;
	int err;

	/* In a cancelled scope, too: there is room for it. */
	ck_assert_int_eq(peal_msg_send_ticket(1, TAG, LAST, &ticket), 0);
	err = peal_ticket_wait(&ticket);
	(void)attempt;
	return err;
}

static void all_are_taken(struct attempt *attempt, int64_t result)
{
	ck_assert_int_eq(result, 0);
	start_taking(attempt);
	join(attempt);
}

/* The message of a ticket is on its way all the same. */
static void all_come_nevertheless(struct attempt *attempt)
{
	all_are_taken(attempt, 0);
}

static int64_t make_msg_send(struct attempt *attempt)
{
	(void)attempt;
	return peal_msg_send(1, TAG, LAST);
}

static int64_t make_msg_send_now(struct attempt *attempt)
{
	(void)attempt;
	return peal_msg_send_now(1, TAG, LAST);
}

static int64_t make_msg_send_ticket(struct attempt *attempt)
{
	struct peal_ticket ticket;

	(void)attempt;
	return peal_msg_send_ticket(1, TAG, LAST, &ticket);
}

static int64_t make_msg_send_many(struct attempt *attempt)
{
	const uint64_t value = LAST;
	ssize_t n = peal_msg_send_many(1, TAG, &value, 1);

	(void)attempt;
	return n == 1 ? 0 : n;
}

/* What the cancelled call would have sent has not been: the next that comes is ours. */
static void nothing_was_sent(struct attempt *attempt)
{
	start_taking(attempt);
	ck_assert_int_eq(peal_msg_send_now(1, TAG, LAST), 0);
	join(attempt);
}

/* Ports: both sides are fibers of this runtime; the driver is the other side */

struct asked {
	struct peal_port *port;
	struct peal_port_client *client;
	uint64_t ticket;
};

static struct asked *asked(struct attempt *attempt)
{
	return attempt->more;
}

static void begin_port(struct attempt *attempt)
{
	struct asked *it = attempt->more = calloc(1, sizeof(*it));

	ck_assert_ptr_nonnull(it);
	ck_assert_int_eq(peal_port_open(&it->port, peal_rt_current(),
				 PEAL_PORT(.places = 1, .bytes = BYTES)),
		0);
	ck_assert_int_eq(peal_port_connect(&it->client, it->port), 0);
}

static void end_port(struct attempt *attempt)
{
	peal_port_disconnect(asked(attempt)->client);
	peal_port_close(asked(attempt)->port);
	free(attempt->more);
}

static void ask(struct attempt *attempt)
{
	if (!attempt->steps++)
		ck_assert_int_eq(peal_port_send(asked(attempt)->client, "?", 1, PEAL_NEVER,
					 &asked(attempt)->ticket),
			0);
}

static int64_t make_port_recv(struct attempt *attempt)
{
	struct peal_request *request = NULL;
	int err = peal_port_recv(asked(attempt)->port, &request);

	ck_assert(!err == !!request);
	if (!err)
		ck_assert_int_eq(peal_port_reply(request, 0, "!", 1), 0);
	return err;
}

static void reply_is_there(struct attempt *attempt, int64_t result)
{
	uint64_t ticket;
	char c = 0;

	is_zero(attempt, result);
	ck_assert_int_eq(peal_port_take(asked(attempt)->client, &ticket, &c, 1), 1);
	ck_assert_uint_eq(ticket, asked(attempt)->ticket);
	ck_assert_int_eq(c, '!');
}

static void request_is_still_there(struct attempt *attempt)
{
	ask(attempt);
	reply_is_there(attempt, make_port_recv(attempt));
}

static int64_t make_port_call(struct attempt *attempt)
{
	return peal_port_call(asked(attempt)->client, "?", 1, attempt->buf, BYTES, PEAL_NEVER);
}

static int64_t make_port_try_call(struct attempt *attempt)
{
	return peal_port_try_call(asked(attempt)->client, "?", 1, attempt->buf, BYTES, PEAL_NEVER);
}

static struct peal_port_stats stats_of(struct attempt *attempt)
{
	struct peal_port_stats stats = { .size = sizeof(stats) };

	ck_assert_int_eq(peal_port_stats(asked(attempt)->port, &stats), 0);
	return stats;
}

static void reply(struct attempt *attempt)
{
	if (stats_of(attempt).waiting)
		ck_assert_int_eq(make_port_recv(attempt), 0);
}

static void reply_is_in(struct attempt *attempt, int64_t result)
{
	ck_assert_int_eq(result, 1);
	ck_assert_int_eq(attempt->buf[0], '!');
	ck_assert_int_eq(attempt->buf[1], POISON);
	ck_assert_uint_eq(stats_of(attempt).working, 0);
}

/* Nobody waits any more, and the place is free. */
static void place_is_free(struct attempt *attempt)
{
	uint64_t ticket;

	check_buffer(attempt);
	ck_assert_uint_eq(stats_of(attempt).waiting, 0);
	ck_assert_uint_eq(stats_of(attempt).working, 0);
	ck_assert_int_eq(peal_port_send(asked(attempt)->client, "?", 1, PEAL_NEVER, &ticket), 0);
}

/* The only place is taken by another request. */
static void begin_full_port(struct attempt *attempt)
{
	begin_port(attempt);
	ask(attempt);
}

static void make_room(struct attempt *attempt)
{
	char c;

	reply(attempt);
	if (attempt->steps++ == 1)
		ck_assert_int_eq(
			peal_port_take(asked(attempt)->client, &asked(attempt)->ticket, &c, 1), 1);
}

static void place_can_be_had(struct attempt *attempt)
{
	if (attempt->steps == 1)
		make_room(attempt);
	place_is_free(attempt);
}

const struct call between_calls[] = {
	{ "call (another shard)", nothing, make_call_there, let_go, is_zero, nothing, nothing,
		.stubborn = true },
	{ "call (same shard)", nothing, make_call_here, let_go, is_zero, nothing, nothing,
		.stubborn = true },
	{ "compute", nothing, make_compute, let_go, is_zero, nothing, nothing, .stubborn = true },
	{ "ticket_wait", begin_kept, make_ticket_wait, start_taking, all_are_taken,
		all_come_nevertheless, nothing },
	{ "msg_send", begin_crowded, make_msg_send, start_taking, all_are_taken, nothing_was_sent,
		nothing },
	{ "msg_send_now", begin_crowded, make_msg_send_now, start_taking, all_are_taken,
		nothing_was_sent, nothing },
	{ "msg_send_ticket", begin_crowded, make_msg_send_ticket, start_taking, all_are_taken,
		nothing_was_sent, nothing },
	{ "msg_send_many", begin_crowded, make_msg_send_many, start_taking, all_are_taken,
		nothing_was_sent, nothing },
	{ "port_recv", begin_port, make_port_recv, ask, reply_is_there, request_is_still_there,
		end_port, .stopped = -ESHUTDOWN },
	{ "port_call", begin_port, make_port_call, reply, reply_is_in, place_is_free, end_port,
		.stopped = -ESHUTDOWN },
	{ "port_call (no place)", begin_full_port, make_port_call, make_room, reply_is_in,
		place_can_be_had, end_port, .stopped = -ESHUTDOWN },
	{ "port_try_call", begin_port, make_port_try_call, reply, reply_is_in, place_is_free,
		end_port, .stopped = -ESHUTDOWN },
	{ 0 },
};
