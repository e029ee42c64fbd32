/* SPDX-License-Identifier: MIT */
/* What other runtimes got wrong about waking, sleeping and their bells: README.md tells who and how. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "core/sys.h"
#include "tests/contract/runtime.h"

static atomic_bool ran;

static void note_run(struct peal_post *post)
{
	atomic_store(&ran, true);
}

/* Bells of the epoll backend are writes, and nothing else in these programs is. */
static struct write_hook {
	struct peal_sys_hook hook;
	atomic_long left, answered; /* writes to be answered, and those that were */
	long answer;
} writes;

static bool answer_write(struct peal_sys_hook *hook, long number, long *result)
{
	if (number != SYS_write || atomic_fetch_sub(&writes.left, 1) <= 0)
		return false;
	atomic_fetch_add(&writes.answered, 1);
	*result = writes.answer;
	return true;
}

static void begin_writes(long answer)
{
	writes.hook.call = answer_write;
	writes.answer = answer;
	atomic_store(&writes.left, 0);
	atomic_store(&writes.answered, 0);
	peal_sys_hook = &writes.hook;
}

static bool on_epoll(int i)
{
	return !strcmp(backend_names[i], "epoll");
}

/* Keep the shard, so that the other watches while it sleeps. */
static void work_for(int64_t ns)
{
	int64_t until = peal_now() + ns;

	while (peal_now() < until)
		;
}

/* hew #2830: a time limit on every sleep hid a lost wake for months. Here it is counted. */

static int lose_a_bell(void *arg)
{
	static struct peal_post post;

	work_for(30 * PEAL_MS); /* it has gone to sleep by now, and watches */
	while (!atomic_load(&writes.answered)) {
		atomic_store(&ran, false);
		atomic_store(&writes.left, 1);
		ck_assert_int_eq(peal_rt_post(peal_rt_current(), 1, &post, note_run), 0);
		while (!atomic_load(&ran))
			work_for(PEAL_MS);
	}
	ck_assert_uint_ge(counter("parks_rescued"), 1);
	return 0;
}

START_TEST(a_lost_bell_is_counted)
{
	if (!on_epoll(_i))
		peal_skip("only epoll's bells can be lost by a hook");
	begin_writes(8); /* as if it had been rung */
	run_on(_i, lose_a_bell, NULL, (struct peal_rt_opts){ .shards = 2 });
	peal_sys_hook = NULL;
}
END_TEST

/* zio #610: a bell that the kernel refused was forgotten, and a minute went by. */

/* Until one was refused: the other shard may just be awake. */
static int refuse_bells(void *arg)
{
	static struct peal_post post;

	while (!atomic_load(&writes.answered)) {
		ck_assert_int_eq(peal_sleep(5 * PEAL_MS), 0);
		atomic_store(&ran, false);
		atomic_store(&writes.left, 3);
		ck_assert_int_eq(peal_rt_post(peal_rt_current(), 1, &post, note_run), 0);
		while (!atomic_load(&ran))
			peal_yield();
	}
	ck_assert_uint_eq(counter("parks_rescued"), 0);
	ck_assert_uint_ge(counter("wakes_failed"), 1);
	return 0;
}

START_TEST(a_refused_bell_is_rung_again)
{
	if (!on_epoll(_i))
		peal_skip("uring's are refused in tests/contract/ring/bells.c");
	begin_writes(-ENOMEM);
	run_on(_i, refuse_bells, NULL, (struct peal_rt_opts){ .shards = 2 });
	peal_sys_hook = NULL;
}
END_TEST

static void *post_from_outside(void *arg)
{
	static struct peal_post post;

	ck_assert_int_eq(peal_rt_post(arg, 1, &post, note_run), 0);
	return NULL;
}

static int refuse_bells_from_outside(void *arg)
{
	pthread_t thread;

	while (!atomic_load(&writes.answered)) {
		ck_assert_int_eq(peal_sleep(5 * PEAL_MS), 0);
		atomic_store(&ran, false);
		atomic_store(&writes.left, 3);
		ck_assert_int_eq(
			pthread_create(&thread, NULL, post_from_outside, peal_rt_current()), 0);
		while (!atomic_load(&ran))
			ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
		atomic_store(&writes.left, 0);
		pthread_join(thread, NULL);
	}
	ck_assert_uint_ge(counter("wakes_failed"), 1);
	return 0;
}

START_TEST(a_refused_bell_from_outside_is_rung_again)
{
	if (!on_epoll(_i))
		peal_skip("uring's are refused in tests/contract/ring/bells.c");
	begin_writes(-ENOMEM);
	run_on(_i, refuse_bells_from_outside, NULL, (struct peal_rt_opts){ .shards = 2 });
	peal_sys_hook = NULL;
}
END_TEST

/* Go #13527: fibers that only yield woke somebody each time. */

TASK_TEST(yielding_wakes_nobody, .shards = 2)
{
	uint64_t before;

	ck_assert_int_eq(peal_sleep(5 * PEAL_MS), 0);
	before = counter("wakes_sent");
	for (int i = 0; i < 20000; i++)
		ck_assert_int_eq(peal_yield(), 0);
	ck_assert_uint_le(counter("wakes_sent") - before, 5);
	return 0;
}

/* Go #54622: one short task after another is not worth waking anybody for. (One that is awake may take
 * some; those are answered with a bell.) */

static int nothing(void *arg)
{
	return 0;
}

static int64_t wakes_not_for_stolen_tasks(void)
{
	return (int64_t)(counter("wakes_sent") - counter("tasks_stolen"));
}

TASK_TEST(a_chain_of_single_tasks_wakes_nobody, .shards = 2)
{
	struct peal_task *task;
	int64_t before;

	ck_assert_int_eq(peal_sleep(5 * PEAL_MS), 0);
	before = wakes_not_for_stolen_tasks();
	for (int i = 0; i < 5000; i++) {
		ck_assert_int_eq(
			peal_task_spawn(&task, nothing, NULL, PEAL_SPAWN(.place = PEAL_STEALABLE)),
			0);
		ck_assert_int_eq(peal_task_join(task, NULL), 0);
	}
	ck_assert_int_le(wakes_not_for_stolen_tasks() - before, 50);
	return 0;
}

/* kevy: bitmaps of 64 bits. Shards beyond that are woken, sent to and stolen from like others. */

enum { MANY = 70, FAR = MANY - 1, TAG = 7 };

static int answer(void *arg)
{
	struct peal_msg msg;

	ck_assert_int_eq(peal_msg_recv(TAG, &msg), 0);
	ck_assert_uint_eq(msg.from, 0);
	return peal_msg_send(0, TAG, msg.value + 1);
}

TASK_TEST(there_may_be_more_than_64_shards, .shards = MANY)
{
	struct peal_task *task;
	struct peal_msg msg;

	for (uint64_t i = 0; i < 20; i++) {
		ck_assert_int_eq(
			peal_task_spawn(&task, answer, NULL, PEAL_SPAWN(.place = PEAL_PINNED(FAR))),
			0);
		ck_assert_int_eq(peal_msg_send(FAR, TAG, i), 0);
		ck_assert_int_eq(peal_msg_recv(TAG, &msg), 0);
		ck_assert_uint_eq(msg.from, FAR);
		ck_assert_uint_eq(msg.value, i + 1);
		ck_assert_int_eq(peal_task_join(task, NULL), 0);
	}
	ck_assert_uint_eq(counter("parks_rescued"), 0);
	return 0;
}

/* spargio: a tag of the user's was the doorbell's. */

static int send_extremes(void *arg)
{
	static const uint32_t tags[] = { 0, 0xffff, UINT32_MAX };

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(peal_msg_send(0, tags[i], 0), 0);
		ck_assert_int_eq(peal_msg_send(0, tags[i], UINT64_MAX), 0);
	}
	return 0;
}

TASK_TEST(every_tag_and_value_is_the_users, .shards = 2)
{
	static const uint32_t tags[] = { 0, 0xffff, UINT32_MAX };
	struct peal_msg msg;

	ck_assert_int_eq(peal_spawn(send_extremes, NULL, PEAL_SPAWN(.place = PEAL_PINNED(1))), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(peal_msg_recv(tags[i], &msg), 0);
		ck_assert_uint_eq(msg.tag, tags[i]);
		ck_assert_uint_eq(msg.value, 0);
		ck_assert_int_eq(peal_msg_recv(tags[i], &msg), 0);
		ck_assert_uint_eq(msg.value, UINT64_MAX);
	}
	return 0;
}

/* kevy, reovim: a drain without a bound kept a shard from everything else for seconds. */

static atomic_long handled;
static atomic_bool over;

static void send_on(const struct peal_msg *msg, void *arg)
{
	atomic_fetch_add(&handled, 1);
	if (!atomic_load(&over))
		peal_msg_try_send(0, msg->tag, msg->value);
}

TASK_TEST(messages_without_end_starve_nobody, .shards = 2)
{
	ck_assert_int_eq(peal_msg_handle(TAG, send_on, NULL), 0);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(peal_msg_send(0, TAG, 0), 0);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(peal_yield(), 0);
	ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	ck_assert_int_ge(atomic_load(&handled), 100);
	atomic_store(&over, true);
	return 0;
}

static Suite *regress_suite(void)
{
	Suite *suite = suite_create("sleep_and_wake");
	TCase *tcase = tcase_create("sleep_and_wake");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, a_lost_bell_is_counted);
	ADD_TASK_TEST(tcase, a_refused_bell_is_rung_again);
	ADD_TASK_TEST(tcase, a_refused_bell_from_outside_is_rung_again);
	ADD_TASK_TEST(tcase, yielding_wakes_nobody);
	ADD_TASK_TEST(tcase, a_chain_of_single_tasks_wakes_nobody);
	ADD_TASK_TEST(tcase, there_may_be_more_than_64_shards);
	ADD_TASK_TEST(tcase, every_tag_and_value_is_the_users);
	ADD_TASK_TEST(tcase, messages_without_end_starve_nobody);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(regress_suite());
}
