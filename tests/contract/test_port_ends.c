/* SPDX-License-Identifier: MIT */
/*
 * The ends of ports: a client that leaves, a port that is closed, a runtime that drains or ends, leave
 * nobody hanging and no place lost.
 */
#include <stdlib.h>

#include "tests/contract/port_help.h"

/* Requests that somebody works on, and their client is gone. */

static atomic_int taken;
static struct peal_request *held[4];

static int hold(void *arg)
{
	(void)arg;
	while (!peal_port_recv(port, &held[atomic_load(&taken)]))
		atomic_fetch_add(&taken, 1);
	return 0;
}

static int reply_all(void *arg)
{
	(void)arg;
	for (int i = 0; i < atomic_load(&taken); i++) {
		ck_assert_uint_eq(held[i]->abandoned, 1);
		if (peal_port_reply(held[i], 0, "late", 4) == -ECANCELED)
			atomic_fetch_add(&told, 1);
	}
	return 0;
}

static void *call_and_be_cancelled(void *arg)
{
	ck_assert_int_eq(peal_port_call(arg, "x", 1, NULL, 0, PEAL_NEVER), -ECANCELED);
	return NULL;
}

START_TEST(a_reply_to_nobody_is_told_and_frees_the_place)
{
	struct peal_port_client *client;
	pthread_t thread;
	uint64_t ticket;

	start(_i);
	open_port(4);
	client = connect_to();
	ck_assert_int_eq(peal_rt_spawn(rt, hold, NULL, NULL), 0);
	ck_assert_int_eq(
		peal_port_call(client, "x", 1, NULL, 0, peal_in(20 * PEAL_MS)), -ETIMEDOUT);
	wait_for(&taken, 1);
	ck_assert_int_eq(peal_port_send(client, "x", 1, PEAL_NEVER, &ticket), 0);
	wait_for(&taken, 2);
	ck_assert_int_eq(peal_port_cancel(client, ticket), 0);
	ck_assert_int_eq(peal_port_send(client, "x", 1, PEAL_NEVER, &ticket), 0);
	wait_for(&taken, 3);
	ck_assert_int_eq(pthread_create(&thread, NULL, call_and_be_cancelled, client), 0);
	wait_for(&taken, 4);
	ck_assert_uint_eq(stats().working, 4);
	peal_port_disconnect(client);
	pthread_join(thread, NULL);
	ck_assert_int_eq(peal_rt_spawn(rt, reply_all, NULL, NULL), 0);
	wait_for(&told, 4);
	expect_calm();
	peal_rt_stop(rt);
}
END_TEST

/* The ends of the other side */

static void *call_and_expect(void *arg)
{
	struct peal_port_client *client = connect_to();
	ssize_t n;

	atomic_fetch_add(&told, 1);
	n = peal_port_call(client, "x", 1, NULL, 0, PEAL_NEVER);
	ck_assert_int_eq(n, *(int *)arg);
	ck_assert_int_eq(peal_port_call(client, "x", 1, NULL, 0, PEAL_NEVER), -ESHUTDOWN);
	peal_port_disconnect(client);
	return NULL;
}

/* Some wait to be taken, some for a place. */
START_TEST(a_closed_port_fails_who_waits)
{
	struct peal_port_client *client = NULL;
	pthread_t threads[6];
	int expected = -ESHUTDOWN;

	start(_i);
	open_port(2);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, call_and_expect, &expected), 0);
	wait_for(&told, 6);
	usleep(20000);
	peal_port_close(port);
	for (int i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(peal_port_connect(&client, port), -ESHUTDOWN);
	peal_rt_stop(rt);
}
END_TEST

static void end_while_working(int backend, bool emergency)
{
	pthread_t threads[3];
	int expected = -ECONNRESET;

	start(backend);
	open_port(3);
	ck_assert_int_eq(peal_rt_spawn(rt, hold, NULL, NULL), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, call_and_expect, &expected), 0);
	wait_for(&taken, 3);
	if (emergency)
		peal_rt_emergency(rt);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

START_TEST(the_end_of_the_runtime_fails_what_it_worked_on)
{
	end_while_working(_i, false);
}
END_TEST

START_TEST(so_does_an_emergency)
{
	end_while_working(_i, true);
}
END_TEST

/* A draining runtime takes no more requests, and does not wait for those who would serve them. */
START_TEST(draining_closes_ports)
{
	struct peal_port_client *client;
	int64_t begin;

	start(_i);
	open_port(2);
	serve(2);
	client = connect_to();
	ask(client, 5);
	begin = peal_now();
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_int_lt(
		peal_now() - begin, 45 * PEAL_MS + PEAL_S * (getenv("PEAL_SANITIZER") != NULL));
	ck_assert_int_eq(peal_port_call(client, "x", 1, NULL, 0, PEAL_NEVER), -ESHUTDOWN);
	peal_port_disconnect(client);
}
END_TEST

static Suite *port_ends_suite(void)
{
	Suite *suite = suite_create("port_ends");
	TCase *tcase = tcase_create("port_ends");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, a_reply_to_nobody_is_told_and_frees_the_place);
	ADD_TASK_TEST(tcase, a_closed_port_fails_who_waits);
	ADD_TASK_TEST(tcase, the_end_of_the_runtime_fails_what_it_worked_on);
	ADD_TASK_TEST(tcase, so_does_an_emergency);
	ADD_TASK_TEST(tcase, draining_closes_ports);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(port_ends_suite());
}
