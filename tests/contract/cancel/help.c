/* SPDX-License-Identifier: MIT */
/* Help for the entries. */
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/contract/cancel/cancel.h"

void make_pair(struct attempt *attempt)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	attempt->ours = pair[0];
	attempt->theirs = pair[1];
}

void make_listener(struct attempt *attempt)
{
	attempt->listener = peal_tcp_listen("127.0.0.1:0", NULL);
	ck_assert_int_ge(attempt->listener, 0);
}

int knock(struct attempt *attempt)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in address;
	socklen_t size = sizeof(address);

	ck_assert_int_eq(getsockname(attempt->listener, (struct sockaddr *)&address, &size), 0);
	ck_assert(connect(fd, (struct sockaddr *)&address, size) == 0 || errno == EINPROGRESS);
	return fd;
}

void check_buffer(struct attempt *attempt)
{
	for (int i = 0; i < BYTES; i++)
		ck_assert_int_eq(attempt->buf[i], POISON);
}

static void close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

void close_all(struct attempt *attempt)
{
	close_one(attempt->ours);
	close_one(attempt->theirs);
	close_one(attempt->listener);
}
