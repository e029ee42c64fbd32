/* SPDX-License-Identifier: MIT */
/*
 * Messages among more shards than CPUs, with pauses and parking at random points: none is lost, none comes
 * twice, those of each pair come in order, nobody sleeps through a bell.
 *
 * PEAL_MESSAGES says how many there are in all: 10^7 by default, 10^9 under `make soak`. PEAL_SEED
 * repeats the choices of a run.
 *
 * On each shard one fiber sends to everybody in random order and batches; a message's value is its number
 * in its pair. Handlers check the numbers, and so do fibers with a mailbox for every fourth message
 * (its tag is KEPT). Sums are added up beside them.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/contract/runtime.h"

enum { SHARDS = 8, LONGEST_BURST = 200 };
enum { HANDLED = 1, KEPT, COUNTED };

static uint64_t seed, each; /* messages of a pair */

static struct peer {
	_Alignas(128) uint64_t next[SHARDS][2]; /* by sender, and whether it is kept */
	uint64_t handled, kept, counted;
	uint64_t state; /* of the handlers' choices */
} peers[SHARDS];

static uint64_t next_random(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15ULL;
	uint64_t z = *state;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* Check's own assertions write to a pipe each time. */
#define must(condition) ((condition) ? (void)0 : ck_abort_msg("not so: %s", #condition))

static struct peer *here(void)
{
	return &peers[peal_shard()];
}

/* Now and then the whole shard stands still, with whatever it holds. */
static void stumble(uint64_t *state)
{
	if (next_random(state) % 20000 == 0)
		usleep((useconds_t)(next_random(state) % 300));
}

/* Numbers 0, 1, 2 and 4, 5, 6 are handled, 3 and 7 are kept, and so on. */
static uint64_t following(uint64_t number, bool kept)
{
	return kept ? number + 4 : number + (number % 4 == 2 ? 2 : 1);
}

static void check(const struct peal_msg *msg, bool kept)
{
	uint64_t *next = &here()->next[msg->from][kept];

	must(msg->value == *next);
	*next = following(*next, kept);
}

static void on_handled(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	check(msg, false);
	here()->handled++;
	stumble(&here()->state);
}

static void on_counted(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	here()->counted += msg->value;
}

static int receiver(void *arg)
{
	uint64_t state = seed + (uint64_t)peal_shard() * 77;
	struct peal_msg msg;

	(void)arg;
	while (here()->kept < SHARDS * (each / 4)) {
		must(!peal_msg_recv(KEPT, &msg));
		check(&msg, true);
		here()->kept++;
		/* So that mailboxes fill, too. */
		if (next_random(&state) % 4000 == 0)
			must(!peal_sleep((int64_t)(next_random(&state) % (200 * PEAL_US))));
	}
	return 0;
}

/* Goes on, gives way, sleeps, or waits until its message has arrived: all shards park often. */
static void pause_somehow(uint64_t *state, const struct peal_ticket *ticket)
{
	switch (next_random(state) % 16) {
	case 0:
		must(!peal_sleep((int64_t)(next_random(state) % (100 * PEAL_US))));
		break;
	case 1:
		if (ticket->position)
			must(!peal_ticket_wait(ticket));
		break;
	case 2:
		must(!peal_msg_flush());
		break;
	case 3 ... 5:
		must(!peal_yield());
		break;
	default:
		break;
	}
	stumble(state);
}

static int send_somehow(
	uint64_t *state, unsigned int to, uint64_t number, struct peal_ticket *ticket)
{
	uint32_t tag = number % 4 == 3 ? KEPT : HANDLED;

	switch (next_random(state) % 64) {
	case 0:
		return peal_msg_send_now(to, tag, number);
	case 1:
		return peal_msg_send_ticket(to, tag, number, ticket);
	case 2:
		return peal_msg_try_send(to, tag, number);
	case 3:
		return (int)peal_msg_send_many(to, tag, &number, 1) == 1 ? 0 : -EIO;
	default:
		return peal_msg_send(to, tag, number);
	}
}

static void send_burst(uint64_t *state, unsigned int to, uint64_t *number)
{
	uint64_t n = 1 + next_random(state) % LONGEST_BURST;
	struct peal_ticket ticket = { 0 };

	while (n-- && *number < each) {
		int err = send_somehow(state, to, *number, &ticket);

		if (err == -EAGAIN)
			break;
		must(!err);
		must(!peal_accum_add(to, COUNTED, 1));
		++*number;
	}
	pause_somehow(state, &ticket);
}

static int sender(void *arg)
{
	uint64_t state = seed + (uint64_t)peal_shard();
	uint64_t numbers[SHARDS] = { 0 };
	unsigned int left = SHARDS;

	(void)arg;
	while (left) {
		unsigned int to = next_random(&state) % SHARDS;

		if (numbers[to] == each)
			continue;
		send_burst(&state, to, &numbers[to]);
		left -= numbers[to] == each;
	}
	return 0;
}

static int begin(void *arg)
{
	struct peer *peer = here();

	for (int from = 0; from < SHARDS; from++)
		peer->next[from][true] = 3;
	peer->state = seed * 31 + (uint64_t)peal_shard();
	must(!peal_msg_handle(HANDLED, on_handled, NULL));
	must(!peal_accum_handle(COUNTED, on_counted, NULL));
	must(!peal_spawn(receiver, arg, NULL));
	return peal_spawn(sender, arg, NULL);
}

static _Atomic uint64_t rescued;

static int storm(void *arg)
{
	ck_assert_int_eq(peal_spawn_each(begin, arg, NULL), 0);
	while (counter("messages_received") < SHARDS * SHARDS * each)
		ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	fprintf(stderr, "# %llu messages, %llu batches, %llu times full, %llu held, %llu parks\n",
		(unsigned long long)counter("messages_sent"),
		(unsigned long long)counter("messages_published"),
		(unsigned long long)counter("messages_full"),
		(unsigned long long)counter("messages_held"), (unsigned long long)counter("parks"));
	atomic_store(&rescued, counter("parks_rescued"));
	return 0;
}

START_TEST(every_message_comes_once_and_in_order)
{
	fprintf(stderr, "# PEAL_SEED=%llu\n", (unsigned long long)seed);
	run_on(_i, storm, NULL,
		(struct peal_rt_opts){ .shards = SHARDS, .drain_timeout = 3600 * PEAL_S });
	for (int i = 0; i < SHARDS; i++) {
		ck_assert_uint_eq(peers[i].kept, SHARDS * (each / 4));
		ck_assert_uint_eq(peers[i].handled, SHARDS * (each - each / 4));
		ck_assert_uint_eq(peers[i].counted, SHARDS * each);
	}
	ck_assert_uint_eq(atomic_load(&rescued), 0);
}
END_TEST

static Suite *storm_suite(void)
{
	Suite *suite = suite_create("msg_storm");
	TCase *tcase = tcase_create("msg_storm");

	tcase_set_timeout(tcase, 120);
	ADD_TASK_TEST(tcase, every_message_comes_once_and_in_order);
	suite_add_tcase(suite, tcase);
	return suite;
}

/* Fewer under tools that make everything slow. */
static double how_many(void)
{
	const char *given = getenv("PEAL_MESSAGES"), *sanitizer = getenv("PEAL_SANITIZER");

	if (given)
		return strtod(given, NULL);
	if (getenv("PEAL_SOAK"))
		return 1e9;
	return sanitizer && *sanitizer ? 1e6 : 1e7;
}

int main(void)
{
	const char *given = getenv("PEAL_SEED");

	seed = given ? strtoull(given, NULL, 0) : (uint64_t)getpid();
	each = (uint64_t)(how_many() / (SHARDS * SHARDS)) / 4 * 4 + 4;
	find_backends();
	return peal_check_main(storm_suite());
}
