/* SPDX-License-Identifier: MIT */
/*
 * Messages that do not get through easily: waits that are cancelled, a runtime that ends, many shards,
 * no memory; on every backend.
 */
#include <errno.h>
#include <string.h>

#include "tests/contract/msg_help.h"

/* Cancelling. */

TASK_TEST(a_wait_that_is_cancelled_ends)
{
	uint64_t values[10] = { 0 };
	struct peal_task *other;
	struct peal_ticket ticket;
	struct peal_msg msg;
	int err = 0;

	ck_assert_int_eq(on_shard(1, handle_work, NULL), 0);
	PEAL_WITHIN (PEAL_MS)
		err = peal_msg_recv(OTHER, &msg);
	ck_assert_int_eq(err, -ETIMEDOUT);
	other = start_hog(1);
	for (uint64_t i = 0; i < PEAL_MSG_ROOM; i++)
		ck_assert_int_eq(peal_msg_send_ticket(1, WORK, i, &ticket), 0);
	PEAL_WITHIN (PEAL_MS)
		err = peal_ticket_wait(&ticket);
	ck_assert_int_eq(err, -ETIMEDOUT);
	PEAL_WITHIN (PEAL_MS)
		err = peal_msg_send(1, WORK, 12345);
	ck_assert_int_eq(err, -ETIMEDOUT);
	PEAL_WITHIN (PEAL_MS)
		err = (int)peal_msg_send_many(1, WORK, values, 10);
	ck_assert_int_eq(err, -ETIMEDOUT);
	end_hog(other);
	/* None of those was sent. */
	ck_assert_int_eq(peal_msg_send_ticket(1, WORK, PEAL_MSG_ROOM, &ticket), 0);
	ck_assert_int_eq(peal_ticket_wait(&ticket), 0);
	wait_for(PEAL_MSG_ROOM + 1);
	return 0;
}

TASK_TEST(a_cancelled_receiver_takes_nothing)
{
	struct peal_msg msg;
	int err = 0;

	PEAL_WITHIN (PEAL_MS)
		err = peal_msg_recv(WORK, &msg);
	ck_assert_int_eq(err, -ETIMEDOUT);
	ck_assert_int_eq(peal_msg_send(0, WORK, 7), 0);
	ck_assert_int_eq(peal_msg_recv(WORK, &msg), 0);
	ck_assert_uint_eq(msg.value, 7);
	/* What is there is given out also when it is too late to wait, and room is used. */
	ck_assert_int_eq(peal_msg_send(0, WORK, 8), 0);
	ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	PEAL_WITHIN (0) {
		err = peal_msg_recv(WORK, &msg);
		ck_assert_int_eq(peal_msg_send(0, WORK, 9), 0);
	}
	ck_assert_int_eq(err, 0);
	ck_assert_uint_eq(msg.value, 8);
	ck_assert_int_eq(peal_msg_recv(WORK, &msg), 0);
	ck_assert_uint_eq(msg.value, 9);
	return 0;
}

/* The end of the runtime. */

static int last_words(void *arg)
{
	ck_assert_int_eq(on_shard(1, handle_work, NULL), 0);
	for (uint64_t i = 0; i < (uintptr_t)arg; i++)
		ck_assert_int_eq(peal_msg_send(1, WORK, i), 0);
	return 0;
}

START_TEST(what_tasks_have_sent_is_handled_before_the_end)
{
	run_on(_i, last_words, (void *)3000, (struct peal_rt_opts){ 0 });
	ck_assert_int_eq(atomic_load(&got.count), 3000);
	ck_assert(!got.disordered);
	ck_assert_int_eq(atomic_load(&warnings), 0);
}
END_TEST

static int send_to_nobody(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(peal_msg_send(1, 77, 0), 0);
	return 0;
}

START_TEST(what_nobody_asked_for_is_reported_at_the_end)
{
	run_on(_i, send_to_nobody, NULL, (struct peal_rt_opts){ 0 });
	ck_assert_int_eq(atomic_load(&warnings), 1);
	ck_assert_ptr_nonnull(strstr(last_warning, "5 messages to shard 1 were never asked for"));
	ck_assert_ptr_nonnull(strstr(last_warning, "tag 77, from shard 0"));
}
END_TEST

static atomic_int rounds;

/* For ever, until one of the two has stopped. */
static void echo(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	atomic_fetch_add(&rounds, 1);
	ck_assert_int_eq(peal_msg_send(msg->from, WORK, msg->value + 1), 0);
}

static int handle_echo(void *arg)
{
	(void)arg;
	return peal_msg_handle(WORK, echo, NULL);
}

static int start_echo(void *arg)
{
	ck_assert_int_eq(on_shard(1, handle_echo, arg), 0);
	ck_assert_int_eq(handle_echo(arg), 0);
	ck_assert_int_eq(peal_msg_send(1, WORK, 0), 0);
	while (atomic_load(&rounds) < 100)
		ck_assert_int_eq(peal_sleep(PEAL_MS / 10), 0);
	return 0;
}

START_TEST(what_handlers_send_too_late_is_reported)
{
	run_on(_i, start_echo, NULL, (struct peal_rt_opts){ 0 });
	ck_assert_int_eq(atomic_load(&warnings), 1);
	ck_assert_ptr_nonnull(strstr(last_warning, "1 messages from shard"));
	ck_assert_ptr_nonnull(strstr(last_warning, "of tag 1"));
}
END_TEST

static atomic_int recv_result, send_result, ticket_result;

static int wait_to_receive(void *arg)
{
	struct peal_msg msg;

	(void)arg;
	atomic_store(&recv_result, peal_msg_recv(OTHER, &msg));
	return 0;
}

static int wait_to_send(void *arg)
{
	struct peal_ticket ticket;
	int err;

	(void)arg;
	for (int i = 0; i < 2 * PEAL_MSG_ROOM; i++) {
		err = peal_msg_send_ticket(1, WORK, 0, &ticket);
		ck_assert_int_eq(err, 0);
	}
	atomic_store(&send_result, peal_msg_send(1, WORK, 0));
	atomic_store(&ticket_result, peal_ticket_wait(&ticket));
	return 0;
}

static int leave_them_waiting(void *arg)
{
	ck_assert_int_eq(peal_spawn(wait_to_receive, arg, NULL), 0);
	ck_assert_int_eq(peal_spawn(wait_to_send, arg, NULL), 0);
	return peal_sleep(5 * PEAL_MS);
}

START_TEST(the_drain_timeout_ends_the_waits)
{
	run_on(_i, leave_them_waiting, NULL, (struct peal_rt_opts){ .drain_timeout = 5 * PEAL_MS });
	ck_assert_int_eq(atomic_load(&recv_result), -ECANCELED);
	ck_assert_int_eq(atomic_load(&send_result), -ECANCELED);
	ck_assert_int_eq(atomic_load(&ticket_result), -ECANCELED);
	/* What was kept, what there was no room for. */
	ck_assert_int_eq(atomic_load(&warnings), 3);
}
END_TEST

/* More shards than a word has bits. */

enum { CROWD = 70, EACH = 40 };

static int send_to_all(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < EACH; i++)
		for (unsigned int to = 0; to < CROWD; to++)
			ck_assert_int_eq(peal_msg_send(to, WORK, i), 0);
	return 0;
}

static struct {
	uint64_t next[CROWD]; /* by sender */
	unsigned int count;
} crowd[CROWD];

static void take_in_crowd(const struct peal_msg *msg, void *arg)
{
	unsigned int here = (unsigned int)peal_shard();

	(void)arg;
	ck_assert_uint_eq(msg->value, crowd[here].next[msg->from]++);
	crowd[here].count++;
}

static int handle_in_crowd(void *arg)
{
	(void)arg;
	return peal_msg_handle(WORK, take_in_crowd, NULL);
}

static int crowd_talks(void *arg)
{
	ck_assert_int_eq(peal_spawn_each(handle_in_crowd, arg, NULL), 0);
	ck_assert_int_eq(peal_spawn_each(send_to_all, arg, NULL), 0);
	return 0;
}

START_TEST(any_number_of_shards)
{
	run_on(_i, crowd_talks, NULL, (struct peal_rt_opts){ .shards = CROWD });
	for (unsigned int i = 0; i < CROWD; i++)
		ck_assert_uint_eq(crowd[i].count, CROWD * EACH);
	ck_assert_int_eq(atomic_load(&warnings), 0);
}
END_TEST

/* Without memory. */

static atomic_bool no_memory;
static atomic_int refusals;

static void *allocate(size_t alignment, size_t size)
{
	if (!atomic_load(&no_memory))
		return aligned_alloc(alignment, size);
	atomic_fetch_add(&refusals, 1);
	return NULL;
}

static int receive_last(void *arg)
{
	struct peal_msg msg;
	int err = peal_msg_recv(LAST, &msg);

	(void)arg;
	return err ? err : (int)msg.value;
}

static int without_memory(void *arg)
{
	struct peal_msg msg;

	(void)arg;
	ck_assert_int_eq(on_shard(1, handle_work, NULL), 0);
	atomic_store(&no_memory, true);
	ck_assert_int_eq(peal_msg_send(1, WORK, 0), -ENOMEM);
	ck_assert_int_eq(peal_msg_handle(WORK, take, NULL), -ENOMEM);
	ck_assert_int_eq(peal_msg_recv(OTHER, &msg), -ENOMEM);
	ck_assert_int_eq(peal_accum_add(1, WORK, 1), -ENOMEM);
	ck_assert_int_eq(peal_accum_handle(WORK, take, NULL), -ENOMEM);
	atomic_store(&no_memory, false);
	/* The receiver has none to keep a message that nobody has asked for. */
	ck_assert_int_eq(peal_msg_send(1, WORK, 0), 0);
	ck_assert_int_eq(peal_msg_send(1, LAST, 1), 0);
	atomic_store(&no_memory, true);
	atomic_store(&refusals, 0);
	while (!atomic_load(&refusals))
		ck_assert_int_eq(peal_sleep(PEAL_MS / 10), 0);
	atomic_store(&no_memory, false);
	ck_assert_int_eq(on_shard(1, receive_last, NULL), 1);
	return 0;
}

START_TEST(without_memory_nothing_is_lost)
{
	ck_assert_int_eq(peal_set_allocator(allocate, free), 0);
	run_on(_i, without_memory, NULL, (struct peal_rt_opts){ 0 });
	ck_assert_int_eq(atomic_load(&got.count), 1);
}
END_TEST

static Suite *msg_end_suite(void)
{
	Suite *suite = suite_create("msg_end");
	TCase *tcase = tcase_create("msg_end");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, a_wait_that_is_cancelled_ends);
	ADD_TASK_TEST(tcase, a_cancelled_receiver_takes_nothing);
	ADD_TASK_TEST(tcase, what_tasks_have_sent_is_handled_before_the_end);
	ADD_TASK_TEST(tcase, what_nobody_asked_for_is_reported_at_the_end);
	ADD_TASK_TEST(tcase, what_handlers_send_too_late_is_reported);
	ADD_TASK_TEST(tcase, the_drain_timeout_ends_the_waits);
	ADD_TASK_TEST(tcase, any_number_of_shards);
	ADD_TASK_TEST(tcase, without_memory_nothing_is_lost);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	peal_set_log(note_warning, NULL);
	return peal_check_main(msg_end_suite());
}
