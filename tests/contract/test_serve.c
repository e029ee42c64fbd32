/* SPDX-License-Identifier: MIT */
/* Serving on all shards: who accepts, where connections go, and how it ends. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/contract/runtime.h"

#define LONG    (100 * PEAL_S)
#define CLIENTS 30

struct server {
	int listener;
	char address[32];
	peal_serve_fn *handler;
	struct peal_serve_opts opts;
	struct peal_task *task;
	atomic_int open, ended;
};

static int serve(void *arg)
{
	struct server *server = arg;

	return peal_serve(server->listener, server->handler, server, &server->opts);
}

static void open_listener(struct server *server)
{
	server->listener = peal_tcp_listen("127.0.0.1:0", NULL);
	ck_assert_int_ge(server->listener, 0);
	snprintf(server->address, sizeof(server->address), "127.0.0.1:%d",
		peal_tcp_port(server->listener));
	server->opts.size = sizeof(server->opts);
}

static void begin(struct server *server, unsigned int shard)
{
	open_listener(server);
	ck_assert_int_eq(peal_task_spawn(&server->task, serve, server,
				 PEAL_SPAWN(.place = PEAL_PINNED(shard))),
		0);
}

/* The runtime drains, which the main task must outlive: call it in a shield. */
static void end(struct server *server)
{
	int result = -1;

	peal_rt_drain(peal_rt_current());
	ck_assert_int_eq(peal_task_join(server->task, &result), 0);
	ck_assert_int_eq(result, 0);
	peal_close(server->listener);
}

static int join(struct server *server)
{
	int fd = peal_tcp_connect(server->address);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void ask(int fd, char c)
{
	ck_assert_int_eq(peal_send_all(fd, &c, 1, 0), 1);
}

static char answer(int fd)
{
	char c;

	ck_assert_int_eq(peal_recv(fd, &c, 1, 0), 1);
	return c;
}

/* Each byte is answered with the number of the shard. */
static int tell_shard(int fd, void *arg)
{
	struct server *server = arg;
	char c;

	atomic_fetch_add(&server->open, 1);
	while (peal_recv(fd, &c, 1, 0) == 1) {
		c = (char)('0' + peal_shard());
		peal_send_all(fd, &c, 1, 0);
	}
	peal_close(fd);
	atomic_fetch_add(&server->ended, 1);
	return 0;
}

static void wait_for(const atomic_int *value, int n)
{
	while (atomic_load(value) < n)
		ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
}

/* Where connections go */

static void count_by_shard(struct server *server, int count, int by_shard[3])
{
	int fds[CLIENTS];

	memset(by_shard, 0, 3 * sizeof(by_shard[0]));
	for (int i = 0; i < count; i++) {
		fds[i] = join(server);
		ask(fds[i], 'x');
		by_shard[answer(fds[i]) - '0']++;
	}
	for (int i = 0; i < count; i++)
		peal_close(fds[i]);
	wait_for(&server->ended, count);
}

TASK_TEST(shards_get_their_share, .shards = 3)
{
	struct server server = { .handler = tell_shard };
	int by_shard[3];

	begin(&server, 0);
	count_by_shard(&server, CLIENTS, by_shard);
	for (int i = 0; i < 3; i++)
		ck_assert_msg(by_shard[i] >= 9 && by_shard[i] <= 12, "%d %d %d", by_shard[0],
			by_shard[1], by_shard[2]);
	PEAL_SCOPE (shield, .shield = 1)
		end(&server);
	return 0;
}

TASK_TEST(a_place_is_kept_to, .shards = 3)
{
	static const struct {
		uint64_t place;
		bool here;
		int least[3];
	} cases[] = {
		{ PEAL_PINNED(2), false, { 0, 0, 12 } },
		{ PEAL_ROUND_ROBIN, false, { 4, 4, 4 } },
		{ 0, true, { 0, 12, 0 } },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server server = { .handler = tell_shard,
			.opts = { .place = cases[i].place, .here = cases[i].here } };
		int by_shard[3], result;

		begin(&server, 1);
		count_by_shard(&server, 12, by_shard);
		for (int j = 0; j < 3; j++)
			ck_assert_int_eq(by_shard[j], cases[i].least[j]);
		/* What ends the accepting ends the serving. */
		ck_assert_int_eq(shutdown(server.listener, SHUT_RDWR), 0);
		ck_assert_int_eq(peal_task_join(server.task, &result), 0);
		ck_assert_int_eq(result, -EINVAL);
		peal_close(server.listener);
	}
	return 0;
}

/* Who accepts */

static atomic_bool hog_runs, hog_may_go;

static int hold_the_shard(void *arg)
{
	(void)arg;
	atomic_store(&hog_runs, true);
	while (!atomic_load(&hog_may_go))
		usleep(100);
	return 0;
}

static int one_answer_is_enough(void *arg)
{
	int fd = join(arg);

	ask(fd, 'x');
	answer(fd);
	atomic_store(&hog_may_go, true);
	peal_close(fd);
	return 0;
}

/* Some go to the shard that is held up, and wait there; the first that another one accepts does not. */
TASK_TEST(others_accept_while_the_servers_shard_is_held_up, .shards = 3)
{
	struct server server = { .handler = tell_shard };
	int err = 0, first;

	atomic_store(&hog_runs, false);
	atomic_store(&hog_may_go, false);
	begin(&server, 1);
	first = join(&server);
	ask(first, 'x'); /* it accepts by now */
	wait_for(&server.open, 1);
	peal_close(first);
	ck_assert_int_eq(peal_spawn(hold_the_shard, NULL, PEAL_SPAWN(.place = PEAL_PINNED(1))), 0);
	while (!atomic_load(&hog_runs))
		peal_sleep(PEAL_MS);
	PEAL_SCOPE (scope, .result = &err)
		for (int i = 0; i < 6; i++)
			peal_scope_spawn(&scope, one_answer_is_enough, &server, NULL);
	ck_assert_int_eq(err, 0);
	wait_for(&server.ended, 7);
	PEAL_SCOPE (shield, .shield = 1)
		end(&server);
	return 0;
}

/* How it ends */

static int serve_and_give_up(struct server *server, int64_t ns)
{
	return PEAL_WITHIN_GET(ns, serve(server));
}

TASK_TEST(a_scope_ends_the_serving, .shards = 3)
{
	struct server server = { .handler = tell_shard };
	int fds[2], result = 0;

	open_listener(&server);
	ck_assert_int_eq(serve_and_give_up(&server, PEAL_MS), -ETIMEDOUT);
	PEAL_SCOPE (scope) {
		peal_scope_spawn(&scope, serve, &server, PEAL_SPAWN(.place = PEAL_PINNED(1)));
		fds[0] = join(&server);
		wait_for(&server.open, 1);
		peal_scope_cancel(&scope);
	}
	/* The listener is as good as before. */
	PEAL_SCOPE (scope, .result = &result) {
		peal_scope_spawn(&scope, serve, &server, NULL);
		fds[1] = join(&server);
		wait_for(&server.open, 2);
		peal_scope_cancel(&scope);
	}
	ck_assert_int_eq(result, -ECANCELED);
	peal_close(fds[0]);
	peal_close(fds[1]);
	wait_for(&server.ended, 2);
	peal_close(server.listener);
	return 0;
}

TASK_TEST(what_cannot_be_accepted_from_is_refused, .shards = 3)
{
	struct server server = { .handler = tell_shard };
	int fds[2];

	server.opts.size = sizeof(server.opts);
	ck_assert_int_eq(peal_pipe(fds), 0);
	server.listener = fds[0];
	ck_assert_int_eq(serve(&server), -ENOTSOCK);
	peal_close(fds[0]);
	peal_close(fds[1]);
	ck_assert_int_eq(peal_socketpair(SOCK_STREAM, fds), 0);
	server.listener = fds[0];
	ck_assert_int_eq(serve(&server), -EINVAL);
	peal_close(fds[0]);
	peal_close(fds[1]);
	ck_assert_int_eq(serve(&server), -EBADF);
	return 0;
}

/* A request is a byte and a second one; between requests a connection may be ended, within one not. */
static int serve_requests(int fd, void *arg)
{
	struct server *server = arg;
	char c[2];

	for (;;) {
		ssize_t n = 0;

		PEAL_SCOPE (idle, .until_drain = 1, .deadline = peal_in(LONG))
			n = peal_recv(fd, &c[0], 1, 0);
		if (n <= 0)
			break;
		atomic_fetch_add(&server->open, 1);
		if (peal_recv(fd, &c[1], 1, 0) != 1)
			break;
		peal_send_all(fd, c, 2, 0);
	}
	peal_close(fd);
	atomic_fetch_add(&server->ended, 1);
	return 0;
}

static void drain_between_requests(void)
{
	struct server server = { .handler = serve_requests };
	int busy[4], idle[4];
	char c;

	begin(&server, 0);
	for (int i = 0; i < 4; i++) {
		idle[i] = join(&server);
		busy[i] = join(&server);
		ask(busy[i], 'a');
	}
	wait_for(&server.open, 4);
	end(&server);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(peal_recv(idle[i], &c, 1, 0), 0);
	ck_assert_int_eq(atomic_load(&server.ended), 4);
	for (int i = 0; i < 4; i++) {
		ask(busy[i], 'b');
		ck_assert_int_eq(answer(busy[i]), 'a');
		ck_assert_int_eq(answer(busy[i]), 'b');
		ck_assert_int_eq(peal_recv(busy[i], &c, 1, 0), 0);
		peal_close(busy[i]);
		peal_close(idle[i]);
	}
	wait_for(&server.ended, 8);
}

/* If a connection did not end by itself the timeout would be waited for. */
TASK_TEST(a_drain_ends_what_is_idle, .shards = 3, .drain_timeout = 3600 * PEAL_S)
{
	PEAL_SCOPE (shield, .shield = 1)
		drain_between_requests();
	return 0;
}

/* Handing over */

static int move_about(int fd, void *arg)
{
	struct server *server = arg;
	char c;

	for (unsigned int i = 0; peal_recv(fd, &c, 1, 0) == 1; i++) {
		ck_assert_int_eq(peal_move(i % 3), 0);
		c = (char)('0' + peal_shard());
		peal_send_all(fd, &c, 1, 0);
	}
	peal_close(fd);
	atomic_fetch_add(&server->ended, 1);
	return 0;
}

struct handed {
	struct server *server;
	int fd;
};

static int go_on(void *arg)
{
	struct handed *handed = arg;

	return tell_shard(handed->fd, handed->server);
}

static int hand_on(int fd, void *arg)
{
	static struct handed handed;

	handed = (struct handed){ arg, fd };
	ask(fd, answer(fd));
	return peal_spawn(go_on, &handed, PEAL_SPAWN(.place = PEAL_PINNED(2)));
}

TASK_TEST(connections_go_to_other_shards, .shards = 3)
{
	struct server server = { .handler = move_about }, second = { .handler = hand_on };
	int fd;

	begin(&server, 0);
	fd = join(&server);
	for (int i = 0; i < 30; i++) {
		ask(fd, 'x');
		ck_assert_int_eq(answer(fd), '0' + i % 3);
	}
	peal_close(fd);
	wait_for(&server.ended, 1);
	begin(&second, 1);
	fd = join(&second);
	ask(fd, 'x');
	ck_assert_int_eq(answer(fd), 'x');
	for (int i = 0; i < 3; i++) {
		ask(fd, 'y');
		ck_assert_int_eq(answer(fd), '2');
	}
	peal_close(fd);
	wait_for(&second.ended, 1);
	PEAL_SCOPE (shield, .shield = 1) {
		end(&server);
		end(&second);
	}
	return 0;
}

static Suite *serve_suite(void)
{
	Suite *suite = suite_create("serve");
	TCase *tcase = tcase_create("serve");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, shards_get_their_share);
	ADD_TASK_TEST(tcase, a_place_is_kept_to);
	ADD_TASK_TEST(tcase, others_accept_while_the_servers_shard_is_held_up);
	ADD_TASK_TEST(tcase, a_scope_ends_the_serving);
	ADD_TASK_TEST(tcase, what_cannot_be_accepted_from_is_refused);
	ADD_TASK_TEST(tcase, a_drain_ends_what_is_idle);
	ADD_TASK_TEST(tcase, connections_go_to_other_shards);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(serve_suite());
}
