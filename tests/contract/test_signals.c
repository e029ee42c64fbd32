/* SPDX-License-Identifier: MIT */
/*
 * Signals: nothing is installed unless somebody asks; the first one drains, the second gets what was
 * there before; watches hear everything that there is room for, and all is put back at the end.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fiber/sanitizer.h"
#include "core/plugin/plugin.h"
#include "core/runtime/rt.h"
#include "core/runtime/signal_gate.h"
#include "core/runtime/signal_queue.h"
#include "core/runtime/signals.h"

#include "tests/contract/runtime.h"
#include "tests/sys_fail.h"

static struct sigaction action_of(int number)
{
	struct sigaction now;

	ck_assert_int_eq(sigaction(number, NULL, &now), 0);
	return now;
}

static bool is_default(int number)
{
	struct sigaction now = action_of(number);

	return !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL;
}

/* Until the runtime drains, for ten seconds at most. */
static int wait_for_drain(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10000 && !peal_draining(); i++)
		peal_sleep(PEAL_MS);
	return peal_draining() ? 0 : -ETIME;
}

static int kill_and_wait(void *arg)
{
	ck_assert(!is_default(SIGINT) && !is_default(SIGTERM) && is_default(SIGHUP));
	ck_assert_int_eq(kill(getpid(), *(int *)arg), 0);
	return wait_for_drain(NULL);
}

START_TEST(a_signal_drains_and_all_is_put_back)
{
	static const int numbers[] = { SIGINT, SIGTERM };

	for (int i = 0; i < 4; i++) {
		int number = numbers[i % 2];

		run_on(_i, kill_and_wait, &number, (struct peal_rt_opts){ .drain_on_signal = 1 });
		ck_assert(is_default(SIGINT) && is_default(SIGTERM));
	}
}
END_TEST

/* Valgrind keeps the last one for itself. */
static bool is_valgrinds(int number)
{
	return number == SIGRTMAX && peal_on_valgrind();
}

static int look_around(void *arg)
{
	sigset_t mask;

	(void)arg;
	for (int number = 1; number < NSIG; number++)
		if (peal_signals_valid(number) && number != SIGALRM && !is_valgrinds(number))
			ck_assert_msg(is_default(number), "signal %d", number);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	ck_assert(!sigismember(&mask, SIGSEGV) && !sigismember(&mask, SIGPROF));
	/* Its own threads take none; the lent one is as it was. */
	ck_assert_int_eq(sigismember(&mask, SIGTERM), peal_shard() != 0);
	return 0;
}

static int look_everywhere(void *arg)
{
	struct peal_task *task;
	int result;

	look_around(arg);
	ck_assert_int_eq(
		peal_task_spawn(&task, look_around, arg, PEAL_SPAWN(.place = PEAL_PINNED(1))), 0);
	ck_assert_int_eq(peal_task_join(task, &result), 0);
	return result;
}

START_TEST(nothing_is_installed_unasked)
{
	run_on(_i, look_everywhere, NULL, (struct peal_rt_opts){ 0 });
}
END_TEST

/* A child that runs a runtime, tells when it drains, and is then sent another signal. */

static int ready_pipe[2];

static int tell_and_wait(void *arg)
{
	(void)arg;
	ck_assert_int_eq(write(ready_pipe[1], "r", 1), 1);
	ck_assert_int_eq(wait_for_drain(NULL), 0);
	ck_assert_int_eq(write(ready_pipe[1], "d", 1), 1);
	/* Draining cancels the main task, but for what it shields. */
	PEAL_SCOPE (shield, .shield = 1)
		peal_sleep(60 * PEAL_S);
	return 0;
}

static void expect(char what)
{
	char byte = 0;

	ck_assert_int_eq(read(ready_pipe[0], &byte, 1), 1);
	ck_assert_int_eq(byte, what);
}

START_TEST(the_second_signal_kills)
{
	pid_t child;
	int status;

	ck_assert_int_eq(pipe(ready_pipe), 0);
	child = fork();
	if (!child) {
		run_on(_i, tell_and_wait, NULL,
			(struct peal_rt_opts){ .drain_on_signal = 1, .shards = 1 });
		_exit(0);
	}
	expect('r');
	kill(child, SIGTERM);
	expect('d');
	kill(child, SIGINT);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGINT);
}
END_TEST

/* Handlers that were there before */

static atomic_int handled;

static void on_earlier(int number)
{
	(void)number;
	atomic_fetch_add(&handled, 1);
}

START_TEST(an_earlier_handler_is_called_and_put_back)
{
	int number = SIGTERM;

	signal(SIGTERM, on_earlier);
	run_on(_i, kill_and_wait, &number, (struct peal_rt_opts){ .drain_on_signal = 1 });
	ck_assert_int_eq(atomic_load(&handled), 1);
	ck_assert_ptr_eq(action_of(SIGTERM).sa_handler, on_earlier);
}
END_TEST

static int twice(void *arg)
{
	(void)arg;
	raise(SIGTERM);
	ck_assert_int_eq(wait_for_drain(NULL), 0);
	raise(SIGTERM);
	ck_assert_int_eq(atomic_load(&handled), 2);
	ck_assert_ptr_eq(action_of(SIGTERM).sa_handler, on_earlier);
	raise(SIGTERM);
	return atomic_load(&handled) == 3 ? 0 : -EPROTO;
}

START_TEST(the_second_signal_goes_to_the_earlier_handler)
{
	signal(SIGTERM, on_earlier);
	for (int i = 0; i < 2; i++) {
		atomic_store(&handled, 0);
		run_on(_i, twice, NULL, (struct peal_rt_opts){ .drain_on_signal = 1 });
		ck_assert_ptr_eq(action_of(SIGTERM).sa_handler, on_earlier);
	}
}
END_TEST

/* Somebody puts a handler over ours that calls ours, takes it away or leaves it there. */

static struct sigaction below;

static void on_later(int number, siginfo_t *info, void *context)
{
	atomic_fetch_add(&handled, 1);
	if (below.sa_flags & SA_SIGINFO)
		below.sa_sigaction(number, info, context);
}

static int cover(void *arg)
{
	struct sigaction action = { .sa_sigaction = on_later, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	if (!(below.sa_flags & SA_SIGINFO))
		sigaction(SIGTERM, &action, &below);
	return kill_and_wait(arg);
}

START_TEST(a_later_handler_is_left_alone)
{
	int number = SIGTERM;

	for (int i = 1; i <= 3; i++) {
		run_on(_i, cover, &number, (struct peal_rt_opts){ .drain_on_signal = 1 });
		ck_assert_ptr_eq(action_of(SIGTERM).sa_sigaction, on_later);
		ck_assert_int_eq(atomic_load(&handled), i);
	}
}
END_TEST

static int drain_by_hand(void *arg)
{
	(void)arg;
	ck_assert_ptr_eq(action_of(SIGINT).sa_handler, SIG_IGN);
	raise(SIGINT);
	ck_assert_int_eq(peal_sleep(20 * PEAL_MS), 0);
	ck_assert(!peal_draining());
	return 0;
}

START_TEST(what_is_ignored_stays_ignored)
{
	signal(SIGINT, SIG_IGN);
	run_on(_i, drain_by_hand, NULL, (struct peal_rt_opts){ .drain_on_signal = 1 });
	ck_assert_ptr_eq(action_of(SIGINT).sa_handler, SIG_IGN);
}
END_TEST

/* Two that asked, one that did not, one that is embedded. */
START_TEST(every_runtime_that_asked_drains)
{
	struct peal_rt *rts[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(peal_rt_start(&rts[i],
					 PEAL_RT(.shards = 2, .backend = backend_names[_i],
						 .drain_on_signal = i != 1, .embedded = i == 3),
					 NULL),
			0);
	raise(SIGTERM);
	for (int i = 0; i < 1000 && peal_rt_state(rts[0]) != PEAL_RT_STOPPED; i++)
		usleep(10000);
	for (int i = 0; i < 1000 && peal_rt_state(rts[2]) != PEAL_RT_STOPPED; i++)
		usleep(10000);
	while (peal_rt_turn(rts[3], NULL) != -ESHUTDOWN)
		;
	ck_assert_int_eq(peal_rt_state(rts[0]), PEAL_RT_STOPPED);
	ck_assert_int_eq(peal_rt_state(rts[1]), PEAL_RT_RUNNING);
	ck_assert_int_eq(peal_rt_state(rts[2]), PEAL_RT_STOPPED);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(peal_rt_stop(rts[i]), 0);
	ck_assert(is_default(SIGTERM));
}
END_TEST

START_TEST(a_refused_handler_is_named)
{
	struct sys_fail fail = {
		.number = SYS_rt_sigaction, .times = SYS_FAIL_ALWAYS, .answer = -EPERM
	};
	struct peal_reason reason = { "" };
	struct peal_rt *rt = NULL;

	sys_fail_begin(&fail);
	ck_assert_int_eq(peal_rt_start(&rt, PEAL_RT(.drain_on_signal = true), &reason), -EPERM);
	sys_fail_end();
	ck_assert_ptr_nonnull(strstr(reason.text, "signals"));
	ck_assert_ptr_null(rt);
}
END_TEST

/* Watches, by way of a plugin's host */

struct watcher {
	struct peal_sigwatch watch;
	const struct peal_host *host;
	atomic_int told;
	uint64_t values[300];
	int pid;
	bool once;
};

static struct watcher watchers[3];

static void on_watched(struct peal_sigwatch *watch, const struct peal_siginfo *signal)
{
	struct watcher *watcher = PEAL_CONTAINER_OF(watch, struct watcher, watch);
	int n = atomic_load(&watcher->told);

	ck_assert_int_eq(peal_shard(), 0);
	ck_assert_int_eq(signal->number, watch->number);
	watcher->values[n % 300] = signal->value;
	watcher->pid = signal->pid;
	if (watcher->once)
		watcher->host->signal_unwatch(watcher->host, watch);
	atomic_store(&watcher->told, n + 1);
}

static int start_watching(
	void **state, const struct peal_host *host, const struct peal_params *params)
{
	(void)params;
	*state = (void *)(uintptr_t)host;
	return 0;
}

static int watch_on_shard_0(void *state, unsigned int shard, void **shard_state)
{
	const struct peal_host *host = state;
	struct peal_sigwatch wrong = { .fn = on_watched, .number = SIGSEGV };
	struct peal_sigwatch fine = { .fn = on_watched, .number = SIGUSR2 };

	*shard_state = NULL;
	if (shard) {
		ck_assert_int_eq(host->signal_watch(host, &fine), -EPERM);
		return 0;
	}
	ck_assert_int_eq(host->signal_watch(host, &wrong), -EINVAL);
	wrong.number = SIGKILL;
	ck_assert_int_eq(host->signal_watch(host, &wrong), -EINVAL);
	wrong.number = 0;
	ck_assert_int_eq(host->signal_watch(host, &wrong), -EINVAL);
	wrong.number = 65;
	ck_assert_int_eq(host->signal_watch(host, &wrong), -EINVAL);
	for (int i = 0; i < 3; i++) {
		watchers[i].host = host;
		watchers[i].once = i == 1;
		watchers[i].watch.fn = on_watched;
		watchers[i].watch.number = i < 2 ? SIGUSR1 : SIGRTMIN + 3;
		ck_assert_int_eq(host->signal_watch(host, &watchers[i].watch), 0);
		ck_assert_int_eq(host->signal_watch(host, &watchers[i].watch), -EBUSY);
	}
	return 0;
}

static void unwatch_on_shard_0(void *state, unsigned int shard, void *shard_state)
{
	const struct peal_host *host = state;

	(void)shard_state;
	for (int i = 0; i < 3 && !shard; i++)
		host->signal_unwatch(host, &watchers[i].watch);
	if (!shard)
		ck_assert(is_default(SIGUSR1) && is_default(SIGRTMIN + 3));
}

static const struct peal_plugin plugin = {
	PEAL_PLUGIN_HEADER("watching", "1"),
	.start = start_watching,
	.shard_start = watch_on_shard_0,
	.shard_stop = unwatch_on_shard_0,
};

static const struct peal_plugin *const table[] = { &plugin, NULL };

static void wait_for(const struct watcher *watcher, int n)
{
	for (int i = 0; i < 10000 && atomic_load(&watcher->told) < n; i++)
		peal_sleep(PEAL_MS);
	ck_assert_int_eq(atomic_load(&watcher->told), n);
}

enum { SENT = 100 };

static int send_signals(void *arg)
{
	struct peal_reason reason = { "" };

	(void)arg;
	peal_plugin_builtins = table;
	ck_assert_int_eq(peal_plugin_load("watching", NULL, &reason), 0);
	for (int i = 0; i < 3; i++) {
		kill(getpid(), SIGUSR1);
		wait_for(&watchers[0], i + 1);
	}
	ck_assert_int_eq(watchers[0].pid, getpid());
	ck_assert_int_eq(atomic_load(&watchers[1].told), 1);
	/* The shard is busy with us, so they are queued: in order, with what they carry. */
	for (int i = 0; i < SENT; i++)
		ck_assert_int_eq(
			sigqueue(getpid(), SIGRTMIN + 3, (union sigval){ .sival_int = i }), 0);
	wait_for(&watchers[2], SENT);
	for (int i = 0; i < SENT; i++)
		ck_assert_uint_eq(watchers[2].values[i] & 0xffffffff, (uint64_t)i);
	/* More than there is room for: told once for the rest. */
	for (int i = 0; i < PEAL_SIGNAL_SLOTS + 50; i++)
		ck_assert_int_eq(
			sigqueue(getpid(), SIGRTMIN + 3, (union sigval){ .sival_int = i }), 0);
	wait_for(&watchers[2], SENT + PEAL_SIGNAL_SLOTS + 1);
	ck_assert_uint_eq(counter("signals_missed"), 50);
	return 0;
}

START_TEST(watches_hear_what_comes)
{
	run_on(_i, send_signals, NULL, (struct peal_rt_opts){ 0 });
	ck_assert(is_default(SIGUSR1));
}
END_TEST

/* Runtimes come and go while another thread sends signals without end. */

static atomic_bool stop_sending;

static void *send_without_end(void *arg)
{
	while (!atomic_load(&stop_sending)) {
		kill(getpid(), SIGTERM);
		usleep(50);
	}
	return arg;
}

static int short_life(void *arg)
{
	int err = peal_sleep(*(int64_t *)arg);

	return err == -ECANCELED ? 0 : err;
}

START_TEST(signals_and_runtimes_come_at_any_time)
{
	pthread_t thread;
	int64_t duration = 100 * PEAL_US;

	if (peal_on_valgrind())
		peal_skip("Valgrind goes on using an alternate signal stack that was given up");
	signal(SIGTERM, on_earlier);
	ck_assert_int_eq(pthread_create(&thread, NULL, send_without_end, NULL), 0);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(peal_run(short_life, &duration,
					 PEAL_RT(.shards = 1 + i % 2, .backend = backend_names[_i],
						 .drain_on_signal = true)),
			0);
	atomic_store(&stop_sending, true);
	pthread_join(thread, NULL);
	ck_assert_ptr_eq(action_of(SIGTERM).sa_handler, on_earlier);
}
END_TEST

/* Check has handlers of its own. */
static void forget_handlers(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
}

static Suite *signals_suite(void)
{
	Suite *suite = suite_create("signals");
	TCase *tcase = tcase_create("signals");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, forget_handlers, NULL);
	ADD_TASK_TEST(tcase, a_signal_drains_and_all_is_put_back);
	ADD_TASK_TEST(tcase, nothing_is_installed_unasked);
	ADD_TASK_TEST(tcase, the_second_signal_kills);
	ADD_TASK_TEST(tcase, an_earlier_handler_is_called_and_put_back);
	ADD_TASK_TEST(tcase, the_second_signal_goes_to_the_earlier_handler);
	ADD_TASK_TEST(tcase, a_later_handler_is_left_alone);
	ADD_TASK_TEST(tcase, what_is_ignored_stays_ignored);
	ADD_TASK_TEST(tcase, every_runtime_that_asked_drains);
	tcase_add_test(tcase, a_refused_handler_is_named);
	ADD_TASK_TEST(tcase, watches_hear_what_comes);
	ADD_TASK_TEST(tcase, signals_and_runtimes_come_at_any_time);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(signals_suite());
}
