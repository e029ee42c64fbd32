/* SPDX-License-Identifier: MIT */
/* Bells: from rings, threads and signal handlers, sticky, and what the pollable descriptor tells. */
#include <pthread.h>
#include <signal.h>

#include "core/base/atomic.h"
#include "tests/contract/ring/ring.h"

#define RINGERS 4
#define ROUNDS  1000

static bool hears_a_bell(struct contract *c, int64_t timeout)
{
	int64_t end = ring_now(c) + timeout;
	unsigned int before = c->bells;

	while (c->bells == before && ring_now(c) < end)
		ring_wait(c, end - ring_now(c));
	return c->bells != before;
}

static void bell_before_the_wait_is_sticky(struct contract *c)
{
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(c->backend->bell_from_outside(c->ring), 0);
		ck_assert(hears_a_bell(c, 5 * PEAL_S));
	}
	ck_assert(!hears_a_bell(c, 20 * PEAL_MS));
}

static void peek_hears_bells(struct contract *c)
{
	int64_t give_up = ring_now(c) + 5 * PEAL_S;

	ck_assert_int_eq(c->backend->bell_from_outside(c->ring), 0);
	while (!c->bells && ring_now(c) < give_up)
		ring_peek(c);
	ck_assert_uint_eq(c->bells, 1);
}

static void *ring_after_a_moment(void *arg)
{
	struct contract *c = arg;

	usleep(20000);
	return (void *)(intptr_t)c->backend->bell_from_outside(c->ring);
}

static void bell_ends_a_wait_without_deadline(struct contract *c)
{
	pthread_t ringer;
	void *result;

	pthread_create(&ringer, NULL, ring_after_a_moment, c);
	while (!c->bells)
		ring_wait(c, PEAL_NEVER);
	pthread_join(ringer, &result);
	ck_assert_ptr_null(result);
}

static void many_bells_are_one(struct contract *c)
{
	for (int i = 0; i < 10000; i++)
		ck_assert_int_eq(c->backend->bell_from_outside(c->ring), 0);
	ck_assert(hears_a_bell(c, 5 * PEAL_S));
	while (hears_a_bell(c, 20 * PEAL_MS))
		; /* they need not be one, but they must not stay for ever */
	ck_assert_uint_le(c->bells, 10000);
}

static void bell_from_another_ring(struct contract *c)
{
	struct contract other = second_ring(c, NULL);

	for (int i = 0; i < 100; i++) {
		int err;

		while ((err = c->backend->bell(other.ring, c->ring)) < 0)
			ring_peek(&other);
		ring_peek(&other); /* it may have been queued */
		ck_assert(hears_a_bell(c, 5 * PEAL_S));
	}
	close_second_ring(&other);
}

static void bell_to_itself(struct contract *c)
{
	ck_assert_int_eq(c->backend->bell(c->ring, c->ring), 0);
	ck_assert(hears_a_bell(c, 5 * PEAL_S));
}

/* More than a ring has entries for: refused bells are rung again after a peek. */
static void bells_of_a_small_ring(struct contract *c)
{
	struct contract small = second_ring(c, &(struct peal_ring_opts){ .entries = 4 });

	for (int i = 0; i < 1000; i++)
		while (c->backend->bell(small.ring, c->ring) < 0)
			ring_peek(&small);
	ring_peek(&small);
	ck_assert(hears_a_bell(c, 5 * PEAL_S));
	close_second_ring(&small);
}

/* Two threads with a ring each, by turns. A lost bell stops them. */
struct player {
	struct contract contract;
	struct player *other;
	pthread_barrier_t *end;
	PEAL_ATOMIC(struct peal_ring *) ring;
	PEAL_ATOMIC(int) turn;
	bool begins;
};

static void pass_on(struct player *self)
{
	struct peal_ring *to;

	while (!(to = peal_load_acquire(&self->other->ring)))
		usleep(100);
	peal_add_seq_cst(&self->other->turn, 1);
	while (self->contract.backend->bell(self->contract.ring, to) < 0)
		ring_peek(&self->contract);
}

static void *play(void *arg)
{
	struct player *self = arg;
	struct contract *c = &self->contract;

	*c = second_ring(c, NULL);
	peal_store_release(&self->ring, c->ring);
	for (int round = 1; round <= ROUNDS; round++) {
		if (self->begins)
			pass_on(self);
		while (peal_load_seq_cst(&self->turn) < round)
			ring_wait(c, PEAL_NEVER);
		if (!self->begins)
			pass_on(self);
	}
	ring_peek(c); /* what was queued for the other */
	pthread_barrier_wait(self->end);
	close_second_ring(c);
	return NULL;
}

static void bells_go_to_and_fro_between_threads(struct contract *c)
{
	pthread_barrier_t end;
	struct player players[2] = {
		{ .contract = *c, .other = &players[1], .end = &end, .begins = true },
		{ .contract = *c, .other = &players[0], .end = &end },
	};
	pthread_t threads[2];

	pthread_barrier_init(&end, NULL, 2);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, play, &players[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&end);
}

struct ringer {
	struct contract *contract;
	PEAL_ATOMIC(int) rung;
};

static void *ring_often(void *arg)
{
	struct ringer *self = arg;

	for (int i = 0; i < ROUNDS; i++) {
		peal_add_seq_cst(&self->rung, 1);
		if (self->contract->backend->bell_from_outside(self->contract->ring) < 0)
			return self; /* anything but NULL */
	}
	return NULL;
}

/* After the last bell of each the ring wakes once more and sees all. */
static void bells_of_many_threads(struct contract *c)
{
	struct ringer ringers[RINGERS] = { 0 };
	pthread_t threads[RINGERS];
	void *result;
	int rung;

	for (int i = 0; i < RINGERS; i++) {
		ringers[i].contract = c;
		pthread_create(&threads[i], NULL, ring_often, &ringers[i]);
	}
	do {
		ring_wait(c, PEAL_NEVER);
		rung = 0;
		for (int i = 0; i < RINGERS; i++)
			rung += peal_load_seq_cst(&ringers[i].rung);
	} while (rung < RINGERS * ROUNDS);
	for (int i = 0; i < RINGERS; i++) {
		pthread_join(threads[i], &result);
		ck_assert_ptr_null(result);
	}
}

static struct contract *in_handler;
static int handler_result = 1;

static void on_signal(int number)
{
	handler_result = in_handler->backend->bell_from_outside(in_handler->ring);
}

static void bell_from_a_signal_handler(struct contract *c)
{
	const struct sigaction action = { .sa_handler = on_signal };

	in_handler = c;
	sigaction(SIGUSR1, &action, NULL);
	errno = ENOTTY;
	raise(SIGUSR1);
	ck_assert_int_eq(errno, ENOTTY);
	ck_assert_int_eq(handler_result, 0);
	ck_assert(hears_a_bell(c, 5 * PEAL_S));
}

static void ignore_signal(int number)
{
}

static void *send_signals(void *arg)
{
	for (int i = 0; i < 50; i++) {
		usleep(1000);
		pthread_kill(*(pthread_t *)arg, SIGUSR1);
	}
	return NULL;
}

static void signals_do_not_break_a_wait(struct contract *c)
{
	const struct sigaction action = { .sa_handler = ignore_signal };
	pthread_t self = pthread_self(), sender;

	sigaction(SIGUSR1, &action, NULL);
	pthread_create(&sender, NULL, send_signals, &self);
	ring_drive(c, 100 * PEAL_MS);
	pthread_join(sender, NULL);
}

/* Rings that are watched from outside. */

static const struct peal_ring_opts polled = { .polled = 1 };

/*
 * Peek until there is nothing, and look whether the descriptor says the same. What the network still has to
 * tell (that all was acknowledged) may come between the two, once or twice.
 */
static bool is_quiet(struct contract *c)
{
	struct pollfd ask = { .fd = c->backend->poll_fd(c->ring), .events = POLLIN };

	ck_assert_int_ge(ask.fd, 0);
	for (int i = 0; i < 10; i++) {
		ring_drive(c, 2 * PEAL_MS);
		if (poll(&ask, 1, 0) == 0)
			return true;
	}
	return false;
}

static bool is_readable(struct contract *c)
{
	struct pollfd ask = { .fd = c->backend->poll_fd(c->ring), .events = POLLIN };

	return poll(&ask, 1, 1000) == 1;
}

static void poll_fd_tells_of_bells(struct contract *c)
{
	struct contract ring = second_ring(c, &polled);

	for (int i = 0; i < 10; i++) {
		ck_assert(is_quiet(&ring));
		ck_assert_int_eq(c->backend->bell_from_outside(ring.ring), 0);
		ck_assert(is_readable(&ring));
		ck_assert(hears_a_bell(&ring, 5 * PEAL_S));
	}
	ck_assert(is_quiet(&ring));
	close_second_ring(&ring);
}

static void poll_fd_tells_of_bells_from_rings(struct contract *c)
{
	struct contract ring = second_ring(c, &polled);

	for (int i = 0; i < 10; i++) {
		ck_assert(is_quiet(&ring));
		ck_assert_int_eq(c->backend->bell(c->ring, ring.ring), 0);
		ring_peek(c);
		ck_assert(is_readable(&ring));
		ck_assert(hears_a_bell(&ring, 5 * PEAL_S));
	}
	close_second_ring(&ring);
}

static void poll_fd_tells_of_completions(struct contract *c)
{
	struct contract ring = second_ring(c, &polled);
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	char byte;

	for (int i = 0; i < 10; i++) {
		ring_start(&ring, op_recv(&op, pair.ours, &byte, 1, 0));
		ck_assert(is_quiet(&ring));
		put(pair.theirs, "x");
		ck_assert(is_readable(&ring));
		ck_assert_int_eq(ring_finish(&ring, &op), 1);
	}
	ck_assert(is_quiet(&ring));
	close_pair(pair);
	close_second_ring(&ring);
}

/* A cancel, and what a shutdown ends, show like any other completion, once they were handed over. */
static void poll_fd_tells_of_what_we_end_ourselves(struct contract *c)
{
	struct contract ring = second_ring(c, &polled);
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 }, down = { 0 };
	char byte;

	ring_start(&ring, op_recv(&op, pair.ours, &byte, 1, 0));
	ck_assert(is_quiet(&ring));
	ring_cancel(&ring, &op);
	ck_assert(ring_peek(&ring) || is_readable(&ring));
	ck_assert_int_eq(ring_finish(&ring, &op), -ECANCELED);
	ring_start(&ring, op_recv(&op, pair.ours, &byte, 1, 0));
	ck_assert(is_quiet(&ring));
	ring_start(&ring, op_shutdown(&down, pair.ours, SHUT_RDWR));
	ck_assert(ring_peek(&ring) || is_readable(&ring));
	ck_assert_int_eq(ring_finish(&ring, &op), 0);
	ck_assert_int_eq(ring_finish(&ring, &down), 0);
	close_pair(pair);
	close_second_ring(&ring);
}

/* Whoever sleeps on the descriptor gives a backend no occasion to look after things by itself. */
static void poll_fd_tells_of_reused_descriptors(struct contract *c)
{
	struct contract ring = second_ring(c, &polled);
	struct peal_op op = { 0 };
	char byte;

	for (int i = 0; i < 5; i++) {
		struct pair pair = make_pair(c); /* the same numbers each time */

		ring_start(&ring, op_recv(&op, pair.ours, &byte, 1, 0));
		ck_assert(is_quiet(&ring));
		put(pair.theirs, "x");
		ck_assert(is_readable(&ring));
		ck_assert_int_eq(ring_finish(&ring, &op), 1);
		close_pair(pair);
	}
	close_second_ring(&ring);
}

const struct contract_case bell_cases[] = {
	{ "bell_before_the_wait_is_sticky", bell_before_the_wait_is_sticky, 0 },
	{ "peek_hears_bells", peek_hears_bells, 0 },
	{ "bell_ends_a_wait_without_deadline", bell_ends_a_wait_without_deadline, 0 },
	{ "many_bells_are_one", many_bells_are_one, 0 },
	{ "bell_from_another_ring", bell_from_another_ring, 0 },
	{ "bell_to_itself", bell_to_itself, 0 },
	{ "bells_of_a_small_ring", bells_of_a_small_ring, 0 },
	{ "bells_go_to_and_fro_between_threads", bells_go_to_and_fro_between_threads, 0 },
	{ "bells_of_many_threads", bells_of_many_threads, 0 },
	{ "bell_from_a_signal_handler", bell_from_a_signal_handler, 0 },
	{ "signals_do_not_break_a_wait", signals_do_not_break_a_wait, 0 },
	{ "poll_fd_tells_of_bells", poll_fd_tells_of_bells, 0 },
	{ "poll_fd_tells_of_bells_from_rings", poll_fd_tells_of_bells_from_rings, 0 },
	{ "poll_fd_tells_of_completions", poll_fd_tells_of_completions, NEEDS_OPS | BOTH_SOCKETS },
	{ "poll_fd_tells_of_what_we_end_ourselves", poll_fd_tells_of_what_we_end_ourselves,
		NEEDS_OPS | BOTH_SOCKETS },
	{ "poll_fd_tells_of_reused_descriptors", poll_fd_tells_of_reused_descriptors,
		NEEDS_OPS | BOTH_SOCKETS },
	{ 0 },
};
