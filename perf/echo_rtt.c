/* SPDX-License-Identifier: MIT */
/*
 * echo_rtt_256b: 512 rounds of 256 bytes over loopback TCP with an echo peer, a thread that blocks. The
 * floor is a client that waits with epoll; another does not wait but tries until something comes.
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/task/task.h"
#include "perf/loopback.h"
#include "perf/runtime.h"

enum { ROUNDS = 512, BYTES = 256 };

static void rounds_of_peal(int fd, uint64_t rounds)
{
	char buf[BYTES] = "";

	for (uint64_t i = 0; i < rounds; i++) {
		perf_expect(peal_send_all(fd, buf, BYTES, 0) == BYTES, "all is sent");
		for (ssize_t n, have = 0; have < BYTES; have += n)
			perf_expect((n = peal_recv(fd, buf + have, (size_t)(BYTES - have), 0)) > 0,
				"all is received");
	}
}

/* Without a fiber: each completion starts what comes next. */
struct caller {
	struct peal_op op;
	struct peal_task *owner;
	uint64_t left;
	int fd;
	unsigned int have;
	char buf[BYTES];
};

static void on_received(struct peal_op *op);

static void on_sent(struct peal_op *op)
{
	struct caller *caller = PEAL_CONTAINER_OF(op, struct caller, op);

	perf_expect(op->result == BYTES, "all is sent");
	caller->have = 0;
	peal_op_recv(op, caller->fd, caller->buf, BYTES, 0, on_received);
}

static void on_received(struct peal_op *op)
{
	struct caller *caller = PEAL_CONTAINER_OF(op, struct caller, op);

	perf_expect(op->result > 0, "all is received");
	caller->have += (unsigned int)op->result;
	if (caller->have < BYTES)
		peal_op_recv(op, caller->fd, caller->buf + caller->have, BYTES - caller->have, 0,
			on_received);
	else if (--caller->left)
		peal_op_send(op, caller->fd, caller->buf, BYTES, 0, on_sent);
	else
		peal_task_wake(caller->owner);
}

static void rounds_of_callbacks(int fd, uint64_t rounds)
{
	struct caller caller = { .owner = peal_task_current(), .left = rounds, .fd = fd };

	peal_op_send(&caller.op, fd, caller.buf, BYTES, 0, on_sent);
	while (caller.left)
		peal_task_park();
}

static int client(void *arg)
{
	struct perf_run *run = arg;
	void (*rounds)(int, uint64_t) = run->variant->with ? rounds_of_callbacks : rounds_of_peal;
	struct perf_echo echo;

	perf_echo_open(&echo, BYTES);
	rounds(echo.fd, ROUNDS * run->warm_up);
	perf_start(run);
	rounds(echo.fd, ROUNDS * run->count);
	perf_stop(run);
	perf_echo_close(&echo);
	return 0;
}

static void run_peal(struct perf_run *run)
{
	perf_in_runtime(run, client);
}

static void rounds_of_epoll(int fd, uint64_t rounds, bool spin)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };
	char buf[BYTES] = "";

	perf_expect(!epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll watches a socket");
	for (uint64_t i = 0; i < rounds; i++) {
		ssize_t n, have = 0;

		perf_expect(send(fd, buf, BYTES, 0) == BYTES, "all is sent");
		while (have < BYTES) {
			if (!spin)
				epoll_wait(epoll, &event, 1, -1);
			n = recv(fd, buf + have, (size_t)(BYTES - have), MSG_DONTWAIT);
			have += n > 0 ? n : 0;
		}
	}
	close(epoll);
}

static void run_bare(struct perf_run *run)
{
	struct perf_echo echo;
	bool spin = run->variant->with;

	perf_echo_open(&echo, BYTES);
	rounds_of_epoll(echo.fd, ROUNDS * run->warm_up, spin);
	perf_start(run);
	rounds_of_epoll(echo.fd, ROUNDS * run->count, spin);
	perf_stop(run);
	perf_echo_close(&echo);
}

PERF_ROW(.name = "echo_rtt_256b", .what = "512 rounds of 256 bytes with a peer that blocks",
	.unit = "us", .scale = 1000, .count = 4, .threads = 2,
	.variants = { { "peal/uring", run_peal, .backend = "uring" },
		{ "peal/epoll", run_peal, .backend = "epoll" },
		{ "peal/callbacks", run_peal, .with = 1 }, { "epoll", run_bare, .floor = true },
		{ "spinning", run_bare, .floor = true, .with = 1 } })
