/* SPDX-License-Identifier: MIT */
/*
 * Lingering: whether fibers look on for a moment before they give their shards up or not, what they wait
 * for comes, once and in order, and cancels are heard; and when they do.
 */
#include <errno.h>

#include "core/runtime/rt.h"
#include "tests/contract/runtime.h"

static unsigned int lingers;

static unsigned int hook(enum peal_choice_kind kind, unsigned int among)
{
	(void)among;
	return kind == PEAL_CHOICE_LINGER ? lingers : 0;
}

/* Each case runs with it always, and never. */
#define LINGER_TEST(name)                                                      \
	static int name##_body(void *arg);                                     \
	START_TEST(name)                                                       \
	{                                                                      \
		lingers = (unsigned int)_i % 2;                                \
		peal_choice_hook = hook;                                       \
		run_on(_i / 2, name##_body, NULL, (struct peal_rt_opts){ 0 }); \
		peal_choice_hook = NULL;                                       \
	}                                                                      \
	END_TEST                                                               \
	static int name##_body(void *arg)

static void expect_lingering(void)
{
	if (lingers)
		ck_assert_uint_gt(counter("lingers"), 0);
	else
		ck_assert_uint_eq(counter("lingers"), 0);
	ck_assert_uint_le(counter("linger_hits"), counter("lingers"));
}

static struct peal_task *go(peal_task_fn *fn, void *arg)
{
	struct peal_task *task;

	ck_assert_int_eq(peal_task_spawn(&task, fn, arg, PEAL_SPAWN(.place = PEAL_PINNED(1))), 0);
	return task;
}

static void join(struct peal_task *task, int expected)
{
	int result;

	ck_assert_int_eq(peal_task_join(task, &result), 0);
	ck_assert_int_eq(result, expected);
}

static struct peal_chan *there, *back;

static void make_channels(size_t capacity)
{
	ck_assert_int_eq(peal_chan_create(&there, capacity, sizeof(int)), 0);
	ck_assert_int_eq(peal_chan_create(&back, capacity, sizeof(int)), 0);
}

static void free_channels(void)
{
	peal_chan_free(there);
	peal_chan_free(back);
}

static int answer(void *arg)
{
	int value, err;

	(void)arg;
	while (!(err = peal_chan_recv(there, &value)))
		ck_assert_int_eq(peal_chan_send(back, &value), 0);
	return err;
}

LINGER_TEST(questions_are_answered)
{
	(void)arg;
	for (size_t capacity = 0; capacity < 2; capacity++) {
		struct peal_task *task;

		make_channels(capacity);
		task = go(answer, NULL);
		for (int i = 0; i < 200; i++) {
			int value = -1;

			ck_assert_int_eq(peal_chan_send(there, &i), 0);
			ck_assert_int_eq(peal_chan_recv(back, &value), 0);
			ck_assert_int_eq(value, i);
		}
		ck_assert_int_eq(peal_chan_close(there), 0);
		join(task, -ESHUTDOWN);
		free_channels();
	}
	expect_lingering();
	return 0;
}

/* With hardly any room each value may cost a bell. */
static int values_for(size_t capacity)
{
	return 200 + 10 * (int)capacity;
}

static int send_values(void *arg)
{
	int values = values_for(*(size_t *)arg);

	for (int i = 0; i < values; i++)
		ck_assert_int_eq(peal_chan_send(there, &i), 0);
	return peal_chan_close(there);
}

LINGER_TEST(streams_arrive_in_order)
{
	static size_t capacities[] = { 1, 15, 16, 64, 1024 };

	(void)arg;
	for (int k = 0; k < 5; k++) {
		struct peal_task *task;
		int value = -1, last = -1;

		make_channels(capacities[k]);
		task = go(send_values, &capacities[k]);
		while (!peal_chan_recv(there, &value)) {
			ck_assert_int_eq(value, last + 1);
			last = value;
		}
		ck_assert_int_eq(last, values_for(capacities[k]) - 1);
		join(task, 0);
		free_channels();
	}
	expect_lingering();
	return 0;
}

/* Selects, on both sides. */
static int select_answers(void *arg)
{
	int value, err = 0;

	(void)arg;
	while (!err) {
		struct peal_chan_case cases[] = { { .chan = there, .value = &value } };

		ck_assert_int_eq(peal_chan_select(cases, 1), 0);
		err = cases[0].result;
		if (!err)
			ck_assert_int_eq(peal_chan_send(back, &value), 0);
	}
	return err;
}

LINGER_TEST(selects_are_answered)
{
	struct peal_task *task;

	(void)arg;
	make_channels(0);
	task = go(select_answers, NULL);
	for (int i = 0; i < 200; i++) {
		int value = -1;
		struct peal_chan_case cases[] = { { .chan = back, .value = &value } };

		ck_assert_int_eq(peal_chan_send(there, &i), 0);
		ck_assert_int_eq(peal_chan_select(cases, 1), 0);
		ck_assert_int_eq(value, i);
	}
	ck_assert_int_eq(peal_chan_close(there), 0);
	join(task, -ESHUTDOWN);
	free_channels();
	expect_lingering();
	return 0;
}

static struct peal_mutex mutex;
static struct peal_barrier barrier;
static int guarded;

static int add_often(void *arg)
{
	(void)arg;
	for (int i = 0; i < 300; i++) {
		int before;

		ck_assert_int_eq(peal_mutex_lock(&mutex), 0);
		before = guarded;
		if (i % 100 == 0)
			peal_yield();
		guarded = before + 1;
		ck_assert_int_eq(peal_mutex_unlock(&mutex), 0);
	}
	for (int i = 0; i < 100; i++)
		ck_assert_int_ge(peal_barrier_wait(&barrier), 0);
	return 0;
}

LINGER_TEST(mutexes_and_barriers)
{
	struct peal_task *task;

	(void)arg;
	guarded = 0;
	ck_assert_int_eq(peal_barrier_init(&barrier, 2), 0);
	task = go(add_often, NULL);
	ck_assert_int_eq(add_often(NULL), 0);
	join(task, 0);
	ck_assert_int_eq(guarded, 600);
	expect_lingering();
	return 0;
}

/* What never comes is given up in time, also by those who look on first. */
LINGER_TEST(deadlines_are_heard)
{
	struct peal_semaphore none = { { 0 } };
	int value, err = 0;

	(void)arg;
	for (size_t capacity = 0; capacity <= 64; capacity += 64) {
		make_channels(capacity);
		PEAL_WITHIN (PEAL_MS)
			err = peal_chan_recv(there, &value);
		ck_assert_int_eq(err, -ETIMEDOUT);
		free_channels();
	}
	PEAL_WITHIN (PEAL_MS)
		err = peal_semaphore_acquire(&none, 1);
	ck_assert_int_eq(err, -ETIMEDOUT);
	expect_lingering();
	return 0;
}

/* When: only with nothing else to do, and as often as it has paid. */

static int how_often(struct peal_linger *linger)
{
	int n = 0;

	for (int i = 0; i < 640; i++)
		n += peal_linger_may(peal_shard_current(), linger);
	return n;
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void on_message(const struct peal_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
}

static int handle(void *arg)
{
	(void)arg;
	return peal_msg_handle(1, on_message, NULL);
}

TASK_TEST(only_with_nothing_else_to_do)
{
	struct peal_shard *shard = peal_shard_current();
	struct peal_linger linger = { 0 };
	int may = shard->rt->may_spin && shard->rt->cpus.count >= 2;

	(void)arg;
	ck_assert_int_eq(peal_call(1, handle, NULL, NULL), 0);
	peal_sleep(PEAL_MS); /* whatever the start has left to do is done */
	ck_assert_int_eq(how_often(&linger), 10 * may);
	for (int i = 0; i < 20; i++)
		peal_linger_settle(shard, &linger, true);
	ck_assert_int_eq(how_often(&linger), 640 * may);
	ck_assert_int_eq(peal_spawn(nothing, NULL, NULL), 0);
	ck_assert_int_eq(how_often(&linger), 0);
	peal_yield();
	ck_assert_int_eq(how_often(&linger), 640 * may);
	ck_assert_int_eq(peal_msg_send(1, 1, 0), 0);
	ck_assert_int_eq(how_often(&linger), 0);
	ck_assert_int_eq(peal_msg_flush(), 0);
	peal_sleep(PEAL_MS);
	for (int i = 0; i < 3; i++)
		peal_linger_settle(shard, &linger, false);
	ck_assert_int_eq(how_often(&linger), 640 * may);
	peal_linger_settle(shard, &linger, false);
	ck_assert_int_eq(how_often(&linger), 10 * may);
	return 0;
}

static Suite *linger_suite(void)
{
	Suite *suite = suite_create("linger");
	TCase *tcase = tcase_create("linger");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, questions_are_answered, 0, 2 * backend_count);
	tcase_add_loop_test(tcase, streams_arrive_in_order, 0, 2 * backend_count);
	tcase_add_loop_test(tcase, selects_are_answered, 0, 2 * backend_count);
	tcase_add_loop_test(tcase, mutexes_and_barriers, 0, 2 * backend_count);
	tcase_add_loop_test(tcase, deadlines_are_heard, 0, 2 * backend_count);
	ADD_TASK_TEST(tcase, only_with_nothing_else_to_do);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(linger_suite());
}
