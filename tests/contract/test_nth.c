/* SPDX-License-Identifier: MIT */
/*
 * Every call, with each system call that it takes failing in turn: the first one, then the second, until it
 * takes no more. It fails too, or finds another way; nothing is left open or in flight, and the same call
 * succeeds afterwards. The calls are those of cancel/, and the makers of sockets.
 */
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/atomic.h"
#include "core/sys.h"

#include "tests/contract/cancel/cancel.h"

#define MOST_CALLS 500 /* a call of the library takes fewer */
#define PATIENCE   4   /* turns of the loop before the call is helped */

static struct {
	struct peal_sys_hook hook;
	PEAL_ATOMIC(long) left; /* until the one that fails */
	PEAL_ATOMIC(uint32_t) waits;
	int error;
} faults;

/* What gives back cannot fail; nor can what only asks the clock, or a timer to be set. Entering the kernel
 * is the ring's own affair, and has a test of its own below. */
static bool may_fail(long number)
{
	static const long never[] = { SYS_close, SYS_clock_gettime, SYS_timerfd_settime, SYS_munmap,
		SYS_write, SYS_io_uring_enter, SYS_epoll_wait, SYS_epoll_pwait, SYS_rt_sigprocmask,
		SYS_gettid };

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (number == never[i])
			return false;
	return true;
}

static bool fail_one(struct peal_sys_hook *hook, long number, long *result)
{
	(void)hook;
	if (!may_fail(number) || peal_sub_seq_cst(&faults.left, 1) != 1)
		return false;
	*result = faults.error;
	return true;
}

/* Two out of three times a ring is interrupted before it begins. */
static bool interrupt_waits(struct peal_sys_hook *hook, long number, long *result)
{
	(void)hook;
	if (number != SYS_io_uring_enter && number != SYS_epoll_wait)
		return false;
	if (peal_add_seq_cst(&faults.waits, 1) % 3 == 0)
		return false;
	*result = -EINTR;
	return true;
}

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

struct trial {
	const struct call *call;
	struct attempt attempt;
	int64_t result;
	bool over;
};

static int make_call(void *arg)
{
	struct trial *trial = arg;

	trial->result = trial->call->make(&trial->attempt);
	trial->over = true;
	return 0;
}

/* The faults are there from before the call begins until it has ended. */
static int64_t run_trial(const struct call *call, struct peal_sys_hook *hook)
{
	struct trial trial = { .call = call };
	struct peal_task *task;
	int64_t result;

	trial.attempt.ours = trial.attempt.theirs = trial.attempt.listener = -1;
	memset(trial.attempt.buf, POISON, BYTES);
	call->begin(&trial.attempt);
	ck_assert_int_eq(
		peal_task_spawn(&task, make_call, &trial, PEAL_SPAWN(.name = call->name)), 0);
	peal_sys_hook = hook;
	for (int turn = 0; !trial.over; turn++) {
		if (turn >= PATIENCE)
			call->step(&trial.attempt);
		peal_sleep(0);
	}
	peal_sys_hook = NULL;
	result = trial.result;
	ck_assert_int_eq(peal_task_join(task, NULL), 0);
	if (result >= 0)
		call->succeeded(&trial.attempt, result);
	call->end(&trial.attempt);
	return result;
}

static void expect_nothing_left(int descriptors, const char *name, long n)
{
	for (int i = 0; i < 1000; i++) {
		if (open_descriptors() <= descriptors && counter("tasks_live") == 1 &&
			counter("ops_started") == counter("ops_completed"))
			return;
		peal_sleep(PEAL_MS);
	}
	ck_abort_msg(
		"peal_%s, system call %ld failing: %d descriptors of %d, %d tasks, %d of %d ops",
		name, n, open_descriptors(), descriptors, (int)counter("tasks_live"),
		(int)counter("ops_completed"), (int)counter("ops_started"));
}

static void try_error(const struct call *call, int error, int descriptors)
{
	long n = 0;

	faults.hook.call = fail_one;
	faults.error = error;
	do {
		int64_t result;

		ck_assert_int_lt(++n, MOST_CALLS);
		peal_store_seq_cst(&faults.left, n);
		result = run_trial(call, &faults.hook);
		/* Nothing has failed: nor has the call. */
		if (peal_load_seq_cst(&faults.left) > 0)
			ck_assert_msg(result >= 0, "peal_%s gives %ld for no reason", call->name,
				(long)result);
		expect_nothing_left(descriptors, call->name, n);
	} while (peal_load_seq_cst(&faults.left) <= 0);
}

static int sweep(void *arg)
{
	const struct call *call = arg;
	int descriptors;

	ck_assert_int_ge(run_trial(call, NULL), 0); /* makes what stays: threads, buffers */
	descriptors = open_descriptors();
	try_error(call, -ENOMEM, descriptors);
	try_error(call, -EPERM, descriptors);
	faults.hook.call = interrupt_waits;
	ck_assert_int_ge(run_trial(call, &faults.hook), 0);
	return 0;
}

/* Makers of descriptors. Their one call that may wait is the connect, which has a listener. */

static void is_open(struct attempt *attempt, int64_t result)
{
	ck_assert_int_eq(fcntl((int)result, F_GETFD), FD_CLOEXEC);
	attempt->ours = (int)result;
}

static int64_t make_tcp_listen(struct attempt *attempt)
{
	(void)attempt;
	return peal_tcp_listen("*:0", PEAL_LISTEN(.reuse_port = 1));
}

static int64_t make_unix_listen(struct attempt *attempt)
{
	(void)attempt;
	return peal_unix_listen("@peal-test-nth", NULL);
}

static int64_t make_udp_open(struct attempt *attempt)
{
	(void)attempt;
	return peal_udp_open("[::1]:0", PEAL_UDP(.reuse_port = 1));
}

static int64_t make_unix_open(struct attempt *attempt)
{
	(void)attempt;
	return peal_unix_open("@peal-test-nth");
}

/* The other end is the listener's. */
static int64_t make_socketpair(struct attempt *attempt)
{
	int pair[2] = { -1, -1 };
	int err = peal_socketpair(SOCK_SEQPACKET, pair);

	attempt->listener = pair[1];
	return err ? err : pair[0];
}

static int64_t make_pipe(struct attempt *attempt)
{
	int ends[2] = { -1, -1 };
	int err = peal_pipe(ends);

	attempt->listener = ends[1];
	return err ? err : ends[0];
}

static int64_t make_tcp_connect(struct attempt *attempt)
{
	char address[32];

	snprintf(address, sizeof(address), "127.0.0.1:%d", (int)attempt->filled);
	return peal_tcp_connect(address);
}

static void begin_tcp_connect(struct attempt *attempt)
{
	make_listener(attempt);
	attempt->filled = (size_t)peal_tcp_port(attempt->listener);
}

static void begin_unix_connect(struct attempt *attempt)
{
	attempt->listener = peal_unix_listen("@peal-test-nth", NULL);
	ck_assert_int_ge(attempt->listener, 0);
}

static int64_t make_unix_connect(struct attempt *attempt)
{
	(void)attempt;
	return peal_unix_connect("@peal-test-nth", SOCK_STREAM);
}

static const struct call makers[] = {
	{ "tcp_listen", nothing, make_tcp_listen, nothing, is_open, nothing, close_all },
	{ "unix_listen", nothing, make_unix_listen, nothing, is_open, nothing, close_all },
	{ "udp_open", nothing, make_udp_open, nothing, is_open, nothing, close_all },
	{ "unix_open", nothing, make_unix_open, nothing, is_open, nothing, close_all },
	{ "socketpair", nothing, make_socketpair, nothing, is_open, nothing, close_all },
	{ "pipe", nothing, make_pipe, nothing, is_open, nothing, close_all },
	{ "tcp_connect", begin_tcp_connect, make_tcp_connect, nothing, is_open, nothing,
		close_all },
	{ "unix_connect", begin_unix_connect, make_unix_connect, nothing, is_open, nothing,
		close_all },
	{ 0 },
};

/* connect never succeeds there; it does here, by name. */
static const struct call *call_number(int i)
{
	static const struct call *const tables[] = { io_calls, lease_calls, makers };

	for (size_t table = 0; table < sizeof(tables) / sizeof(tables[0]); table++)
		for (const struct call *call = tables[table]; call->name; call++)
			if (strcmp(call->name, "connect") != 0 && i-- == 0)
				return call;
	return NULL;
}

static int count_calls(void)
{
	int n = 0;

	while (call_number(n))
		n++;
	return n;
}

START_TEST(each_system_call_fails_in_turn)
{
	run_on(_i % backend_count, sweep, (void *)call_number(_i / backend_count),
		(struct peal_rt_opts){ .shards = 1 });
}
END_TEST

/* A shard's buffers are made when they are first used; if that fails, they are made the next time. */
static int use_first_lease(void *arg)
{
	struct peal_lease lease;
	ssize_t *first = arg;
	int pair[2];

	ck_assert_int_eq(peal_socketpair(SOCK_SEQPACKET, pair), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(send(pair[1], "data", 4, 0), 4);
		peal_sys_hook = i ? NULL : &faults.hook;
		*first = peal_recv_lease(pair[0], &lease, 0);
		peal_sys_hook = NULL;
		if (i || *first >= 0)
			ck_assert_int_eq(*first, 4);
		if (*first > 0)
			ck_assert_int_eq(peal_lease_return(&lease), 0);
		if (!i)
			first++;
	}
	peal_close(pair[0]);
	peal_close(pair[1]);
	return 0;
}

START_TEST(buffers_cannot_be_made)
{
	ssize_t results[2];
	int failures = 0;
	long n = 0;

	faults.hook.call = fail_one;
	faults.error = -ENOMEM;
	do {
		ck_assert_int_lt(++n, MOST_CALLS);
		peal_store_seq_cst(&faults.left, n);
		run_on(_i, use_first_lease, results, (struct peal_rt_opts){ .shards = 1 });
		failures += results[0] == -ENOMEM;
	} while (peal_load_seq_cst(&faults.left) <= 0);
	ck_assert_int_gt(failures, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nth");
	TCase *tcase = tcase_create("calls");

	find_backends();
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(
		tcase, each_system_call_fails_in_turn, 0, count_calls() * backend_count);
	ADD_TASK_TEST(tcase, buffers_cannot_be_made);
	suite_add_tcase(suite, tcase);
	return peal_check_main(suite);
}
