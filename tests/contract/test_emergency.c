/* SPDX-License-Identifier: MIT */
/*
 * The end without ceremony: from any state, from anywhere, whatever fibers wait for; what is lost is
 * told, and what somebody still writes to stays mapped.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/contract/runtime.h"

/* What an emergency abandons is lost, and no defect. */
PEAL_API const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static struct {
	pthread_mutex_t lock;
	char text[8192];
} told = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void hear(void *arg, enum peal_log_level level, const char *text)
{
	size_t used;

	(void)arg;
	if (level != PEAL_LOG_ERROR)
		return;
	pthread_mutex_lock(&told.lock);
	used = strlen(told.text);
	snprintf(told.text + used, sizeof(told.text) - used, "%s\n", text);
	pthread_mutex_unlock(&told.lock);
}

static atomic_int begun;    /* tasks that have nothing left to do but wait */
static atomic_int returned; /* and that got out of what they waited for */

static int sleep_for_ever(void *arg)
{
	(void)arg;
	atomic_fetch_add(&begun, 1);
	peal_sleep(3600 * PEAL_S);
	atomic_fetch_add(&returned, 1);
	return 0;
}

static int receive_for_ever(void *arg)
{
	char byte;

	atomic_fetch_add(&begun, 1);
	peal_recv(*(int *)arg, &byte, 1, 0);
	atomic_fetch_add(&returned, 1);
	return 0;
}

static int join_for_ever(void *arg)
{
	struct peal_task *task;

	if (!peal_task_spawn(&task, sleep_for_ever, arg, PEAL_SPAWN(.place = PEAL_ROUND_ROBIN)))
		peal_task_join(task, NULL);
	atomic_fetch_add(&returned, 1);
	return 0;
}

static int scope_for_ever(void *arg)
{
	struct peal_scope scope;

	peal_scope_open(&scope, NULL);
	for (int i = 0; i < 4; i++)
		peal_scope_spawn(
			&scope, sleep_for_ever, arg, PEAL_SPAWN(.place = PEAL_ROUND_ROBIN));
	peal_scope_close(&scope);
	atomic_fetch_add(&returned, 1);
	return 0;
}

static int never(void *arg)
{
	atomic_fetch_add(&returned, 1);
	(void)arg;
	return 0;
}

static void spawn_waiters(struct peal_rt *rt, int *fd)
{
	atomic_store(&begun, 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(
			peal_rt_spawn(rt, sleep_for_ever, NULL, PEAL_SPAWN(.name = "sleeper")), 0);
		ck_assert_int_eq(peal_rt_spawn(rt, receive_for_ever, fd, NULL), 0);
		ck_assert_int_eq(peal_rt_spawn(rt, join_for_ever, NULL, NULL), 0);
		ck_assert_int_eq(peal_rt_spawn(rt, scope_for_ever, NULL, NULL), 0);
	}
}

/* Those, those that they join, and those of their scopes: all wait, or are about to. */
static void await_waiters(void)
{
	for (int i = 0; i < 20000 && atomic_load(&begun) < 3 * (1 + 1 + 1 + 4); i++)
		usleep(1000);
	ck_assert_int_eq(atomic_load(&begun), 3 * (1 + 1 + 1 + 4));
}

static void wait_for_state(struct peal_rt *rt, enum peal_rt_state state)
{
	for (int i = 0; i < 5000 && peal_rt_state(rt) != state; i++)
		usleep(1000);
	ck_assert_int_eq(peal_rt_state(rt), state);
}

static struct peal_rt *start(int backend, unsigned int shards)
{
	struct peal_rt *rt = NULL;

	ck_assert_int_eq(peal_rt_start(&rt,
				 PEAL_RT(.shards = shards, .backend = backend_names[backend],
					 .drain_timeout = 3600 * PEAL_S),
				 NULL),
		0);
	return rt;
}

static void expect_told(const char *what)
{
	const char *at = strstr(told.text, what);

	ck_assert_msg(at != NULL, "%s", told.text);
}

START_TEST(nobody_is_waited_for)
{
	struct peal_rt *rt;
	int64_t begin;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	peal_set_log(hear, NULL);
	rt = start(_i, 3);
	spawn_waiters(rt, &ends[0]);
	await_waiters();
	usleep(20000);
	begin = peal_now();
	peal_rt_emergency(rt);
	peal_rt_emergency(rt);
	wait_for_state(rt, PEAL_RT_STOPPED);
	ck_assert_int_eq(peal_rt_spawn(rt, never, NULL, NULL), -ESHUTDOWN);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_int_lt(peal_now() - begin, 3 * PEAL_S);
	ck_assert_int_eq(atomic_load(&returned), 0);
	expect_told("abandons task \"sleeper\"");
	expect_told("emergency stop: shard 2 abandons");
	close(ends[0]);
	close(ends[1]);
	peal_rt_emergency(NULL);
}
END_TEST

/* While it drains, which nobody would outlive. */
START_TEST(a_drain_is_cut_short)
{
	struct peal_rt *rt = start(_i, 2);
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	spawn_waiters(rt, &ends[0]);
	await_waiters();
	peal_rt_drain(rt);
	wait_for_state(rt, PEAL_RT_DRAINING);
	peal_rt_emergency(rt);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_int_eq(atomic_load(&returned), 0);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

/* From a task, which goes on until it waits. What it has spawned does not run any more. */
static int stop_everything(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(peal_spawn(never, NULL, NULL), 0);
	peal_rt_emergency(peal_rt_current());
	ck_assert_int_eq(peal_rt_state(peal_rt_current()), PEAL_RT_EMERGENCY);
	/* Other shards may be gone already. */
	for (int i = 0; i < 100; i++) {
		int err = peal_spawn(sleep_for_ever, NULL, PEAL_SPAWN(.place = PEAL_PINNED(1)));

		ck_assert(!err || err == -ESHUTDOWN);
		peal_spawn_each(sleep_for_ever, NULL, NULL);
	}
	peal_sleep(3600 * PEAL_S);
	atomic_fetch_add(&returned, 1);
	return 0;
}

START_TEST(a_task_ends_its_own_runtime)
{
	const struct peal_rt_opts *opts = PEAL_RT(.shards = 2, .backend = backend_names[_i]);

	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(peal_run(stop_everything, NULL, opts), -ECANCELED);
	ck_assert_int_eq(atomic_load(&returned), 0);
}
END_TEST

static int end_then_stop(void *arg)
{
	peal_rt_emergency(peal_rt_current());
	return (int)(intptr_t)arg;
}

START_TEST(what_the_main_task_returned_counts)
{
	ck_assert_int_eq(peal_run(end_then_stop, (void *)7,
				 PEAL_RT(.shards = 2, .backend = backend_names[_i])),
		7);
}
END_TEST

/* The pool */

static atomic_int in_pool, leave_pool;

static int block(void *arg)
{
	volatile char *byte = arg;

	atomic_fetch_add(&in_pool, 1);
	while (!atomic_load(&leave_pool))
		usleep(1000);
	*byte = 'x'; /* on the stack of a fiber that is no more */
	atomic_fetch_add(&in_pool, -1);
	return 0;
}

static int wait_for_pool(void *arg)
{
	char byte = 0;

	(void)arg;
	peal_blocking(block, &byte, NULL);
	atomic_fetch_add(&returned, 1);
	return 0;
}

START_TEST(calls_on_the_pool_keep_what_they_write_to)
{
	struct peal_rt *rt;

	peal_set_log(hear, NULL);
	rt = start(_i, 2);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(peal_rt_spawn(rt, wait_for_pool, NULL, NULL), 0);
	while (atomic_load(&in_pool) < 4)
		usleep(1000);
	peal_rt_emergency(rt);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	expect_told("4 calls with the blocking pool, so that the stacks stay mapped");
	expect_told("4 calls on the blocking pool go on");
	atomic_store(&leave_pool, 1);
	while (atomic_load(&in_pool))
		usleep(1000);
	usleep(20000);
	ck_assert_int_eq(atomic_load(&returned), 0);
}
END_TEST

/* In a handler, and in a loop that is not ours */

static struct peal_rt *victim;

static void end_it(int number)
{
	(void)number;
	peal_rt_emergency(victim);
}

START_TEST(a_handler_may_ask_for_it)
{
	signal(SIGUSR1, end_it);
	victim = start(_i, 2);
	ck_assert_int_eq(peal_rt_spawn(victim, sleep_for_ever, NULL, NULL), 0);
	usleep(10000);
	raise(SIGUSR1);
	wait_for_state(victim, PEAL_RT_STOPPED);
	ck_assert_int_eq(peal_rt_stop(victim), 0);
}
END_TEST

START_TEST(an_embedded_one_ends_in_its_turn)
{
	struct peal_rt *rt;
	int n;

	for (int wait = 0; wait < 2; wait++) {
		ck_assert_int_eq(peal_rt_start(&rt,
					 PEAL_RT(.shards = 2, .backend = backend_names[_i],
						 .embedded = true),
					 NULL),
			0);
		ck_assert_int_eq(peal_rt_spawn(rt, sleep_for_ever, NULL, NULL), 0);
		ck_assert_int_eq(peal_rt_spawn(rt, sleep_for_ever, NULL, NULL), 0);
		for (int i = 0; i < 5; i++)
			ck_assert_int_ge(peal_rt_turn(rt, NULL), 0);
		peal_rt_emergency(rt);
		while (wait && (n = peal_rt_turn(rt, NULL)) >= 0)
			;
		if (wait)
			ck_assert_int_eq(n, -ESHUTDOWN);
		ck_assert_int_eq(peal_rt_stop(rt), 0);
	}
	ck_assert_int_eq(atomic_load(&returned), 0);
}
END_TEST

static Suite *emergency_suite(void)
{
	Suite *suite = suite_create("emergency");
	TCase *tcase = tcase_create("emergency");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, nobody_is_waited_for);
	ADD_TASK_TEST(tcase, a_drain_is_cut_short);
	ADD_TASK_TEST(tcase, a_task_ends_its_own_runtime);
	ADD_TASK_TEST(tcase, what_the_main_task_returned_counts);
	ADD_TASK_TEST(tcase, calls_on_the_pool_keep_what_they_write_to);
	ADD_TASK_TEST(tcase, a_handler_may_ask_for_it);
	ADD_TASK_TEST(tcase, an_embedded_one_ends_in_its_turn);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(emergency_suite());
}
