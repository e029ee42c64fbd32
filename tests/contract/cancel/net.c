/* SPDX-License-Identifier: MIT */
/*
 * Calls that are made of others: names and connections, which come with a descriptor that must not be lost,
 * datagrams, descriptors that are passed, and a plugin that is looked for.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fiber/sanitizer.h"
#include "tests/contract/cancel/cancel.h"

static const char hello[] = "hello, it's the peer";

/* resolve: a way to write 127.0.0.1 that inet_pton(3) does not know is for the pool, and needs no files */

#define HOST "127.1"

static void begin_resolve(struct attempt *attempt)
{
	attempt->more = calloc(1, sizeof(struct peal_address));
	ck_assert_ptr_nonnull(attempt->more);
	memset(attempt->more, POISON, sizeof(struct peal_address));
}

static int64_t make_resolve(struct attempt *attempt)
{
	return peal_resolve(HOST ":4242", attempt->more, 1);
}

static void it_is_found(struct attempt *attempt, int64_t result)
{
	const struct peal_address *found = attempt->more;
	const struct sockaddr_in *in = (const struct sockaddr_in *)&found->storage;

	ck_assert_int_eq(result, 1);
	ck_assert_int_eq(in->sin_family, AF_INET);
	ck_assert_uint_eq(ntohl(in->sin_addr.s_addr), INADDR_LOOPBACK);
	ck_assert_uint_eq(ntohs(in->sin_port), 4242);
}

/* Nor does the pool write to it later. */
static void nothing_is_found(struct attempt *attempt)
{
	const char *bytes = attempt->more;

	peal_sleep(100 * PEAL_US);
	for (size_t i = 0; i < sizeof(struct peal_address); i++)
		ck_assert_int_eq(bytes[i], POISON);
}

static void end_resolve(struct attempt *attempt)
{
	free(attempt->more);
}

/* tcp_connect */

static int64_t connect_by(struct attempt *attempt, const char *host)
{
	char address[32];

	snprintf(address, sizeof(address), "%s:%d", host, peal_tcp_port(attempt->listener));
	return peal_tcp_connect(address);
}

static int64_t make_tcp_connect(struct attempt *attempt)
{
	return connect_by(attempt, "127.0.0.1");
}

static int64_t make_tcp_connect_by_name(struct attempt *attempt)
{
	return connect_by(attempt, HOST);
}

static void it_is_connected(struct attempt *attempt, int64_t result)
{
	ck_assert_int_ge(result, 0);
	attempt->ours = (int)result;
	attempt->theirs = accept4(attempt->listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(attempt->theirs, 0);
	check_connection(attempt);
}

static void nobody_can(struct attempt *attempt, int64_t result)
{
	(void)attempt;
	ck_abort_msg("to a full backlog: %ld", (long)result);
}

/* unix_connect: `filled` others are in the backlog, and `steps` of all were accepted, `theirs` the last */

struct others {
	char path[64];
	int fds[8];
};

static void begin_unix(struct attempt *attempt)
{
	static unsigned int number;
	struct others *others = attempt->more = calloc(1, sizeof(*others));
	int fd;

	ck_assert_ptr_nonnull(others);
	snprintf(others->path, sizeof(others->path), "@peal-cancel-%d-%u", (int)getpid(), number++);
	attempt->listener = peal_unix_listen(others->path, PEAL_LISTEN(.backlog = 1));
	ck_assert_int_ge(attempt->listener, 0);
	ck_assert_int_eq(fcntl(attempt->listener, F_SETFL, O_NONBLOCK), 0);
	for (;;) {
		struct sockaddr_storage address = { 0 };
		socklen_t size = sizeof(address);

		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		getsockname(attempt->listener, (struct sockaddr *)&address, &size);
		if (connect(fd, (struct sockaddr *)&address, size))
			break;
		ck_assert_uint_lt(attempt->filled, sizeof(others->fds) / sizeof(int));
		others->fds[attempt->filled++] = fd;
	}
	ck_assert_int_eq(errno, EAGAIN);
	close(fd);
}

static int64_t make_unix_connect(struct attempt *attempt)
{
	return peal_unix_connect(((struct others *)attempt->more)->path, SOCK_STREAM);
}

static void accept_all(struct attempt *attempt)
{
	int fd;

	while ((fd = accept4(attempt->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		if (attempt->theirs >= 0)
			close(attempt->theirs);
		attempt->theirs = fd;
		attempt->steps++;
	}
	ck_assert_int_eq(errno, EAGAIN);
}

static void it_is_accepted(struct attempt *attempt, int64_t result)
{
	ck_assert_int_ge(result, 0);
	attempt->ours = (int)result;
	accept_all(attempt);
	ck_assert_uint_eq(attempt->steps, attempt->filled + 1);
	check_connection(attempt);
}

/* Nobody has come, and nobody comes when there is room. */
static void nobody_comes(struct attempt *attempt)
{
	accept_all(attempt);
	peal_sleep(100 * PEAL_US);
	accept_all(attempt);
	ck_assert_uint_eq(attempt->steps, attempt->filled);
}

static void end_unix(struct attempt *attempt)
{
	struct others *others = attempt->more;

	for (size_t i = 0; i < attempt->filled; i++)
		close(others->fds[i]);
	free(others);
	close_all(attempt);
}

/* Datagrams */

static void begin_udp(struct attempt *attempt)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);

	attempt->ours = peal_udp_open("127.0.0.1:0", NULL);
	attempt->theirs = peal_udp_open("127.0.0.1:0", NULL);
	ck_assert_int_eq(getsockname(attempt->ours, (struct sockaddr *)&address, &size), 0);
	ck_assert_int_eq(connect(attempt->theirs, (struct sockaddr *)&address, size), 0);
}

static void send_hello(struct attempt *attempt)
{
	if (!attempt->steps++)
		ck_assert_int_eq(send(attempt->theirs, hello, sizeof(hello), 0), sizeof(hello));
}

static int64_t make_datagram_recv(struct attempt *attempt)
{
	struct peal_datagram datagram = { .segment = POISON };
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);
	ssize_t n = peal_datagram_recv(attempt->ours, attempt->buf, BYTES, &datagram, 0);

	ck_assert_int_eq(getsockname(attempt->theirs, (struct sockaddr *)&peer, &size), 0);
	ck_assert_uint_eq(datagram.segment, n < 0 ? POISON : 0);
	ck_assert_uint_eq(datagram.peer.size, n < 0 ? 0 : size);
	if (n >= 0)
		ck_assert_mem_eq(&datagram.peer.storage, &peer, size);
	return n;
}

static void hello_is_in(struct attempt *attempt, int64_t result)
{
	ck_assert_int_eq(result, sizeof(hello));
	ck_assert_str_eq(attempt->buf, hello);
}

static void datagram_comes_next(struct attempt *attempt)
{
	send_hello(attempt);
	peal_sleep(100 * PEAL_US);
	check_buffer(attempt);
	hello_is_in(attempt, make_datagram_recv(attempt));
}

static void begin_full_datagrams(struct attempt *attempt)
{
	int pair[2];

	ck_assert_int_eq(peal_socketpair(SOCK_DGRAM, pair), 0);
	attempt->ours = pair[0];
	attempt->theirs = pair[1];
	fill_up(attempt);
}

static int64_t make_datagram_send(struct attempt *attempt)
{
	return peal_datagram_send(attempt->ours, attempt->buf, BYTES, NULL, 0);
}

/* Descriptors: the one that is passed is the listener */

static void make_passed(struct attempt *attempt)
{
	make_pair(attempt);
	attempt->listener = memfd_create("cancel", MFD_CLOEXEC);
	ck_assert_int_ge(attempt->listener, 0);
}

static void begin_full_pair(struct attempt *attempt)
{
	make_passed(attempt);
	fill_up(attempt);
}

static int64_t make_send_fds(struct attempt *attempt)
{
	return peal_send_fds(attempt->ours, attempt->buf, BYTES, &attempt->listener, 1);
}

static void all_come_with_it(struct attempt *attempt, int64_t result)
{
	all_come(attempt, result);
	ck_assert_uint_eq(attempt->passed, 1);
}

static void pass(struct attempt *attempt)
{
	union {
		struct cmsghdr first;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .first = { .cmsg_len = CMSG_LEN(sizeof(int)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS } };
	struct iovec part = { (void *)hello, sizeof(hello) };
	const struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.first), &attempt->listener, sizeof(int));
	if (!attempt->steps++)
		ck_assert_int_eq(sendmsg(attempt->theirs, &message, 0), sizeof(hello));
}

static void check_passed(const struct attempt *attempt, int fd)
{
	struct stat theirs, ours;

	ck_assert_int_eq(fstat(attempt->listener, &theirs), 0);
	ck_assert_int_eq(fstat(fd, &ours), 0);
	ck_assert_uint_eq(ours.st_ino, theirs.st_ino);
	ck_assert_int_eq(close(fd), 0);
}

static int64_t make_recv_fds(struct attempt *attempt)
{
	unsigned int count = 2;
	int fds[2] = { -1, -1 };
	ssize_t n = peal_recv_fds(attempt->ours, attempt->buf, BYTES, fds, &count);

	ck_assert_uint_eq(count, n < 0 ? 2 : 1);
	ck_assert_int_eq(fds[1], -1);
	if (n < 0)
		ck_assert_int_eq(fds[0], -1);
	else
		check_passed(attempt, fds[0]);
	return n;
}

/* With its descriptor. */
static void message_comes_next(struct attempt *attempt)
{
	pass(attempt);
	peal_sleep(100 * PEAL_US);
	check_buffer(attempt);
	hello_is_in(attempt, make_recv_fds(attempt));
}

/* plugin_load: it is found and opened by the pool, and then refused, so that it can be tried again */

static void begin_plugin_load(struct attempt *attempt)
{
	char path[4096];

	(void)attempt;
	if (PEAL_TSAN || PEAL_ASAN)
		peal_skip("it brings libpeal.so, and a sanitizer bears no two of it");
	snprintf(path, sizeof(path), "%s/hello.so", getenv("PEAL_PLUGIN_PATH"));
	if (access(path, R_OK))
		peal_skip("plugins are linked statically");
}

static int64_t make_plugin_load(struct attempt *attempt)
{
	struct peal_reason reason = { "" };
	int err = peal_plugin_load("hello", "nonsense=1", &reason);

	(void)attempt;
	ck_assert_msg(strstr(reason.text, "plugin hello: "), "%s", reason.text);
	ck_assert(!strstr(reason.text, "nonsense") == (err != -EINVAL));
	return err;
}

static void it_is_refused(struct attempt *attempt, int64_t result)
{
	(void)attempt;
	ck_assert_int_eq(result, -EINVAL);
}

/* The next one has its turn. */
static void it_is_refused_next(struct attempt *attempt)
{
	it_is_refused(attempt, make_plugin_load(attempt));
}

const struct call net_calls[] = {
	{ "resolve", begin_resolve, make_resolve, nothing, it_is_found, nothing_is_found,
		end_resolve, .stubborn = true },
	{ "tcp_connect", begin_full_listener, make_tcp_connect, nothing, nobody_can, nothing,
		end_full_listener, .in_vain = true },
	{ "tcp_connect (by name)", begin_full_listener, make_tcp_connect_by_name, nothing,
		nobody_can, nothing, end_full_listener, .in_vain = true },
	{ "tcp_connect (by name, taken)", make_listener, make_tcp_connect_by_name, nothing,
		it_is_connected, nothing, close_all, .stubborn = true },
	{ "unix_connect", begin_unix, make_unix_connect, accept_all, it_is_accepted, nobody_comes,
		end_unix },
	{ "datagram_recv (by UDP)", begin_udp, make_datagram_recv, send_hello, hello_is_in,
		datagram_comes_next, close_all },
	{ "datagram_send", begin_full_datagrams, make_datagram_send, empty, all_come, none_come,
		close_all },
	{ "send_fds", begin_full_pair, make_send_fds, empty, all_come_with_it, none_come,
		close_all },
	{ "recv_fds (with one)", make_passed, make_recv_fds, pass, hello_is_in, message_comes_next,
		close_all },
	{ "plugin_load", begin_plugin_load, make_plugin_load, nothing, it_is_refused,
		it_is_refused_next, nothing, .stubborn = true },
	{ 0 },
};
