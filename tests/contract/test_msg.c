/* SPDX-License-Identifier: MIT */
/*
 * Messages between shards: handlers, mailboxes, bounds, order, tickets; on every backend.
 */
#include <errno.h>
#include <string.h>

#include "tests/contract/msg_help.h"

static void off_the_shards(void)
{
	struct peal_ticket ticket = { 0 };
	struct peal_msg msg;
	uint64_t value = 0;

	ck_assert_int_eq(peal_msg_handle(WORK, take, NULL), -EPERM);
	ck_assert_int_eq(peal_msg_unhandle(WORK), -EPERM);
	ck_assert_int_eq(peal_msg_send(0, WORK, 0), -EPERM);
	ck_assert_int_eq(peal_msg_try_send(0, WORK, 0), -EPERM);
	ck_assert_int_eq(peal_msg_send_many(0, WORK, &value, 1), -EPERM);
	ck_assert_int_eq(peal_msg_send_now(0, WORK, 0), -EPERM);
	ck_assert_int_eq(peal_msg_send_ticket(0, WORK, 0, &ticket), -EPERM);
	ck_assert_int_eq(peal_msg_flush(), -EPERM);
	ck_assert_int_eq(peal_ticket_wait(&ticket), -EPERM);
	ck_assert_int_eq(peal_msg_recv(WORK, &msg), -EPERM);
}

START_TEST(a_thread_that_is_no_shard_is_refused)
{
	off_the_shards();
}
END_TEST

TASK_TEST(misuse_is_refused)
{
	struct peal_ticket ticket = { .position = 1, .to = 1, .from = (uint32_t)peal_shard() };
	uint64_t value = 0;

	ck_assert_int_eq(peal_msg_send(2, WORK, 0), -EINVAL);
	ck_assert_int_eq(peal_msg_try_send(2, WORK, 0), -EINVAL);
	ck_assert_int_eq(peal_msg_send_now(2, WORK, 0), -EINVAL);
	ck_assert_int_eq(peal_msg_send_many(2, WORK, &value, 1), -EINVAL);
	ck_assert_int_eq(peal_msg_send_many(1, WORK, NULL, 1), -EINVAL);
	ck_assert_int_eq(peal_msg_send_many(1, WORK, &value, SIZE_MAX), -EINVAL);
	ck_assert_int_eq(peal_msg_send_many(1, WORK, NULL, 0), 0);
	ck_assert_int_eq(peal_msg_send_ticket(1, WORK, 0, NULL), -EINVAL);
	ck_assert_int_eq(peal_msg_handle(WORK, NULL, NULL), -EINVAL);
	ck_assert_int_eq(peal_msg_unhandle(WORK), -ENOENT);
	ck_assert_int_eq(peal_msg_recv(WORK, NULL), -EINVAL);
	/* Tickets that nobody gave us. */
	ck_assert_int_eq(peal_ticket_wait(NULL), -EINVAL);
	ck_assert_int_eq(peal_ticket_wait(&ticket), -EINVAL);
	ticket.to = 2;
	ck_assert_int_eq(peal_ticket_wait(&ticket), -EINVAL);
	ticket.to = 1, ticket.from++;
	ck_assert_int_eq(peal_ticket_wait(&ticket), -EINVAL);
	return 0;
}

TASK_TEST(a_message_reaches_the_handler_of_its_tag)
{
	ck_assert_int_eq(on_shard(1, handle_work, NULL), 0);
	ck_assert_int_eq(peal_msg_send(1, WORK, 0), 0);
	wait_for(1);
	ck_assert_uint_eq(got.last.tag, WORK);
	ck_assert_uint_eq(got.last.from, 0);
	ck_assert_uint_eq(counter("messages_sent"), 1);
	while (counter("messages_received") != 1)
		peal_sleep(PEAL_MS / 10); /* counted after the handler */
	ck_assert_uint_eq(counter("messages_published"), 1);
	return 0;
}

TASK_TEST(a_shard_sends_to_itself)
{
	ck_assert_int_eq(handle_work(NULL), 0);
	for (uint64_t i = 0; i < 10000; i++)
		ck_assert_int_eq(peal_msg_send(0, WORK, i), 0);
	wait_for(10000);
	return 0;
}

TASK_TEST(many_messages_arrive_in_order)
{
	ck_assert_int_eq(on_shard(1, handle_work, NULL), 0);
	for (uint64_t i = 0; i < 200000; i++)
		ck_assert_int_eq(peal_msg_send(1, WORK, i), 0);
	wait_for(200000);
	return 0;
}

/* Bounds. */

static void fill(unsigned int to)
{
	for (uint64_t i = 0; i < PEAL_MSG_ROOM; i++)
		ck_assert_int_eq(peal_msg_try_send(to, WORK, i), 0);
	ck_assert_int_eq(peal_msg_try_send(to, WORK, PEAL_MSG_ROOM), -EAGAIN);
}

static atomic_int sent;

static int send_the_next(void *arg)
{
	int err = peal_msg_send(1, WORK, (uintptr_t)arg);

	atomic_fetch_add(&sent, 1);
	return err;
}

TASK_TEST(a_full_ring_refuses_or_makes_wait)
{
	struct peal_task *other, *waiting[3];
	int result;

	ck_assert_int_eq(on_shard(1, handle_work, NULL), 0);
	other = start_hog(1);
	fill(1);
	ck_assert_uint_eq(counter("messages_full"), 1);
	for (uintptr_t i = 0; i < 3; i++)
		ck_assert_int_eq(peal_task_spawn(&waiting[i], send_the_next,
					 (void *)(PEAL_MSG_ROOM + i), NULL),
			0);
	ck_assert_int_eq(peal_sleep(5 * PEAL_MS), 0);
	ck_assert_int_eq(atomic_load(&sent), 0);
	ck_assert_int_eq(peal_msg_try_send(1, WORK, 0), -EAGAIN);
	end_hog(other);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(peal_task_join(waiting[i], &result), 0);
		ck_assert_int_eq(result, 0);
	}
	wait_for(PEAL_MSG_ROOM + 3);
	return 0;
}

static struct {
	struct peal_post post;
	atomic_int done;
} callback;

static void send_from_callback(struct peal_post *post)
{
	uint64_t values[PEAL_MSG_ROOM + 1];
	struct peal_ticket ticket;

	(void)post;
	for (uint64_t i = 0; i <= PEAL_MSG_ROOM; i++)
		values[i] = 10 + i;
	for (uint64_t i = 0; i < 10; i++)
		ck_assert_int_eq(peal_msg_send_ticket(1, WORK, i, &ticket), 0);
	ck_assert_int_eq(peal_ticket_wait(&ticket), -EAGAIN);
	ck_assert_int_eq(
		peal_msg_send_many(1, WORK, values, PEAL_MSG_ROOM + 1), PEAL_MSG_ROOM - 10);
	ck_assert_int_eq(peal_msg_send_many(1, WORK, values, 1), -EAGAIN);
	ck_assert_int_eq(peal_msg_send(1, WORK, 0), -EAGAIN);
	ck_assert_int_eq(peal_msg_send_now(1, WORK, 0), -EAGAIN);
	ck_assert_int_eq(peal_msg_send_ticket(1, WORK, 0, &ticket), -EAGAIN);
	atomic_store(&callback.done, 1);
}

TASK_TEST(a_callback_never_waits)
{
	struct peal_task *other;

	ck_assert_int_eq(on_shard(1, handle_work, NULL), 0);
	other = start_hog(1);
	ck_assert_int_eq(peal_rt_post(peal_rt_current(), 0, &callback.post, send_from_callback), 0);
	while (!atomic_load(&callback.done))
		ck_assert_int_eq(peal_sleep(PEAL_MS / 10), 0);
	end_hog(other);
	wait_for(PEAL_MSG_ROOM);
	return 0;
}

TASK_TEST(many_values_in_one_call)
{
	enum { MANY = 5 * PEAL_MSG_ROOM + 7 };
	static uint64_t values[MANY];

	for (uint64_t i = 0; i < MANY; i++)
		values[i] = i;
	ck_assert_int_eq(on_shard(1, handle_work, NULL), 0);
	ck_assert_int_eq(peal_msg_send_many(1, WORK, values, MANY), MANY);
	wait_for(MANY);
	return 0;
}

/* When messages are seen: the sender goes on without giving way. */

static void see(int count)
{
	int64_t until = peal_in(20 * PEAL_S);

	while (atomic_load(&got.count) < count)
		ck_assert_int_lt(peal_now(), until);
}

TASK_TEST(messages_are_seen_when_they_are_to_be)
{
	ck_assert_int_eq(on_shard(1, handle_work, NULL), 0);
	ck_assert_int_eq(peal_sleep(5 * PEAL_MS), 0); /* so that it is asleep */
	ck_assert_int_eq(peal_msg_send(1, WORK, 0), 0);
	for (int64_t until = peal_in(5 * PEAL_MS); peal_now() < until;)
		ck_assert_int_eq(atomic_load(&got.count), 0);
	ck_assert_int_eq(peal_msg_flush(), 0);
	see(1);
	ck_assert_int_eq(peal_msg_send(1, WORK, 1), 0);
	ck_assert_int_eq(peal_msg_send_now(1, WORK, 2), 0);
	see(3);
	/* By suspending; then as many as are published without being asked. */
	ck_assert_int_eq(peal_msg_send(1, WORK, 3), 0);
	ck_assert_int_eq(peal_yield(), 0);
	wait_for(4);
	for (uint64_t i = 4; i < 4 + 64; i++)
		ck_assert_int_eq(peal_msg_send(1, WORK, i), 0);
	ck_assert_uint_eq(counter("messages_published"), 4);
	wait_for(4 + 64);
	return 0;
}

/* Handlers that answer each other. */

static atomic_int rounds;

static void ping(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	ck_assert_int_eq(peal_msg_send(msg->from, REPLY, msg->value + 1), 0);
}

static void pong(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	atomic_store(&rounds, (int)msg->value);
	if (msg->value < 5000)
		ck_assert_int_eq(peal_msg_send(msg->from, WORK, msg->value), 0);
}

static int handle_ping(void *arg)
{
	(void)arg;
	return peal_msg_handle(WORK, ping, NULL);
}

TASK_TEST(handlers_answer_each_other)
{
	ck_assert_int_eq(on_shard(1, handle_ping, NULL), 0);
	ck_assert_int_eq(peal_msg_handle(REPLY, pong, NULL), 0);
	ck_assert_int_eq(peal_msg_send(1, WORK, 0), 0);
	while (atomic_load(&rounds) < 5000)
		ck_assert_int_eq(peal_sleep(PEAL_MS / 10), 0);
	ck_assert_uint_eq(counter("messages_sent"), 10000);
	ck_assert_uint_eq(counter("parks_rescued"), 0);
	return 0;
}

/* Handlers come and go. */

static void take_three(const struct peal_msg *msg, void *arg)
{
	take(msg, arg);
	if (msg->value == 2) {
		ck_assert_int_eq(peal_msg_unhandle(WORK), 0);
		ck_assert_int_eq(peal_msg_unhandle(WORK), -ENOENT);
	}
}

static int handlers_come_and_go(void *arg)
{
	struct peal_msg msg;

	(void)arg;
	/* What was kept comes first, in order; what the handler no longer takes is kept again. */
	ck_assert_int_eq(peal_msg_handle(WORK, take_three, NULL), 0);
	ck_assert_int_eq(peal_msg_handle(WORK, take, NULL), -EEXIST);
	ck_assert_int_eq(peal_msg_recv(WORK, &msg), -EBUSY);
	wait_for(3);
	for (uint64_t i = 3; i < 6; i++) {
		ck_assert_int_eq(peal_msg_recv(WORK, &msg), 0);
		ck_assert_uint_eq(msg.value, i);
		ck_assert_uint_eq(msg.tag, WORK);
		ck_assert_uint_eq(msg.from, 0);
	}
	/* From the mailbox to a handler. */
	ck_assert_int_eq(peal_msg_handle(WORK, take, NULL), 0);
	got.next[0] = 6;
	wait_for(3 + 4);
	ck_assert_uint_eq(got.next[0], 10);
	return 0;
}

TASK_TEST(messages_wait_for_somebody_to_ask)
{
	for (uint64_t i = 0; i < 10; i++) {
		ck_assert_int_eq(peal_msg_send(1, WORK, i), 0);
		ck_assert_int_eq(peal_msg_send(1, LAST, i), 0);
	}
	while (counter("messages_unclaimed") < 20)
		ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	ck_assert_uint_eq(counter("messages_unclaimed"), 20);
	ck_assert_int_eq(on_shard(1, handlers_come_and_go, NULL), 0);
	return 0;
}

static int send_a_lot(void *arg)
{
	for (uint64_t i = 0; i < (uintptr_t)arg; i++)
		ck_assert_int_eq(peal_msg_send(1, WORK, i), 0);
	atomic_store(&sent, 1);
	return 0;
}

TASK_TEST(what_nobody_asks_for_makes_its_senders_wait)
{
	struct peal_task *sender;
	int result;

	ck_assert_int_eq(
		peal_task_spawn(&sender, send_a_lot, (void *)(4 * PEAL_MSG_ROOM), NULL), 0);
	while (!counter("messages_held"))
		ck_assert_int_eq(peal_sleep(PEAL_MS / 10), 0);
	ck_assert_int_eq(peal_sleep(5 * PEAL_MS), 0);
	ck_assert_int_eq(atomic_load(&sent), 0);
	ck_assert_int_eq(atomic_load(&warnings), 1);
	ck_assert_ptr_nonnull(strstr(last_warning, "tag 1 from shard 0"));
	/* It asks for something else, which changes nothing. */
	ck_assert_int_eq(peal_msg_handle(OTHER, take, NULL), 0);
	ck_assert_int_eq(on_shard(1, handle_work, NULL), 0);
	ck_assert_int_eq(peal_task_join(sender, &result), 0);
	wait_for(4 * PEAL_MSG_ROOM);
	ck_assert_uint_eq(counter("messages_unclaimed"), PEAL_MSG_ROOM);
	return 0;
}

/* Mailboxes. */

static int receive_all(void *arg)
{
	struct peal_msg msg;

	for (uint64_t i = 0; i < (uintptr_t)arg; i++) {
		ck_assert_int_eq(peal_msg_recv(WORK, &msg), 0);
		ck_assert_uint_eq(msg.value, i);
	}
	return 0;
}

TASK_TEST(a_fiber_receives_in_order)
{
	struct peal_task *receiver;
	int result;

	ck_assert_int_eq(peal_task_spawn(&receiver, receive_all, (void *)100000,
				 PEAL_SPAWN(.place = PEAL_PINNED(1))),
		0);
	send_a_lot((void *)100000);
	ck_assert_int_eq(peal_task_join(receiver, &result), 0);
	ck_assert_int_eq(result, 0);
	return 0;
}

static int receive_late(void *arg)
{
	struct peal_msg msg;

	/* From now on there is a mailbox, which fills. */
	ck_assert_int_eq(peal_msg_recv(WORK, &msg), 0);
	ck_assert_uint_eq(msg.value, 0);
	while (!counter("messages_held"))
		ck_assert_int_eq(peal_sleep(PEAL_MS / 10), 0);
	ck_assert_int_eq(peal_sleep(5 * PEAL_MS), 0);
	ck_assert_int_eq(atomic_load(&sent), 0);
	for (uint64_t i = 1; i < (uintptr_t)arg; i++) {
		ck_assert_int_eq(peal_msg_recv(WORK, &msg), 0);
		ck_assert_uint_eq(msg.value, i);
	}
	return 0;
}

TASK_TEST(a_full_mailbox_makes_its_senders_wait)
{
	struct peal_task *receiver;
	int result;

	ck_assert_int_eq(peal_task_spawn(&receiver, receive_late, (void *)(4 * PEAL_MSG_ROOM),
				 PEAL_SPAWN(.place = PEAL_PINNED(1))),
		0);
	send_a_lot((void *)(4 * PEAL_MSG_ROOM));
	ck_assert_int_eq(peal_task_join(receiver, &result), 0);
	ck_assert_int_eq(result, 0);
	return 0;
}

static int receive_one(void *arg)
{
	struct peal_msg msg;
	int err = peal_msg_recv(WORK, &msg);

	(void)arg;
	return err ? err : (int)msg.value;
}

TASK_TEST(fibers_receive_in_turn)
{
	struct peal_task *receivers[4];
	int result;

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(peal_task_spawn(&receivers[i], receive_one, NULL, NULL), 0);
	ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	ck_assert_int_eq(peal_msg_handle(WORK, take, NULL), -EBUSY);
	for (uint64_t i = 0; i < 4; i++)
		ck_assert_int_eq(peal_msg_send(0, WORK, i), 0);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(peal_task_join(receivers[i], &result), 0);
		ck_assert_int_eq(result, i);
	}
	return 0;
}

/* Tickets. */

TASK_TEST(a_ticket_tells_that_a_message_was_received)
{
	struct peal_ticket tickets[100];
	struct peal_task *other;

	ck_assert_int_eq(on_shard(1, handle_work, NULL), 0);
	for (uint64_t i = 0; i < 100; i++) {
		ck_assert_int_eq(peal_msg_send_ticket(1, WORK, i, &tickets[i]), 0);
		ck_assert_int_eq(peal_ticket_wait(&tickets[i]), 0);
		ck_assert_int_eq(atomic_load(&got.count), (int)i + 1);
	}
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(peal_ticket_wait(&tickets[i]), 0);
	/* Also one that was sent with waiting for room. */
	other = start_hog(1);
	for (uint64_t i = 0; i < PEAL_MSG_ROOM; i++)
		ck_assert_int_eq(peal_msg_try_send(1, WORK, 100 + i), 0);
	atomic_store(&hogging, 2);
	ck_assert_int_eq(peal_msg_send_ticket(1, WORK, 100 + PEAL_MSG_ROOM, &tickets[0]), 0);
	ck_assert_int_eq(peal_ticket_wait(&tickets[0]), 0);
	ck_assert_int_eq(atomic_load(&got.count), 101 + PEAL_MSG_ROOM);
	ck_assert_int_eq(peal_task_join(other, NULL), 0);
	return 0;
}

static int send_and_wait(void *arg)
{
	struct peal_ticket ticket;

	(void)arg;
	ck_assert_int_eq(peal_msg_send_ticket(1, OTHER, 0, &ticket), 0);
	ck_assert_int_eq(peal_ticket_wait(&ticket), 0);
	return 0;
}

TASK_TEST(many_fibers_wait_with_tickets)
{
	struct peal_task *tasks[50];

	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(peal_task_spawn(&tasks[i], send_and_wait, NULL, NULL), 0);
	/* Kept is received. */
	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(peal_task_join(tasks[i], NULL), 0);
	ck_assert_uint_eq(counter("messages_unclaimed"), 50);
	return 0;
}

static Suite *msg_suite(void)
{
	Suite *suite = suite_create("msg");
	TCase *tcase = tcase_create("msg");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_thread_that_is_no_shard_is_refused);
	ADD_TASK_TEST(tcase, misuse_is_refused);
	ADD_TASK_TEST(tcase, a_message_reaches_the_handler_of_its_tag);
	ADD_TASK_TEST(tcase, a_shard_sends_to_itself);
	ADD_TASK_TEST(tcase, many_messages_arrive_in_order);
	ADD_TASK_TEST(tcase, a_full_ring_refuses_or_makes_wait);
	ADD_TASK_TEST(tcase, a_callback_never_waits);
	ADD_TASK_TEST(tcase, many_values_in_one_call);
	ADD_TASK_TEST(tcase, messages_are_seen_when_they_are_to_be);
	ADD_TASK_TEST(tcase, handlers_answer_each_other);
	ADD_TASK_TEST(tcase, messages_wait_for_somebody_to_ask);
	ADD_TASK_TEST(tcase, what_nobody_asks_for_makes_its_senders_wait);
	ADD_TASK_TEST(tcase, a_fiber_receives_in_order);
	ADD_TASK_TEST(tcase, a_full_mailbox_makes_its_senders_wait);
	ADD_TASK_TEST(tcase, fibers_receive_in_turn);
	ADD_TASK_TEST(tcase, a_ticket_tells_that_a_message_was_received);
	ADD_TASK_TEST(tcase, many_fibers_wait_with_tickets);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	peal_set_log(note_warning, NULL);
	return peal_check_main(msg_suite());
}
