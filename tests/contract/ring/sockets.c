/* SPDX-License-Identifier: MIT */
/* Sockets for the contract suite, by plain system calls, and what /proc says of the process. */
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>

#ifdef HAVE_VALGRIND
#include <valgrind/valgrind.h>
#endif

#include "tests/contract/ring/ring.h"

int make_socket(const struct listener *listener)
{
	int fd = socket(listener->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	return fd;
}

struct peal_op *op_connect_to(struct peal_op *op, int fd, const struct listener *listener)
{
	return op_connect(op, fd, (const struct sockaddr *)&listener->address, listener->size);
}

/* On a free port, or an abstract address that the kernel chooses. */
static int bind_anywhere(const struct listener *listener)
{
	const struct sockaddr_in loopback = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const sa_family_t unnamed = AF_UNIX;

	if (listener->address.ss_family == AF_INET)
		return bind(listener->fd, (const struct sockaddr *)&loopback, sizeof(loopback));
	return bind(listener->fd, (const struct sockaddr *)&unnamed, sizeof(unnamed));
}

struct listener make_listener(const struct contract *c, int backlog)
{
	struct listener listener = { .size = sizeof(listener.address) };
	struct sockaddr *address = (struct sockaddr *)&listener.address;

	listener.address.ss_family = c->sockets == TCP ? AF_INET : AF_UNIX;
	listener.fd = make_socket(&listener);
	ck_assert_int_eq(bind_anywhere(&listener), 0);
	ck_assert_int_eq(listen(listener.fd, backlog), 0);
	ck_assert_int_eq(getsockname(listener.fd, address, &listener.size), 0);
	return listener;
}

int connect_to(const struct listener *listener)
{
	int fd = make_socket(listener);

	ck_assert_int_eq(
		connect(fd, (const struct sockaddr *)&listener->address, listener->size), 0);
	return fd;
}

struct pair make_pair(const struct contract *c)
{
	struct listener listener = make_listener(c, 1);
	struct pair pair;

	pair.theirs = connect_to(&listener);
	pair.ours = accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(pair.ours, 0);
	close(listener.fd);
	return pair;
}

void close_pair(struct pair pair)
{
	if (pair.ours >= 0)
		close(pair.ours);
	if (pair.theirs >= 0)
		close(pair.theirs);
}

size_t fill_socket(int fd)
{
	static const char zeros[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = send(fd, zeros, sizeof(zeros), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		total += (size_t)n;
	while (send(fd, zeros, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
		total++;
	return total;
}

size_t drain_socket(int fd)
{
	static char buf[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		total += (size_t)n;
	return total;
}

void put(int fd, const char *text)
{
	ssize_t size = (ssize_t)strlen(text);

	ck_assert_int_eq(send(fd, text, (size_t)size, MSG_NOSIGNAL), size);
}

/* On TCP by lingering for no time; a Unix socket does it when something was left unread. */
void reset_peer(struct pair *pair)
{
	const struct linger at_once = { .l_onoff = 1 };

	ck_assert_int_eq(send(pair->ours, "x", 1, MSG_NOSIGNAL), 1);
	setsockopt(pair->theirs, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(pair->theirs);
	pair->theirs = -1;
}

static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

int count_fds(void)
{
	return count_entries("/proc/self/fd");
}

int count_threads(void)
{
	return count_entries("/proc/self/task");
}

int count_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	int count = 0;
	int byte;

	ck_assert_ptr_nonnull(maps);
	while ((byte = getc(maps)) != EOF)
		count += byte == '\n';
	fclose(maps);
	return count;
}

bool on_valgrind(void)
{
#ifdef HAVE_VALGRIND
	return RUNNING_ON_VALGRIND;
#else
	return false;
#endif
}
