/* SPDX-License-Identifier: MIT */
/*
 * wakeup_sparse: a thread that is no shard asks the runtime 128 times, with 50 us of nothing between; each
 * time 64 bytes go to an echo peer and come back before it is answered. The time is what the thread waits,
 * without the pauses. The floor is a thread that waits for an eventfd.
 */
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "perf/loopback.h"
#include "perf/runtime.h"

enum { EVENTS = 128, BYTES = 64 };

static struct {
	struct perf_run *run;
	struct perf_echo echo;
	void (*fire)(void); /* returns when the event was answered */
	struct peal_port_client *client;
	int ask, answer; /* eventfds */
} sparse;

static int64_t wait_for_events(uint64_t times, struct perf_histogram *latency)
{
	const struct timespec pause = { .tv_nsec = 50000 };
	int64_t waited = 0;

	for (uint64_t i = 0; i < EVENTS * times; i++) {
		int64_t begin, took;

		nanosleep(&pause, NULL);
		begin = perf_now();
		sparse.fire();
		took = perf_now() - begin;
		waited += took;
		if (latency)
			perf_record(latency, (uint64_t)took);
	}
	return waited;
}

static void *outside(void *arg)
{
	struct perf_run *run = arg;
	int64_t waited;

	perf_unpin();
	wait_for_events(run->warm_up, NULL);
	perf_start(run);
	waited = wait_for_events(run->count, run->latency);
	perf_stop(run);
	run->value = (double)waited / (double)run->count;
	peal_port_disconnect(sparse.client);
	return NULL;
}

static void ask_port(void)
{
	perf_expect(peal_port_call(sparse.client, "?", 1, NULL, 0, PEAL_NEVER) == 0,
		"the port replies");
}

static void exchange(void)
{
	char buf[BYTES] = "";

	perf_expect(peal_send_all(sparse.echo.fd, buf, BYTES, 0) == BYTES, "all is sent");
	for (ssize_t n, have = 0; have < BYTES; have += n)
		perf_expect((n = peal_recv(sparse.echo.fd, buf, (size_t)(BYTES - have), 0)) > 0,
			"all is received");
}

static int answer_requests(void *arg)
{
	struct perf_run *run = arg;
	struct peal_request *request;
	struct peal_port *port;
	pthread_t thread;

	perf_echo_open(&sparse.echo, BYTES);
	sparse.fire = ask_port;
	perf_expect(!peal_port_open(&port, peal_rt_current(), NULL) &&
			!peal_port_connect(&sparse.client, port) &&
			!pthread_create(&thread, NULL, outside, run),
		"there is a port, and a thread that asks");
	for (uint64_t i = 0; i < EVENTS * (run->warm_up + run->count); i++) {
		perf_expect(!peal_port_recv(port, &request), "a request comes");
		exchange();
		peal_port_reply(request, 0, NULL, 0);
	}
	pthread_join(thread, NULL);
	peal_port_close(port);
	perf_echo_close(&sparse.echo);
	return 0;
}

static void run_peal(struct perf_run *run)
{
	perf_in_runtime(run, answer_requests);
}

static void ring(int fd)
{
	uint64_t one = 1;

	perf_expect(write(fd, &one, sizeof(one)) == sizeof(one), "an eventfd is written");
}

static void await(int fd)
{
	uint64_t count;

	perf_expect(read(fd, &count, sizeof(count)) == sizeof(count), "an eventfd is read");
}

static void ask_thread(void)
{
	ring(sparse.ask);
	await(sparse.answer);
}

static void *answer_rings(void *arg)
{
	struct perf_run *run = arg;
	char buf[BYTES] = "";

	for (uint64_t i = 0; i < EVENTS * (run->warm_up + run->count); i++) {
		await(sparse.ask);
		perf_expect(send(sparse.echo.fd, buf, BYTES, 0) == BYTES &&
				recv(sparse.echo.fd, buf, BYTES, MSG_WAITALL) == BYTES,
			"bytes go there and back");
		ring(sparse.answer);
	}
	return NULL;
}

static void run_eventfd(struct perf_run *run)
{
	sparse.fire = ask_thread;
	sparse.client = NULL;
	sparse.ask = eventfd(0, EFD_CLOEXEC);
	sparse.answer = eventfd(0, EFD_CLOEXEC);
	perf_echo_open(&sparse.echo, BYTES);
	perf_two_threads(answer_rings, outside, run);
	perf_echo_close(&sparse.echo);
	close(sparse.ask);
	close(sparse.answer);
}

PERF_ROW(.name = "wakeup_sparse", .what = "128 events from outside, 50 us apart", .unit = "us",
	.scale = 1000, .count = 4, .threads = 2,
	.variants = { { "peal/uring", run_peal, .backend = "uring" },
		{ "peal/epoll", run_peal, .backend = "epoll" },
		{ "eventfd", run_eventfd, .floor = true } })
