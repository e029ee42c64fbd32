/* SPDX-License-Identifier: MIT */
/* Receiving into the shard's buffers, or with what belongs to a message, and what stands: only the wait is
 * cancelled, nothing that has come. */
#include <sys/socket.h>
#include <unistd.h>

#include "tests/contract/cancel/cancel.h"

static const char hello[] = "hello, it's the peer";

static void send_hello(struct attempt *attempt)
{
	if (!attempt->steps++)
		ck_assert_int_eq(
			send(attempt->theirs, hello, sizeof(hello), MSG_NOSIGNAL), sizeof(hello));
}

/* Copied out of the lease. */
static int64_t copy(struct attempt *attempt, int64_t result, struct peal_lease *lease)
{
	if (result > 0)
		memcpy(attempt->buf, lease->data, lease->size);
	if (result > 0)
		ck_assert_int_eq(peal_lease_return(lease), 0);
	return result;
}

static void hello_is_in(struct attempt *attempt, int64_t result)
{
	ck_assert_int_eq(result, sizeof(hello));
	ck_assert_str_eq(attempt->buf, hello);
}

static int64_t make_recv_lease(struct attempt *attempt)
{
	struct peal_lease lease;

	return copy(attempt, peal_recv_lease(attempt->ours, &lease, 0), &lease);
}

static void hello_is_still_there(struct attempt *attempt)
{
	send_hello(attempt);
	ck_assert_int_eq(
		recv(attempt->ours, attempt->buf, BYTES, MSG_DONTWAIT), (int)sizeof(hello));
}

static int64_t make_datagram_recv(struct attempt *attempt)
{
	struct peal_datagram datagram;

	return peal_datagram_recv(attempt->ours, attempt->buf, BYTES, &datagram, 0);
}

static int64_t make_recv_fds(struct attempt *attempt)
{
	unsigned int count = 1;
	int fd;

	return peal_recv_fds(attempt->ours, attempt->buf, BYTES, &fd, &count);
}

static void begin_receiver(struct attempt *attempt)
{
	struct peal_receiver *receiver;

	make_pair(attempt);
	ck_assert_int_eq(peal_receiver_open(&receiver, attempt->ours), 0);
	attempt->more = receiver;
}

static int64_t make_receiver_next(struct attempt *attempt)
{
	struct peal_lease lease;

	return copy(attempt, peal_receiver_next(attempt->more, &lease), &lease);
}

static void hello_comes_next(struct attempt *attempt)
{
	send_hello(attempt);
	hello_is_in(attempt, make_receiver_next(attempt));
}

static void end_receiver(struct attempt *attempt)
{
	ck_assert_int_eq(peal_receiver_close(attempt->more), 0);
	close_all(attempt);
}

static void begin_acceptor(struct attempt *attempt)
{
	struct peal_acceptor *acceptor;

	make_listener(attempt);
	ck_assert_int_eq(peal_acceptor_open(&acceptor, attempt->listener, 0), 0);
	attempt->more = acceptor;
}

static int64_t make_acceptor_next(struct attempt *attempt)
{
	return peal_acceptor_next(attempt->more);
}

static void step_knock(struct attempt *attempt)
{
	if (!attempt->steps++)
		attempt->theirs = knock(attempt);
}

static void connection_is_made(struct attempt *attempt, int64_t result)
{
	ck_assert_int_ge(result, 0);
	attempt->ours = (int)result;
}

static void connection_comes_next(struct attempt *attempt)
{
	step_knock(attempt);
	connection_is_made(attempt, make_acceptor_next(attempt));
}

static void end_acceptor(struct attempt *attempt)
{
	ck_assert_int_eq(peal_acceptor_close(attempt->more), 0);
	close_all(attempt);
}

const struct call lease_calls[] = {
	{ "recv_lease", make_pair, make_recv_lease, send_hello, hello_is_in, hello_is_still_there,
		close_all },
	{ "datagram_recv", make_pair, make_datagram_recv, send_hello, hello_is_in,
		hello_is_still_there, close_all },
	{ "recv_fds", make_pair, make_recv_fds, send_hello, hello_is_in, hello_is_still_there,
		close_all },
	{ "receiver_next", begin_receiver, make_receiver_next, send_hello, hello_is_in,
		hello_comes_next, end_receiver },
	{ "acceptor_next", begin_acceptor, make_acceptor_next, step_knock, connection_is_made,
		connection_comes_next, end_acceptor },
	{ 0 },
};
