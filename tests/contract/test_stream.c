/* SPDX-License-Identifier: MIT */
/* Streams of every kind: over descriptors, in memory, faulty, halved. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/contract/stream_help.h"

/* What any two ends must do, ours writing. */
static void check_one_way(struct peal_stream *ours, struct peal_stream *theirs)
{
	const struct iovec out[4] = { { (char *)"ab", 2 }, { NULL, 0 }, { (char *)"cde", 3 },
		{ (char *)"f", 1 } };
	char first[4], second[8];
	const struct iovec in[2] = { { first, 4 }, { second, 8 } };

	ck_assert_int_eq(peal_stream_writev_all(ours, out, 4), 6);
	ck_assert_int_eq(peal_stream_write(ours, "ghi", 3), 3);
	ck_assert_int_eq(peal_stream_read_exact(theirs, first, 2), 2);
	ck_assert_mem_eq(first, "ab", 2);
	for (size_t have = 0; have < 7;) {
		ssize_t n = peal_stream_readv(theirs, in, 2);

		ck_assert_int_gt(n, 0);
		ck_assert_int_eq(first[0], "cdefghi"[have]);
		have += (size_t)n;
	}
	ck_assert_int_eq(peal_stream_read(theirs, first, 0), 0);
	ck_assert_int_eq(peal_stream_write(ours, "x", 0), 0);
	ck_assert_int_eq(peal_stream_writev_all(ours, out, 0), 0);
}

/* More than there is room for on the way, and the end. */
static void check_flow(struct peal_stream *ours, struct peal_stream *theirs, uint64_t place)
{
	struct job job = { .stream = ours, .size = BYTES };
	struct peal_task *task = start(write_pattern, &job, place);
	char buf[1000];

	for (size_t have = 0; have < BYTES; have += sizeof(buf)) {
		ck_assert_int_eq(peal_stream_read_exact(theirs, buf, sizeof(buf)), sizeof(buf));
		ck_assert_int_eq(memcmp(buf, pattern + have, sizeof(buf)), 0);
	}
	ck_assert_int_eq(peal_task_join(task, NULL), 0);
	ck_assert_int_eq(job.result, BYTES);
	ck_assert_int_eq(peal_stream_shutdown(ours), 0);
	ck_assert_int_eq(peal_stream_read(theirs, buf, 1), 0);
	ck_assert_int_eq(peal_stream_read_exact(theirs, buf, 1), 0);
	ck_assert_int_lt(peal_stream_write(ours, "x", 1), 0);
}

TASK_TEST(sockets_are_streams)
{
	struct peal_fd_stream ours, theirs;
	struct peal_stream *a, *b;
	int fds[2];

	ck_assert_int_eq(peal_socketpair(SOCK_STREAM, fds), 0);
	a = peal_fd_stream(&ours, fds[0]);
	b = peal_fd_stream(&theirs, fds[1]);
	check_one_way(a, b);
	check_one_way(b, a);
	check_flow(a, b, PEAL_HERE);
	/* Half closed: the other direction goes on. */
	check_one_way(b, a);
	ck_assert_int_eq(peal_stream_close(a), 0);
	ck_assert_int_eq(peal_stream_write(b, "x", 1), -EPIPE);
	ck_assert_int_eq(peal_stream_close(b), 0);
	ck_assert_int_eq(fcntl(fds[0], F_GETFD), -1);
	ck_assert_int_eq(fcntl(fds[1], F_GETFD), -1);
	return 0;
}

TASK_TEST(pipes_are_streams)
{
	struct peal_fd_stream both;
	struct peal_stream *stream;
	char byte;
	int fds[2];

	ck_assert_int_eq(peal_pipe(fds), 0);
	stream = peal_fd_stream_pair(&both, fds[0], fds[1]);
	check_one_way(stream, stream);
	check_flow(stream, stream, PEAL_HERE);
	ck_assert_int_eq(peal_stream_close(stream), 0);
	ck_assert_int_eq(fcntl(fds[0], F_GETFD), -1);
	ck_assert_int_eq(fcntl(fds[1], F_GETFD), -1);
	/* One end alone. */
	ck_assert_int_eq(peal_pipe(fds), 0);
	stream = peal_fd_stream_pair(&both, -1, fds[1]);
	ck_assert_int_eq(peal_stream_read(stream, &byte, 1), -EBADF);
	ck_assert_int_eq(peal_close(fds[0]), 0);
	ck_assert_int_eq(peal_stream_write(stream, "x", 1), -EPIPE);
	ck_assert_int_eq(peal_stream_close(stream), 0);
	return 0;
}

TASK_TEST(files_are_streams)
{
	struct peal_fd_stream file;
	int fd = memfd_create("stream", MFD_CLOEXEC);
	struct peal_stream *stream = peal_fd_stream(&file, fd);

	ck_assert_int_eq(peal_stream_write_all(stream, pattern, BYTES), BYTES);
	ck_assert_int_eq(peal_stream_shutdown(stream), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	expect_pattern(stream, BYTES);
	ck_assert_int_eq(peal_stream_close(stream), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	return 0;
}

TASK_TEST(memory_is_a_stream)
{
	struct peal_stream *ends[2];
	char buf[8];

	ck_assert_int_eq(peal_stream_pair(ends, 0), -EINVAL);
	ck_assert_int_eq(peal_stream_pair(NULL, 1), -EINVAL);
	ck_assert_int_eq(peal_stream_pair(ends, SIZE_MAX), -ENOMEM);
	ck_assert_int_eq(peal_stream_pair(ends, 37), 0);
	check_one_way(ends[0], ends[1]);
	check_one_way(ends[1], ends[0]);
	check_flow(ends[0], ends[1], PEAL_PINNED(1));
	/* What was written before the end is read before it. */
	ck_assert_int_eq(peal_stream_write(ends[1], pattern, 100), 37);
	ck_assert_int_eq(peal_stream_close(ends[1]), 0);
	ck_assert_int_eq(peal_stream_write(ends[0], "x", 1), -EPIPE);
	expect_pattern(ends[0], 37);
	ck_assert_int_eq(peal_stream_close(ends[0]), 0);
	/* The end comes to who waits for it, and the peer's going to who waits for room. */
	ck_assert_int_eq(peal_stream_pair(ends, sizeof(buf)), 0);
	{
		struct job job = { .stream = ends[0], .size = 20 };
		struct peal_task *task = start(write_pattern, &job, PEAL_PINNED(1));

		ck_assert_int_eq(peal_stream_read_exact(ends[1], buf, 3), 3);
		ck_assert_int_eq(peal_stream_close(ends[1]), 0);
		ck_assert_int_eq(peal_task_join(task, NULL), 0);
		ck_assert_int_eq(job.result, -EPIPE);
		ck_assert_uint_eq(job.shard, 1);
	}
	return peal_stream_close(ends[0]);
}

static int close_later(void *arg)
{
	peal_sleep(PEAL_MS);
	return peal_stream_close(arg);
}

TASK_TEST(a_reader_is_told_of_the_end)
{
	struct peal_stream *ends[2];
	char byte;

	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(peal_stream_pair(ends, 8), 0);
		ck_assert_int_eq(
			peal_spawn(close_later, ends[1], PEAL_SPAWN(.place = PEAL_PINNED(i % 2))),
			0);
		ck_assert_int_eq(peal_stream_read(ends[0], &byte, 1), 0);
		ck_assert_int_eq(peal_stream_close(ends[0]), 0);
	}
	return 0;
}

TASK_TEST(waiting_ends_with_its_deadline)
{
	struct peal_stream *ends[2], *stream;
	struct peal_fd_stream socket;
	char buf[16];
	ssize_t n = 0;
	int fds[2];

	ck_assert_int_eq(peal_stream_pair(ends, 4), 0);
	ck_assert_int_eq(peal_socketpair(SOCK_STREAM, fds), 0);
	stream = peal_fd_stream(&socket, fds[0]);
	PEAL_WITHIN (PEAL_MS)
		n = peal_stream_read(ends[0], buf, sizeof(buf));
	ck_assert_int_eq(n, -ETIMEDOUT);
	PEAL_WITHIN (PEAL_MS)
		n = peal_stream_write_all(ends[0], "hello", 5);
	ck_assert_int_eq(n, -ETIMEDOUT);
	ck_assert_int_eq(peal_stream_read(ends[1], buf, sizeof(buf)), 4);
	PEAL_WITHIN (PEAL_MS)
		n = peal_stream_read(stream, buf, sizeof(buf));
	ck_assert_int_eq(n, -ETIMEDOUT);
	/* Nothing is left behind: it still works. */
	ck_assert_int_eq(peal_stream_write(ends[1], "abc", 3), 3);
	ck_assert_int_eq(peal_stream_read(ends[0], buf, sizeof(buf)), 3);
	ck_assert_int_eq(write(fds[1], "abc", 3), 3);
	ck_assert_int_eq(peal_stream_read(stream, buf, sizeof(buf)), 3);
	close(fds[1]);
	peal_stream_close(stream);
	peal_stream_close(ends[0]);
	return peal_stream_close(ends[1]);
}

TASK_TEST(an_early_end_is_no_end)
{
	struct peal_stream *ends[2];
	char buf[8];

	ck_assert_int_eq(peal_stream_pair(ends, 64), 0);
	ck_assert_int_eq(peal_stream_write(ends[0], "abcdefg", 7), 7);
	ck_assert_int_eq(peal_stream_shutdown(ends[0]), 0);
	ck_assert_int_eq(peal_stream_read_exact(ends[1], buf, 4), 4);
	ck_assert_int_eq(peal_stream_read_exact(ends[1], buf, 0), 0);
	ck_assert_int_eq(peal_stream_read_exact(ends[1], buf, 4), -EPROTO);
	ck_assert_int_eq(peal_stream_read_exact(ends[1], buf, 4), 0);
	peal_stream_close(ends[0]);
	return peal_stream_close(ends[1]);
}

TASK_TEST(faulty_streams_lose_nothing)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct peal_faulty_stream ours, theirs;
		struct peal_stream *ends[2];
		struct job job = { .stream = &ours.stream, .size = 5000 };
		struct peal_task *task;

		ck_assert_int_eq(peal_stream_pair(ends, 100), 0);
		ck_assert_int_eq(peal_faulty_stream(&ours, ends[0],
					 PEAL_FAULTY(.seed = seed, .most_write = 30, .yields = 2)),
			0);
		ck_assert_int_eq(peal_faulty_stream(&theirs, ends[1],
					 PEAL_FAULTY(.seed = seed, .most_read = 7, .yields = 1,
						 .end_after = 4321)),
			0);
		task = start(write_pattern, &job, PEAL_PINNED(seed % 2));
		expect_pattern(&theirs.stream, 4321);
		ck_assert_uint_ge(theirs.reads, 4321 / 7);
		ck_assert_int_eq(peal_stream_close(&theirs.stream), 0);
		ck_assert_int_eq(peal_task_join(task, NULL), 0);
		ck_assert(job.result == 5000 || job.result == -EPIPE);
		ck_assert_int_eq(peal_stream_shutdown(&ours.stream), 0);
		ck_assert_int_eq(peal_stream_close(&ours.stream), 0);
	}
	return 0;
}

TASK_TEST(faulty_streams_fail_when_told)
{
	struct peal_faulty_stream faulty;
	struct peal_stream *ends[2];
	char buf[4];

	ck_assert_int_eq(peal_stream_pair(ends, 100), 0);
	ck_assert_int_eq(peal_faulty_stream(&faulty, ends[0], PEAL_FAULTY(.error = 5)), -EINVAL);
	ck_assert_int_eq(peal_faulty_stream(&faulty, NULL, NULL), -EINVAL);
	ck_assert_int_eq(peal_faulty_stream(&faulty, ends[0],
				 PEAL_FAULTY(.fail_read = 2, .fail_write = 3, .error = -EIO)),
		0);
	for (int i = 1; i <= 4; i++)
		ck_assert_int_eq(peal_stream_write(&faulty.stream, "x", 1), i == 3 ? -EIO : 1);
	ck_assert_int_eq(peal_stream_write(ends[1], "yyyy", 4), 4);
	for (int i = 1; i <= 4; i++)
		ck_assert_int_eq(peal_stream_read(&faulty.stream, buf, 1), i == 2 ? -EIO : 1);
	ck_assert_int_eq(peal_stream_read(ends[1], buf, 4), 3);
	ck_assert_int_eq(peal_faulty_stream(&faulty, ends[0], PEAL_FAULTY(.fail_read = 1)), 0);
	ck_assert_int_eq(peal_stream_read(&faulty.stream, buf, 1), -ECONNRESET);
	peal_stream_close(ends[1]);
	return peal_stream_close(&faulty.stream);
}

/* What an old or simple kind of stream lacks is done without. */

static ssize_t read_zeroes(struct peal_stream *stream, void *buf, size_t size)
{
	(void)stream;
	memset(buf, 0, size);
	return (ssize_t)size;
}

static ssize_t write_nowhere(struct peal_stream *stream, const void *buf, size_t size)
{
	(void)stream;
	(void)buf;
	return (ssize_t)size;
}

static int never_called(struct peal_stream *stream)
{
	(void)stream;
	ck_abort_msg("called beyond the size of its table");
	return -ENOSYS;
}

TASK_TEST(short_tables_do)
{
	/* shutdown and close are set, but the table says that it ends before. */
	const struct peal_stream_ops old = { .size = offsetof(struct peal_stream_ops, readv),
		.kind = "old",
		.read = read_zeroes,
		.write = write_nowhere,
		.shutdown = never_called,
		.close = never_called };
	const struct peal_stream_ops none = { .size = sizeof(none), .kind = "none" };
	struct peal_stream stream = { .ops = &old }, useless = { .ops = &none };
	char first[3] = "abc", second[5] = "abcde";
	const struct iovec parts[3] = { { NULL, 0 }, { first, 3 }, { second, 5 } };

	ck_assert_int_eq(peal_stream_readv(&stream, parts, 3), 3);
	ck_assert_mem_eq(first, "\0\0\0", 3);
	ck_assert_int_eq(second[0], 'a');
	ck_assert_int_eq(peal_stream_writev(&stream, parts, 3), 3);
	ck_assert_int_eq(peal_stream_writev_all(&stream, parts, 3), 8);
	ck_assert_int_eq(peal_stream_shutdown(&stream), -EOPNOTSUPP);
	ck_assert_int_eq(peal_stream_close(&stream), 0);
	ck_assert_int_eq(peal_stream_read(&useless, first, 1), -EBADF);
	ck_assert_int_eq(peal_stream_write(&useless, first, 1), -EBADF);
	ck_assert_int_eq(peal_stream_readv(&useless, parts, 3), -EBADF);
	return 0;
}

TASK_TEST(halves_have_owners)
{
	struct peal_stream_halves halves;
	struct peal_fd_stream socket;
	struct peal_stream *peer;
	struct peal_fd_stream other;
	struct job job = { .size = BYTES };
	struct peal_task *task;
	char byte;
	int fds[2];

	for (int first = 0; first < 2; first++) {
		ck_assert_int_eq(peal_socketpair(SOCK_STREAM, fds), 0);
		peer = peal_fd_stream(&other, fds[1]);
		ck_assert_int_eq(peal_stream_split(&halves, peal_fd_stream(&socket, fds[0])), 0);
		job.stream = &halves.output;
		task = start(write_pattern, &job, PEAL_PINNED(1));
		ck_assert_int_eq(peal_stream_write(peer, "x", 1), 1);
		ck_assert_int_eq(peal_stream_read(&halves.input, &byte, 1), 1);
		ck_assert_int_eq(peal_stream_write(&halves.input, "x", 1), -EBADF);
		ck_assert_int_eq(peal_stream_read(&halves.output, &byte, 1), -EBADF);
		if (first) {
			ck_assert_int_eq(peal_stream_close(&halves.input), 0);
			ck_assert_int_ge(fcntl(fds[0], F_GETFD), 0);
		}
		{
			char buf[1000];

			for (size_t have = 0; have < BYTES; have += sizeof(buf))
				ck_assert_int_eq(peal_stream_read_exact(peer, buf, sizeof(buf)),
					sizeof(buf));
		}
		ck_assert_int_eq(peal_task_join(task, NULL), 0);
		ck_assert_int_eq(peal_stream_close(&halves.output), 0);
		ck_assert_int_eq(peal_stream_read(peer, &byte, 1), 0);
		if (!first) {
			ck_assert_int_eq(peal_stream_write(peer, "y", 1), 1);
			ck_assert_int_eq(peal_stream_read(&halves.input, &byte, 1), 1);
			ck_assert_int_eq(peal_stream_close(&halves.input), 0);
		}
		ck_assert_int_eq(fcntl(fds[0], F_GETFD), -1);
		peal_stream_close(peer);
	}
	return 0;
}

START_TEST(off_the_shards_calls_say_so)
{
	struct peal_fd_stream file;
	struct peal_stream *ends[2];
	char byte;

	ck_assert_int_eq(peal_stream_read(peal_fd_stream(&file, 0), &byte, 1), -EPERM);
	ck_assert_int_eq(peal_stream_write(&file.stream, &byte, 1), -EPERM);
	ck_assert_int_eq(peal_stream_pair(ends, 1), 0);
	ck_assert_int_eq(peal_stream_read(ends[0], &byte, 1), -EPERM);
	ck_assert_int_eq(peal_stream_close(ends[0]), 0);
	ck_assert_int_eq(peal_stream_close(ends[1]), 0);
	ck_assert_int_eq(peal_stream_close(NULL), 0);
	ck_assert_int_eq(peal_stream_read(NULL, &byte, 1), -EINVAL);
	ck_assert_int_eq(peal_stream_read(&file.stream, NULL, 1), -EINVAL);
	ck_assert_int_eq(peal_stream_write(NULL, &byte, 1), -EINVAL);
	ck_assert_int_eq(peal_stream_writev(&file.stream, NULL, 1), -EINVAL);
	ck_assert_int_eq(peal_stream_writev_all(&file.stream, NULL, -1), -EINVAL);
	ck_assert_int_eq(peal_stream_shutdown(NULL), -EINVAL);
	ck_assert_int_eq(peal_stream_split(NULL, &file.stream), -EINVAL);
	ck_assert_ptr_null(peal_fd_stream(NULL, 0));
	ck_assert_uint_eq(peal_sizeof("peal_stream_ops"), sizeof(struct peal_stream_ops));
}
END_TEST

static Suite *stream_suite(void)
{
	Suite *suite = suite_create("stream");
	TCase *tcase = tcase_create("stream");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, sockets_are_streams);
	ADD_TASK_TEST(tcase, pipes_are_streams);
	ADD_TASK_TEST(tcase, files_are_streams);
	ADD_TASK_TEST(tcase, memory_is_a_stream);
	ADD_TASK_TEST(tcase, a_reader_is_told_of_the_end);
	ADD_TASK_TEST(tcase, waiting_ends_with_its_deadline);
	ADD_TASK_TEST(tcase, an_early_end_is_no_end);
	ADD_TASK_TEST(tcase, faulty_streams_lose_nothing);
	ADD_TASK_TEST(tcase, faulty_streams_fail_when_told);
	ADD_TASK_TEST(tcase, short_tables_do);
	ADD_TASK_TEST(tcase, halves_have_owners);
	tcase_add_test(tcase, off_the_shards_calls_say_so);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	make_pattern();
	find_backends();
	return peal_check_main(stream_suite());
}
