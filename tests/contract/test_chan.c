/* SPDX-License-Identifier: MIT */
/* Channels: every value that was sent is received once, in the sender's order; whoever is cancelled has
 * sent and taken nothing. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/contract/runtime.h"

static struct peal_task *go(peal_task_fn *fn, void *arg, unsigned int shard)
{
	struct peal_task *task;

	ck_assert_int_eq(
		peal_task_spawn(&task, fn, arg, PEAL_SPAWN(.place = PEAL_PINNED(shard))), 0);
	return task;
}

static int join(struct peal_task *task)
{
	int result;

	ck_assert_int_eq(peal_task_join(task, &result), 0);
	return result;
}

static struct peal_chan *make(size_t capacity, size_t size)
{
	struct peal_chan *chan;

	ck_assert_int_eq(peal_chan_create(&chan, capacity, size), 0);
	return chan;
}

static uint32_t random_of(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void wait_for_sleepers(uint64_t before, uint64_t count)
{
	while (counter("sync_waits") - before < count)
		ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	ck_assert_int_eq(peal_sleep(PEAL_MS), 0); /* the count comes before the park */
}

TASK_TEST(values_wait_in_the_buffer)
{
	struct peal_chan *chan = make(3, sizeof(int));
	int value;

	(void)arg;
	ck_assert_int_eq(peal_chan_try_recv(chan, &value), -EAGAIN);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 3; i++)
			ck_assert_int_eq(peal_chan_send(chan, &i), 0);
		ck_assert_uint_eq(peal_chan_count(chan), 3);
		ck_assert_int_eq(peal_chan_try_send(chan, &round), -EAGAIN);
		ck_assert_int_eq(peal_chan_recv(chan, NULL), 0); /* thrown away */
		ck_assert_int_eq(peal_chan_try_send(chan, &round), 0);
		for (int i = 1; i < 3; i++) {
			ck_assert_int_eq(peal_chan_recv(chan, &value), 0);
			ck_assert_int_eq(value, i);
		}
		ck_assert_int_eq(peal_chan_try_recv(chan, &value), 0);
		ck_assert_int_eq(value, round);
	}
	peal_chan_free(chan);
	return 0;
}

TASK_TEST(closed_channels)
{
	struct peal_chan *chan = make(2, sizeof(int));
	int value = 5;

	(void)arg;
	ck_assert_int_eq(peal_chan_send(chan, &value), 0);
	ck_assert_int_eq(peal_chan_close(chan), 0);
	ck_assert_int_eq(peal_chan_close(chan), -EALREADY);
	ck_assert_int_eq(peal_chan_send(chan, &value), -EPIPE);
	ck_assert_int_eq(peal_chan_try_send(chan, &value), -EPIPE);
	value = 0;
	ck_assert_int_eq(peal_chan_recv(chan, &value), 0);
	ck_assert_int_eq(value, 5);
	ck_assert_int_eq(peal_chan_recv(chan, &value), -ESHUTDOWN);
	ck_assert_int_eq(peal_chan_try_recv(chan, &value), -ESHUTDOWN);
	ck_assert_int_eq(value, 5);
	peal_chan_free(chan);
	return 0;
}

TASK_TEST(misuse_of_channels)
{
	struct peal_chan *chan = make(1, sizeof(int)), *none = NULL;
	struct peal_chan_case cases[PEAL_CHAN_CASES_MOST + 1] = { { .chan = chan, .what = 2 } };

	(void)arg;
	ck_assert_int_eq(peal_chan_create(NULL, 1, 1), -EINVAL);
	ck_assert_int_eq(peal_chan_create(&none, SIZE_MAX / 2, 4), -ENOMEM);
	ck_assert_int_eq(peal_chan_create(&none, SIZE_MAX, 1), -ENOMEM);
	ck_assert_ptr_null(none);
	peal_chan_free(NULL);
	ck_assert_int_eq(peal_chan_send(NULL, cases), -EINVAL);
	ck_assert_int_eq(peal_chan_send(chan, NULL), -EINVAL);
	ck_assert_int_eq(peal_chan_try_send(chan, NULL), -EINVAL);
	ck_assert_int_eq(peal_chan_recv(NULL, NULL), -EINVAL);
	ck_assert_int_eq(peal_chan_close(NULL), -EINVAL);
	ck_assert_uint_eq(peal_chan_count(NULL), 0);
	ck_assert_int_eq(peal_chan_select(cases, 1), -EINVAL);
	cases[0].what = PEAL_CHAN_SEND;
	ck_assert_int_eq(peal_chan_select(cases, 1), -EINVAL); /* no value */
	cases[0].what = PEAL_CHAN_RECV;
	ck_assert_int_eq(peal_chan_select(NULL, 1), -EINVAL);
	ck_assert_int_eq(peal_chan_select(cases, 0), -EINVAL);
	ck_assert_int_eq(peal_chan_select(cases + 1, 3), -EINVAL); /* no channel */
	ck_assert_int_eq(peal_chan_select(cases, PEAL_CHAN_CASES_MOST + 1), -EINVAL);
	ck_assert_int_eq(peal_chan_try_select(cases, PEAL_CHAN_CASES_MOST), -EAGAIN);
	peal_chan_free(chan);
	return 0;
}

START_TEST(off_the_fibers)
{
	struct peal_chan *chan = make(1, sizeof(int));
	struct peal_chan_case one = { .chan = chan };
	int value = 3;

	ck_assert_int_eq(peal_chan_send(chan, &value), -EPERM);
	ck_assert_int_eq(peal_chan_recv(chan, &value), -EPERM);
	ck_assert_int_eq(peal_chan_select(&one, 1), -EPERM);
	ck_assert_int_eq(peal_chan_try_select(&one, 1), -EPERM);
	ck_assert_int_eq(peal_chan_try_send(chan, &value), 0);
	value = 0;
	ck_assert_int_eq(peal_chan_try_recv(chan, &value), 0);
	ck_assert_int_eq(value, 3);
	peal_chan_free(chan);
}
END_TEST

/* Many to many. A value tells who sent it, and which of his it was. */

enum { SENDERS = 6, RECEIVERS = 6, EACH = 3000 };

static struct crowd {
	struct peal_chan *chan;
	atomic_int received[SENDERS][EACH];
	atomic_int senders;
	atomic_int disorder;
} crowd;

static int send_all(void *arg)
{
	int who = (int)(intptr_t)arg;

	for (int i = 0; i < EACH; i++) {
		int value = who * EACH + i;

		ck_assert_int_eq(peal_chan_send(crowd.chan, &value), 0);
	}
	if (atomic_fetch_sub(&crowd.senders, 1) == 1)
		ck_assert_int_eq(peal_chan_close(crowd.chan), 0);
	return 0;
}

static int receive_all(void *arg)
{
	int last[SENDERS], value, err;

	(void)arg;
	memset(last, -1, sizeof(last));
	while (!(err = peal_chan_recv(crowd.chan, &value))) {
		atomic_fetch_add(&crowd.received[value / EACH][value % EACH], 1);
		crowd.disorder += value % EACH <= last[value / EACH];
		last[value / EACH] = value % EACH;
	}
	return err;
}

static void send_through(size_t capacity)
{
	struct peal_task *senders[SENDERS], *receivers[RECEIVERS];

	memset(&crowd, 0, sizeof(crowd));
	crowd.chan = make(capacity, sizeof(int));
	crowd.senders = SENDERS;
	for (int i = 0; i < RECEIVERS; i++)
		receivers[i] = go(receive_all, NULL, (unsigned int)i % 3);
	for (int i = 0; i < SENDERS; i++)
		senders[i] = go(send_all, (void *)(intptr_t)i, (unsigned int)i % 3);
	for (int i = 0; i < SENDERS; i++)
		ck_assert_int_eq(join(senders[i]), 0);
	for (int i = 0; i < RECEIVERS; i++)
		ck_assert_int_eq(join(receivers[i]), -ESHUTDOWN);
	for (int i = 0; i < SENDERS * EACH; i++)
		ck_assert_int_eq(crowd.received[i / EACH][i % EACH], 1);
	ck_assert_int_eq(crowd.disorder, 0);
	peal_chan_free(crowd.chan);
}

TASK_TEST(many_to_many, .shards = 3)
{
	static const size_t capacities[] = { 0, 1, 7, 256 };

	(void)arg;
	for (int i = 0; i < 4; i++)
		send_through(capacities[i]);
	return 0;
}

static int receive_one(void *arg)
{
	int value = -1, err = peal_chan_recv(arg, &value);

	return err ? err : value;
}

static int send_one(void *arg)
{
	int value = 1;

	return peal_chan_send(arg, &value);
}

TASK_TEST(receivers_are_served_in_order)
{
	struct peal_chan *chan = make(0, sizeof(int));
	uint64_t before = counter("sync_waits");
	struct peal_task *tasks[8];

	(void)arg;
	for (int i = 0; i < 8; i++) {
		tasks[i] = go(receive_one, chan, (unsigned int)i % 2);
		wait_for_sleepers(before, (uint64_t)i + 1);
	}
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(peal_chan_try_send(chan, &i), 0);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(join(tasks[i]), i);
	ck_assert_int_eq(peal_chan_close(chan), 0);
	ck_assert_int_eq(join(tasks[6]), -ESHUTDOWN);
	ck_assert_int_eq(join(tasks[7]), -ESHUTDOWN);
	peal_chan_free(chan);
	return 0;
}

TASK_TEST(senders_that_wait_hear_of_the_close)
{
	struct peal_chan *chan = make(1, sizeof(int));
	uint64_t before = counter("sync_waits");
	struct peal_task *tasks[4];
	int value = 9;

	(void)arg;
	ck_assert_int_eq(peal_chan_send(chan, &value), 0);
	for (unsigned int i = 0; i < 4; i++) {
		tasks[i] = go(send_one, chan, i % 2);
		wait_for_sleepers(before, i + 1);
	}
	ck_assert_int_eq(peal_chan_recv(chan, &value), 0);
	ck_assert_int_eq(value, 9);
	ck_assert_int_eq(join(tasks[0]), 0); /* moved up */
	ck_assert_int_eq(peal_chan_close(chan), 0);
	for (int i = 1; i < 4; i++)
		ck_assert_int_eq(join(tasks[i]), -EPIPE);
	ck_assert_int_eq(peal_chan_recv(chan, &value), 0);
	ck_assert_int_eq(value, 1);
	ck_assert_int_eq(peal_chan_recv(chan, &value), -ESHUTDOWN);
	peal_chan_free(chan);
	return 0;
}

/* The one that received the last value frees the channel, while its sender may be on its way out. */
static int reply(void *arg)
{
	struct peal_chan *questions = arg, *answers;
	int err, value = 1;

	while (!(err = peal_chan_recv(questions, &answers)))
		ck_assert_int_eq(peal_chan_send(answers, &value), 0);
	return err;
}

TASK_TEST(channels_for_one_answer)
{
	struct peal_chan *questions = make(1, sizeof(struct peal_chan *)), *answers;
	struct peal_task *task = go(reply, questions, 1);
	int value;

	(void)arg;
	for (int i = 0; i < 2000; i++) {
		answers = make((size_t)i % 3, sizeof(int));
		ck_assert_int_eq(peal_chan_send(questions, &answers), 0);
		if (i % 2)
			while (peal_chan_try_recv(answers, &value) == -EAGAIN)
				peal_yield();
		else
			ck_assert_int_eq(peal_chan_recv(answers, &value), 0);
		peal_chan_free(answers);
	}
	ck_assert_int_eq(peal_chan_close(questions), 0);
	ck_assert_int_eq(join(task), -ESHUTDOWN);
	peal_chan_free(questions);
	return 0;
}

/* Signals without a value, from a thread that is no shard. */

static void *send_from_outside(void *arg)
{
	for (int i = 0; i < 1000; i++)
		while (peal_chan_try_send(arg, NULL) == -EAGAIN)
			sched_yield();
	return NULL;
}

TASK_TEST(foreign_threads_send)
{
	struct peal_chan *chan = make(4, 0);
	pthread_t thread;

	(void)arg;
	ck_assert_int_eq(pthread_create(&thread, NULL, send_from_outside, chan), 0);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(peal_chan_recv(chan, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(peal_chan_count(chan), 0);
	peal_chan_free(chan);
	return 0;
}

/* Select */

TASK_TEST(select_is_fair)
{
	struct peal_chan *chans[4];
	struct peal_chan_case cases[5] = { { .chan = NULL } };
	int value = 1, got, hits[5] = { 0 };

	(void)arg;
	for (int i = 0; i < 4; i++) {
		chans[i] = make(1, sizeof(int));
		cases[i + 1] = (struct peal_chan_case){ .chan = chans[i], .value = &got };
	}
	for (int round = 0; round < 4000; round++) {
		int i;

		for (int k = 0; k < 3; k++) /* the fourth is never ready */
			peal_chan_try_send(chans[k], &value);
		i = peal_chan_select(cases, 5);
		ck_assert_int_ge(i, 1);
		ck_assert_int_le(i, 3);
		ck_assert_int_eq(cases[i].result, 0);
		hits[i]++;
	}
	for (int i = 1; i <= 3; i++)
		ck_assert_int_gt(hits[i], 1000);
	for (int i = 0; i < 4; i++)
		peal_chan_free(chans[i]);
	return 0;
}

static struct peal_chan *pair[2];

static int answer(void *arg)
{
	int value;

	(void)arg;
	for (int i = 0; i < 500; i++) {
		struct peal_chan_case cases[] = {
			{ .chan = pair[0], .value = &value },
			{ .chan = pair[1], .value = &i, .what = PEAL_CHAN_SEND },
			{ .chan = pair[0], .value = &i, .what = PEAL_CHAN_SEND },
		};

		ck_assert_int_ge(peal_chan_select(cases, 3), 0);
	}
	return 0;
}

/* Both ends select, each able to do what the other waits for, through channels without a buffer. */
TASK_TEST(selects_meet)
{
	struct peal_task *task;
	int value, done = 0;

	(void)arg;
	for (unsigned int shard = 0; shard < 2; shard++) {
		pair[0] = make(0, sizeof(int));
		pair[1] = make(0, sizeof(int));
		task = go(answer, NULL, shard);
		for (int i = 0; i < 500; i++, done++) {
			struct peal_chan_case cases[] = {
				{ .chan = pair[1], .value = &value },
				{ .chan = pair[0], .value = &value },
				{ .chan = pair[0], .value = &i, .what = PEAL_CHAN_SEND },
			};

			ck_assert_int_ge(peal_chan_select(cases, 3), 0);
		}
		ck_assert_int_eq(join(task), 0);
		ck_assert_int_eq(done, 500 * ((int)shard + 1));
		peal_chan_free(pair[0]);
		peal_chan_free(pair[1]);
	}
	return 0;
}

static int close_later(void *arg)
{
	ck_assert_int_eq(peal_sleep(2 * PEAL_MS), 0);
	return peal_chan_close(arg);
}

TASK_TEST(select_hears_of_closes_and_deadlines)
{
	struct peal_chan *one = make(0, sizeof(int)), *other = make(1, sizeof(int));
	int value = 0, i, err = 0;
	struct peal_chan_case cases[] = {
		{ .chan = one, .value = &value },
		{ .chan = other, .value = &value, .what = PEAL_CHAN_SEND },
	};
	struct peal_task *task;

	(void)arg;
	ck_assert_int_eq(peal_chan_try_select(cases, 2), 1);
	ck_assert_int_eq(peal_chan_try_select(cases, 2), -EAGAIN);
	i = PEAL_WITHIN_GET(PEAL_MS, peal_chan_select(cases, 2));
	ck_assert_int_eq(i, -ETIMEDOUT);
	task = go(close_later, one, 1);
	ck_assert_int_eq(peal_chan_select(cases, 2), 0);
	ck_assert_int_eq(cases[0].result, -ESHUTDOWN);
	ck_assert_int_eq(join(task), 0);
	cases[0].chan = NULL;
	task = go(close_later, other, 1);
	ck_assert_int_eq(peal_chan_select(cases, 2), 1);
	ck_assert_int_eq(cases[1].result, -EPIPE);
	ck_assert_int_eq(join(task), 0);
	/* What is ready is not done by one who is cancelled already. */
	PEAL_SCOPE (scope, .result = &err) {
		peal_scope_cancel(&scope);
		ck_assert_int_eq(peal_chan_select(cases, 2), -ECANCELED);
		ck_assert_int_eq(peal_chan_recv(other, &value), -ECANCELED);
	}
	ck_assert_int_eq(peal_chan_recv(other, &value), 0);
	peal_chan_free(one);
	peal_chan_free(other);
	return 0;
}

/* Sends, receives and selects with deadlines that come at any moment: what was sent was received. */

enum { STORM_CHANS = 3, STORM_TASKS = 16 };

static struct {
	struct peal_chan *chans[STORM_CHANS];
	atomic_long sent, received, late;
	atomic_bool stop;
} storm;

static void note(int err, bool send, long value)
{
	if (err)
		storm.late++;
	else if (send)
		atomic_fetch_add(&storm.sent, value);
	else
		atomic_fetch_add(&storm.received, value);
}

static void select_one(uint32_t *random, int64_t patience)
{
	struct peal_chan_case cases[4];
	long values[4];
	int i;

	for (int k = 0; k < 4; k++) {
		values[k] = random_of(random) % 1000;
		cases[k] = (struct peal_chan_case){
			.chan = storm.chans[random_of(random) % STORM_CHANS],
			.value = &values[k],
			.what = random_of(random) % 2 ? PEAL_CHAN_SEND : PEAL_CHAN_RECV,
		};
	}
	i = PEAL_WITHIN_GET(patience, peal_chan_select(cases, 4));
	if (i < 0)
		storm.late++;
	else
		note(cases[i].result, cases[i].what == PEAL_CHAN_SEND, values[i]);
}

static int take_part(void *arg)
{
	uint32_t random = (uint32_t)(uintptr_t)arg;

	while (!storm.stop) {
		struct peal_chan *chan = storm.chans[random_of(&random) % STORM_CHANS];
		int64_t patience = random_of(&random) % (50 * PEAL_US);
		long value = random_of(&random) % 1000;
		bool send = random_of(&random) % 2;
		int err;

		if (random_of(&random) % 2) {
			select_one(&random, patience);
			continue;
		}
		if (send)
			err = PEAL_WITHIN_GET(patience, peal_chan_send(chan, &value));
		else
			err = PEAL_WITHIN_GET(patience, peal_chan_recv(chan, &value));
		note(err, send, value);
	}
	return 0;
}

TASK_TEST(a_storm, .shards = 4)
{
	static const size_t capacities[STORM_CHANS] = { 0, 1, 16 };
	struct peal_task *tasks[STORM_TASKS];
	long value;

	(void)arg;
	memset(&storm, 0, sizeof(storm));
	for (int i = 0; i < STORM_CHANS; i++)
		storm.chans[i] = make(capacities[i], sizeof(long));
	for (unsigned int i = 0; i < STORM_TASKS; i++)
		tasks[i] = go(take_part, (void *)(uintptr_t)i, i % 4);
	ck_assert_int_eq(peal_sleep(2 * PEAL_S), 0);
	storm.stop = true;
	for (int i = 0; i < STORM_TASKS; i++)
		ck_assert_int_eq(join(tasks[i]), 0);
	for (int i = 0; i < STORM_CHANS; i++) {
		while (!peal_chan_try_recv(storm.chans[i], &value))
			storm.received += value;
		peal_chan_free(storm.chans[i]);
	}
	ck_assert_int_gt(storm.sent, 0);
	ck_assert_int_gt(storm.late, 0);
	ck_assert_int_eq(storm.sent, storm.received);
	return 0;
}

/* One that never finds its channel empty or full lets others run all the same. */
static int send_for_ever(void *arg)
{
	int value = 0, err;

	while (!(err = peal_chan_send(arg, &value)))
		if ((err = peal_chan_recv(arg, &value)))
			break;
	return err == -EPIPE || err == -ESHUTDOWN ? 0 : err;
}

TASK_TEST(a_busy_channel_starves_nobody, .shards = 1)
{
	struct peal_chan *chan = make(4, sizeof(int));
	struct peal_task *task = go(send_for_ever, chan, 0);

	(void)arg;
	ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	ck_assert_int_eq(peal_chan_close(chan), 0);
	ck_assert_int_eq(join(task), 0);
	peal_chan_free(chan);
	return 0;
}

static Suite *chan_suite(void)
{
	Suite *suite = suite_create("chan");
	TCase *tcase = tcase_create("chan");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, values_wait_in_the_buffer);
	ADD_TASK_TEST(tcase, closed_channels);
	ADD_TASK_TEST(tcase, misuse_of_channels);
	tcase_add_test(tcase, off_the_fibers);
	ADD_TASK_TEST(tcase, many_to_many);
	ADD_TASK_TEST(tcase, receivers_are_served_in_order);
	ADD_TASK_TEST(tcase, senders_that_wait_hear_of_the_close);
	ADD_TASK_TEST(tcase, channels_for_one_answer);
	ADD_TASK_TEST(tcase, foreign_threads_send);
	ADD_TASK_TEST(tcase, select_is_fair);
	ADD_TASK_TEST(tcase, selects_meet);
	ADD_TASK_TEST(tcase, select_hears_of_closes_and_deadlines);
	ADD_TASK_TEST(tcase, a_storm);
	ADD_TASK_TEST(tcase, a_busy_channel_starves_nobody);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(chan_suite());
}
