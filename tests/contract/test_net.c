/* SPDX-License-Identifier: MIT */
/* Sockets by name: UDP, Unix, names of hosts, options, descriptors from a service manager. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/contract/runtime.h"

static int port_of(int fd)
{
	int port = peal_tcp_port(fd);

	ck_assert_int_gt(port, 0);
	return port;
}

TASK_TEST(datagrams_go_back_and_forth)
{
	int a = peal_udp_open("127.0.0.1:0", NULL), b = peal_udp_open("127.0.0.1:0", NULL);
	struct peal_address to;
	char text[32], buf[8];

	ck_assert_int_ge(a, 0);
	ck_assert_int_ge(b, 0);
	ck_assert_int_eq(fcntl(a, F_GETFD), FD_CLOEXEC);
	snprintf(text, sizeof(text), "127.0.0.1:%d", port_of(b));
	ck_assert_int_eq(peal_resolve(text, &to, 1), 1);
	ck_assert_int_eq(peal_connect(a, (const struct sockaddr *)&to.storage, to.size), 0);
	for (int i = 0; i < 3; i++) {
		struct sockaddr_storage from;
		struct iovec part = { .iov_base = buf, .iov_len = sizeof(buf) };
		struct msghdr message = { .msg_iov = &part,
			.msg_iovlen = 1,
			.msg_name = &from,
			.msg_namelen = sizeof(from) };

		ck_assert_int_eq(peal_send(a, "ping", 4, 0), 4);
		ck_assert_int_eq(peal_recvmsg(b, &message, 0), 4);
		part.iov_len = 4;
		ck_assert_int_eq(peal_sendmsg(b, &message, 0), 4);
		ck_assert_int_eq(peal_recv(a, buf, sizeof(buf), 0), 4);
		ck_assert_int_eq(memcmp(buf, "ping", 4), 0);
	}
	/* Nobody is there any more. */
	peal_close(b);
	ck_assert_int_eq(peal_send(a, "ping", 4, 0), 4);
	ck_assert_int_eq(peal_recv(a, buf, sizeof(buf), 0), -ECONNREFUSED);
	peal_close(a);
	ck_assert_int_eq(peal_udp_open("nonsense", NULL), -EINVAL);
	return 0;
}

static int greet(void *arg)
{
	int listener = *(int *)arg, fd = peal_accept(listener, NULL, NULL, 0);

	if (fd < 0)
		return fd;
	peal_send_all(fd, "hello", 5, 0);
	return peal_close(fd);
}

static void expect_greeting(int listener, int (*connect_to)(const char *), const char *address)
{
	struct peal_task *task;
	char buf[8];
	int fd;

	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(peal_task_spawn(&task, greet, &listener, NULL), 0);
	fd = connect_to(address);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(peal_recv(fd, buf, sizeof(buf), MSG_WAITALL), 5);
	ck_assert_int_eq(peal_close(fd), 0);
	ck_assert_int_eq(peal_task_join(task, NULL), 0);
	peal_close(listener);
}

static int connect_stream(const char *path)
{
	return peal_unix_connect(path, SOCK_STREAM);
}

static int connect_seqpacket(const char *path)
{
	return peal_unix_connect(path, SOCK_SEQPACKET);
}

TASK_TEST(unix_sockets_listen_at_paths)
{
	char folder[] = "/tmp/peal-test-XXXXXX", path[64], name[64];
	char longest[200];
	int left_over;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	snprintf(name, sizeof(name), "@peal-test-%d", (int)getpid());
	expect_greeting(peal_unix_listen(path, NULL), connect_stream, path);
	/* Its file is left over, and in nobody's way. */
	expect_greeting(
		peal_unix_listen(path, PEAL_LISTEN(.seqpacket = 1)), connect_seqpacket, path);
	expect_greeting(peal_unix_listen(name, NULL), connect_stream, name);
	left_over = peal_unix_listen(path, NULL);
	ck_assert_int_ge(left_over, 0);
	ck_assert_int_eq(peal_unix_listen(path, NULL), -EADDRINUSE);
	peal_close(left_over);
	unlink(path);
	/* What is no socket is not replaced. */
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ck_assert_int_eq(peal_unix_listen(path, NULL), -EADDRINUSE);
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_int_eq(peal_unix_connect(path, SOCK_STREAM), -ECONNREFUSED);
	unlink(path);
	ck_assert_int_eq(peal_unix_connect(path, SOCK_STREAM), -ENOENT);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ck_assert_int_eq(peal_unix_listen(longest, NULL), -ENAMETOOLONG);
	ck_assert_int_eq(peal_unix_listen("", NULL), -EINVAL);
	rmdir(folder);
	return 0;
}

TASK_TEST(pairs_and_pipes_are_made)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	char buf[8];
	int fds[2];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		ck_assert_int_eq(peal_socketpair(types[i], fds), 0);
		ck_assert_int_eq(peal_send(fds[0], "abc", 3, 0), 3);
		ck_assert_int_eq(peal_send(fds[0], "def", 3, 0), 3);
		ck_assert_int_eq(peal_recv(fds[1], buf, 8, 0), types[i] == SOCK_STREAM ? 6 : 3);
		peal_close(fds[0]);
		peal_close(fds[1]);
	}
	ck_assert_int_eq(peal_pipe(fds), 0);
	ck_assert_int_eq(peal_write(fds[1], "abc", 3), 3);
	ck_assert_int_eq(peal_read(fds[0], buf, 8), 3);
	peal_close(fds[0]);
	peal_close(fds[1]);
	fds[0] = fds[1] = 77;
	ck_assert_int_lt(peal_socketpair(-1, fds), 0);
	ck_assert_int_eq(fds[0], 77);
	fds[0] = peal_unix_open(NULL);
	ck_assert_int_ge(fds[0], 0);
	peal_close(fds[0]);
	return 0;
}

TASK_TEST(hosts_have_names)
{
	struct peal_address found[8];
	int listener = peal_tcp_listen("127.0.0.1:0", NULL), n;
	char text[64];

	snprintf(text, sizeof(text), "localhost:%d", port_of(listener));
	n = peal_resolve(text, found, 8);
	ck_assert_int_gt(n, 0);
	for (int i = 0; i < n; i++)
		ck_assert(found[i].storage.ss_family == AF_INET ||
			found[i].storage.ss_family == AF_INET6);
	ck_assert_int_eq(peal_resolve(text, found, 1), 1);
	ck_assert_int_eq(peal_resolve("[::1]:80", found, 1), 1);
	ck_assert_int_eq(found[0].storage.ss_family, AF_INET6);
	ck_assert_int_eq(peal_resolve(text, found, 0), -EINVAL);
	ck_assert_int_eq(peal_resolve("localhost", found, 1), -EINVAL);
	ck_assert_int_eq(peal_resolve(":80", found, 1), -EINVAL);
	ck_assert_int_eq(peal_resolve(NULL, found, 1), -EINVAL);
	n = peal_resolve("no-such-host.invalid:80", found, 1);
	ck_assert(n == -ENOENT || n == -EAGAIN || n == -EIO); /* by the resolver that there is */
	expect_greeting(listener, peal_tcp_connect, text);
	ck_assert_int_eq(peal_tcp_connect(text), -ECONNREFUSED);
	ck_assert_int_eq(peal_tcp_connect("nonsense"), -EINVAL);
	return 0;
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &size), 0);
	return value;
}

TASK_TEST(options_are_set)
{
	int fd = peal_tcp_listen("127.0.0.1:0", NULL), pair[2];
	struct ucred peer;

	ck_assert_int_eq(peal_set_nodelay(fd, true), 0);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	ck_assert_int_eq(peal_set_cork(fd, true), 0);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_CORK), 1);
	ck_assert_int_eq(peal_set_keepalive(fd, 1500 * PEAL_MS, 2 * PEAL_S, 5), 0);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 2);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 2);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 5);
	ck_assert_int_eq(peal_set_keepalive(fd, 0, 0, 0), 0);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	ck_assert_int_eq(peal_set_keepalive(fd, -1, 0, 0), -EINVAL);
	ck_assert_int_eq(peal_set_user_timeout(fd, 1), 0);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 1);
	ck_assert_int_eq(peal_set_send_buffer(fd, 65536), 0);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_SNDBUF), 2 * 65536);
	ck_assert_int_eq(peal_set_receive_buffer(fd, SIZE_MAX), -EINVAL);
	ck_assert_int_eq(peal_set_receive_buffer(fd, 65536), 0);
	ck_assert_int_eq(peal_set_broadcast(fd, true), 0);
	ck_assert_int_eq(peal_set_reset_on_close(fd, true), 0);
	ck_assert_int_eq(peal_peer_credentials(fd, &peer), -ENOTCONN);
	ck_assert_int_eq(peal_set_nodelay(-1, true), -EBADF);
	peal_close(fd);
	ck_assert_int_eq(peal_socketpair(SOCK_STREAM, pair), 0);
	ck_assert_int_eq(peal_peer_credentials(pair[0], &peer), 0);
	ck_assert_int_eq(peer.pid, getpid());
	ck_assert_int_eq(peal_set_nodelay(pair[0], true), -EOPNOTSUPP);
	peal_close(pair[0]);
	peal_close(pair[1]);
	return 0;
}

/* A listener on each shard, at one address. */
#define CLIENTS 40

static struct {
	int listeners[2];
	atomic_int served[2];
} shards;

static int answer_with_shard(int fd, void *arg)
{
	int listens = *(int *)arg;
	char here = (char)peal_shard();

	ck_assert_int_eq(here, listens);
	atomic_fetch_add(&shards.served[listens], 1);
	peal_send_all(fd, &here, 1, 0);
	return peal_close(fd);
}

static int serve_here(void *arg)
{
	int shard = peal_shard();

	(void)arg;
	return peal_serve(
		shards.listeners[shard], answer_with_shard, &shard, PEAL_SERVE(.here = true));
}

TASK_TEST(each_shard_listens)
{
	char text[32], c;

	atomic_store(&shards.served[0], 0);
	atomic_store(&shards.served[1], 0);
	shards.listeners[0] = peal_tcp_listen("127.0.0.1:0", PEAL_LISTEN(.reuse_port = true));
	snprintf(text, sizeof(text), "127.0.0.1:%d", port_of(shards.listeners[0]));
	shards.listeners[1] = peal_tcp_listen(text, PEAL_LISTEN(.reuse_port = true));
	ck_assert_int_ge(shards.listeners[1], 0);
	ck_assert_int_eq(peal_serve(shards.listeners[0], answer_with_shard, NULL,
				 PEAL_SERVE(.here = true, .place = PEAL_PINNED(1))),
		-EINVAL);
	ck_assert_int_ge(peal_spawn_each(serve_here, NULL, NULL), 0);
	for (int i = 0; i < CLIENTS; i++) {
		int fd = peal_tcp_connect(text);

		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(peal_recv(fd, &c, 1, 0), 1);
		peal_close(fd);
	}
	ck_assert_int_gt(atomic_load(&shards.served[0]), 0);
	ck_assert_int_gt(atomic_load(&shards.served[1]), 0);
	ck_assert_int_eq(atomic_load(&shards.served[0]) + atomic_load(&shards.served[1]), CLIENTS);
	return 0;
}

static void check_activated(void)
{
	char pid[16];
	int fd = peal_tcp_listen("127.0.0.1:0", NULL);

	if (dup2(fd, 3) != 3 || dup2(fd, 4) != 4)
		_exit(1);
	setenv("LISTEN_FDS", "2", 1);
	if (peal_activated(0) != -ENOENT) /* no LISTEN_PID */
		_exit(2);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	if (peal_activated(0) != 3 || peal_activated(1) != 4 || peal_activated(2) != -ENOENT)
		_exit(3);
	if (fcntl(3, F_GETFD) != FD_CLOEXEC)
		_exit(4);
	setenv("LISTEN_PID", "1", 1);
	if (peal_activated(0) != -ENOENT)
		_exit(5);
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "2x", 1);
	_exit(peal_activated(0) == -ENOENT ? 0 : 6);
}

START_TEST(a_service_manager_passes_listeners)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid)
		check_activated();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(off_the_shards_calls_say_so)
{
	struct peal_address found;

	ck_assert_int_eq(peal_resolve("127.0.0.1:1", &found, 1), -EPERM);
	ck_assert_int_eq(peal_tcp_connect("127.0.0.1:1"), -EPERM);
	ck_assert_int_eq(peal_unix_connect("/nowhere", SOCK_STREAM), -EPERM);
}
END_TEST

static Suite *net_suite(void)
{
	Suite *suite = suite_create("net");
	TCase *tcase = tcase_create("net");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, datagrams_go_back_and_forth);
	ADD_TASK_TEST(tcase, unix_sockets_listen_at_paths);
	ADD_TASK_TEST(tcase, pairs_and_pipes_are_made);
	ADD_TASK_TEST(tcase, hosts_have_names);
	ADD_TASK_TEST(tcase, options_are_set);
	ADD_TASK_TEST(tcase, each_shard_listens);
	tcase_add_test(tcase, a_service_manager_passes_listeners);
	tcase_add_test(tcase, off_the_shards_calls_say_so);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(net_suite());
}
