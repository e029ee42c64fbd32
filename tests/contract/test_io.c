/* SPDX-License-Identifier: MIT */
/*
 * I/O through a whole runtime: the calls for fibers, their op twins, and serving; on every backend.
 * What each op does to its descriptor is tested closer to the backend, in test_ring.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/fiber/sanitizer.h"
#include "tests/contract/runtime.h"

static void make_pair(int pair[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

struct exchange {
	int fd;
	size_t bytes;
};

static int echo_back(void *arg)
{
	struct exchange *exchange = arg;
	char buf[1000];
	size_t done = 0;
	ssize_t n;

	while (done < exchange->bytes) {
		n = peal_recv(exchange->fd, buf, sizeof(buf), 0);
		ck_assert_int_gt(n, 0);
		ck_assert_int_eq(peal_send_all(exchange->fd, buf, (size_t)n, 0), n);
		done += (size_t)n;
	}
	return 0;
}

/* Both ends as fibers: of one shard, and of two. */
static void exchange_bytes(uint64_t place)
{
	enum { BYTES = 1 << 20 };
	static char out[BYTES], in[BYTES];
	struct exchange exchange = { .bytes = BYTES };
	struct peal_task *peer;
	size_t sent = 0, received = 0;
	int pair[2];

	make_pair(pair);
	exchange.fd = pair[1];
	for (size_t i = 0; i < BYTES; i++)
		out[i] = (char)(i * 31 >> 3);
	ck_assert_int_eq(
		peal_task_spawn(&peer, echo_back, &exchange, PEAL_SPAWN(.place = place)), 0);
	while (received < BYTES) {
		size_t window = BYTES - sent < 8192 ? BYTES - sent : 8192;

		if (window)
			ck_assert_int_eq(
				peal_send_all(pair[0], out + sent, window, 0), (ssize_t)window);
		sent += window;
		for (size_t until = received + window; received < until;) {
			ssize_t n = peal_recv(pair[0], in + received, until - received, 0);

			ck_assert_int_gt(n, 0);
			received += (size_t)n;
		}
	}
	ck_assert_int_eq(memcmp(out, in, BYTES), 0);
	ck_assert_int_eq(peal_task_join(peer, NULL), 0);
	ck_assert_int_eq(peal_close(pair[0]), 0);
	ck_assert_int_eq(peal_close(pair[1]), 0);
}

TASK_TEST(bytes_go_round_on_one_shard)
{
	exchange_bytes(PEAL_HERE);
	return 0;
}

TASK_TEST(bytes_go_round_between_two_shards)
{
	exchange_bytes(PEAL_PINNED(1));
	return 0;
}

TASK_TEST(the_end_of_a_stream_and_broken_pipes_are_results)
{
	int pair[2];
	char c = 0;

	make_pair(pair);
	ck_assert_int_eq(peal_shutdown(pair[1], SHUT_WR), 0);
	ck_assert_int_eq(peal_recv(pair[0], &c, 1, 0), 0);
	ck_assert_int_eq(peal_close(pair[1]), 0);
	ck_assert_int_eq(peal_send(pair[0], &c, 1, 0), -EPIPE); /* and no SIGPIPE */
	ck_assert_int_eq(peal_close(pair[0]), 0);
	ck_assert_int_eq(peal_close(pair[0]), -EBADF);
	ck_assert_int_eq(peal_recv(pair[0], &c, 1, 0), -EBADF);
	return 0;
}

TASK_TEST(poll_tells_what_is_ready)
{
	int pair[2];

	make_pair(pair);
	ck_assert_int_eq(peal_poll(pair[0], POLLOUT), POLLOUT);
	ck_assert_int_eq(write(pair[1], "x", 1), 1);
	ck_assert_int_eq(peal_poll(pair[0], POLLIN), POLLIN);
	close(pair[0]);
	close(pair[1]);
	return 0;
}

START_TEST(off_the_shards_calls_say_so)
{
	char c;

	ck_assert_int_eq(peal_recv(0, &c, 1, 0), -EPERM);
	ck_assert_int_eq(peal_send(0, &c, 1, 0), -EPERM);
	ck_assert_int_eq(peal_accept(0, NULL, NULL, 0), -EPERM);
	ck_assert_int_eq(peal_connect(0, NULL, 0), -EPERM);
	ck_assert_int_eq(peal_close(-1), -EPERM);
	ck_assert_int_eq(peal_poll(0, POLLIN), -EPERM);
	ck_assert_int_eq(peal_shutdown(0, SHUT_RD), -EPERM);
	ck_assert_int_eq(peal_serve(0, NULL, NULL, NULL), -EINVAL);
}
END_TEST

/* Ops with callbacks */

struct echo {
	struct peal_op op;
	int fd, rounds, callbacks;
	bool inside; /* a call that starts an op: its callback must not come now */
	char buf[64];
};

static void on_received(struct peal_op *op);

static void on_sent(struct peal_op *op)
{
	struct echo *echo = PEAL_CONTAINER_OF(op, struct echo, op);

	ck_assert(!echo->inside);
	ck_assert_int_gt(op->result, 0);
	echo->callbacks++;
	echo->inside = true;
	peal_op_recv(op, echo->fd, echo->buf, sizeof(echo->buf), 0, on_received);
	echo->inside = false;
}

static void on_closed(struct peal_op *op)
{
	struct echo *echo = PEAL_CONTAINER_OF(op, struct echo, op);

	ck_assert_int_eq(op->result, 0);
	echo->fd = -1;
}

static void on_received(struct peal_op *op)
{
	struct echo *echo = PEAL_CONTAINER_OF(op, struct echo, op);

	ck_assert(!echo->inside);
	echo->callbacks++;
	if (op->result <= 0) {
		peal_op_close(op, echo->fd, on_closed);
		return;
	}
	echo->inside = true;
	peal_op_send(op, echo->fd, echo->buf, (size_t)op->result, 0, on_sent);
	echo->inside = false;
}

TASK_TEST(a_server_of_callbacks)
{
	struct echo echo = { 0 };
	int pair[2];
	char c;

	make_pair(pair);
	echo.fd = pair[1];
	peal_op_recv(&echo.op, echo.fd, echo.buf, sizeof(echo.buf), 0, on_received);
	ck_assert(peal_op_busy(&echo.op));
	for (int i = 0; i < 100; i++) {
		char sent = (char)i;

		ck_assert_int_eq(peal_send(pair[0], &sent, 1, 0), 1);
		ck_assert_int_eq(peal_recv(pair[0], &c, 1, 0), 1);
		ck_assert_int_eq(c, sent);
	}
	peal_close(pair[0]);
	while (echo.fd >= 0)
		peal_yield();
	ck_assert(!peal_op_busy(&echo.op));
	ck_assert_int_eq(echo.callbacks, 201);
	return 0;
}

TASK_TEST(several_ops_one_fiber)
{
	struct peal_op op[8] = { 0 };
	int pair[8][2];
	char c[8];

	for (int i = 0; i < 8; i++) {
		make_pair(pair[i]);
		peal_op_recv(&op[i], pair[i][0], &c[i], 1, 0, NULL);
	}
	for (int i = 7; i >= 0; i--)
		ck_assert_int_eq(write(pair[i][1], &(char){ (char)('a' + i) }, 1), 1);
	for (int i = 0; i < 8; i++) {
		ck_assert_int_eq(peal_op_wait(&op[i]), 1);
		ck_assert_int_eq(c[i], 'a' + i);
		ck_assert_int_eq(peal_op_wait(&op[i]), -EINVAL); /* taken already */
		close(pair[i][0]);
		close(pair[i][1]);
	}
	return 0;
}

TASK_TEST(wait_any_gives_each_once)
{
	struct peal_op ops[3] = { 0 };
	struct peal_op *wanted[3] = { &ops[0], &ops[1], &ops[2] };
	int pair[3][2];
	char c[3];

	ck_assert_int_eq(peal_op_wait_any(wanted, 3), -EINVAL); /* none was started */
	for (int i = 0; i < 3; i++) {
		make_pair(pair[i]);
		peal_op_recv(&ops[i], pair[i][0], &c[i], 1, 0, NULL);
	}
	for (int i = 2; i >= 0; i--) {
		ck_assert_int_eq(write(pair[i][1], "x", 1), 1);
		ck_assert_int_eq(peal_op_wait_any(wanted, 3), i);
		ck_assert_int_eq(ops[i].result, 1);
		wanted[i] = NULL;
	}
	ck_assert_int_eq(peal_op_wait_any(wanted, 3), -EINVAL);
	for (int i = 0; i < 3; i++) {
		close(pair[i][0]);
		close(pair[i][1]);
	}
	return 0;
}

TASK_TEST(a_cancelled_op_completes_once)
{
	struct peal_op op = { 0 };
	int pair[2];
	char c;

	make_pair(pair);
	peal_op_recv(&op, pair[0], &c, 1, 0, NULL);
	peal_op_cancel(&op);
	peal_op_cancel(&op);
	ck_assert_int_eq(peal_op_wait(&op), -ECANCELED);
	peal_op_cancel(&op); /* nothing in flight */

	/* What was there before the cancel is not lost. */
	ck_assert_int_eq(write(pair[1], "x", 1), 1);
	peal_op_recv(&op, pair[0], &c, 1, 0, NULL);
	peal_op_cancel(&op);
	if (peal_op_wait(&op) == -ECANCELED)
		ck_assert_int_eq(peal_recv(pair[0], &c, 1, MSG_DONTWAIT), 1);
	ck_assert_int_eq(c, 'x');
	close(pair[0]);
	close(pair[1]);
	return 0;
}

TASK_TEST(closing_ends_what_is_in_flight_on_it)
{
	struct peal_op ops[4] = { 0 };
	int pair[2];
	char c[4];

	make_pair(pair);
	for (int i = 0; i < 4; i++)
		peal_op_recv(&ops[i], pair[0], &c[i], 1, 0, NULL);
	ck_assert_int_eq(peal_close(pair[0]), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(peal_op_wait(&ops[i]), -ECANCELED);
	close(pair[1]);
	return 0;
}

/* Far more than a ring takes at once. */
TASK_TEST(a_full_ring_loses_nothing, .ring_entries = 8)
{
	enum { MANY = 2000 };
	static struct peal_op ops[MANY];

	memset(ops, 0, sizeof(ops));
	for (int i = 0; i < MANY; i++)
		peal_op_nop(&ops[i], NULL);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(peal_op_wait(&ops[i]), 0);
	return 0;
}

TASK_TEST(many_receivers_are_cancelled_in_a_full_ring, .ring_entries = 8)
{
	enum { MANY = 300 };
	static struct peal_op ops[MANY];
	static char c[MANY];
	int pair[2];

	memset(ops, 0, sizeof(ops));
	make_pair(pair);
	for (int i = 0; i < MANY; i++)
		peal_op_recv(&ops[i], pair[0], &c[i], 1, 0, NULL);
	for (int i = 0; i < MANY; i += 2)
		peal_op_cancel(&ops[i]);
	for (int i = 0; i < MANY; i += 2)
		ck_assert_int_eq(peal_op_wait(&ops[i]), -ECANCELED);
	ck_assert_int_eq(peal_close(pair[0]), 0);
	for (int i = 1; i < MANY; i += 2)
		ck_assert_int_eq(peal_op_wait(&ops[i]), -ECANCELED);
	close(pair[1]);
	return 0;
}

/* An op that completes at once, again and again, does not keep the shard from anything else. */
static int receive_forever(void *arg)
{
	struct exchange *exchange = arg;
	char c;

	while (exchange->bytes) {
		ck_assert_int_eq(peal_send(exchange->fd, "x", 1, 0), 1);
		ck_assert_int_eq(peal_recv(exchange->fd + 1, &c, 1, 0), 1);
	}
	return 0;
}

TASK_TEST(inline_completions_starve_nobody, .shards = 1)
{
	struct exchange exchange = { .bytes = 1 };
	struct peal_task *task;
	int pair[2];

	make_pair(pair);
	ck_assert_int_eq(dup2(pair[0], 200), 200);
	ck_assert_int_eq(dup2(pair[1], 201), 201);
	exchange.fd = 200;
	ck_assert_int_eq(peal_task_spawn(&task, receive_forever, &exchange, NULL), 0);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	exchange.bytes = 0;
	ck_assert_int_eq(peal_task_join(task, NULL), 0);
	return 0;
}

/* Serving */

struct server {
	int listener, port;
	atomic_int open, most, served;
	uint32_t max;
};

static int hold_connection(int fd, void *arg)
{
	struct server *server = arg;
	int open = atomic_fetch_add(&server->open, 1) + 1;
	int most = atomic_load(&server->most);
	char c;

	while (open > most && !atomic_compare_exchange_weak(&server->most, &most, open))
		;
	while (peal_recv(fd, &c, 1, 0) == 1)
		peal_send(fd, &c, 1, 0);
	atomic_fetch_sub(&server->open, 1);
	atomic_fetch_add(&server->served, 1);
	peal_close(fd);
	return c == '!' ? -EPROTO : 0;
}

static int serve(void *arg)
{
	struct server *server = arg;

	return peal_serve(server->listener, hold_connection, server,
		PEAL_SERVE(.max_connections = server->max, .name = "connection"));
}

static void open_server(struct server *server, struct peal_task **task)
{
	server->listener = peal_tcp_listen("127.0.0.1:0", NULL);
	ck_assert_int_ge(server->listener, 0);
	server->port = peal_tcp_port(server->listener);
	ck_assert_int_gt(server->port, 0);
	ck_assert_int_eq(peal_task_spawn(task, serve, server, NULL), 0);
}

static int connect_to(const struct server *server)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)server->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(peal_connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void talk(int fd, char c)
{
	ck_assert_int_eq(peal_send_all(fd, &c, 1, 0), 1);
	ck_assert_int_eq(peal_recv(fd, &c, 1, 0), 1);
}

static void end_server(struct server *server, struct peal_task *task)
{
	int result = -1;

	peal_rt_drain(peal_rt_current());
	PEAL_SCOPE (shield, .shield = 1) /* the main task is cancelled with the accepts */
		ck_assert_int_eq(peal_task_join(task, &result), 0);
	ck_assert_int_eq(result, 0);
	peal_close(server->listener);
}

static void serve_until_the_drain(void)
{
	struct server server = { 0 };
	struct peal_task *task;
	int fds[20];

	open_server(&server, &task);
	for (int i = 0; i < 20; i++) {
		fds[i] = connect_to(&server);
		talk(fds[i], 'x');
	}
	ck_assert_int_eq(atomic_load(&server.open), 20);
	end_server(&server, task);
	/* Those that were open go on. */
	for (int i = 0; i < 20; i++) {
		talk(fds[i], i == 7 ? '!' : 'y');
		peal_close(fds[i]);
	}
	while (atomic_load(&server.served) < 20)
		peal_sleep(PEAL_MS);
	while (!counter("connections_failed"))
		peal_sleep(PEAL_MS);
	ck_assert_uint_eq(counter("connections_accepted"), 20);
	ck_assert_uint_eq(counter("connections_failed"), 1);
}

TASK_TEST(connections_are_served_until_the_drain, .shards = 3)
{
	PEAL_SCOPE (shield, .shield = 1) /* of clients that talk on when the runtime drains */
		serve_until_the_drain();
	return 0;
}

TASK_TEST(no_more_connections_than_allowed)
{
	struct server server = { .max = 3 };
	struct peal_task *task;
	int fds[10];

	open_server(&server, &task);
	for (int i = 0; i < 10; i++)
		fds[i] = connect_to(&server); /* the backlog takes them */
	for (int i = 0; i < 10; i++) {
		talk(fds[i], 'x');
		peal_close(fds[i]);
	}
	while (atomic_load(&server.served) < 10)
		peal_sleep(PEAL_MS);
	ck_assert_int_le(atomic_load(&server.most), 3);
	end_server(&server, task);
	return 0;
}

TASK_TEST(running_out_of_descriptors_is_ridden_out)
{
	struct server server = { 0 };
	struct rlimit old, tight;
	struct peal_task *task;
	int fd, second;

	if (peal_on_valgrind())
		peal_skip("Valgrind closes what was accepted beyond the limit");
	open_server(&server, &task);
	fd = connect_to(&server);
	talk(fd, 'x');
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	/* One more for the client, none for the server. */
	tight.rlim_cur = (rlim_t)dup(fd);
	close((int)tight.rlim_cur);
	tight.rlim_cur++;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	second = connect_to(&server);
	while (!counter("accept_pauses"))
		peal_sleep(PEAL_MS);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	talk(second, 'x');
	peal_close(second);
	peal_close(fd);
	end_server(&server, task);
	return 0;
}

TASK_TEST(what_cannot_be_served_says_so)
{
	int pair[2];

	make_pair(pair);
	ck_assert_int_eq(peal_serve(-1, hold_connection, NULL, NULL), -EBADF);
	ck_assert_int_eq(peal_serve(pair[0], hold_connection, NULL, NULL), -EINVAL);
	ck_assert_int_eq(peal_serve(pair[0], NULL, NULL, NULL), -EINVAL);
	close(pair[0]);
	close(pair[1]);
	ck_assert_int_eq(peal_tcp_listen("nonsense", NULL), -EINVAL);
	ck_assert_int_eq(peal_tcp_port(-1), -EBADF);
	return 0;
}

static Suite *io_suite(void)
{
	Suite *suite = suite_create("io");
	TCase *tcase = tcase_create("io");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, bytes_go_round_on_one_shard);
	ADD_TASK_TEST(tcase, bytes_go_round_between_two_shards);
	ADD_TASK_TEST(tcase, the_end_of_a_stream_and_broken_pipes_are_results);
	ADD_TASK_TEST(tcase, poll_tells_what_is_ready);
	tcase_add_test(tcase, off_the_shards_calls_say_so);
	ADD_TASK_TEST(tcase, a_server_of_callbacks);
	ADD_TASK_TEST(tcase, several_ops_one_fiber);
	ADD_TASK_TEST(tcase, wait_any_gives_each_once);
	ADD_TASK_TEST(tcase, a_cancelled_op_completes_once);
	ADD_TASK_TEST(tcase, closing_ends_what_is_in_flight_on_it);
	ADD_TASK_TEST(tcase, a_full_ring_loses_nothing);
	ADD_TASK_TEST(tcase, many_receivers_are_cancelled_in_a_full_ring);
	ADD_TASK_TEST(tcase, inline_completions_starve_nobody);
	ADD_TASK_TEST(tcase, connections_are_served_until_the_drain);
	ADD_TASK_TEST(tcase, no_more_connections_than_allowed);
	ADD_TASK_TEST(tcase, running_out_of_descriptors_is_ridden_out);
	ADD_TASK_TEST(tcase, what_cannot_be_served_says_so);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(io_suite());
}
