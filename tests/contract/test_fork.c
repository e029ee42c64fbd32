/* SPDX-License-Identifier: MIT */
/*
 * The child of a fork: it is told that its copies of runtimes are stale, touches nothing of its parent's,
 * and may start runtimes of its own; wherever the parent was when it forked.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/contract/runtime.h"

static const char *backend;

/* What the children are here for, starting threads after a fork, ThreadSanitizer refuses unless told otherwise. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "die_after_fork=0";
}

static void on_post(struct peal_post *post)
{
	(void)post;
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* What a child does; it leaves with the number of the check that failed. */
#define CHECK(number, condition)       \
	do {                           \
		if (!(condition))      \
			_exit(number); \
	} while (0)

static void check_stale(struct peal_rt *rt)
{
	static struct peal_post post;
	unsigned int key;
	char byte;

	CHECK(1, peal_rt_current() == NULL && peal_shard() == -EPERM && !peal_draining());
	CHECK(2, peal_rt_spawn(rt, nothing, NULL, NULL) == -ESTALE);
	CHECK(3, peal_rt_post(rt, 0, &post, on_post) == -ESTALE);
	CHECK(4, peal_rt_stop(rt) == -ESTALE);
	CHECK(5, peal_local_create(rt, &key, NULL) == -ESTALE);
	CHECK(6, peal_rt_plugin_load(rt, "hello", NULL, NULL) == -ESTALE);
	CHECK(7, peal_rt_caps(rt) == 0 && peal_rt_shards(rt) == 2);
	CHECK(8, peal_spawn(nothing, NULL, NULL) == -EPERM);
	CHECK(9, peal_sleep(1) == -EPERM && peal_yield() == -EPERM);
	CHECK(10, peal_recv(0, &byte, 1, 0) == -EPERM);
	CHECK(11, peal_blocking(nothing, NULL, NULL) == -EPERM);
	peal_rt_drain(rt);
	peal_rt_emergency(rt);
}

/* Every way of waiting, in a runtime of the child's own. */
static int live(void *arg)
{
	int ends[2];
	char byte = 'x';

	(void)arg;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) || peal_send(ends[0], &byte, 1, 0) != 1 ||
		peal_recv(ends[1], &byte, 1, 0) != 1)
		return -EIO;
	for (int i = 0; i < 10; i++)
		if (peal_spawn(nothing, NULL, PEAL_SPAWN(.place = PEAL_ROUND_ROBIN)))
			return -ENOMEM;
	return peal_blocking(nothing, NULL, NULL) ? -EIO : peal_sleep(PEAL_MS);
}

static void check_own(int number)
{
	CHECK(number, peal_run(live, NULL, PEAL_RT(.shards = 2, .backend = backend)) == 0);
}

static void expect_fine(pid_t child)
{
	int status;

	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status), "signal %d", WTERMSIG(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}

static struct peal_rt *start(void)
{
	struct peal_rt *rt = NULL;

	ck_assert_int_eq(
		peal_rt_start(&rt,
			PEAL_RT(.shards = 2, .backend = backend, .drain_on_signal = true), NULL),
		0);
	return rt;
}

/* The parent's goes on as if nothing had happened. */
static void check_parent(struct peal_rt *rt)
{
	ck_assert_int_eq(peal_rt_spawn(rt, live, NULL, NULL), 0);
	ck_assert_int_eq(peal_rt_state(rt), PEAL_RT_RUNNING);
}

START_TEST(a_child_is_told)
{
	struct peal_rt *rt, *idle;

	backend = backend_names[_i];
	signal(SIGTERM, SIG_DFL);
	rt = start();
	idle = start();
	for (int i = 0; i < 5; i++) {
		pid_t child = fork();

		if (!child) {
			struct sigaction now;

			check_stale(rt);
			check_stale(idle);
			CHECK(20, !sigaction(SIGTERM, NULL, &now) && now.sa_handler == SIG_DFL);
			check_own(21);
			check_own(22);
			check_stale(rt);
			_exit(0);
		}
		check_parent(rt);
		expect_fine(child);
		check_parent(rt);
	}
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_int_eq(peal_rt_stop(idle), 0);
}
END_TEST

/* A grandchild, and a fork while a runtime of the child's own lives. */
START_TEST(children_fork_as_well)
{
	struct peal_rt *rt;
	pid_t child;

	backend = backend_names[_i];
	rt = start();
	child = fork();
	if (!child) {
		struct peal_rt *own = start();
		pid_t grandchild = fork();

		if (!grandchild) {
			check_stale(rt);
			check_stale(own);
			check_own(23);
			_exit(0);
		}
		expect_fine(grandchild);
		CHECK(24, peal_rt_spawn(own, live, NULL, NULL) == 0);
		CHECK(25, peal_rt_stop(own) == 0);
		_exit(0);
	}
	expect_fine(child);
	check_parent(rt);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

/* In a fiber, on a thread that was lent and on one of the runtime's own. */
static int fork_here(void *arg)
{
	struct peal_rt *rt = peal_rt_current();
	pid_t child = fork();

	if (!child) {
		check_stale(rt);
		check_own(30);
		_exit(0);
	}
	expect_fine(child);
	return live(arg);
}

static int fork_everywhere(void *arg)
{
	struct peal_task *task;
	int result = -1;

	for (unsigned int i = 0; i < 2; i++) {
		ck_assert_int_eq(
			peal_task_spawn(&task, fork_here, arg, PEAL_SPAWN(.place = PEAL_PINNED(i))),
			0);
		ck_assert_int_eq(peal_task_join(task, &result), 0);
		ck_assert_int_eq(result, 0);
	}
	return 0;
}

static int return_in_child(void *arg)
{
	pid_t child = fork();
	int status;

	if (!child) {
		close(STDERR_FILENO); /* it has something to say */
		return 0;
	}
	(void)arg;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGABRT);
	return 0;
}

START_TEST(fibers_fork)
{
	backend = backend_names[_i];
	run_on(_i, fork_everywhere, NULL, (struct peal_rt_opts){ 0 });
}
END_TEST

START_TEST(a_child_that_returns_from_a_task_ends_with_a_message)
{
	backend = backend_names[_i];
	run_on(_i, return_in_child, NULL, (struct peal_rt_opts){ 0 });
}
END_TEST

START_TEST(an_embedded_runtime_is_stale_too)
{
	struct peal_rt *rt = NULL;
	pid_t child;

	backend = backend_names[_i];
	ck_assert_int_eq(peal_rt_start(&rt,
				 PEAL_RT(.shards = 2, .backend = backend, .embedded = true), NULL),
		0);
	child = fork();
	if (!child) {
		check_stale(rt);
		CHECK(40, peal_rt_turn(rt, NULL) == -ESTALE && peal_rt_fd(rt) == -ESTALE);
		check_own(41);
		_exit(0);
	}
	expect_fine(child);
	ck_assert_int_ge(peal_rt_turn(rt, NULL), 0);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

/* Forks while other threads start and stop runtimes. */

static atomic_bool stop_churning;

static void *churn(void *arg)
{
	while (!atomic_load(&stop_churning))
		ck_assert_int_eq(
			peal_run(nothing, NULL, PEAL_RT(.shards = 2, .backend = backend)), 0);
	return arg;
}

START_TEST(a_fork_may_come_at_any_time)
{
	const char *sanitizer = getenv("PEAL_SANITIZER");
	pthread_t thread;

	if (sanitizer && *sanitizer)
		peal_skip("the sanitizers' own locks are not made for forks of several threads");
	backend = backend_names[_i];
	ck_assert_int_eq(pthread_create(&thread, NULL, churn, NULL), 0);
	for (int i = 0; i < 100; i++) {
		pid_t child = fork();

		if (!child) {
			check_own(50);
			_exit(0);
		}
		expect_fine(child);
	}
	atomic_store(&stop_churning, true);
	pthread_join(thread, NULL);
}
END_TEST

static Suite *fork_suite(void)
{
	Suite *suite = suite_create("fork");
	TCase *tcase = tcase_create("fork");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, a_child_is_told);
	ADD_TASK_TEST(tcase, children_fork_as_well);
	ADD_TASK_TEST(tcase, fibers_fork);
	ADD_TASK_TEST(tcase, a_child_that_returns_from_a_task_ends_with_a_message);
	ADD_TASK_TEST(tcase, an_embedded_runtime_is_stale_too);
	ADD_TASK_TEST(tcase, a_fork_may_come_at_any_time);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(fork_suite());
}
