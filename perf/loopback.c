/* SPDX-License-Identifier: MIT */
#include "perf/loopback.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "perf/perf.h"

int perf_listen(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	perf_expect(fd >= 0 && !bind(fd, (struct sockaddr *)address, size) && !listen(fd, 1024) &&
			!getsockname(fd, (struct sockaddr *)address, &size),
		"a socket listens on loopback");
	return fd;
}

static void *echo_back(void *arg)
{
	struct perf_echo *echo = arg;
	char *buf = malloc(echo->room);
	ssize_t n;

	perf_expect(buf, "there is memory");
	perf_unpin();
	while ((n = recv(echo->peer, buf, echo->room, 0)) > 0)
		if (send(echo->peer, buf, (size_t)n, MSG_NOSIGNAL) != n)
			break;
	free(buf);
	return NULL;
}

void perf_echo_open(struct perf_echo *echo, size_t room)
{
	struct sockaddr_in address;
	int listener = perf_listen(&address), one = 1;

	echo->room = room;
	echo->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	perf_expect(echo->fd >= 0 &&
			!connect(echo->fd, (struct sockaddr *)&address, sizeof(address)) &&
			(echo->peer = accept(listener, NULL, NULL)) >= 0,
		"there is a connection over loopback");
	setsockopt(echo->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(echo->peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	close(listener);
	perf_expect(!pthread_create(&echo->thread, NULL, echo_back, echo), "a thread starts");
}

void perf_echo_end(struct perf_echo *echo)
{
	pthread_join(echo->thread, NULL);
	close(echo->peer);
}

void perf_echo_close(struct perf_echo *echo)
{
	close(echo->fd);
	perf_echo_end(echo);
}
