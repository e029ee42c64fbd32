/* SPDX-License-Identifier: MIT */
/*
 * Messages between shards: handlers, mailboxes, bounds, order, tickets; on every backend.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "tests/contract/runtime.h"

enum { WORK = 1, REPLY, OTHER, LAST = 0xffffffff };

/* On a shard, as a task of its own. */
static int on_shard(unsigned int shard, peal_task_fn *fn, void *arg)
{
	struct peal_task *task;
	int result = -12345;

	ck_assert_int_eq(
		peal_task_spawn(&task, fn, arg, PEAL_SPAWN(.place = PEAL_PINNED(shard))), 0);
	ck_assert_int_eq(peal_task_join(task, &result), 0);
	return result;
}

/* What a handler has got, in order. */
static struct {
	atomic_int count;
	struct peal_msg last;
	uint64_t next[128]; /* by sender */
	bool disordered;
} got;

static void take(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	got.disordered |= msg->value != got.next[msg->from]++;
	got.last = *msg;
	atomic_fetch_add(&got.count, 1);
}

static int handle_work(void *arg)
{
	(void)arg;
	return peal_msg_handle(WORK, take, NULL);
}

static void wait_for(int count)
{
	while (atomic_load(&got.count) < count)
		ck_assert_int_eq(peal_sleep(PEAL_MS / 10), 0);
	ck_assert_int_eq(atomic_load(&got.count), count);
	ck_assert(!got.disordered);
}

static void *off_the_shards(void *arg)
{
	struct peal_ticket ticket = { 0 };
	struct peal_msg msg;
	uint64_t value = 0;

	(void)arg;
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
	return NULL;
}

START_TEST(a_thread_that_is_no_shard_is_refused)
{
	off_the_shards(NULL);
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
	ck_assert_uint_eq(counter("messages_received"), 1);
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
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(msg_suite());
}
