/* SPDX-License-Identifier: MIT */
/* The ring of a pair: order, bounds, who tells whom and when, and that no message and no waiting sender
 * is forgotten. */
#include <pthread.h>
#include <sched.h>

#define PEAL_MSG_SLOTS 8
#include "core/fiber/sanitizer.h"
#include "core/msg/msg_ring.h"
#include "core/msg/sum.h"
#include "tests/check_main.h"

static struct peal_msg_ring ring;

static void write_one(uint64_t value)
{
	ck_assert(peal_msg_ring_has_room(&ring));
	peal_msg_ring_write(&ring, 3, 7, value);
}

static void read_one(uint64_t value)
{
	const struct peal_msg *msg = peal_msg_ring_next(&ring);

	ck_assert_ptr_nonnull(msg);
	ck_assert_uint_eq(msg->value, value);
	ck_assert_uint_eq(msg->tag, 7);
	ck_assert_uint_eq(msg->from, 3);
	peal_msg_ring_drop(&ring);
}

START_TEST(nothing_is_seen_before_it_is_published)
{
	peal_msg_ring_init(&ring);
	ck_assert_ptr_null(peal_msg_ring_next(&ring));
	write_one(1);
	write_one(2);
	ck_assert_ptr_null(peal_msg_ring_next(&ring));
	ck_assert_uint_eq(peal_msg_ring_count(&ring), 0);
	ck_assert(peal_msg_ring_publish(&ring));
	ck_assert_uint_eq(peal_msg_ring_count(&ring), 2);
	read_one(1);
	read_one(2);
	ck_assert_ptr_null(peal_msg_ring_next(&ring));
}
END_TEST

START_TEST(the_node_is_pushed_once_until_the_receiver_rests)
{
	peal_msg_ring_init(&ring);
	write_one(1);
	ck_assert(peal_msg_ring_publish(&ring));
	write_one(2);
	ck_assert(!peal_msg_ring_publish(&ring));
	read_one(1);
	ck_assert(!peal_msg_ring_rest(&ring));
	read_one(2);
	write_one(3);
	ck_assert(!peal_msg_ring_publish(&ring));
	ck_assert(!peal_msg_ring_rest(&ring));
	read_one(3);
	ck_assert(peal_msg_ring_rest(&ring));
	write_one(4);
	ck_assert(peal_msg_ring_publish(&ring));
}
END_TEST

START_TEST(a_full_ring_has_room_again_when_the_receiver_has_told)
{
	peal_msg_ring_init(&ring);
	for (uint64_t i = 0; i < PEAL_MSG_SLOTS; i++)
		write_one(i);
	ck_assert(!peal_msg_ring_has_room(&ring));
	ck_assert(peal_msg_ring_publish(&ring));
	read_one(0);
	ck_assert_uint_eq(peal_msg_ring_look(&ring), 0);
	ck_assert(!peal_msg_ring_has_room(&ring));
	ck_assert(!peal_msg_ring_tell(&ring)); /* nobody wanted to know */
	ck_assert_uint_eq(peal_msg_ring_look(&ring), 1);
	write_one(8);
	ck_assert(!peal_msg_ring_has_room(&ring));
	ck_assert_uint_eq(peal_msg_ring_unread(&ring), 8);
	ck_assert_uint_eq(peal_msg_ring_oldest(&ring)->value, 1);
}
END_TEST

START_TEST(whoever_asks_is_answered_once)
{
	peal_msg_ring_init(&ring);
	write_one(1);
	write_one(2);
	peal_msg_ring_publish(&ring);
	ck_assert_uint_eq(peal_msg_ring_ask(&ring), 0);
	read_one(1);
	ck_assert(peal_msg_ring_tell(&ring));
	read_one(2);
	ck_assert(!peal_msg_ring_tell(&ring));
	/* News that was told before the question is in its answer. */
	ck_assert_uint_eq(peal_msg_ring_ask(&ring), 2);
	ck_assert_uint_eq(peal_msg_ring_head(&ring), 2);
}
END_TEST

START_TEST(the_words_of_the_two_sides_do_not_share_lines)
{
	const uintptr_t line = 128;
	const uintptr_t at[] = { (uintptr_t)&ring.written, (uintptr_t)&ring.tail,
		(uintptr_t)&ring.head, (uintptr_t)&ring.read, (uintptr_t)ring.slots };

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		for (size_t j = 0; j < i; j++)
			ck_assert_uint_ne(at[i] / line, at[j] / line);
	/* What is needed together is together. */
	ck_assert_uint_eq((uintptr_t)&ring.tail / line, (uintptr_t)&ring.node / line);
	ck_assert_uint_eq(sizeof(struct peal_msg), 16);
}
END_TEST

/*
 * Two threads that do what shards do, each with an inbox in which only the fact counts that something was
 * pushed: a sender that waits for an answer when the ring is full, a receiver that waits for the node
 * when it has come to rest. If either is forgotten, they stand still.
 */

/* Valgrind runs one thread at a time. */
#define MESSAGES (peal_on_valgrind() ? 20000u : 2000000u)

static PEAL_ATOMIC(uint32_t) node_pushed, answer_pushed;

static void push(PEAL_ATOMIC(uint32_t) * inbox)
{
	ck_assert_uint_eq(peal_add_acq_rel(inbox, 1), 0); /* never twice */
}

static void wait_for(PEAL_ATOMIC(uint32_t) * inbox)
{
	for (unsigned int i = 0; !peal_load_acquire(inbox); i++)
		if (i % 64 == 63)
			sched_yield();
	peal_sub_acq_rel(inbox, 1);
}

static void publish(void)
{
	if (ring.written != ring.published && peal_msg_ring_publish(&ring))
		push(&node_pushed);
}

static void make_room(bool *asked)
{
	publish();
	if (!*asked) {
		peal_msg_ring_ask(&ring);
		*asked = true;
	} else {
		peal_msg_ring_look(&ring);
	}
	if (peal_msg_ring_has_room(&ring))
		return; /* the answer comes some time */
	wait_for(&answer_pushed);
	*asked = false;
	peal_msg_ring_look(&ring);
}

static void *sender(void *arg)
{
	unsigned int batch = 1 + *(unsigned int *)arg % 5;
	bool asked = false;

	for (uint64_t i = 0; i < MESSAGES; i++) {
		while (!peal_msg_ring_has_room(&ring))
			make_room(&asked);
		peal_msg_ring_write(&ring, 3, 7, i);
		if (i % batch == 0)
			publish();
	}
	publish();
	return NULL;
}

static void receive(void)
{
	uint64_t next = 0;

	while (next < MESSAGES) {
		wait_for(&node_pushed);
		do {
			const struct peal_msg *msg;

			while ((msg = peal_msg_ring_next(&ring))) {
				ck_assert_uint_eq(msg->value, next++);
				peal_msg_ring_drop(&ring);
				if (next % 3 == 0)
					break;
			}
			if (peal_msg_ring_tell(&ring))
				push(&answer_pushed);
		} while (!peal_msg_ring_rest(&ring));
	}
}

START_TEST(nothing_and_nobody_is_forgotten)
{
	unsigned int batch = (unsigned int)_i;
	pthread_t thread;

	peal_msg_ring_init(&ring);
	ck_assert_int_eq(pthread_create(&thread, NULL, sender, &batch), 0);
	receive();
	pthread_join(thread, NULL);
	ck_assert_uint_eq(peal_msg_ring_unread(&ring), 0);
}
END_TEST

/* Sums (sum.h). */

static struct peal_sum sum;

START_TEST(a_sum_tells_when_it_was_nothing)
{
	peal_sum_init(&sum);
	ck_assert(peal_sum_add(&sum, 5));
	ck_assert(!peal_sum_add(&sum, 6));
	ck_assert_uint_eq(peal_sum_left(&sum), 11);
	ck_assert_uint_eq(peal_sum_take(&sum), 11);
	ck_assert(peal_sum_add(&sum, UINT64_MAX));
	ck_assert(!peal_sum_add(&sum, 1));
	ck_assert_uint_eq(peal_sum_take(&sum), UINT64_MAX);
	ck_assert_uint_eq(peal_sum_of(UINT64_MAX - 1, 1), UINT64_MAX);
}
END_TEST

static void *adder(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < MESSAGES; i++)
		if (peal_sum_add(&sum, 1))
			push(&node_pushed);
	return NULL;
}

START_TEST(what_is_added_is_taken)
{
	uint64_t total = 0;
	pthread_t thread;

	peal_sum_init(&sum);
	ck_assert_int_eq(pthread_create(&thread, NULL, adder, NULL), 0);
	while (total < MESSAGES) {
		wait_for(&node_pushed);
		total += peal_sum_take(&sum);
	}
	pthread_join(thread, NULL);
	ck_assert_uint_eq(total, MESSAGES);
	ck_assert_uint_eq(peal_load_relaxed(&node_pushed), 0);
}
END_TEST

static Suite *msg_ring_suite(void)
{
	Suite *suite = suite_create("msg_ring");
	TCase *tcase = tcase_create("msg_ring");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, nothing_is_seen_before_it_is_published);
	tcase_add_test(tcase, the_node_is_pushed_once_until_the_receiver_rests);
	tcase_add_test(tcase, a_full_ring_has_room_again_when_the_receiver_has_told);
	tcase_add_test(tcase, whoever_asks_is_answered_once);
	tcase_add_test(tcase, the_words_of_the_two_sides_do_not_share_lines);
	tcase_add_loop_test(tcase, nothing_and_nobody_is_forgotten, 0, 3);
	tcase_add_test(tcase, a_sum_tells_when_it_was_nothing);
	tcase_add_test(tcase, what_is_added_is_taken);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(msg_ring_suite());
}
