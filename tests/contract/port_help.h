/* SPDX-License-Identifier: MIT */
/*
 * What the tests of ports share: a runtime with a port, and fibers that add one to what they are asked.
 */
#ifndef PEAL_TESTS_CONTRACT_PORT_HELP_H
#define PEAL_TESTS_CONTRACT_PORT_HELP_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "tests/contract/runtime.h"

enum { ASKED = 500 };

static atomic_int told;

static struct peal_rt *rt;
static struct peal_port *port;

static inline void start(int backend)
{
	ck_assert_int_eq(peal_rt_start(&rt,
				 PEAL_RT(.shards = 2, .backend = backend_names[backend],
					 .drain_timeout = 50 * PEAL_MS),
				 NULL),
		0);
}

static inline void open_port(uint32_t places)
{
	ck_assert_int_eq(peal_port_open(&port, rt, PEAL_PORT(.places = places, .bytes = 64)), 0);
}

static inline struct peal_port_stats stats(void)
{
	struct peal_port_stats now = { .size = sizeof(now) };

	ck_assert_int_eq(peal_port_stats(port, &now), 0);
	return now;
}

/* Every place can be had again: nothing is lost. */
static inline void expect_calm(void)
{
	struct peal_port_stats now = { 0 };

	for (int i = 0; i < 5000; i++) {
		now = stats();
		if (!now.waiting && !now.working)
			break;
		usleep(1000);
	}
	ck_assert_uint_eq(now.waiting, 0);
	ck_assert_uint_eq(now.working, 0);
}

/* Replies with the number plus one, or with the error that is asked for. */
static inline int add_one(void *arg)
{
	struct peal_request *request;
	int err;

	while (!(err = peal_port_recv(arg, &request))) {
		int64_t number;

		ck_assert_uint_eq(request->size, sizeof(number));
		memcpy(&number, request->data, sizeof(number));
		if (number % 7 == 3)
			peal_yield();
		if (number < 0)
			peal_port_reply(request, (int)number, NULL, 0);
		else if (number++ >= 0)
			peal_port_reply(request, 0, &number, sizeof(number));
	}
	ck_assert(err == -ESHUTDOWN || err == -ECANCELED);
	return 0;
}

static inline void serve(int fibers)
{
	for (int i = 0; i < fibers; i++)
		ck_assert_int_eq(
			peal_rt_spawn(rt, add_one, port, PEAL_SPAWN(.place = PEAL_PINNED(i % 2))),
			0);
}

static inline struct peal_port_client *connect_to(void)
{
	struct peal_port_client *client = NULL;

	ck_assert_int_eq(peal_port_connect(&client, port), 0);
	return client;
}

static inline void ask(struct peal_port_client *client, int64_t number)
{
	int64_t answer = 0;

	ck_assert_int_eq(peal_port_call(client, &number, sizeof(number), &answer, sizeof(answer),
				 peal_in(20 * PEAL_S)),
		sizeof(answer));
	ck_assert_int_eq(answer, number + 1);
}

static inline void wait_for(atomic_int *what, int n)
{
	for (int i = 0; i < 10000 && atomic_load(what) < n; i++)
		usleep(1000);
	ck_assert_int_eq(atomic_load(what), n);
}

#endif
