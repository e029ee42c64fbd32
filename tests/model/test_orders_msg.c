/* SPDX-License-Identifier: MIT */
/*
 * core/msg/msg_ring.h in every order, with a ring of two, as the two shards of a pair use it with their
 * inboxes: nothing lost, changed or out of order, no sleeper left alone with something to read or with
 * room it waits for, and no slot or node used by both sides at once.
 */
#define PEAL_ATOMIC_HOOK "tests/model/interleave.h"
#define PEAL_MSG_SLOTS   2
#include "core/msg/msg_ring.h"
#include "tests/check_main.h"
#include "tests/model/explore.h"

static struct peal_msg_ring ring;
static struct end { /* a shard's, at one end of the ring */
	struct peal_inbox inbox;
	uint32_t bell;
} sender, receiver;
static unsigned int received;

static void setup(void)
{
	memset(&ring, 0, sizeof(ring));
	peal_msg_ring_init(&ring);
	peal_inbox_init(&sender.inbox);
	peal_inbox_init(&receiver.inbox);
	sender.bell = receiver.bell = received = 0;
}

static void deliver(struct end *to, struct peal_node *node)
{
	il_write(node); /* it must not be in use */
	if (peal_inbox_push(&to->inbox, &node->link) == PEAL_INBOX_RING)
		il_bell_ring(&to->bell);
}

static bool arrived(struct peal_inbox_node *link, const struct peal_node *node)
{
	if (!link)
		return false;
	il_check(link == &node->link && !link->next);
	il_write(node);
	return true;
}

/* Until the node has arrived. */
static void sleep_until(struct end *end, const struct peal_node *node)
{
	for (;;) {
		if (arrived(peal_inbox_take(&end->inbox), node))
			return;
		if (!peal_inbox_park(&end->inbox))
			continue;
		il_bell_wait(&end->bell);
		if (arrived(peal_inbox_unpark(&end->inbox), node))
			return;
	}
}

/* The sender */

static void write_one(uint64_t value)
{
	il_write(&ring.slots[ring.written % PEAL_MSG_SLOTS]);
	peal_msg_ring_write(&ring, 0, 1, value);
}

static void publish(void)
{
	if (peal_msg_ring_publish(&ring))
		deliver(&receiver, &ring.node);
}

static void wait_for_room(void)
{
	peal_msg_ring_ask(&ring);
	if (!peal_msg_ring_has_room(&ring)) {
		sleep_until(&sender, &ring.answer);
		peal_msg_ring_look(&ring);
	}
	il_check(peal_msg_ring_has_room(&ring));
}

static void send_one(uint64_t value)
{
	if (!peal_msg_ring_has_room(&ring))
		peal_msg_ring_look(&ring);
	if (!peal_msg_ring_has_room(&ring))
		wait_for_room();
	write_one(value);
	publish();
}

static void send_two(void)
{
	send_one(0);
	send_one(1);
}

static void send_three(void)
{
	send_one(0);
	send_one(1);
	send_one(2);
}

static void send_three_at_once_and_one(void)
{
	write_one(0);
	write_one(1);
	publish();
	send_one(2);
}

/* The receiver */

static void read_some(unsigned int most)
{
	const struct peal_msg *msg;
	unsigned int n = 0;

	for (; n < most && (msg = peal_msg_ring_next(&ring)); n++) {
		il_read(msg);
		il_check(msg->value == received);
		received++;
		peal_msg_ring_drop(&ring);
	}
	if (n && peal_msg_ring_tell(&ring))
		deliver(&sender, &ring.answer);
}

/* Up to `most` in a turn. */
static void receive(unsigned int count, unsigned int most)
{
	while (received < count) {
		sleep_until(&receiver, &ring.node);
		do
			read_some(most);
		while (!peal_msg_ring_rest(&ring));
	}
}

static void receive_two(void)
{
	receive(2, 2);
}

static void receive_two_one_by_one(void)
{
	receive(2, 1);
}

static void receive_three(void)
{
	receive(3, 3);
}

static void receive_three_one_by_one(void)
{
	receive(3, 1);
}

static void nothing_is_left(void)
{
	il_check(!peal_msg_ring_unread(&ring));
}

static const struct il_scenario two = { "two messages", setup, { receive_two, send_two },
	nothing_is_left };
static const struct il_scenario two_turns = { "two messages in two turns", setup,
	{ receive_two_one_by_one, send_two }, nothing_is_left };
static const struct il_scenario three = { "three messages, room for two", setup,
	{ receive_three, send_three }, nothing_is_left };
static const struct il_scenario three_turns = { "three messages in three turns", setup,
	{ receive_three_one_by_one, send_three }, nothing_is_left };
static const struct il_scenario batch = { "a batch, and one that waits for room", setup,
	{ receive_three_one_by_one, send_three_at_once_and_one }, nothing_is_left };

START_TEST(messages_are_received)
{
	check_holds(&two);
	check_holds(&two_turns);
}
END_TEST

START_TEST(a_sender_that_waits_for_room_is_answered)
{
	check_holds(&batch);
	check_holds(&three);
	check_holds(&three_turns);
}
END_TEST

START_TEST(what_the_ring_relies_on_is_needed)
{
	static const struct il_mutation mutations[] = { { "peal_msg_ring_publish", IL_EXCHANGE,
								IL_ACQ_REL, IL_RELAXED, false },
		{ "peal_msg_ring_publish", IL_EXCHANGE, IL_ACQ_REL, IL_ACQUIRE, false },
		{ "peal_msg_ring_publish", IL_EXCHANGE, IL_ACQ_REL, IL_RELEASE, false },
		{ "peal_msg_ring_publish", IL_EXCHANGE, IL_ACQ_REL, IL_ACQ_REL, true },
		{ "peal_msg_ring_next", IL_LOAD, IL_ACQUIRE, IL_RELAXED, false },
		{ "peal_msg_ring_rest", IL_CAS, IL_ACQ_REL, IL_ACQUIRE, false },
		{ "peal_msg_ring_rest", IL_CAS, IL_ACQ_REL, IL_ACQ_REL, true }, { 0 } };
	static const struct il_mutation of_room[] = { { "peal_msg_ring_tell", IL_EXCHANGE,
							      IL_ACQ_REL, IL_RELAXED, false },
		{ "peal_msg_ring_tell", IL_EXCHANGE, IL_ACQ_REL, IL_ACQUIRE, false },
		{ "peal_msg_ring_tell", IL_EXCHANGE, IL_ACQ_REL, IL_ACQ_REL, true },
		{ "peal_msg_ring_ask", IL_OR, IL_ACQ_REL, IL_RELAXED, false },
		{ "peal_msg_ring_ask", IL_OR, IL_ACQ_REL, IL_ACQ_REL, true },
		{ "peal_msg_ring_head", IL_LOAD, IL_ACQUIRE, IL_RELAXED, false }, { 0 } };

	check_each_fails(&two, mutations);
	check_each_fails(&batch, of_room);
}
END_TEST

static Suite *msg_suite(void)
{
	Suite *suite = suite_create("orders_msg");
	TCase *tcase = explore_tcase("msg");

	tcase_add_test(tcase, messages_are_received);
	tcase_add_test(tcase, a_sender_that_waits_for_room_is_answered);
	tcase_add_test(tcase, what_the_ring_relies_on_is_needed);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(msg_suite());
}
