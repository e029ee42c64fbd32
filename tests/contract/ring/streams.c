/* SPDX-License-Identifier: MIT */
/* read and write of what is no file: pipes, sockets, eventfds, terminals. */
#include <pty.h>

#include "tests/contract/ring/ring.h"

static void make_pipe(int ends[2])
{
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
}

static void tell(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void close_pipe(int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

/* Until there is no room: how many bytes. */
static size_t fill_pipe(int fd)
{
	static const char zeros[4096];
	size_t total = 0;
	ssize_t n;

	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while ((n = write(fd, zeros, sizeof(zeros))) > 0)
		total += (size_t)n;
	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
	return total;
}

static void pipe_read_waits_for_the_first_byte(struct contract *c)
{
	struct peal_op op = { 0 };
	char buf[8];
	int ends[2];

	make_pipe(ends);
	for (int i = 0; i < 3; i++) {
		ring_start(c, op_read(&op, ends[0], buf, 8, -1));
		ring_leave_pending(c, &op);
		tell(ends[1], "abc");
		ck_assert_int_eq(ring_finish(c, &op), 3);
	}
	tell(ends[1], "0123456789");
	ck_assert_int_eq(ring_run(c, op_read(&op, ends[0], buf, 8, -1)), 8);
	ck_assert_int_eq(ring_run(c, op_read(&op, ends[0], buf, 8, -1)), 2);
	close_pipe(ends);
}

static void pipe_end_is_no_byte(struct contract *c)
{
	struct peal_op op = { 0 };
	char buf[8];
	int ends[2];

	make_pipe(ends);
	ring_start(c, op_read(&op, ends[0], buf, 8, -1));
	ring_peek(c);
	close(ends[1]);
	ck_assert_int_eq(ring_finish(c, &op), 0);
	ck_assert_int_eq(ring_run(c, op_read(&op, ends[0], buf, 8, -1)), 0);
	close(ends[0]);
}

static void pipe_write_waits_for_room(struct contract *c)
{
	struct peal_op op = { 0 };
	static char buf[1 << 20];
	int ends[2];

	make_pipe(ends);
	fill_pipe(ends[1]);
	ring_start(c, op_write(&op, ends[1], "x", 1, -1));
	ring_leave_pending(c, &op);
	ck_assert_int_gt(read(ends[0], buf, sizeof(buf)), 0);
	ck_assert_int_eq(ring_finish(c, &op), 1);
	close_pipe(ends);
}

/* More than it takes: some of it. */
static void pipe_write_may_be_partial(struct contract *c)
{
	static char big[1 << 20], buf[1 << 20];
	struct peal_op op = { 0 };
	int ends[2];
	int64_t n;

	make_pipe(ends);
	n = ring_run(c, op_write(&op, ends[1], big, sizeof(big), -1));
	ck_assert_int_gt(n, 0);
	ck_assert_int_lt(n, sizeof(big));
	ck_assert_int_eq(read(ends[0], buf, sizeof(buf)), n);
	close_pipe(ends);
}

static void ignore_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_IGN };

	ck_assert_int_eq(sigaction(SIGPIPE, &action, NULL), 0); /* the core holds it back */
}

static void broken_pipe_is_an_error(struct contract *c)
{
	struct peal_op op = { 0 };
	int ends[2];

	ignore_signals();
	make_pipe(ends);
	fill_pipe(ends[1]);
	ring_start(c, op_write(&op, ends[1], "x", 1, -1));
	ring_leave_pending(c, &op);
	close(ends[0]);
	ck_assert_int_eq(ring_finish(c, &op), -EPIPE);
	ck_assert_int_eq(ring_run(c, op_write(&op, ends[1], "x", 1, -1)), -EPIPE);
	close(ends[1]);
}

static void streams_have_no_offsets(struct contract *c)
{
	struct peal_op op = { 0 }, other = { 0 };
	char buf[8] = "";
	int ends[2];

	make_pipe(ends);
	tell(ends[1], "abc");
	ck_assert_int_eq(ring_run(c, op_read(&op, ends[0], buf, 8, 0)), -ESPIPE);
	ck_assert_int_eq(ring_run(c, op_write(&op, ends[1], buf, 8, 4)), -ESPIPE);
	/* Also behind something else. */
	ring_start(c, op_nop(&other));
	ck_assert_int_eq(ring_run(c, op_read(&op, ends[0], buf, 8, 0)), -ESPIPE);
	ck_assert_int_eq(ring_finish(c, &other), 0);
	ck_assert_int_eq(ring_run(c, op_read(&op, ends[0], buf, 8, -1)), 3);
	close_pipe(ends);
}

static void sockets_are_read_and_written(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 }, reading = { 0 };
	char a[2], b[6];
	const struct iovec in[] = { { .iov_base = a, .iov_len = 2 },
		{ .iov_base = b, .iov_len = 6 } };
	const struct iovec out[] = { { .iov_base = (char *)"12", .iov_len = 2 },
		{ .iov_base = (char *)"345", .iov_len = 3 } };

	ring_start(c, op_readv(&reading, pair.ours, in, 2, -1, 0));
	ring_leave_pending(c, &reading);
	ck_assert_int_eq(ring_run(c, op_writev(&op, pair.ours, out, 2, -1, 0)), 5);
	ck_assert_uint_eq(drain_socket(pair.theirs), 5);
	put(pair.theirs, "abcde");
	ck_assert_int_eq(ring_finish(c, &reading), 5);
	ck_assert_int_eq(memcmp(a, "ab", 2), 0);
	ck_assert_int_eq(memcmp(b, "cde", 3), 0);
	shutdown(pair.theirs, SHUT_WR);
	ck_assert_int_eq(ring_run(c, op_read(&op, pair.ours, b, 6, -1)), 0);
	close_pair(pair);
}

static void nowait_does_not_wait(struct contract *c)
{
	struct peal_op op = { 0 }, other = { 0 };
	char buf[8] = "";
	const struct iovec in = { .iov_base = buf, .iov_len = 8 };
	int ends[2];

	make_pipe(ends);
	ck_assert_int_eq(ring_run(c, op_readv(&op, ends[0], &in, 1, -1, RWF_NOWAIT)), -EAGAIN);
	ring_start(c, op_nop(&other));
	ck_assert_int_eq(ring_run(c, op_readv(&op, ends[0], &in, 1, -1, RWF_NOWAIT)), -EAGAIN);
	ck_assert_int_eq(ring_finish(c, &other), 0);
	tell(ends[1], "abc");
	ck_assert_int_eq(ring_run(c, op_readv(&op, ends[0], &in, 1, -1, RWF_NOWAIT)), 3);
	fill_pipe(ends[1]);
	ck_assert_int_eq(ring_run(c, op_writev(&op, ends[1], &in, 1, -1, RWF_NOWAIT)), -EAGAIN);
	close_pipe(ends);
}

static void reads_are_cancelled(struct contract *c)
{
	struct peal_op ops[3] = { 0 };
	char buf[8];
	const struct iovec in = { .iov_base = buf, .iov_len = 8 };
	int ends[2];

	make_pipe(ends);
	ring_start(c, op_read(&ops[0], ends[0], buf, 8, -1));
	ring_start(c, op_readv(&ops[1], ends[0], &in, 1, -1, 0));
	ring_leave_pending(c, &ops[0]);
	ring_start(c, op_read(&ops[2], ends[0], buf, 8, -1)); /* the kernel has not seen this one */
	for (int i = 0; i < 3; i++)
		ring_cancel(c, &ops[i]);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ring_finish(c, &ops[i]), -ECANCELED);
	fill_pipe(ends[1]);
	ring_start(c, op_write(&ops[0], ends[1], "x", 1, -1));
	ring_leave_pending(c, &ops[0]);
	ring_cancel(c, &ops[0]);
	ck_assert_int_eq(ring_finish(c, &ops[0]), -ECANCELED);
	close_pipe(ends);
}

static void eventfds_are_read_and_written(struct contract *c)
{
	struct peal_op op = { 0 }, writing = { 0 };
	uint64_t value = 0, one = 1;
	int fd = eventfd(0, EFD_CLOEXEC);

	ring_start(c, op_read(&op, fd, &value, 8, -1));
	ring_leave_pending(c, &op);
	ck_assert_int_eq(ring_run(c, op_write(&writing, fd, &one, 8, -1)), 8);
	ck_assert_int_eq(ring_finish(c, &op), 8);
	ck_assert_uint_eq(value, 1);
	ck_assert_int_eq(ring_run(c, op_read(&op, fd, &value, 4, -1)), -EINVAL);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	close(fd);
}

static void terminals_are_read_and_written(struct contract *c)
{
	struct peal_op op = { 0 };
	char buf[16];
	int ours, theirs;

	if (openpty(&ours, &theirs, NULL, NULL, NULL) < 0)
		peal_skip("no pseudo-terminals here");
	ring_start(c, op_read(&op, theirs, buf, 16, -1));
	ring_leave_pending(c, &op);
	tell(ours, "line\n");
	ck_assert_int_eq(ring_finish(c, &op), 5);
	ring_start(c, op_read(&op, theirs, buf, 16, -1));
	ring_leave_pending(c, &op);
	ring_cancel(c, &op);
	ck_assert_int_eq(ring_finish(c, &op), -ECANCELED);
	ck_assert_int_eq(ring_run(c, op_write(&op, theirs, "answer", 6, -1)), 6);
	ck_assert_int_eq(fcntl(theirs, F_GETFL) & O_NONBLOCK, 0);
	close(ours);
	close(theirs);
}

static void devices_are_always_ready(struct contract *c)
{
	struct peal_op op = { 0 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC),
	    zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int proc = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	static char buf[200000];

	ck_assert_int_eq(ring_run(c, op_read(&op, null, buf, 100, -1)), 0);
	ck_assert_int_eq(ring_run(c, op_write(&op, null, buf, sizeof(buf), -1)), sizeof(buf));
	ck_assert_int_eq(ring_run(c, op_read(&op, zero, buf, 100, -1)), 100);
	ck_assert_int_gt(ring_run(c, op_read(&op, proc, buf, sizeof(buf), -1)), 10);
	ck_assert_int_gt(ring_run(c, op_read(&op, proc, buf, 100, 0)), 10);
	close(null);
	close(zero);
	close(proc);
}

/* A number that was a pipe's, with a read waiting, and is a file's now, or the other way round. */
static void reused_numbers_change_their_kind(struct contract *c)
{
	struct peal_op op = { 0 };
	char buf[8];
	int ends[2], file;

	make_pipe(ends);
	ring_start(c, op_read(&op, ends[0], buf, 8, -1));
	ring_leave_pending(c, &op);
	tell(ends[1], "abc");
	ck_assert_int_eq(ring_finish(c, &op), 3);
	file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(dup2(file, ends[0]), ends[0]);
	ck_assert_int_eq(ring_run(c, op_read(&op, ends[0], buf, 8, -1)), 8);
	ck_assert_int_eq(ring_run(c, op_read(&op, ends[0], buf, 8, 0)), 8);
	close_pipe(ends);
	close(file);
	make_pipe(ends);
	ring_start(c, op_read(&op, ends[0], buf, 8, -1));
	ring_leave_pending(c, &op);
	tell(ends[1], "abc");
	ck_assert_int_eq(ring_finish(c, &op), 3);
	close_pipe(ends);
}

const struct contract_case stream_cases[] = {
	{ "pipe_read_waits_for_the_first_byte", pipe_read_waits_for_the_first_byte, NEEDS_OPS },
	{ "pipe_end_is_no_byte", pipe_end_is_no_byte, NEEDS_OPS },
	{ "pipe_write_waits_for_room", pipe_write_waits_for_room, NEEDS_OPS },
	{ "pipe_write_may_be_partial", pipe_write_may_be_partial, NEEDS_OPS },
	{ "broken_pipe_is_an_error", broken_pipe_is_an_error, NEEDS_OPS },
	{ "streams_have_no_offsets", streams_have_no_offsets, NEEDS_OPS },
	{ "sockets_are_read_and_written", sockets_are_read_and_written, NEEDS_OPS | BOTH_SOCKETS },
	{ "nowait_does_not_wait", nowait_does_not_wait, NEEDS_OPS },
	{ "reads_are_cancelled", reads_are_cancelled, NEEDS_OPS },
	{ "eventfds_are_read_and_written", eventfds_are_read_and_written, NEEDS_OPS },
	{ "terminals_are_read_and_written", terminals_are_read_and_written, NEEDS_OPS },
	{ "devices_are_always_ready", devices_are_always_ready, NEEDS_OPS },
	{ "reused_numbers_change_their_kind", reused_numbers_change_their_kind, NEEDS_OPS },
	{ 0 },
};
