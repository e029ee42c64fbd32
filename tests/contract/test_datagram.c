/* SPDX-License-Identifier: MIT */
/* Datagrams with what belongs to them, buffers that are not copied, and descriptors that are passed. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/fiber/sanitizer.h"
#include "tests/contract/runtime.h"

static char bulk[PEAL_DATAGRAM_BYTES + 1], back[PEAL_DATAGRAM_BYTES + 1];

static int open_udp(const char *address)
{
	int fd = peal_udp_open(address, NULL);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static struct peal_address address_of(const char *host, int fd)
{
	struct peal_address address;
	char text[64];

	snprintf(text, sizeof(text), "%s:%d", host, peal_tcp_port(fd));
	ck_assert_int_eq(peal_resolve(text, &address, 1), 1);
	return address;
}

static unsigned int port_of(const struct peal_address *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&address->storage;

	return ntohs(in->sin_port); /* IPv6's stands at the same place */
}

static void expect_ipv4(const struct peal_address *address, const char *host)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&address->storage;

	ck_assert_int_eq(address->storage.ss_family, AF_INET);
	ck_assert_uint_eq(address->size, sizeof(*in));
	ck_assert_uint_eq(in->sin_addr.s_addr, inet_addr(host));
}

static void ask_for_everything(int fd)
{
	ck_assert_int_eq(peal_set_packet_info(fd, true), 0);
	ck_assert_int_eq(peal_set_receive_ecn(fd, true), 0);
}

/* 127.0.0.2 and so on are addresses of this machine, too. */
TASK_TEST(datagrams_tell_where_they_were_and_how)
{
	int ours = open_udp("0.0.0.0:0"), theirs = open_udp("0.0.0.0:0");
	struct peal_datagram out = { .ecn = PEAL_ECN_ECT0 }, in;

	ask_for_everything(ours);
	out.peer = address_of("127.0.0.3", ours);
	out.local = address_of("127.0.0.2", theirs);
	for (int ecn = PEAL_ECN_NONE; ecn <= PEAL_ECN_CE; ecn++) {
		out.ecn = (uint8_t)ecn;
		ck_assert_int_eq(peal_datagram_send(theirs, "data", 4, &out, 0), 4);
		memset(&in, 0x5a, sizeof(in));
		ck_assert_int_eq(peal_datagram_recv(ours, back, sizeof(back), &in, 0), 4);
		ck_assert_int_eq(memcmp(back, "data", 4), 0);
		ck_assert_int_eq(in.ecn, ecn);
		ck_assert_int_eq(in.segment, 0);
		ck_assert(!in.truncated);
		expect_ipv4(&in.local, "127.0.0.3");
		expect_ipv4(&in.peer, "127.0.0.2");
		ck_assert_uint_eq(port_of(&in.peer), (unsigned int)peal_tcp_port(theirs));
		ck_assert_uint_eq(in.interface, if_nametoindex("lo"));
	}
	/* Nobody asks any more. */
	ck_assert_int_eq(peal_set_packet_info(ours, false), 0);
	ck_assert_int_eq(peal_set_receive_ecn(ours, false), 0);
	ck_assert_int_eq(peal_datagram_send(theirs, "data", 4, &out, 0), 4);
	ck_assert_int_eq(peal_datagram_recv(ours, back, 2, &in, 0), 2);
	ck_assert_int_eq(in.ecn, 0);
	ck_assert_uint_eq(in.local.size, 0);
	ck_assert(in.truncated);
	out.ecn = 4;
	ck_assert_int_eq(peal_datagram_send(theirs, "data", 4, &out, 0), -EINVAL);
	peal_close(ours);
	peal_close(theirs);
	return 0;
}

/* An IPv6 socket that is open for both: IPv4's datagrams tell the same as IPv6's. */
TASK_TEST(ipv6_sockets_speak_both)
{
	int ours = open_udp("*:0"), theirs = open_udp("*:0");
	static const char *const hosts[] = { "[::1]", "[::ffff:127.0.0.1]" };
	struct peal_datagram out = { .ecn = PEAL_ECN_CE }, in;

	if (address_of("[::1]", ours).storage.ss_family != AF_INET6 || !if_nametoindex("lo"))
		peal_skip("no IPv6 here");
	ask_for_everything(ours);
	for (int i = 0; i < 2; i++) {
		int n;

		out.peer = address_of(hosts[i], ours);
		out.interface = if_nametoindex("lo");
		n = (int)peal_datagram_send(theirs, "data", 4, &out, 0);
		if (n == -EADDRNOTAVAIL || n == -ENETUNREACH || n == -EAFNOSUPPORT)
			continue; /* a container without ::1 */
		ck_assert_int_eq(n, 4);
		ck_assert_int_eq(peal_datagram_recv(ours, back, sizeof(back), &in, 0), 4);
		ck_assert_int_eq(in.ecn, PEAL_ECN_CE);
		ck_assert_uint_ne(in.local.size, 0);
		ck_assert_uint_eq(port_of(&in.peer), (unsigned int)peal_tcp_port(theirs));
		/* Connected, its family is known without being told. */
		ck_assert_int_eq(
			peal_connect(theirs, (struct sockaddr *)&out.peer.storage, out.peer.size),
			0);
		ck_assert_int_eq(peal_datagram_send(theirs, "more", 4,
					 &(struct peal_datagram){ .ecn = PEAL_ECN_ECT1 }, 0),
			4);
		ck_assert_int_eq(peal_datagram_recv(ours, back, sizeof(back), &in, 0), 4);
		ck_assert_int_eq(in.ecn, PEAL_ECN_ECT1);
		ck_assert_int_eq(peal_close(theirs), 0);
		theirs = open_udp("*:0");
	}
	peal_close(ours);
	peal_close(theirs);
	return 0;
}

#define SEGMENT 1000
#define BYTES   (7 * SEGMENT + 500)

static void fill(void)
{
	for (size_t i = 0; i < sizeof(bulk); i++)
		bulk[i] = (char)(i / SEGMENT * 31 + i);
}

static void send_segments(int fd, int to)
{
	struct peal_datagram out = { .segment = SEGMENT, .peer = address_of("127.0.0.1", to) };

	ck_assert_int_eq(peal_datagram_send(fd, bulk, BYTES, &out, 0), BYTES);
}

/* One call, eight datagrams; and taken as one again. */
TASK_TEST(datagrams_go_in_segments)
{
	int ours = open_udp("127.0.0.1:0"), theirs = open_udp("127.0.0.1:0");
	struct peal_datagram in;
	size_t got = 0;

	fill();
	send_segments(theirs, ours);
	for (int i = 0; i < 8; i++) {
		ssize_t n = peal_datagram_recv(ours, back, sizeof(back), &in, 0);

		ck_assert_int_eq(n, i < 7 ? SEGMENT : BYTES - 7 * SEGMENT);
		ck_assert_int_eq(memcmp(back, bulk + got, (size_t)n), 0);
		got += (size_t)n;
	}
	ck_assert_int_eq(peal_set_gro(ours, true), 0);
	send_segments(theirs, ours);
	for (got = 0; got < BYTES;) {
		ssize_t n = peal_datagram_recv(ours, back, sizeof(back), &in, 0);

		ck_assert_int_gt(n, 0);
		ck_assert(n <= SEGMENT || in.segment == SEGMENT);
		ck_assert_int_eq(memcmp(back, bulk + got, (size_t)n), 0);
		got += (size_t)n;
	}
	peal_close(ours);
	peal_close(theirs);
	return 0;
}

TASK_TEST(what_cannot_go_is_refused)
{
	int ours = open_udp("127.0.0.1:0");
	struct peal_datagram out = { .segment = 1, .peer = address_of("127.0.0.1", ours) };
	int pair[2];

	ck_assert_int_eq(peal_datagram_send(ours, bulk, 65, &out, 0), -EINVAL);
	out.segment = 0;
	ck_assert_int_eq(
		peal_datagram_send(ours, bulk, PEAL_DATAGRAM_BYTES + 1, &out, 0), -EMSGSIZE);
	out.local = (struct peal_address){ .size = sizeof(struct sockaddr_in6),
		.storage.ss_family = AF_INET6 };
	ck_assert_int_eq(peal_datagram_send(ours, "x", 1, &out, 0), -EINVAL);
	ck_assert_int_eq(peal_datagram_send(ours, "x", 1, NULL, 0), -EDESTADDRREQ);
	ck_assert_int_eq(peal_datagram_recv(ours, back, 1, NULL, MSG_DONTWAIT), -EAGAIN);
	ck_assert_int_eq(peal_socketpair(SOCK_STREAM, pair), 0);
	ck_assert_int_lt(peal_set_gro(pair[0], true), 0);
	ck_assert_int_eq(peal_set_gro(-1, true), -EBADF);
	peal_close(pair[0]);
	peal_close(pair[1]);
	peal_close(ours);
	return 0;
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return !fstat(a, &x) && !fstat(b, &y) && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

TASK_TEST(descriptors_are_passed)
{
	int pair[2], ends[2], fds[PEAL_PASSED_MOST], came[PEAL_PASSED_MOST];
	unsigned int count = PEAL_PASSED_MOST;

	ck_assert_int_eq(peal_socketpair(SOCK_STREAM, pair), 0);
	ck_assert_int_eq(peal_pipe(ends), 0);
	for (unsigned int i = 0; i < count; i++)
		fds[i] = ends[i % 2];
	ck_assert_int_eq(peal_send_fds(pair[0], "many", 4, fds, count), 4);
	ck_assert_int_eq(peal_recv_fds(pair[1], back, 4, came, &count), 4);
	ck_assert_uint_eq(count, PEAL_PASSED_MOST);
	ck_assert_int_eq(memcmp(back, "many", 4), 0);
	for (unsigned int i = 0; i < count; i++) {
		ck_assert(same_file(came[i], fds[i]));
		ck_assert_int_eq(fcntl(came[i], F_GETFD), FD_CLOEXEC);
		ck_assert_int_eq(close(came[i]), 0);
	}
	/* Bytes alone. */
	ck_assert_int_eq(peal_send(pair[0], "none", 4, 0), 4);
	ck_assert_int_eq(peal_recv_fds(pair[1], back, 4, came, &count), 4);
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(peal_recv_fds(pair[1], back, 4, came, &count), -EINVAL);
	ck_assert_int_eq(peal_send_fds(pair[0], "", 0, fds, 1), -EINVAL);
	ck_assert_int_eq(peal_send_fds(pair[0], "x", 1, fds, 0), -EINVAL);
	ck_assert_int_eq(peal_send_fds(pair[0], "x", 1, fds, PEAL_PASSED_MOST + 1), -EINVAL);
	peal_close(pair[0]);
	count = 1;
	ck_assert_int_eq(peal_recv_fds(pair[1], back, 4, came, &count), 0);
	peal_close(pair[1]);
	peal_close(ends[0]);
	peal_close(ends[1]);
	return 0;
}

/* What is too much is closed, and nothing is taken for the whole. */
TASK_TEST(too_many_descriptors_are_none)
{
	int pair[2], came[2] = { -1, -1 }, lowest, fds[3];
	struct rlimit before, few;
	unsigned int count;

	ck_assert_int_eq(peal_socketpair(SOCK_SEQPACKET, pair), 0);
	for (int i = 0; i < 3; i++)
		fds[i] = pair[0];
	lowest = dup(0);
	ck_assert_int_eq(close(lowest), 0);
	/* More than there is room for; then no more than that, but than may be open. */
	for (int i = 0; i < (peal_on_valgrind() ? 1 : 2); i++) {
		ck_assert_int_eq(peal_send_fds(pair[0], "data", 4, fds, i ? 2 : 3), 4);
		if (i == 1) {
			ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
			few = before;
			few.rlim_cur = (rlim_t)lowest + 1;
			ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
		}
		count = 2;
		ck_assert_int_eq(peal_recv_fds(pair[1], back, 4, came, &count), -EMSGSIZE);
		ck_assert_uint_eq(count, 2);
		ck_assert_int_eq(came[0], -1);
	}
	if (!peal_on_valgrind())
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(dup(0), lowest);
	ck_assert_int_eq(close(lowest), 0);
	peal_close(pair[0]);
	peal_close(pair[1]);
	return 0;
}

/* Pieces of 256 KiB, each with its number all over; the one buffer is written to as soon as it is ours. */
#define PIECES 24
#define PIECE  (256 << 10)

static uint32_t piece[PIECE / sizeof(uint32_t)];

static int receive_pieces(void *arg)
{
	static uint32_t got[PIECE / sizeof(uint32_t)];

	for (uint32_t n = 0; n < PIECES; n++) {
		ck_assert_int_eq(peal_recv(*(int *)arg, got, PIECE, MSG_WAITALL), PIECE);
		for (size_t i = 0; i < PIECE / sizeof(uint32_t); i++)
			if (got[i] != n)
				return -EIO;
	}
	return 0;
}

static void send_pieces(int fd, int to)
{
	struct peal_task *task;
	int result;

	ck_assert_int_eq(peal_task_spawn(&task, receive_pieces, &to, NULL), 0);
	for (uint32_t n = 0; n < PIECES; n++) {
		const char *bytes = (const char *)piece;
		ssize_t sent;

		for (size_t i = 0; i < PIECE / sizeof(uint32_t); i++)
			piece[i] = n;
		for (size_t done = 0; done < PIECE; done += (size_t)sent) {
			sent = peal_send_zc(fd, bytes + done, PIECE - done, 0);
			ck_assert_int_gt(sent, 0);
		}
	}
	ck_assert_int_eq(peal_task_join(task, &result), 0);
	ck_assert_int_eq(result, 0);
	peal_close(fd);
	peal_close(to);
}

TASK_TEST(large_buffers_are_sent_as_they_lie)
{
	int listener = peal_tcp_listen("127.0.0.1:0", NULL), pair[2];
	char address[32];

	snprintf(address, sizeof(address), "127.0.0.1:%d", peal_tcp_port(listener));
	pair[0] = peal_tcp_connect(address);
	pair[1] = peal_accept(listener, NULL, NULL, 0);
	send_pieces(pair[0], pair[1]);
	ck_assert_int_eq(peal_socketpair(SOCK_STREAM, pair), 0);
	send_pieces(pair[0], pair[1]);
	ck_assert_int_eq(peal_socketpair(SOCK_STREAM, pair), 0);
	peal_close(pair[1]);
	ck_assert_int_eq(peal_send_zc(pair[0], piece, PIECE, 0), -EPIPE);
	ck_assert_int_eq(peal_send_zc(-1, piece, PIECE, 0), -EBADF);
	peal_close(pair[0]);
	peal_close(listener);
	return 0;
}

static Suite *datagram_suite(void)
{
	Suite *suite = suite_create("datagram");
	TCase *tcase = tcase_create("datagram");

	ADD_TASK_TEST(tcase, datagrams_tell_where_they_were_and_how);
	ADD_TASK_TEST(tcase, ipv6_sockets_speak_both);
	ADD_TASK_TEST(tcase, datagrams_go_in_segments);
	ADD_TASK_TEST(tcase, what_cannot_go_is_refused);
	ADD_TASK_TEST(tcase, large_buffers_are_sent_as_they_lie);
	ADD_TASK_TEST(tcase, descriptors_are_passed);
	ADD_TASK_TEST(tcase, too_many_descriptors_are_none);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(datagram_suite());
}
