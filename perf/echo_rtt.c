/* SPDX-License-Identifier: MIT */
/*
 * echo_rtt_256b: 512 rounds of 256 bytes over loopback TCP with an echo peer, a thread that blocks. The
 * floor is a client that waits with epoll; another does not wait but tries until something comes.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "perf/runtime.h"

enum { ROUNDS = 512, BYTES = 256 };

static int listen_anywhere(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	perf_expect(fd >= 0 && !bind(fd, (struct sockaddr *)address, size) && !listen(fd, 1) &&
			!getsockname(fd, (struct sockaddr *)address, &size),
		"a socket listens on loopback");
	return fd;
}

static void *echo(void *arg)
{
	int fd = *(int *)arg;
	char buf[BYTES];
	ssize_t n;

	perf_unpin();
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		perf_expect(send(fd, buf, (size_t)n, MSG_NOSIGNAL) == n, "what came is echoed");
	return NULL;
}

/* A connection whose other end echoes, in a thread that ends with it. */
struct echo {
	int fd, peer;
	pthread_t thread;
};

static void echo_open(struct echo *echoing)
{
	struct sockaddr_in address;
	int listener = listen_anywhere(&address), one = 1;

	echoing->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	perf_expect(!connect(echoing->fd, (struct sockaddr *)&address, sizeof(address)) &&
			(echoing->peer = accept(listener, NULL, NULL)) >= 0,
		"there is a connection over loopback");
	setsockopt(echoing->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(echoing->peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	close(listener);
	perf_expect(
		!pthread_create(&echoing->thread, NULL, echo, &echoing->peer), "a thread starts");
}

static void echo_close(struct echo *echoing)
{
	shutdown(echoing->fd, SHUT_RDWR);
	pthread_join(echoing->thread, NULL);
	close(echoing->fd);
	close(echoing->peer);
}

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

static int client(void *arg)
{
	struct perf_run *run = arg;
	struct echo echoing;

	echo_open(&echoing);
	rounds_of_peal(echoing.fd, ROUNDS * run->warm_up);
	perf_start(run);
	rounds_of_peal(echoing.fd, ROUNDS * run->count);
	perf_stop(run);
	echo_close(&echoing);
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
	struct echo echoing;
	bool spin = run->variant->with;

	echo_open(&echoing);
	rounds_of_epoll(echoing.fd, ROUNDS * run->warm_up, spin);
	perf_start(run);
	rounds_of_epoll(echoing.fd, ROUNDS * run->count, spin);
	perf_stop(run);
	echo_close(&echoing);
}

PERF_ROW(.name = "echo_rtt_256b", .what = "512 rounds of 256 bytes with a peer that blocks",
	.unit = "us", .scale = 1000, .count = 4, .threads = 2,
	.variants = { { "peal/uring", run_peal, .backend = "uring" },
		{ "peal/epoll", run_peal, .backend = "epoll" },
		{ "epoll", run_bare, .floor = true },
		{ "spinning", run_bare, .floor = true, .with = 1 } })
