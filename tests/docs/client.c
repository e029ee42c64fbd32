/* SPDX-License-Identifier: MIT */
/*
 * A client for the echo servers of the documentation, with plain sockets: it must not depend on what it
 * tests.
 *
 *	client PORT COUNT   COUNT connections at once, each sends something of its own and wants it back
 *	client free         print a port of 127.0.0.1 that is free at the moment
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES       9000 /* more than one buffer of the servers */
#define PATIENCE_MS 10000

static int fail(const char *what)
{
	fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int tcp_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? fail("socket") : fd;
}

static int print_free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = tcp_socket();

	if (bind(fd, (struct sockaddr *)&address, size) ||
		getsockname(fd, (struct sockaddr *)&address, &size))
		fail("bind");
	printf("%d\n", ntohs(address.sin_port));
	return 0;
}

/* The server may not listen yet. */
static int connect_to(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port) };

	for (int waited = 0; waited < PATIENCE_MS; waited += 20) {
		int fd = tcp_socket();

		if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
			return fd;
		close(fd);
		if (errno != ECONNREFUSED)
			break;
		usleep(20000);
	}
	return fail("connect");
}

static unsigned char byte_of(int connection, size_t at)
{
	return (unsigned char)(connection * 31 + at * 7 + at / 256);
}

static void send_all(int fd, int connection)
{
	unsigned char bytes[BYTES];
	size_t sent = 0;

	for (size_t i = 0; i < BYTES; i++)
		bytes[i] = byte_of(connection, i);
	while (sent < BYTES) {
		ssize_t n = send(fd, bytes + sent, BYTES - sent, MSG_NOSIGNAL);

		if (n < 0)
			fail("send");
		sent += (size_t)n;
	}
}

static void receive_all(int fd, int connection)
{
	struct pollfd want = { .fd = fd, .events = POLLIN };
	unsigned char bytes[BYTES];

	for (size_t have = 0; have < BYTES;) {
		ssize_t n;

		errno = ETIMEDOUT;
		if (poll(&want, 1, PATIENCE_MS) != 1)
			fail("poll");
		n = recv(fd, bytes + have, BYTES - have, 0);
		errno = n ? errno : ECONNRESET;
		if (n <= 0)
			fail("recv");
		for (; n; n--, have++)
			if (bytes[have] != byte_of(connection, have)) {
				errno = EBADMSG;
				fail("another byte than was sent");
			}
	}
}

int main(int argc, char **argv)
{
	int count, *fds;

	if (argc == 2 && !strcmp(argv[1], "free"))
		return print_free_port();
	if (argc != 3) {
		fprintf(stderr, "usage: client PORT COUNT | client free\n");
		return 2;
	}
	count = atoi(argv[2]);
	fds = calloc((size_t)count, sizeof(*fds));
	if (!fds)
		return 1;
	for (int i = 0; i < count; i++)
		fds[i] = connect_to((uint16_t)atoi(argv[1]));
	for (int i = 0; i < count; i++)
		send_all(fds[i], i);
	for (int i = 0; i < count; i++)
		receive_all(fds[i], i);
	for (int i = 0; i < count; i++)
		close(fds[i]);
	free(fds);
	return 0;
}
