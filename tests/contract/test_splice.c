/* SPDX-License-Identifier: MIT */
/* Ops that the core composes, through a whole runtime: splice, sendfile, waitid; and raw entries. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fiber/sanitizer.h"
#include "tests/contract/runtime.h"

#define BIG (1 << 20)

static char bulk[BIG], back[BIG];

static int make_file(void)
{
	char name[] = "peal-test-XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	unlink(name);
	for (size_t i = 0; i < BIG; i++)
		bulk[i] = (char)(i * 11 >> 6);
	ck_assert_int_eq(write(fd, bulk, BIG), BIG);
	return fd;
}

static void make_pipe(int ends[2])
{
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
}

static void make_pair(int pair[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static void close_both(int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

static int receive_all(void *arg)
{
	int fd = *(int *)arg;
	size_t got = 0;
	ssize_t n;

	while (got < BIG && (n = peal_recv(fd, back + got, BIG - got, 0)) > 0)
		got += (size_t)n;
	return got == BIG && !memcmp(back, bulk, BIG) ? 0 : -EIO;
}

static void expect_received(struct peal_task *task)
{
	int result = -1;

	ck_assert_int_eq(peal_task_join(task, &result), 0);
	ck_assert_int_eq(result, 0);
	memset(back, 0, BIG);
}

TASK_TEST(a_file_is_sent)
{
	struct peal_task *task;
	int fd = make_file(), pair[2];
	int64_t offset = 0;
	ssize_t n;

	make_pair(pair);
	ck_assert_int_eq(peal_task_spawn(&task, receive_all, &pair[1], NULL), 0);
	while (offset < BIG) {
		int64_t before = offset;

		n = peal_sendfile(pair[0], fd, &offset, BIG);
		ck_assert_int_gt(n, 0);
		ck_assert_int_eq(offset, before + n);
	}
	expect_received(task);
	ck_assert_int_eq(peal_sendfile(pair[0], fd, &offset, BIG), 0);
	ck_assert_int_eq(peal_sendfile(pair[0], -1, &offset, BIG), -EBADF);
	close_both(pair);
	close(fd);
	return 0;
}

struct splicing {
	int in, out;
};

static int splice_all(void *arg)
{
	struct splicing *splicing = arg;
	ssize_t n;

	while ((n = peal_splice(splicing->in, NULL, splicing->out, NULL, BIG, 0)) > 0)
		;
	peal_close(splicing->out);
	return (int)n;
}

/* From a file through a pipe into a socket, through another pipe, and out of it. */
TASK_TEST(bytes_are_spliced)
{
	int fd = make_file(), first[2], second[2], pair[2], result;
	struct splicing parts[3];
	struct peal_task *tasks[3];
	size_t got = 0;
	ssize_t n;

	lseek(fd, 0, SEEK_SET);
	make_pipe(first);
	make_pipe(second);
	make_pair(pair);
	parts[0] = (struct splicing){ fd, first[1] };
	parts[1] = (struct splicing){ first[0], pair[0] };
	parts[2] = (struct splicing){ pair[1], second[1] };
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(peal_task_spawn(&tasks[i], splice_all, &parts[i], NULL), 0);
	while ((n = peal_read(second[0], back + got, BIG - got)) > 0)
		got += (size_t)n;
	ck_assert_uint_eq(got, BIG);
	ck_assert_int_eq(memcmp(bulk, back, BIG), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(peal_task_join(tasks[i], &result), 0);
		ck_assert_int_eq(result, 0);
	}
	close(fd);
	close(first[0]);
	close(second[0]);
	close(pair[1]);
	return 0;
}

TASK_TEST(splice_tells_what_is_wrong)
{
	int first[2], second[2];
	int64_t offset = 0;

	make_pipe(first);
	make_pair(second);
	ck_assert_int_eq(peal_splice(second[0], NULL, second[1], NULL, 10, 0), -EINVAL);
	ck_assert_int_eq(peal_splice(-1, NULL, first[1], NULL, 10, 0), -EBADF);
	ck_assert_int_eq(peal_splice(second[0], &offset, first[1], NULL, 10, 0), -EINVAL);
	ck_assert_int_eq(
		peal_splice(second[0], NULL, first[1], NULL, 10, SPLICE_F_NONBLOCK), -EAGAIN);
	close_both(first);
	close_both(second);
	return 0;
}

TASK_TEST(waiting_splices_are_cancelled)
{
	struct peal_op ops[3] = { 0 };
	int pipe[2], pair[2];

	make_pipe(pipe);
	make_pair(pair);
	peal_op_splice(&ops[0], pair[0], NULL, pipe[1], NULL, 10, 0, NULL);
	peal_op_splice(&ops[1], pair[0], NULL, pipe[1], NULL, 10, 0, NULL);
	peal_op_cancel(&ops[1]); /* before its first wait */
	for (int i = 0; i < 20; i++)
		peal_sleep(PEAL_MS);
	ck_assert(peal_op_busy(&ops[0]));
	peal_op_cancel(&ops[0]);
	ck_assert_int_eq(peal_op_wait(&ops[0]), -ECANCELED);
	ck_assert_int_eq(peal_op_wait(&ops[1]), -ECANCELED);
	/* The same memory can be anything else afterwards. */
	peal_op_poll(&ops[0], pair[0], POLLOUT, NULL);
	ck_assert_int_eq(peal_op_wait(&ops[0]), POLLOUT);
	/* A close ends what waits for that descriptor. */
	peal_op_splice(&ops[2], pair[0], NULL, pipe[1], NULL, 10, 0, NULL);
	peal_sleep(10 * PEAL_MS);
	ck_assert_int_eq(peal_close(pair[0]), 0);
	ck_assert_int_eq(peal_op_wait(&ops[2]), -ECANCELED);
	close_both(pipe);
	close(pair[1]);
	return 0;
}

/* A child that ends when told to. */
static pid_t start_child(int go)
{
	pid_t pid = fork();
	char c;

	ck_assert_int_ge(pid, 0);
	if (pid)
		return pid;
	if (read(go, &c, 1) != 1)
		_exit(99);
	_exit(c);
}

TASK_TEST(children_are_waited_for)
{
	struct peal_op op = { 0 };
	siginfo_t info = { 0 };
	int go[2], pidfd;
	pid_t pid;

	if (peal_on_valgrind())
		peal_skip("Valgrind knows no pidfd_open");
	make_pipe(go);
	pid = start_child(go[0]);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	ck_assert_int_ge(pidfd, 0);
	ck_assert_int_eq(peal_waitid(pidfd, &info, 0), -EINVAL);
	ck_assert_int_eq(peal_waitid(pidfd, &info, WEXITED | WSTOPPED), -EINVAL);
	ck_assert_int_eq(peal_waitid(pidfd, &info, WEXITED | WNOHANG), 0);
	ck_assert_int_eq(info.si_pid, 0);
	peal_op_waitid(&op, pidfd, &info, WEXITED, NULL);
	peal_sleep(10 * PEAL_MS);
	ck_assert(peal_op_busy(&op));
	peal_op_cancel(&op);
	ck_assert_int_eq(peal_op_wait(&op), -ECANCELED);
	peal_op_waitid(&op, pidfd, &info, WEXITED | WNOWAIT, NULL);
	ck_assert_int_eq(write(go[1], "\7", 1), 1);
	ck_assert_int_eq(peal_op_wait(&op), 0);
	ck_assert_int_eq(info.si_pid, pid);
	ck_assert_int_eq(info.si_status, 7);
	ck_assert_int_eq(peal_waitid(pidfd, NULL, WEXITED), 0);
	ck_assert_int_eq(peal_waitid(pidfd, &info, WEXITED), -ECHILD);
	ck_assert_int_eq(peal_close(pidfd), 0);
	ck_assert_int_eq(peal_waitid(pidfd, &info, WEXITED), -EBADF);
	close_both(go);
	return 0;
}

TASK_TEST(raw_entries_where_there_is_a_ring)
{
	struct io_uring_sqe sqe = { .opcode = IORING_OP_NOP, .fd = -1 };
	bool raw = peal_rt_caps(peal_rt_current()) & PEAL_CAP_RAW;
	uint32_t flags = 77;
	int pair[2];
	char c = 0;

	ck_assert_int_eq(peal_raw(&sqe, &flags), raw ? 0 : -EOPNOTSUPP);
	if (!raw)
		return 0;
	ck_assert_uint_eq(flags, 0);
	sqe.flags = IOSQE_IO_LINK;
	ck_assert_int_eq(peal_raw(&sqe, NULL), -EINVAL);
	sqe = (struct io_uring_sqe){ .opcode = 255 };
	ck_assert_int_eq(peal_raw(&sqe, NULL), -EINVAL);
	make_pair(pair);
	sqe = (struct io_uring_sqe){
		.opcode = IORING_OP_RECV, .fd = pair[0], .addr = (uint64_t)(uintptr_t)&c, .len = 1
	};
	ck_assert_int_eq(write(pair[1], "x", 1), 1);
	ck_assert_int_eq(peal_raw(&sqe, NULL), 1);
	ck_assert_int_eq(c, 'x');
	close_both(pair);
	return 0;
}

/* Two completions, of which the first is the result. */
TASK_TEST(raw_zero_copy_sends_complete_once)
{
	static char data[4096];
	struct io_uring_sqe sqe = { .opcode = IORING_OP_SEND_ZC };
	int listener, client, server;

	if (!(peal_rt_caps(peal_rt_current()) & PEAL_CAP_RAW))
		return 0;
	listener = peal_tcp_listen("127.0.0.1:0", NULL);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(listener < 0, 0);
	{
		struct sockaddr_storage address;
		socklen_t size = sizeof(address);

		ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
		ck_assert_int_eq(connect(client, (struct sockaddr *)&address, size), 0);
	}
	server = peal_accept(listener, NULL, NULL, 0);
	ck_assert_int_ge(server, 0);
	sqe.fd = client;
	sqe.addr = (uint64_t)(uintptr_t)data;
	sqe.len = sizeof(data);
	for (int i = 0; i < 3; i++) {
		ssize_t n = peal_raw(&sqe, NULL);

		ck_assert_int_eq(n, sizeof(data));
		ck_assert_int_eq(peal_recv(server, data, sizeof(data), MSG_WAITALL), n);
	}
	peal_close(client);
	peal_close(server);
	peal_close(listener);
	return 0;
}

START_TEST(off_the_shards_calls_say_so)
{
	ck_assert_int_eq(peal_splice(0, NULL, 1, NULL, 1, 0), -EPERM);
	ck_assert_int_eq(peal_sendfile(0, 1, NULL, 1), -EPERM);
	ck_assert_int_eq(peal_waitid(0, NULL, WEXITED), -EPERM);
	ck_assert_int_eq(peal_raw(NULL, NULL), -EPERM);
}
END_TEST

static Suite *splice_suite(void)
{
	Suite *suite = suite_create("splice");
	TCase *tcase = tcase_create("splice");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, a_file_is_sent);
	ADD_TASK_TEST(tcase, bytes_are_spliced);
	ADD_TASK_TEST(tcase, splice_tells_what_is_wrong);
	ADD_TASK_TEST(tcase, waiting_splices_are_cancelled);
	ADD_TASK_TEST(tcase, children_are_waited_for);
	ADD_TASK_TEST(tcase, raw_entries_where_there_is_a_ring);
	ADD_TASK_TEST(tcase, raw_zero_copy_sends_complete_once);
	tcase_add_test(tcase, off_the_shards_calls_say_so);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(splice_suite());
}
