/* SPDX-License-Identifier: MIT */
/*
 * What a person would do with a terminal: send stdin to a port of 127.0.0.1, say that nothing more comes,
 * and print what is answered until the end. Both at the same time, so that neither side has to wait.
 *
 *	printf 'GET / HTTP/1.0\r\n\r\n' | talk PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 60000

static int fail(const char *what)
{
	fprintf(stderr, "talk: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void write_all(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0)
			fail("write");
		bytes += n;
		size -= (size_t)n;
	}
}

/* One piece. False at the end. */
static int pass_on(int from, int to)
{
	char bytes[65536];
	ssize_t n = read(from, bytes, sizeof(bytes));

	if (n < 0)
		fail("read");
	write_all(to, bytes, (size_t)n);
	return n > 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd wait[2] = { { .fd = fd, .events = POLLIN }, { .fd = 0, .events = POLLIN } };

	if (argc != 2)
		return 2;
	address.sin_port = htons((uint16_t)atoi(argv[1]));
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		fail("connect");
	for (;;) {
		errno = ETIMEDOUT;
		if (poll(wait, 2, PATIENCE_MS) < 1)
			fail("poll");
		if (wait[0].revents && !pass_on(fd, 1))
			return 0;
		if (wait[1].revents && !pass_on(0, fd)) {
			shutdown(fd, SHUT_WR);
			wait[1].fd = -1;
		}
	}
}
