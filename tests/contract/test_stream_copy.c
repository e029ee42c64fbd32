/* SPDX-License-Identifier: MIT */
/* Copying from stream to stream, of every kind. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/contract/stream_help.h"
#include "tests/sys_fail.h"

struct copy {
	struct peal_stream *to, *from;
	uint64_t limit, copied;
	int result;
};

static int run_copy(void *arg)
{
	struct copy *copy = arg;

	copy->result = peal_stream_copy(copy->to, copy->from, copy->limit, &copy->copied);
	if (!copy->result)
		peal_stream_shutdown(copy->to);
	return 0;
}

/* The pattern goes into `source`, and must come out of `sink`, of which `from` and `to` are the others. */
static void check_copy(struct peal_stream *source, struct peal_stream *from, struct peal_stream *to,
	struct peal_stream *sink, size_t limit)
{
	struct copy copy = { .to = to, .from = from, .limit = limit };
	struct job job = {
		.stream = source, .size = limit < BYTES ? limit : BYTES, .ends = limit > BYTES
	};
	struct peal_task *writer = start(write_pattern, &job, PEAL_HERE), *copier;

	ck_assert_int_eq(peal_task_spawn(&copier, run_copy, &copy, NULL), 0);
	expect_pattern(sink, job.size);
	ck_assert_int_eq(peal_task_join(copier, NULL), 0);
	ck_assert_int_eq(copy.result, 0);
	ck_assert_uint_eq(copy.copied, job.size);
	ck_assert_int_eq(peal_task_join(writer, NULL), 0);
}

TASK_TEST(copies_go_from_anything_to_anything)
{
	static const size_t limits[] = { BYTES, SIZE_MAX, 70001, 1 };
	struct peal_fd_stream in[2], out[2];
	int from[2], to[2];

	for (int kinds = 0; kinds < 4; kinds++)
		for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
			struct peal_stream *ends[2];

			ck_assert_int_eq(
				kinds & 1 ? peal_pipe(from) : peal_socketpair(SOCK_STREAM, from),
				0);
			ck_assert_int_eq(
				kinds & 2 ? peal_pipe(to) : peal_socketpair(SOCK_STREAM, to), 0);
			check_copy(peal_fd_stream_pair(&in[1], -1, from[1]),
				peal_fd_stream_pair(&in[0], from[0], -1),
				peal_fd_stream_pair(&out[1], -1, to[1]),
				peal_fd_stream_pair(&out[0], to[0], -1), limits[i]);
			peal_stream_close(&in[1].stream);
			peal_stream_close(&out[1].stream);
			/* One end in memory. */
			ck_assert_int_eq(peal_stream_pair(ends, 3000), 0);
			ck_assert_int_eq(peal_pipe(to), 0);
			peal_stream_close(&out[0].stream);
			check_copy(ends[0], ends[1], peal_fd_stream_pair(&out[1], -1, to[1]),
				peal_fd_stream_pair(&out[0], to[0], -1), limits[i]);
			peal_stream_close(ends[0]);
			peal_stream_close(ends[1]);
			peal_stream_close(&in[0].stream);
			peal_stream_close(&out[0].stream);
			peal_stream_close(&out[1].stream);
		}
	return 0;
}

TASK_TEST(files_are_copied)
{
	struct peal_fd_stream file, socket, peer;
	int fds[2], fd = memfd_create("copy", MFD_CLOEXEC);
	struct copy copy = { .limit = UINT64_MAX };
	struct peal_task *task;

	ck_assert_int_eq(pwrite(fd, pattern, BYTES, 0), BYTES);
	ck_assert_int_eq(lseek(fd, 500, SEEK_SET), 500);
	ck_assert_int_eq(peal_socketpair(SOCK_STREAM, fds), 0);
	copy.from = peal_fd_stream(&file, fd);
	copy.to = peal_fd_stream(&socket, fds[0]);
	peal_fd_stream(&peer, fds[1]);
	ck_assert_int_eq(peal_task_spawn(&task, run_copy, &copy, NULL), 0);
	{
		static char buf[BYTES];

		ck_assert_int_eq(
			peal_stream_read_exact(&peer.stream, buf, BYTES - 500), BYTES - 500);
		ck_assert_int_eq(memcmp(buf, pattern + 500, BYTES - 500), 0);
		ck_assert_int_eq(peal_stream_read(&peer.stream, buf, 1), 0);
	}
	ck_assert_int_eq(peal_task_join(task, NULL), 0);
	ck_assert_int_eq(copy.result, 0);
	ck_assert_uint_eq(copy.copied, BYTES - 500);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), BYTES);
	/* And back into a file. */
	ck_assert_int_eq(peal_stream_write_all(&peer.stream, pattern, 1000), 1000);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_assert_int_eq(peal_stream_copy(&file.stream, &socket.stream, 1000, &copy.copied), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	expect_pattern(&file.stream, 1000);
	peal_stream_close(&peer.stream);
	peal_stream_close(&socket.stream);
	return peal_stream_close(&file.stream);
}

TASK_TEST(copies_end_with_errors)
{
	struct peal_faulty_stream faulty;
	struct peal_stream *source[2], *sink[2];
	uint64_t copied = 99;
	char buf[64];
	int err = 0;

	ck_assert_int_eq(peal_stream_pair(source, 64), 0);
	ck_assert_int_eq(peal_stream_pair(sink, 64), 0);
	ck_assert_int_eq(peal_stream_copy(NULL, source[1], 1, &copied), -EINVAL);
	ck_assert_uint_eq(copied, 99);
	ck_assert_int_eq(peal_stream_copy(sink[0], source[1], 0, &copied), 0);
	ck_assert_uint_eq(copied, 0);
	ck_assert_int_eq(peal_stream_write(source[0], pattern, 50), 50);
	PEAL_WITHIN (5 * PEAL_MS)
		err = peal_stream_copy(sink[0], source[1], UINT64_MAX, &copied);
	ck_assert_int_eq(err, -ETIMEDOUT);
	ck_assert_uint_eq(copied, 50);
	ck_assert_int_eq(peal_stream_read(sink[1], buf, 64), 50);
	ck_assert_int_eq(peal_faulty_stream(&faulty, sink[0], PEAL_FAULTY(.fail_write = 1)), 0);
	ck_assert_int_eq(peal_stream_write(source[0], pattern, 50), 50);
	ck_assert_int_eq(
		peal_stream_copy(&faulty.stream, source[1], UINT64_MAX, NULL), -ECONNRESET);
	peal_stream_close(source[0]);
	peal_stream_close(source[1]);
	peal_stream_close(sink[1]);
	return peal_stream_close(&faulty.stream);
}

/*
 * Much that comes fast is left to the kernel. A hook counts how often, and answers in its place: it does
 * not know this kind of socket at the n-th time, or there is no pipe to be had.
 */

#define TIMES 20 /* the pattern */

static int write_much(void *arg)
{
	struct job *job = arg;

	for (int i = 0; i < TIMES; i++)
		if (write_pattern(job) || job->result != BYTES)
			return -EIO;
	return peal_stream_shutdown(job->stream);
}

static int read_much(void *arg)
{
	struct job *job = arg;
	char *buf = malloc(BYTES);

	for (int i = 0; i < TIMES; i++) {
		ck_assert_int_eq(peal_stream_read_exact(job->stream, buf, BYTES), BYTES);
		ck_assert_int_eq(memcmp(buf, pattern, BYTES), 0);
	}
	ck_assert_int_eq(peal_stream_read(job->stream, buf, 1), 0);
	free(buf);
	return 0;
}

static void open_ends(bool pipe, struct peal_fd_stream ends[2])
{
	int fds[2];

	ck_assert_int_eq(pipe ? peal_pipe(fds) : peal_socketpair(SOCK_STREAM, fds), 0);
	peal_fd_stream_pair(&ends[0], fds[0], -1);
	peal_fd_stream_pair(&ends[1], -1, fds[1]);
}

/* Returns how often the call was made. */
static long copy_much(bool pipe, struct sys_fail *fail)
{
	struct peal_fd_stream in[2], out[2];
	struct job source = { .size = BYTES }, sink = { 0 };
	uint64_t copied = 0;
	struct peal_task *writer, *reader;

	open_ends(false, in);
	open_ends(pipe, out);
	source.stream = &in[1].stream;
	sink.stream = &out[0].stream;
	writer = start(write_much, &source, PEAL_HERE);
	reader = start(read_much, &sink, PEAL_HERE);
	sys_fail_begin(fail);
	ck_assert_int_eq(peal_stream_copy(&out[1].stream, &in[0].stream, UINT64_MAX, &copied), 0);
	sys_fail_end();
	ck_assert_uint_eq(copied, (uint64_t)TIMES * BYTES);
	ck_assert_int_eq(peal_stream_shutdown(&out[1].stream), 0);
	ck_assert_int_eq(peal_task_join(writer, NULL), 0);
	ck_assert_int_eq(peal_task_join(reader, NULL), 0);
	for (int i = 0; i < 2; i++) {
		peal_stream_close(&in[i].stream);
		peal_stream_close(&out[i].stream);
	}
	return fail->seen;
}

TASK_TEST(much_is_left_to_the_kernel, .shards = 1)
{
	struct sys_fail never = { .number = SYS_splice };
	struct sys_fail no_pipe = {
		.number = SYS_pipe2, .times = SYS_FAIL_ALWAYS, .answer = -EMFILE
	};

	ck_assert_int_gt(copy_much(true, &never), 2);
	ck_assert_int_gt(copy_much(false, &never), 2);
	ck_assert_int_eq(copy_much(false, &no_pipe), 1);
	for (long from = 0; from < 4; from++) {
		struct sys_fail fail = {
			.number = SYS_splice, .from = from, .times = 1, .answer = -EINVAL
		};

		ck_assert_int_eq(copy_much(false, &fail), from + 1);
	}
	return 0;
}

static int count_all(void *arg)
{
	struct job *job = arg;
	char buf[5000];

	for (ssize_t n; (n = peal_stream_read(job->stream, buf, sizeof(buf))) > 0;) {
		for (ssize_t i = 0; i < n; i++)
			ck_assert_int_eq(buf[i], pattern[(job->size + (size_t)i) % BYTES]);
		job->size += (size_t)n;
	}
	return 0;
}

/* What has arrived is what is told. */
TASK_TEST(errors_of_the_kernel_are_told, .shards = 1)
{
	struct peal_fd_stream in[2], out[2];
	struct job source = { .size = BYTES }, sink = { 0 };
	struct peal_task *writer, *reader;
	struct sys_fail fail = {
		.number = SYS_splice, .from = 1, .times = 1, .answer = -ECONNRESET
	};
	uint64_t copied = 0;

	open_ends(false, in);
	open_ends(false, out);
	source.stream = &in[1].stream;
	sink.stream = &out[0].stream;
	writer = start(write_much, &source, PEAL_HERE);
	reader = start(count_all, &sink, PEAL_HERE);
	sys_fail_begin(&fail);
	ck_assert_int_eq(
		peal_stream_copy(&out[1].stream, &in[0].stream, UINT64_MAX, &copied), -ECONNRESET);
	sys_fail_end();
	ck_assert_int_eq(peal_stream_shutdown(&out[1].stream), 0);
	ck_assert_int_eq(peal_task_join(reader, NULL), 0);
	ck_assert_uint_eq(sink.size, copied);
	peal_stream_close(&in[0].stream);
	ck_assert_int_eq(peal_task_join(writer, NULL), 0);
	peal_stream_close(&in[1].stream);
	peal_stream_close(&out[0].stream);
	return peal_stream_close(&out[1].stream);
}

static Suite *copy_suite(void)
{
	Suite *suite = suite_create("copy");
	TCase *tcase = tcase_create("copy");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, copies_go_from_anything_to_anything);
	ADD_TASK_TEST(tcase, files_are_copied);
	ADD_TASK_TEST(tcase, copies_end_with_errors);
	ADD_TASK_TEST(tcase, much_is_left_to_the_kernel);
	ADD_TASK_TEST(tcase, errors_of_the_kernel_are_told);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	make_pattern();
	find_backends();
	return peal_check_main(copy_suite());
}
