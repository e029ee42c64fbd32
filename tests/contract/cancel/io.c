/* SPDX-License-Identifier: MIT */
/* The calls of core/io.tbl, and those that are made of them. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fiber/sanitizer.h"
#include "tests/contract/cancel/cancel.h"

static const char hello[] = "hello, it's the peer";

/* From the peer, once. */
static void send_hello(struct attempt *attempt)
{
	if (!attempt->steps++)
		ck_assert_int_eq(
			send(attempt->theirs, hello, sizeof(hello), MSG_NOSIGNAL), sizeof(hello));
}

static void hello_is_in(struct attempt *attempt, int64_t result)
{
	ck_assert_int_eq(result, sizeof(hello));
	ck_assert_str_eq(attempt->buf, hello);
}

/* What the peer sends now, or has sent already, is still to be had, and does not go to the buffer. */
static void hello_is_still_there(struct attempt *attempt)
{
	char buf[BYTES];

	send_hello(attempt);
	peal_sleep(100 * PEAL_US);
	check_buffer(attempt);
	ck_assert_int_eq(recv(attempt->ours, buf, sizeof(buf), MSG_DONTWAIT), sizeof(hello));
}

/* recv */

static int64_t make_recv(struct attempt *attempt)
{
	return peal_recv(attempt->ours, attempt->buf, BYTES, 0);
}

static int64_t make_read(struct attempt *attempt)
{
	return peal_read(attempt->ours, attempt->buf, BYTES);
}

static int64_t make_readv(struct attempt *attempt)
{
	const struct iovec parts[2] = { { attempt->buf, 3 }, { attempt->buf + 3, BYTES - 3 } };

	return peal_readv(attempt->ours, parts, 2);
}

static int64_t make_recvmsg(struct attempt *attempt)
{
	struct iovec part = { attempt->buf, BYTES };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	return peal_recvmsg(attempt->ours, &message, 0);
}

/* splice: from a socket into a pipe, whose reading end is the listener */

static void begin_splice(struct attempt *attempt)
{
	int ends[2];

	make_pair(attempt);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	attempt->listener = ends[0];
	attempt->filled = (size_t)ends[1];
}

static int64_t make_splice(struct attempt *attempt)
{
	return peal_splice(attempt->ours, NULL, (int)attempt->filled, NULL, BYTES, 0);
}

static void hello_is_in_the_pipe(struct attempt *attempt, int64_t result)
{
	ck_assert_int_eq(result, sizeof(hello));
	ck_assert_int_eq(read(attempt->listener, attempt->buf, BYTES), sizeof(hello));
	ck_assert_str_eq(attempt->buf, hello);
}

static void end_splice(struct attempt *attempt)
{
	close((int)attempt->filled);
	close_all(attempt);
}

/* poll */

static int64_t make_poll(struct attempt *attempt)
{
	return peal_poll(attempt->ours, POLLIN);
}

static void input_is_told(struct attempt *attempt, int64_t result)
{
	(void)attempt;
	ck_assert_int_eq(result, POLLIN);
}

/* send: the socket is full, and the peer empties it */

static void begin_full(struct attempt *attempt)
{
	make_pair(attempt);
	fill_up(attempt);
}

static int64_t make_send(struct attempt *attempt)
{
	return peal_send(attempt->ours, attempt->buf, BYTES, 0);
}

static int64_t make_write(struct attempt *attempt)
{
	return peal_write(attempt->ours, attempt->buf, BYTES);
}

static int64_t make_writev(struct attempt *attempt)
{
	const struct iovec parts[2] = { { attempt->buf, 5 }, { attempt->buf + 5, BYTES - 5 } };

	return peal_writev(attempt->ours, parts, 2);
}

static int64_t make_sendmsg(struct attempt *attempt)
{
	struct iovec part = { attempt->buf, BYTES };
	const struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	return peal_sendmsg(attempt->ours, &message, 0);
}

/* The file is the listener. */
static void begin_sendfile(struct attempt *attempt)
{
	begin_full(attempt);
	attempt->listener = memfd_create("cancel", MFD_CLOEXEC);
	ck_assert_int_eq(write(attempt->listener, attempt->buf, BYTES), BYTES);
}

static int64_t make_sendfile(struct attempt *attempt)
{
	int64_t offset = 0;

	return peal_sendfile(attempt->ours, attempt->listener, &offset, BYTES);
}

static int64_t make_send_zc(struct attempt *attempt)
{
	return peal_send_zc(attempt->ours, attempt->buf, BYTES, 0);
}

static int64_t make_send_all(struct attempt *attempt)
{
	return peal_send_all(attempt->ours, attempt->buf, BYTES, 0);
}

/* accept */

static int64_t make_accept(struct attempt *attempt)
{
	return peal_accept(attempt->listener, NULL, NULL, 0);
}

static void step_knock(struct attempt *attempt)
{
	if (!attempt->steps++)
		attempt->theirs = knock(attempt);
}

static void connection_is_made(struct attempt *attempt, int64_t result)
{
	ck_assert_int_ge(result, 0);
	attempt->ours = (int)result;
	check_connection(attempt);
}

/* Whoever has knocked, or knocks now, is not swallowed. */
static void connection_is_still_there(struct attempt *attempt)
{
	step_knock(attempt);
	attempt->ours = accept4(attempt->listener, NULL, NULL, SOCK_CLOEXEC);
	connection_is_made(attempt, attempt->ours);
}

/* connect */

static void begin_connect(struct attempt *attempt)
{
	begin_full_listener(attempt);
	attempt->ours = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int64_t make_connect(struct attempt *attempt)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);

	ck_assert_int_eq(getsockname(attempt->listener, (struct sockaddr *)&address, &size), 0);
	return peal_connect(attempt->ours, (struct sockaddr *)&address, size);
}

static void is_zero(struct attempt *attempt, int64_t result)
{
	(void)attempt;
	ck_assert_int_eq(result, 0);
}

/* Files: what has begun is over soon, cancelled or not. */

static void begin_file(struct attempt *attempt)
{
	attempt->ours = memfd_create("cancel", MFD_CLOEXEC);
	ck_assert_int_eq(write(attempt->ours, hello, sizeof(hello)), sizeof(hello));
}

static int64_t make_pread(struct attempt *attempt)
{
	return peal_pread(attempt->ours, attempt->buf, BYTES, 0);
}

static int64_t make_preadv(struct attempt *attempt)
{
	const struct iovec part = { attempt->buf, BYTES };

	return peal_preadv(attempt->ours, &part, 1, 0);
}

static int64_t make_preadv2(struct attempt *attempt)
{
	const struct iovec part = { attempt->buf, BYTES };

	return peal_preadv2(attempt->ours, &part, 1, 0, 0);
}

static int64_t make_pwrite(struct attempt *attempt)
{
	return peal_pwrite(attempt->ours, attempt->buf, BYTES, 0);
}

static int64_t make_pwritev(struct attempt *attempt)
{
	const struct iovec part = { attempt->buf, BYTES };

	return peal_pwritev(attempt->ours, &part, 1, 0);
}

static int64_t make_pwritev2(struct attempt *attempt)
{
	const struct iovec part = { attempt->buf, BYTES };

	return peal_pwritev2(attempt->ours, &part, 1, 0, 0);
}

static void file_is(struct attempt *attempt, const char *content, ssize_t size)
{
	char buf[BYTES + 1];

	ck_assert_int_eq(pread(attempt->ours, buf, sizeof(buf), 0), size);
	ck_assert_mem_eq(buf, content, (size_t)size);
}

static void file_is_written(struct attempt *attempt, int64_t result)
{
	ck_assert_int_eq(result, BYTES);
	file_is(attempt, attempt->buf, BYTES);
}

static void file_is_not_written(struct attempt *attempt)
{
	file_is(attempt, hello, sizeof(hello));
}

static int64_t make_fallocate(struct attempt *attempt)
{
	return peal_fallocate(attempt->ours, 0, 0, 2 * (int64_t)BYTES);
}

static int64_t make_ftruncate(struct attempt *attempt)
{
	return peal_ftruncate(attempt->ours, 2 * (int64_t)BYTES);
}

static void file_has_grown(struct attempt *attempt, int64_t result)
{
	ck_assert_int_eq(result, 0);
	ck_assert_int_eq(lseek(attempt->ours, 0, SEEK_END), 2 * BYTES);
}

static int64_t make_fadvise(struct attempt *attempt)
{
	return peal_fadvise(attempt->ours, 0, 0, POSIX_FADV_RANDOM);
}

static int64_t make_statx(struct attempt *attempt)
{
	struct statx buf = { 0 };
	int err = peal_statx(attempt->ours, "", AT_EMPTY_PATH, STATX_SIZE, &buf);

	ck_assert_uint_eq(buf.stx_size, err ? 0 : sizeof(hello));
	return err;
}

static int64_t make_openat(struct attempt *attempt)
{
	return peal_openat(attempt->ours, "null", O_RDONLY | O_CLOEXEC, 0);
}

static int64_t make_openat2(struct attempt *attempt)
{
	const struct open_how how = { .flags = O_RDONLY | O_CLOEXEC };

	return peal_openat2(attempt->ours, "null", &how);
}

static void begin_folder(struct attempt *attempt)
{
	attempt->ours = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(attempt->ours, 0);
}

static void it_is_open(struct attempt *attempt, int64_t result)
{
	ck_assert_int_ge(result, 0);
	attempt->theirs = (int)result;
}

/* waitid: for a child that ends when the other end of the pair does */

static void begin_child(struct attempt *attempt)
{
	char byte;
	pid_t child;

	if (peal_on_valgrind())
		peal_skip("Valgrind knows no pidfd_open");
	make_pair(attempt);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		close(attempt->ours);
		_exit(recv(attempt->theirs, &byte, 1, 0) == 1 ? 7 : 8);
	}
	attempt->listener = (int)syscall(SYS_pidfd_open, child, 0);
	ck_assert_int_ge(attempt->listener, 0);
}

static int64_t make_waitid(struct attempt *attempt)
{
	siginfo_t info = { 0 };
	int err = peal_waitid(attempt->listener, &info, WEXITED | WNOWAIT);

	return err ? err : info.si_status;
}

static void step_end_child(struct attempt *attempt)
{
	if (!attempt->steps++)
		ck_assert_int_eq(send(attempt->ours, "x", 1, MSG_NOSIGNAL), 1);
}

static void child_has_ended(struct attempt *attempt, int64_t result)
{
	(void)attempt;
	ck_assert_int_eq(result, 7);
}

static void end_child(struct attempt *attempt)
{
	siginfo_t info;

	step_end_child(attempt);
	ck_assert_int_eq(waitid(P_PIDFD, (id_t)attempt->listener, &info, WEXITED), 0);
	close_all(attempt);
}

/* shutdown and close */

static int64_t make_shutdown(struct attempt *attempt)
{
	return peal_shutdown(attempt->ours, SHUT_WR);
}

static int64_t make_close(struct attempt *attempt)
{
	int fd = attempt->ours;

	attempt->ours = -1;
	return peal_close(fd);
}

static void peer_sees_the_end(struct attempt *attempt, int64_t result)
{
	ck_assert_int_eq(result, 0);
	ck_assert_int_eq(recv(attempt->theirs, attempt->buf, BYTES, MSG_DONTWAIT), 0);
}

const struct call io_calls[] = {
	{ "recv", make_pair, make_recv, send_hello, hello_is_in, hello_is_still_there, close_all },
	{ "poll", make_pair, make_poll, send_hello, input_is_told, hello_is_still_there,
		close_all },
	{ "send", begin_full, make_send, empty, all_come, none_come, close_all },
	{ "send_zc", begin_full, make_send_zc, empty, all_come, none_come, close_all },
	{ "send_all", begin_full, make_send_all, empty, all_come, none_come, close_all },
	{ "accept", make_listener, make_accept, step_knock, connection_is_made,
		connection_is_still_there, close_all },
	{ "connect", begin_connect, make_connect, nothing, is_zero, nothing, end_full_listener,
		.in_vain = true },
	{ "shutdown", make_pair, make_shutdown, nothing, peer_sees_the_end, nothing, close_all,
		.releases = true },
	{ "close", make_pair, make_close, nothing, peer_sees_the_end, nothing, close_all,
		.releases = true },
	{ "read", make_pair, make_read, send_hello, hello_is_in, hello_is_still_there, close_all },
	{ "readv", make_pair, make_readv, send_hello, hello_is_in, hello_is_still_there,
		close_all },
	{ "write", begin_full, make_write, empty, all_come, none_come, close_all },
	{ "writev", begin_full, make_writev, empty, all_come, none_come, close_all },
	{ "pread", begin_file, make_pread, nothing, hello_is_in, check_buffer, close_all,
		.stubborn = true },
	{ "preadv", begin_file, make_preadv, nothing, hello_is_in, check_buffer, close_all,
		.stubborn = true },
	{ "preadv2", begin_file, make_preadv2, nothing, hello_is_in, check_buffer, close_all,
		.stubborn = true },
	{ "pwrite", begin_file, make_pwrite, nothing, file_is_written, file_is_not_written,
		close_all, .stubborn = true },
	{ "pwritev", begin_file, make_pwritev, nothing, file_is_written, file_is_not_written,
		close_all, .stubborn = true },
	{ "pwritev2", begin_file, make_pwritev2, nothing, file_is_written, file_is_not_written,
		close_all, .stubborn = true },
	{ "recvmsg", make_pair, make_recvmsg, send_hello, hello_is_in, hello_is_still_there,
		close_all },
	{ "sendmsg", begin_full, make_sendmsg, empty, all_come, none_come, close_all },
	{ "splice", begin_splice, make_splice, send_hello, hello_is_in_the_pipe,
		hello_is_still_there, end_splice },
	{ "sendfile", begin_sendfile, make_sendfile, empty, all_come, none_come, close_all },
	{ "fallocate", begin_file, make_fallocate, nothing, file_has_grown, file_is_not_written,
		close_all, .stubborn = true },
	{ "ftruncate", begin_file, make_ftruncate, nothing, file_has_grown, file_is_not_written,
		close_all, .stubborn = true },
	{ "fadvise", begin_file, make_fadvise, nothing, is_zero, nothing, close_all,
		.stubborn = true },
	{ "statx", begin_file, make_statx, nothing, is_zero, nothing, close_all, .stubborn = true },
	{ "openat", begin_folder, make_openat, nothing, it_is_open, nothing, close_all,
		.stubborn = true },
	{ "openat2", begin_folder, make_openat2, nothing, it_is_open, nothing, close_all,
		.stubborn = true },
	{ "waitid", begin_child, make_waitid, step_end_child, child_has_ended, nothing, end_child },
	{ 0 },
};
