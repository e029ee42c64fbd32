/* SPDX-License-Identifier: MIT */
/* Help for the entries. */
#include <netinet/in.h>
#include <poll.h>
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

void begin_full_listener(struct attempt *attempt)
{
	make_listener(attempt);
	listen(attempt->listener, 0);
	for (int i = 0; i < 8; i++) {
		struct pollfd ask = { .events = POLLOUT };
		int fd = ask.fd = knock(attempt);

		if (poll(&ask, 1, 20) == 0) {
			close(fd);
			break;
		}
		ck_assert_uint_lt(attempt->filled, sizeof(attempt->buf) / sizeof(int));
		memcpy(attempt->buf + attempt->filled++ * sizeof(int), &fd, sizeof(int));
	}
}

void end_full_listener(struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->filled; i++) {
		int fd;

		memcpy(&fd, attempt->buf + i * sizeof(int), sizeof(int));
		close(fd);
	}
	close_all(attempt);
}

void nothing(struct attempt *attempt)
{
	(void)attempt;
}

void check_connection(struct attempt *attempt)
{
	char byte = 0;

	ck_assert_int_eq(send(attempt->theirs, "x", 1, 0), 1);
	ck_assert_int_eq(recv(attempt->ours, &byte, 1, 0), 1);
	ck_assert_int_eq(byte, 'x');
}

void fill_up(struct attempt *attempt)
{
	char junk[4096] = { 0 };
	int room = 8192;
	ssize_t n;

	setsockopt(attempt->ours, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	while ((n = send(attempt->ours, junk, sizeof(junk), MSG_DONTWAIT)) > 0)
		attempt->filled += (size_t)n;
	ck_assert_int_eq(errno, EAGAIN);
}

/* The descriptors of one message are one at most, which is all that is sent here. */
static ssize_t take_some(struct attempt *attempt, char *buf, size_t size)
{
	union {
		struct cmsghdr first;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { buf, size };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(attempt->theirs, &message, MSG_DONTWAIT);
	int fd;

	if (n > 0 && CMSG_FIRSTHDR(&message)) {
		memcpy(&fd, CMSG_DATA(&control.first), sizeof(fd));
		ck_assert_int_eq(close(fd), 0);
		attempt->passed++;
	}
	return n;
}

void empty(struct attempt *attempt)
{
	static char buf[1 << 16];
	unsigned int wrong = 0;
	ssize_t n;

	while ((n = take_some(attempt, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++, attempt->steps++)
			wrong += buf[i] != (attempt->steps < attempt->filled ? 0 : POISON);
	ck_assert_uint_eq(wrong, 0);
}

void all_come(struct attempt *attempt, int64_t result)
{
	ck_assert_int_eq(result, BYTES);
	empty(attempt);
	ck_assert_uint_eq(attempt->steps, attempt->filled + BYTES);
}

void none_come(struct attempt *attempt)
{
	empty(attempt);
	peal_sleep(100 * PEAL_US);
	empty(attempt);
	ck_assert_uint_eq(attempt->steps, attempt->filled);
	ck_assert_uint_eq(attempt->passed, 0);
}
