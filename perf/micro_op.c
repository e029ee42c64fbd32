/* SPDX-License-Identifier: MIT */
/*
 * An operation from a fiber to the backend and back: one that does nothing, and 64 bytes through a
 * socket pair, where the data is there when it is asked for. The floor of the latter are the two system
 * calls.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "perf/runtime.h"

enum { BYTES = 64 };

static void nops(uint64_t n)
{
	struct peal_op op = { 0 };

	for (uint64_t i = 0; i < n; i++) {
		peal_op_nop(&op, NULL);
		peal_op_wait(&op);
	}
}

static int nop(void *arg)
{
	struct perf_run *run = arg;

	nops(run->warm_up);
	perf_start(run);
	nops(run->count);
	perf_stop(run);
	return 0;
}

static void run_nop(struct perf_run *run)
{
	perf_in_runtime(run, nop);
}

static void make_pair(int pair[2])
{
	perf_expect(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair),
		"there is a pair of sockets");
}

static void pass(const int pair[2], uint64_t n)
{
	char buf[BYTES] = "";

	for (uint64_t i = 0; i < n; i++) {
		perf_expect(peal_send(pair[0], buf, BYTES, 0) == BYTES, "all is sent");
		perf_expect(peal_recv(pair[1], buf, BYTES, 0) == BYTES, "all is received");
	}
}

static int sockets(void *arg)
{
	struct perf_run *run = arg;
	int pair[2];

	make_pair(pair);
	pass(pair, run->warm_up);
	perf_start(run);
	pass(pair, run->count);
	perf_stop(run);
	peal_close(pair[0]);
	peal_close(pair[1]);
	return 0;
}

static void run_sockets(struct perf_run *run)
{
	perf_in_runtime(run, sockets);
}

static void pass_bare(const int pair[2], uint64_t n)
{
	char buf[BYTES] = "";

	for (uint64_t i = 0; i < n; i++) {
		perf_expect(send(pair[0], buf, BYTES, 0) == BYTES, "all is sent");
		perf_expect(recv(pair[1], buf, BYTES, 0) == BYTES, "all is received");
	}
}

static void run_calls(struct perf_run *run)
{
	int pair[2];

	make_pair(pair);
	pass_bare(pair, run->warm_up);
	perf_start(run);
	pass_bare(pair, run->count);
	perf_stop(run);
	close(pair[0]);
	close(pair[1]);
}

PERF_ROW(.name = "op_nop", .what = "an operation that does nothing, awaited", .count = 100000,
	.alone = true,
	.variants = { { "peal/uring", run_nop, .backend = "uring" },
		{ "peal/epoll", run_nop, .backend = "epoll" } })

PERF_ROW(.name = "op_socket", .what = "64 bytes sent and received through a socket pair",
	.count = 20000, .alone = true,
	.variants = { { "peal/uring", run_sockets, .backend = "uring" },
		{ "peal/epoll", run_sockets, .backend = "epoll" },
		{ "syscalls", run_calls, .floor = true } })
