/* SPDX-License-Identifier: MIT */
/*
 * Fibers that have something done elsewhere, and fibers that go elsewhere; on every backend.
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/contract/runtime.h"

static int where(void *arg)
{
	return peal_shard();
}

static int give_back(void *arg)
{
	return (int)(intptr_t)arg;
}

static int count_up(void *arg)
{
	return atomic_fetch_add((atomic_int *)arg, 1);
}

/* Holds its shard until somebody has counted. */
static int hog(void *arg)
{
	atomic_int *count = arg;

	atomic_fetch_add(count, 1);
	while (atomic_load(count) < 2)
		;
	return peal_shard();
}

static struct peal_task *spawn(peal_task_fn *fn, void *arg, uint64_t place)
{
	struct peal_task *task;

	ck_assert_int_eq(peal_task_spawn(&task, fn, arg, PEAL_SPAWN(.place = place)), 0);
	return task;
}

static int join(struct peal_task *task)
{
	int result;

	ck_assert_int_eq(peal_task_join(task, &result), 0);
	return result;
}

TASK_TEST(a_call_runs_on_its_shard, .shards = 3)
{
	int result;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(peal_call((unsigned int)i, where, NULL, &result), 0);
		ck_assert_int_eq(result, i);
	}
	ck_assert_int_eq(peal_call(1, give_back, (void *)-5, &result), 0);
	ck_assert_int_eq(result, -5);
	ck_assert_int_eq(peal_call(1, give_back, NULL, NULL), 0);
	return 0;
}

static int compute_less(void *arg)
{
	int n = (int)(intptr_t)arg, result = 0;

	ck_assert_int_eq(n ? peal_compute(compute_less, (void *)(intptr_t)(n - 1), &result) : 0, 0);
	return result + n;
}

TASK_TEST(computing_gives_the_result, .shards = 2)
{
	int result;

	for (int i = 0; i < 1000; i++) {
		ck_assert_int_eq(peal_compute(give_back, (void *)(intptr_t)i, &result), 0);
		ck_assert_int_eq(result, i);
	}
	ck_assert_int_eq(peal_compute(compute_less, (void *)100, &result), 0);
	ck_assert_int_eq(result, 5050);
	return 0;
}

TASK_TEST(what_is_computed_behind_a_hog_is_stolen, .shards = 2)
{
	atomic_int count = 0;
	struct peal_task *task = spawn(hog, &count, PEAL_HERE);
	int result;

	while (!atomic_load(&count)) /* the hog runs first, and goes on until we have counted */
		ck_assert_int_eq(peal_compute(count_up, &count, &result), 0);
	join(task);
	ck_assert_uint_ge(counter("tasks_stolen"), 1);
	return 0;
}

TASK_TEST(misuse_of_a_call_is_answered, .shards = 2, .max_tasks = 1)
{
	int result = 77;

	ck_assert_int_eq(peal_call(2, where, NULL, &result), -EINVAL);
	ck_assert_int_eq(peal_call(0, NULL, NULL, &result), -EINVAL);
	ck_assert_int_eq(peal_compute(NULL, NULL, &result), -EINVAL);
	ck_assert_int_eq(peal_compute(where, NULL, &result), -EAGAIN);
	ck_assert_int_eq(peal_call(1, where, NULL, &result), -EAGAIN);
	ck_assert_int_eq(result, 77);
	ck_assert_int_eq(peal_move(2), -EINVAL);
	return 0;
}

START_TEST(off_the_shards_they_say_so)
{
	ck_assert_int_eq(peal_call(0, where, NULL, NULL), -EPERM);
	ck_assert_int_eq(peal_compute(where, NULL, NULL), -EPERM);
	ck_assert_int_eq(peal_move(0), -EPERM);
}
END_TEST

/* Cancelled */

TASK_TEST(a_call_that_has_not_started_is_withdrawn, .shards = 2)
{
	atomic_int held = 0, calls = 0;
	struct peal_task *task = spawn(hog, &held, PEAL_PINNED(1));
	int err = 0, result = 77;

	while (!atomic_load(&held))
		peal_sleep(PEAL_MS);
	PEAL_WITHIN (10 * PEAL_MS)
		err = peal_call(1, count_up, &calls, &result);
	ck_assert_int_eq(err, -ETIMEDOUT);
	ck_assert_int_eq(result, 77);
	count_up(&held);
	join(task);
	ck_assert_int_eq(peal_call(1, where, NULL, NULL), 0); /* behind the other one */
	ck_assert_int_eq(atomic_load(&calls), 0);
	ck_assert_uint_eq(counter("tasks_withdrawn"), 1);
	ck_assert_uint_eq(counter("tasks_live"), 1);
	return 0;
}

struct cancelled {
	struct peal_scope scope;
	atomic_int started;
	int error;
};

/* It is told that it is cancelled, and takes its time nevertheless. */
static int take_note(void *arg)
{
	struct cancelled *cancelled = arg;

	atomic_store(&cancelled->started, 1);
	cancelled->error = peal_sleep(1000 * PEAL_S);
	for (int i = 0; i < 100; i++)
		peal_yield();
	return 7;
}

static int cancel_when_started(void *arg)
{
	struct cancelled *cancelled = arg;

	while (!atomic_load(&cancelled->started))
		peal_sleep(PEAL_MS);
	return peal_scope_cancel(&cancelled->scope);
}

static void cancel_started(uint64_t shard)
{
	struct cancelled cancelled = { .started = 0 };
	struct peal_task *task = spawn(cancel_when_started, &cancelled, PEAL_HERE);
	int result = 0;

	ck_assert_int_eq(peal_scope_open(&cancelled.scope, NULL), 0);
	if (shard)
		ck_assert_int_eq(peal_call(1, take_note, &cancelled, &result), 0);
	else
		ck_assert_int_eq(peal_compute(take_note, &cancelled, &result), 0);
	ck_assert_int_eq(result, 7);
	ck_assert_int_eq(cancelled.error, -ECANCELED);
	ck_assert_int_eq(peal_call(1, take_note, &cancelled, &result), -ECANCELED);
	ck_assert_int_eq(peal_compute(take_note, &cancelled, &result), -ECANCELED);
	ck_assert_int_eq(peal_scope_close(&cancelled.scope), -ECANCELED);
	ck_assert_int_eq(join(task), 0);
}

TASK_TEST(one_that_has_started_is_cancelled_and_waited_for, .shards = 2)
{
	cancel_started(1);
	cancel_started(0);
	return 0;
}

/* A failure is the caller's to judge: it cancels nobody. */
TASK_TEST(a_failed_call_does_not_fail_its_scope, .shards = 2)
{
	struct peal_scope scope;
	int result;

	ck_assert_int_eq(peal_scope_open(&scope, PEAL_SCOPE_OPTS(.policy = PEAL_FAIL_FAST)), 0);
	ck_assert_int_eq(peal_call(1, give_back, (void *)-9, &result), 0);
	ck_assert_int_eq(result, -9);
	ck_assert_int_eq(peal_compute(give_back, (void *)-9, &result), 0);
	ck_assert_int_eq(peal_scope_close(&scope), 0);
	return 0;
}

/* Calls to and fro with deadlines that hit at any moment: each is called or withdrawn, never both. */
static atomic_int called, done, withdrawn;

static int call_around(void *arg)
{
	for (int i = 0; i < 300; i++) {
		int err = 0;

		PEAL_WITHIN ((i % 20) * PEAL_US)
			err = i % 3 ? peal_call((unsigned int)i % 3, count_up, &called, NULL)
				    : peal_compute(count_up, &called, NULL);
		ck_assert(!err || err == -ETIMEDOUT);
		atomic_fetch_add(err ? &withdrawn : &done, 1);
	}
	return 0;
}

TASK_TEST(a_call_is_made_or_withdrawn_never_both, .shards = 3)
{
	struct peal_task *tasks[12];

	called = done = withdrawn = 0;
	for (int i = 0; i < 12; i++)
		tasks[i] = spawn(call_around, NULL, PEAL_ROUND_ROBIN);
	for (int i = 0; i < 12; i++)
		join(tasks[i]);
	ck_assert_int_eq(done + withdrawn, 12 * 300);
	ck_assert_int_eq(called, done);
	return 0;
}

/* Moving */

static void echo_once(void)
{
	int pair[2];
	char c = 'x';

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(peal_send(pair[0], &c, 1, 0), 1);
	ck_assert_int_eq(peal_recv(pair[1], &c, 1, 0), 1);
	peal_close(pair[0]);
	peal_close(pair[1]);
}

static int travel(void *arg)
{
	unsigned int mine[64];

	for (unsigned int i = 0; i < 64; i++)
		mine[i] = i;
	for (unsigned int i = 0; i < 30; i++) {
		unsigned int to = (i * 7 + (unsigned int)(intptr_t)arg) % 3;

		ck_assert_int_eq(peal_move(to), 0);
		ck_assert_int_eq(peal_shard(), (int)to);
		ck_assert_int_eq(peal_yield(), 0);
		ck_assert_int_eq(peal_sleep(1), 0);
		if (i % 10 == 0)
			echo_once();
		ck_assert_int_eq(peal_shard(), (int)to);
	}
	for (unsigned int i = 0; i < 64; i++)
		ck_assert_uint_eq(mine[i], i);
	return 11;
}

/* They end on any shard, and their stacks are used again where they came from. */
TASK_TEST(fibers_go_where_they_ask_to, .shards = 3)
{
	struct peal_task *tasks[50];

	for (int round = 0; round < 4; round++) {
		for (intptr_t i = 0; i < 50; i++)
			tasks[i] = spawn(travel, (void *)i, PEAL_ROUND_ROBIN);
		for (int i = 0; i < 50; i++)
			ck_assert_int_eq(join(tasks[i]), 11);
	}
	ck_assert_uint_ge(counter("tasks_moved"), 1000);
	ck_assert_uint_le(counter("stacks"), 200);
	ck_assert_uint_eq(counter("tasks_live"), 1);
	return 0;
}

static int ask_to_move(void *arg)
{
	return peal_move(1);
}

static struct peal_timer of_task;

static void rearm_once(struct peal_timer *timer)
{
	if (timer == &of_task)
		peal_timer_start(timer, PEAL_NEVER, rearm_once); /* nobody's from now on */
}

static int leave_a_timer(void *arg)
{
	return peal_timer_start(arg, peal_in(PEAL_MS), rearm_once);
}

static int leave_a_timer_for_ever(void *arg)
{
	return peal_timer_start(arg, PEAL_NEVER, rearm_once);
}

/* In whatever way they end, those that are armed keep their fiber, and only that. */
static void check_timers(void)
{
	struct peal_timer timer = { 0 }, left = { 0 };

	ck_assert_int_eq(peal_timer_start(&timer, peal_in(PEAL_S), rearm_once), 0);
	ck_assert_int_eq(peal_timer_reset(&timer, peal_in(2 * PEAL_S)), 1);
	ck_assert_int_eq(peal_move(1), -EBUSY);
	ck_assert_int_eq(join(spawn(ask_to_move, NULL, PEAL_HERE)), 0);
	ck_assert_int_eq(peal_timer_stop(&timer), 1);
	ck_assert_int_eq(peal_timer_start(&of_task, peal_now(), rearm_once), 0);
	ck_assert_int_eq(peal_timer_touch(&of_task, peal_in(PEAL_MS)), 1);
	ck_assert_int_eq(peal_move(1), -EBUSY);
	while (of_task.deadline != PEAL_NEVER)
		peal_sleep(PEAL_MS);
	/* Of a task that ends: it is this one's when it is moved here, and nobody's when it fires. */
	ck_assert_int_eq(join(spawn(leave_a_timer, &timer, PEAL_HERE)), 0);
	ck_assert_int_eq(peal_timer_reset(&timer, peal_in(PEAL_S)), 1);
	ck_assert_int_eq(peal_move(1), -EBUSY);
	ck_assert_int_eq(peal_timer_stop(&timer), 1);
	ck_assert_int_eq(join(spawn(leave_a_timer, &left, PEAL_HERE)), 0);
	while (peal_timer_armed(&left))
		peal_sleep(PEAL_MS);
}

static int move_when_free(void *arg)
{
	static struct peal_mutex mutex;
	struct peal_scope scope;
	struct peal_op op = { 0 };
	int pair[2];
	char c;

	ck_assert_int_eq(peal_scope_open(&scope, NULL), 0);
	ck_assert_int_eq(peal_move(1), -EBUSY);
	ck_assert_int_eq(peal_move(0), 0);
	ck_assert_int_eq(peal_scope_close(&scope), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	peal_op_recv(&op, pair[0], &c, 1, 0, NULL);
	ck_assert_int_eq(peal_move(1), -EBUSY);
	ck_assert_int_eq(join(spawn(ask_to_move, NULL, PEAL_HERE)), 0); /* another one may */
	peal_op_cancel(&op);
	ck_assert_int_eq(peal_op_wait(&op), -ECANCELED);
	check_timers();
	ck_assert_int_eq(peal_mutex_lock(&mutex), 0);
	ck_assert_int_eq(peal_move(1), 0);
	ck_assert_int_eq(peal_shard(), 1);
	ck_assert_int_eq(peal_mutex_unlock(&mutex), 0);
	peal_close(pair[0]);
	peal_close(pair[1]);
	return 0;
}

/* The main task has a scope that draining cancels, so it stays where it is. */
TASK_TEST(what_a_fiber_holds_keeps_it, .shards = 2)
{
	static struct peal_timer never;

	ck_assert_int_eq(peal_move(1), -EBUSY);
	ck_assert_int_eq(join(spawn(move_when_free, NULL, PEAL_HERE)), 0);
	/* Armed when the runtime ends, and the task that has started it has ended before. */
	ck_assert_int_eq(join(spawn(leave_a_timer_for_ever, &never, PEAL_HERE)), 0);
	return 0;
}

struct left {
	struct peal_op op;
	int fd;
	char room;
};

static int leave_an_op(void *arg)
{
	struct left *left = arg;

	peal_op_recv(&left->op, left->fd, &left->room, 1, 0, NULL);
	return 0;
}

/* Who started it is gone when it completes; whoever waits for it does not care. */
TASK_TEST(an_op_may_outlive_the_fiber_that_started_it)
{
	struct left left = { .fd = -1 };
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	left.fd = pair[0];
	join(spawn(leave_an_op, &left, PEAL_HERE));
	ck_assert_int_eq(peal_send(pair[1], "x", 1, 0), 1);
	ck_assert_int_eq(peal_op_wait(&left.op), 1);
	peal_close(pair[0]);
	peal_close(pair[1]);
	return 0;
}

static int move_and_sleep(void *arg)
{
	int err = peal_move(1);

	atomic_fetch_add((atomic_int *)arg, 1);
	return err ? err : peal_sleep(1000 * PEAL_S);
}

TASK_TEST(a_cancel_finds_those_that_have_moved, .shards = 2)
{
	struct peal_task *tasks[10];
	struct peal_scope scope;
	atomic_int there = 0;

	ck_assert_int_eq(peal_scope_open(&scope, NULL), 0);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(
			peal_scope_task_spawn(&scope, &tasks[i], move_and_sleep, &there, NULL), 0);
	while (atomic_load(&there) < 10)
		peal_sleep(PEAL_MS);
	ck_assert_int_eq(peal_scope_cancel(&scope), 0);
	ck_assert_int_eq(peal_scope_close(&scope), -ECANCELED);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(join(tasks[i]), -ECANCELED);
	return 0;
}

static int move_till_cancelled(void *arg)
{
	unsigned int to = 0;
	int err;

	while (!(err = peal_move(++to % 3)))
		;
	return err;
}

TASK_TEST(a_cancel_finds_those_that_are_moving, .shards = 3)
{
	struct peal_scope scope;

	for (int round = 0; round < 20; round++) {
		ck_assert_int_eq(peal_scope_open(&scope, NULL), 0);
		for (int i = 0; i < 10; i++)
			ck_assert_int_eq(peal_scope_spawn(&scope, move_till_cancelled, NULL,
						 PEAL_SPAWN(.place = PEAL_PINNED(i % 3))),
				0);
		peal_sleep(200 * PEAL_US);
		peal_scope_cancel(&scope);
		ck_assert_int_eq(peal_scope_close(&scope), -ECANCELED);
	}
	return 0;
}

static Suite *call_suite(void)
{
	Suite *suite = suite_create("call");
	TCase *tcase = tcase_create("call");

	find_backends();
	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, a_call_runs_on_its_shard);
	ADD_TASK_TEST(tcase, computing_gives_the_result);
	ADD_TASK_TEST(tcase, what_is_computed_behind_a_hog_is_stolen);
	ADD_TASK_TEST(tcase, misuse_of_a_call_is_answered);
	tcase_add_test(tcase, off_the_shards_they_say_so);
	ADD_TASK_TEST(tcase, a_call_that_has_not_started_is_withdrawn);
	ADD_TASK_TEST(tcase, one_that_has_started_is_cancelled_and_waited_for);
	ADD_TASK_TEST(tcase, a_failed_call_does_not_fail_its_scope);
	ADD_TASK_TEST(tcase, a_call_is_made_or_withdrawn_never_both);
	ADD_TASK_TEST(tcase, fibers_go_where_they_ask_to);
	ADD_TASK_TEST(tcase, what_a_fiber_holds_keeps_it);
	ADD_TASK_TEST(tcase, an_op_may_outlive_the_fiber_that_started_it);
	ADD_TASK_TEST(tcase, a_cancel_finds_those_that_have_moved);
	ADD_TASK_TEST(tcase, a_cancel_finds_those_that_are_moving);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(call_suite());
}
