/* SPDX-License-Identifier: MIT */
/*
 * Ports: what is asked is answered, once, to whoever asked, a thread or a fiber; too much is said to be too
 * much; deadlines and cancels lose no place.
 */
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>

#include "tests/contract/port_help.h"

/* The sum over all ports, as everybody sees it. */
static uint64_t of_runtime(const char *counter)
{
	struct peal_stats *now;
	uint64_t value;

	ck_assert_int_eq(peal_stats(&now, rt), 0);
	ck_assert_int_ge(peal_stats_find(now, counter), 0);
	value = peal_stats_value(now, counter);
	peal_stats_free(now);
	return value;
}

static void *ask_often(void *arg)
{
	struct peal_port_client *client = arg ? arg : connect_to();

	for (int64_t i = 0; i < ASKED; i++)
		ask(client, i);
	if (!arg)
		peal_port_disconnect(client);
	return NULL;
}

/* More threads than places, some with a client of their own, some sharing one; few fibers. */
START_TEST(threads_ask_and_fibers_answer)
{
	struct peal_port_client *shared;
	pthread_t threads[8];

	start(_i);
	open_port(3);
	serve(3);
	shared = connect_to();
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, ask_often, i % 2 ? shared : NULL), 0);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(stats().calls, 8 * ASKED);
	ck_assert_uint_eq(stats().replies, 8 * ASKED);
	ck_assert_uint_eq(stats().overloads, 0);
	ck_assert_uint_eq(of_runtime("port_calls"), 8 * ASKED);
	ck_assert_uint_eq(of_runtime("port_replies"), 8 * ASKED);
	expect_calm();
	peal_port_disconnect(shared);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

START_TEST(results_and_arguments)
{
	struct peal_port_client *client;
	char big[65] = { 0 }, few[3] = { 0 };
	int64_t number = -EROFS, two = 2;

	start(_i);
	ck_assert_int_eq(peal_port_open(NULL, rt, NULL), -EINVAL);
	ck_assert_int_eq(peal_port_open(&port, NULL, NULL), -EINVAL);
	ck_assert_int_eq(peal_port_open(&port, rt, PEAL_PORT(.places = 100000)), -EINVAL);
	open_port(1);
	serve(1);
	client = connect_to();
	ck_assert_int_eq(peal_port_call(client, &number, 8, NULL, 0, PEAL_NEVER), -EROFS);
	ck_assert_int_eq(peal_port_call(client, big, 65, NULL, 0, PEAL_NEVER), -EMSGSIZE);
	ck_assert_int_eq(peal_port_call(client, NULL, 8, NULL, 0, PEAL_NEVER), -EINVAL);
	ck_assert_int_eq(peal_port_call(NULL, big, 8, NULL, 0, PEAL_NEVER), -EINVAL);
	/* Room for less than there is. */
	ck_assert_int_eq(peal_port_call(client, &two, 8, few, 2, PEAL_NEVER), 8);
	ck_assert(few[0] + few[1] == 3 && few[2] == 0);
	peal_port_disconnect(client);
	peal_port_disconnect(NULL);
	peal_port_close(NULL);
	peal_rt_stop(rt);
}
END_TEST

/* Nobody serves */
START_TEST(too_much_and_too_late_are_told)
{
	struct peal_port_client *client;
	uint64_t tickets[2], ticket;
	int64_t begin, number = 1;

	start(_i);
	open_port(2);
	client = connect_to();
	begin = peal_now();
	ck_assert_int_eq(
		peal_port_call(client, &number, 8, NULL, 0, peal_in(20 * PEAL_MS)), -ETIMEDOUT);
	ck_assert_int_ge(peal_now() - begin, 20 * PEAL_MS);
	ck_assert_int_eq(peal_port_call(client, &number, 8, NULL, 0, -5), -ETIMEDOUT);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(peal_port_send(client, &number, 8, PEAL_NEVER, &tickets[i]), 0);
	ck_assert_int_eq(peal_port_send(client, &number, 8, PEAL_NEVER, &ticket), -EAGAIN);
	ck_assert_int_eq(peal_port_try_call(client, &number, 8, NULL, 0, PEAL_NEVER), -EAGAIN);
	ck_assert_int_eq(
		peal_port_call(client, &number, 8, NULL, 0, peal_in(10 * PEAL_MS)), -ETIMEDOUT);
	ck_assert_uint_eq(stats().overloads, 2);
	ck_assert_uint_eq(stats().timeouts, 3);
	ck_assert_uint_eq(stats().waiting, 2);
	ck_assert_uint_eq(stats().waiting_most, 2);
	ck_assert_uint_eq(of_runtime("port_calls"), 3);
	ck_assert_uint_eq(of_runtime("port_overloads"), 2);
	ck_assert_uint_eq(of_runtime("port_timeouts"), 3);
	ck_assert_uint_eq(of_runtime("port_waiting_max"), 2);
	ck_assert_int_eq(peal_port_take(client, &ticket, NULL, 0), -EAGAIN);
	ck_assert_uint_eq(ticket, 0);
	peal_port_disconnect(client);
	expect_calm();
	peal_rt_stop(rt);
}
END_TEST

/* What is too late already is not asked, though somebody would reply at once. */
START_TEST(nobody_is_asked_too_late)
{
	struct peal_port_client *client;
	int64_t number = 1, late[] = { INT64_MIN, -1, 0, peal_now() };
	uint64_t ticket = 77;

	start(_i);
	open_port(1);
	serve(1);
	client = connect_to();
	for (int i = 0; i < 400; i++) {
		int64_t deadline = i % 5 < 4 ? late[i % 5] : peal_in(0);

		ck_assert_int_eq(
			peal_port_call(client, &number, 8, &number, 8, deadline), -ETIMEDOUT);
		ck_assert_int_eq(
			peal_port_try_call(client, &number, 8, &number, 8, deadline), -ETIMEDOUT);
		ck_assert_int_eq(peal_port_send(client, &number, 8, deadline, &ticket), -ETIMEDOUT);
	}
	ck_assert_int_eq(number, 1);
	ck_assert_uint_eq(ticket, 77);
	ck_assert_uint_eq(stats().timeouts, 1200);
	ck_assert_uint_eq(stats().calls, 0);
	ck_assert_int_eq(peal_port_take(client, &ticket, NULL, 0), -EAGAIN);
	ask(client, 1);
	peal_port_disconnect(client);
	peal_rt_stop(rt);
}
END_TEST

static int ask_in_a_cancelled_scope(void *arg)
{
	struct peal_scope scope;
	int64_t number = 1;

	PEAL_WITHIN (0)
		ck_assert_int_eq(peal_port_call(arg, &number, 8, NULL, 0, PEAL_NEVER), -ETIMEDOUT);
	ck_assert(peal_expired());
	ck_assert_int_eq(peal_scope_open(&scope, NULL), 0);
	peal_scope_cancel(&scope);
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(
			peal_port_try_call(arg, &number, 8, NULL, 0, PEAL_NEVER), -ECANCELED);
	ck_assert_int_eq(peal_scope_close(&scope), -ECANCELED);
	ck_assert_uint_eq(stats().calls, 0);
	return 0;
}

START_TEST(nor_in_a_cancelled_scope)
{
	struct peal_port_client *client;

	start(_i);
	open_port(1);
	serve(1);
	client = connect_to();
	run_on(_i, ask_in_a_cancelled_scope, client, (struct peal_rt_opts){ 0 });
	peal_port_disconnect(client);
	peal_rt_stop(rt);
}
END_TEST

static bool readable(struct peal_port_client *client, int ms)
{
	struct pollfd fd = { .fd = peal_port_fd(client), .events = POLLIN };

	return poll(&fd, 1, ms) == 1;
}

START_TEST(a_loop_sends_and_takes)
{
	struct peal_port_client *client;
	bool seen[200] = { false };
	uint64_t first = 0, ticket;
	int sent = 0, taken = 0;

	start(_i);
	open_port(16);
	client = connect_to();
	ck_assert(!readable(client, 0));
	serve(2);
	while (taken < 200) {
		int64_t number = sent, answer = 0;
		ssize_t n;

		while (sent < 200 && !peal_port_send(client, &number, 8, PEAL_NEVER, &ticket)) {
			first = first ? first : ticket;
			ck_assert_uint_eq(ticket, first + (uint64_t)sent);
			number = ++sent;
		}
		ck_assert(readable(client, 10000));
		n = peal_port_take(client, &ticket, &answer, sizeof(answer));
		if (n == -EAGAIN)
			continue; /* readable for nothing is allowed */
		ck_assert_int_eq(n, 8);
		ck_assert_int_eq(answer, (int64_t)(ticket - first) + 1);
		ck_assert(!seen[ticket - first]);
		seen[ticket - first] = true;
		taken++;
	}
	ck_assert(!readable(client, 20));
	expect_calm();
	peal_port_disconnect(client);
	peal_rt_stop(rt);
}
END_TEST

START_TEST(what_was_sent_can_be_cancelled_and_runs_out)
{
	struct peal_port_client *client;
	int64_t number = 1, begin;
	uint64_t late, cancelled, ticket;

	start(_i);
	open_port(4);
	client = connect_to();
	begin = peal_now();
	ck_assert_int_eq(peal_port_send(client, &number, 8, peal_in(30 * PEAL_MS), &late), 0);
	ck_assert_int_eq(peal_port_send(client, &number, 8, PEAL_NEVER, &cancelled), 0);
	ck_assert(!readable(client, 0));
	ck_assert_int_eq(peal_port_cancel(client, cancelled), 0);
	ck_assert_int_eq(peal_port_cancel(client, cancelled), -ENOENT);
	ck_assert_int_eq(peal_port_cancel(client, 12345), -ENOENT);
	ck_assert(readable(client, 1000));
	ck_assert_int_eq(peal_port_take(client, &ticket, NULL, 0), -ECANCELED);
	ck_assert_uint_eq(ticket, cancelled);
	ck_assert(readable(client, 10000));
	ck_assert_int_ge(peal_now() - begin, 30 * PEAL_MS);
	ck_assert_int_eq(peal_port_take(client, &ticket, NULL, 0), -ETIMEDOUT);
	ck_assert_uint_eq(ticket, late);
	ck_assert(!readable(client, 20));
	ck_assert_uint_eq(stats().cancels, 1);
	ck_assert_uint_eq(of_runtime("port_cancels"), 1);
	expect_calm();
	peal_port_disconnect(client);
	peal_rt_stop(rt);
}
END_TEST

/* Fibers as clients: of another runtime, and of the same. */

static int ask_as_fiber(void *arg)
{
	struct peal_port_client *client = arg;
	int64_t number = 1;

	for (int64_t i = 0; i < ASKED; i++)
		ask(client, i);
	/* Nobody answers in time: the scope's deadline, and the call's own. */
	peal_port_close(port);
	open_port(1);
	ck_assert_int_eq(peal_port_connect(&client, port), 0);
	PEAL_WITHIN (5 * PEAL_MS)
		ck_assert_int_eq(
			peal_port_call(client, &number, 8, NULL, 0, PEAL_NEVER), -ETIMEDOUT);
	ck_assert_int_eq(
		peal_port_call(client, &number, 8, NULL, 0, peal_in(5 * PEAL_MS)), -ETIMEDOUT);
	ck_assert_uint_eq(stats().waiting, 0);
	peal_port_disconnect(client);
	return 0;
}

START_TEST(fibers_ask)
{
	struct peal_port_client *client;

	start(_i);
	open_port(2);
	serve(1);
	client = connect_to();
	run_on(_i, ask_as_fiber, client, (struct peal_rt_opts){ 0 });
	peal_port_disconnect(client);
	peal_rt_stop(rt);
}
END_TEST

static atomic_int fiber_done;

static int ask_my_own(void *arg)
{
	int result = ask_as_fiber(arg);

	atomic_store(&fiber_done, 1);
	return result;
}

static struct peal_port_client *of_callback;

static void in_callback(struct peal_post *post)
{
	(void)post;
	ck_assert_int_eq(peal_port_call(of_callback, "x", 1, NULL, 0, PEAL_NEVER), -EPERM);
	atomic_fetch_add(&told, 1);
}

START_TEST(fibers_of_the_same_runtime_ask)
{
	static struct peal_post post;
	struct peal_request *request;

	start(_i);
	open_port(2);
	serve(1);
	of_callback = connect_to();
	ck_assert_int_eq(peal_port_recv(port, &request), -EPERM);
	ck_assert_int_eq(peal_rt_post(rt, 0, &post, in_callback), 0);
	wait_for(&told, 1);
	ck_assert_int_eq(
		peal_rt_spawn(rt, ask_my_own, of_callback, PEAL_SPAWN(.place = PEAL_PINNED(1))), 0);
	wait_for(&fiber_done, 1);
	peal_port_disconnect(of_callback);
	peal_rt_stop(rt);
}
END_TEST

START_TEST(the_child_of_a_fork_is_told)
{
	struct peal_port_client *client;
	pid_t child;
	int status;

	start(_i);
	open_port(2);
	serve(1);
	client = connect_to();
	child = fork();
	if (!child) {
		struct peal_port_client *other;
		uint64_t ticket;

		if (peal_port_call(client, "x", 1, NULL, 0, PEAL_NEVER) != -ESTALE ||
			peal_port_take(client, &ticket, NULL, 0) != -ESTALE ||
			peal_port_connect(&other, port) != -ESTALE ||
			peal_port_open(&port, rt, NULL) != -ESTALE)
			_exit(1);
		peal_port_disconnect(client);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && !WEXITSTATUS(status));
	ask(client, 1);
	peal_port_disconnect(client);
	peal_rt_stop(rt);
}
END_TEST

/* Everything at once, with deadlines that are met and missed at random. */

static atomic_bool over;
static atomic_int answered;

static void *be_impatient(void *arg)
{
	struct peal_port_client *client = connect_to();
	unsigned int seed = (unsigned int)(uintptr_t)arg + 1;

	while (!atomic_load(&over)) {
		int64_t number = rand_r(&seed) % 1000, answer = -1;
		uint64_t ticket;
		ssize_t n;

		switch (rand_r(&seed) % 8) {
		case 0:
			if (!peal_port_send(
				    client, &number, 8, peal_in(rand_r(&seed) % 200000), &ticket) &&
				rand_r(&seed) % 2)
				peal_port_cancel(client, ticket);
			continue;
		case 1:
			while (peal_port_take(client, &ticket, &answer, 8) != -EAGAIN)
				;
			continue;
		case 2:
			if (rand_r(&seed) % 20)
				continue;
			peal_port_disconnect(client);
			client = connect_to();
			continue;
		default:
			n = peal_port_call(
				client, &number, 8, &answer, 8, peal_in(rand_r(&seed) % 400000));
			ck_assert_msg(n == 8 || n == -ETIMEDOUT, "%zd", n);
			ck_assert(n != 8 || answer == number + 1);
			atomic_fetch_add(&answered, n == 8);
		}
	}
	peal_port_disconnect(client);
	return NULL;
}

START_TEST(no_place_is_lost_in_a_crowd)
{
	pthread_t threads[4];

	start(_i);
	open_port(4);
	serve(4);
	for (uintptr_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, be_impatient, (void *)i), 0);
	usleep(600000);
	atomic_store(&over, true);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	expect_calm();
	ck_assert_int_gt(atomic_load(&answered), 0);
	/* All four are free: four can be sent. */
	{
		struct peal_port_client *client = connect_to();
		int64_t number = 1;
		uint64_t ticket;

		for (int i = 0; i < 4; i++)
			ck_assert_int_eq(
				peal_port_send(client, &number, 8, PEAL_NEVER, &ticket), 0);
		ck_assert_int_eq(peal_port_send(client, &number, 8, PEAL_NEVER, &ticket), -EAGAIN);
		peal_port_disconnect(client);
	}
	peal_rt_stop(rt);
}
END_TEST

static Suite *port_suite(void)
{
	Suite *suite = suite_create("port");
	TCase *tcase = tcase_create("port");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, threads_ask_and_fibers_answer);
	ADD_TASK_TEST(tcase, results_and_arguments);
	ADD_TASK_TEST(tcase, too_much_and_too_late_are_told);
	ADD_TASK_TEST(tcase, nobody_is_asked_too_late);
	ADD_TASK_TEST(tcase, nor_in_a_cancelled_scope);
	ADD_TASK_TEST(tcase, a_loop_sends_and_takes);
	ADD_TASK_TEST(tcase, what_was_sent_can_be_cancelled_and_runs_out);
	ADD_TASK_TEST(tcase, fibers_ask);
	ADD_TASK_TEST(tcase, fibers_of_the_same_runtime_ask);
	ADD_TASK_TEST(tcase, the_child_of_a_fork_is_told);
	ADD_TASK_TEST(tcase, no_place_is_lost_in_a_crowd);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(port_suite());
}
