/* SPDX-License-Identifier: MIT */
/* Readers and writers: lines, delimiters, pieces of given sizes; gathered writes; what errors leave. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "tests/contract/runtime.h"

/* A stream that a user might write: it reads from a text, in pieces of at most `piece` bytes, and notes what is written, and
 * how. */
struct tape {
	struct peal_stream stream;
	const char *text;
	size_t size, at, piece;
	char written[4096];
	size_t wrote, most, calls, reads;
	int error; /* of the next write */
};

static struct tape *tape_of(struct peal_stream *stream)
{
	return PEAL_CONTAINER_OF(stream, struct tape, stream);
}

static ssize_t tape_read(struct peal_stream *stream, void *buf, size_t size)
{
	struct tape *tape = tape_of(stream);
	size_t n = tape->size - tape->at;

	ck_assert_uint_gt(size, 0);
	tape->reads++;
	n = n < size ? n : size;
	n = tape->piece && n > tape->piece ? tape->piece : n;
	memcpy(buf, tape->text + tape->at, n);
	tape->at += n;
	return (ssize_t)n;
}

static ssize_t tape_writev(struct peal_stream *stream, const struct iovec *vector, int count)
{
	struct tape *tape = tape_of(stream);
	size_t room = tape->most ? tape->most : sizeof(tape->written), total = 0;

	tape->calls++;
	if (tape->error)
		return tape->error;
	for (int i = 0; i < count && room; i++) {
		size_t n = vector[i].iov_len < room ? vector[i].iov_len : room;

		ck_assert_uint_le(tape->wrote + n, sizeof(tape->written));
		if (n)
			memcpy(tape->written + tape->wrote, vector[i].iov_base, n);
		tape->wrote += n;
		room -= n;
		total += n;
	}
	ck_assert_uint_gt(total, 0);
	return (ssize_t)total;
}

static ssize_t tape_write(struct peal_stream *stream, const void *buf, size_t size)
{
	const struct iovec part = { .iov_base = (void *)buf, .iov_len = size };

	return tape_writev(stream, &part, 1);
}

static const struct peal_stream_ops tape_ops = {
	.size = sizeof(tape_ops),
	.kind = "tape",
	.read = tape_read,
	.write = tape_write,
	.writev = tape_writev,
};

#define TAPE(content, ...)                                                               \
	{                                                                                \
		.stream.ops = &tape_ops, .text = (content), .size = sizeof(content) - 1, \
		__VA_ARGS__                                                              \
	}

static void expect_line(struct peal_reader *reader, const char *text)
{
	char *line = NULL;
	size_t size = 99;
	int n = peal_reader_line(reader, &line, &size, 0);

	ck_assert_msg(n == 1, "%d instead of the line \"%s\"", n, text);
	ck_assert_str_eq(line, text);
	ck_assert_uint_eq(size, strlen(text));
}

/* Each with reads of every size, so that ends of lines are torn apart everywhere. */
START_TEST(lines_are_found)
{
	struct tape tape = TAPE(
		"GET / HTTP/1.1\r\nHost: x\n\r\n\n\r\r\n\rz\nlast\n", .piece = (size_t)_i);
	struct peal_reader reader;
	char buf[24], *line = NULL;

	ck_assert_int_eq(peal_reader_init(&reader, &tape.stream, buf, sizeof(buf)), 0);
	expect_line(&reader, "GET / HTTP/1.1");
	expect_line(&reader, "Host: x");
	expect_line(&reader, "");
	expect_line(&reader, "");
	expect_line(&reader, "\r");
	expect_line(&reader, "\rz");
	expect_line(&reader, "last");
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(peal_reader_line(&reader, &line, NULL, 0), 0);
	ck_assert_ptr_null(line);
	peal_reader_end(&reader);
}
END_TEST

START_TEST(long_lines_are_refused)
{
	struct tape tape = TAPE("0123456\n01234567\nrest", .piece = (size_t)_i);
	struct peal_reader reader;
	char *data;
	size_t size;
	ssize_t n;

	ck_assert_int_eq(peal_reader_init(&reader, &tape.stream, NULL, 16), 0);
	ck_assert_int_eq(peal_reader_line(&reader, &data, &size, 7), -EMSGSIZE);
	ck_assert_int_eq(peal_reader_line(&reader, &data, &size, 8), 1);
	ck_assert_uint_eq(size, 7);
	ck_assert_int_eq(peal_reader_line(&reader, &data, &size, 8), -EMSGSIZE);
	/* What there is was not taken. */
	n = peal_reader_peek(&reader, &data, 9);
	ck_assert_int_ge(n, 9);
	ck_assert_mem_eq(data, "01234567\n", 9);
	ck_assert_int_eq(peal_reader_until(&reader, "67\n", 3, &data, &size, 9), 1);
	ck_assert_uint_eq(size, 9);
	/* Nothing ends the last one. */
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(peal_reader_line(&reader, &data, &size, 0), -EPROTO);
	ck_assert_int_eq(peal_reader_peek(&reader, &data, 0), 4);
	ck_assert_mem_eq(data, "rest", 4);
	ck_assert_int_eq(peal_reader_consume(&reader, 5), -EINVAL);
	ck_assert_int_eq(peal_reader_consume(&reader, 4), 0);
	ck_assert_int_eq(peal_reader_line(&reader, &data, &size, 0), 0);
	peal_reader_end(&reader);
}
END_TEST

/* A line that is as long as the buffer, which must move to make room. */
START_TEST(the_buffer_is_the_limit)
{
	struct tape tape = TAPE("ab\n0123456\n01234567\n", .piece = (size_t)_i);
	struct peal_reader reader;
	char buf[8], *line;

	ck_assert_int_eq(peal_reader_init(&reader, &tape.stream, buf, sizeof(buf)), 0);
	expect_line(&reader, "ab");
	expect_line(&reader, "0123456");
	ck_assert_int_eq(peal_reader_line(&reader, &line, NULL, 0), -EMSGSIZE);
	ck_assert_int_eq(peal_reader_line(&reader, &line, NULL, 1000), -EMSGSIZE);
	ck_assert_int_eq(peal_reader_peek(&reader, &line, 9), -EMSGSIZE);
	ck_assert_int_eq(peal_reader_peek(&reader, &line, 8), 8);
	peal_reader_end(&reader);
}
END_TEST

START_TEST(delimiters_are_found_where_they_overlap)
{
	struct tape tape = TAPE("head\r\r\n\r\n\r\n\r\nbodyababacend", .piece = (size_t)_i);
	struct peal_reader reader;
	char *data;
	size_t size;

	ck_assert_int_eq(peal_reader_init(&reader, &tape.stream, NULL, 32), 0);
	ck_assert_int_eq(peal_reader_until(&reader, "\r\n\r\n", 4, &data, &size, 0), 1);
	ck_assert_uint_eq(size, 9);
	ck_assert_mem_eq(data, "head\r\r\n\r\n", 9);
	ck_assert_int_eq(peal_reader_until(&reader, "\r\n\r\n", 4, &data, &size, 4), 1);
	ck_assert_uint_eq(size, 4);
	ck_assert_int_eq(peal_reader_until(&reader, "abac", 4, &data, &size, 9), -EMSGSIZE);
	ck_assert_int_eq(peal_reader_until(&reader, "abac", 4, &data, &size, 10), 1);
	ck_assert_mem_eq(data, "bodyababac", 10);
	ck_assert_int_eq(peal_reader_until(&reader, "endless", 7, &data, &size, 0), -EPROTO);
	ck_assert_int_eq(peal_reader_until(&reader, "", 0, &data, &size, 0), -EINVAL);
	ck_assert_int_eq(peal_reader_until(&reader, "d", 1, &data, &size, 0), 1);
	ck_assert_int_eq(peal_reader_until(&reader, "d", 1, &data, &size, 0), 0);
	peal_reader_end(&reader);
}
END_TEST

START_TEST(pieces_are_read)
{
	struct tape tape = TAPE("0123456789abcdefghijklmnopqrstuvwxyz", .piece = (size_t)_i);
	struct peal_reader reader;
	char buf[64], *data;

	ck_assert_int_eq(peal_reader_init(&reader, &tape.stream, NULL, 8), 0);
	ck_assert_int_eq(peal_reader_peek(&reader, &data, 0), 0);
	ck_assert_uint_eq(tape.reads, 0);
	ck_assert_int_ge(peal_reader_peek(&reader, &data, 2), 2);
	ck_assert_mem_eq(data, "01", 2);
	ck_assert_int_eq(peal_reader_read_exact(&reader, buf, 0), 0);
	ck_assert_int_eq(peal_reader_read_exact(&reader, buf, 3), 3);
	ck_assert_mem_eq(buf, "012", 3);
	/* More than the buffer holds. */
	ck_assert_int_eq(peal_reader_read_exact(&reader, buf, 10), 10);
	ck_assert_mem_eq(buf, "3456789abc", 10);
	ck_assert_int_eq(peal_reader_skip(&reader, 13), 13);
	for (int have = 0; have < 4;) {
		ssize_t n = peal_reader_read(&reader, buf, (size_t)(4 - have));

		ck_assert_int_gt(n, 0);
		ck_assert_int_eq(buf[0], "qrst"[have]);
		have += (int)n;
	}
	ck_assert_int_eq(peal_reader_read(&reader, buf, 0), 0);
	/* The end in the midst takes nothing, if it all fits the buffer. */
	ck_assert_int_eq(peal_reader_read_exact(&reader, buf, 7), -EPROTO);
	ck_assert_int_eq(peal_reader_peek(&reader, &data, 8), 6);
	ck_assert_int_eq(peal_reader_read_exact(&reader, buf, 6), 6);
	ck_assert_mem_eq(buf, "uvwxyz", 6);
	ck_assert_int_eq(peal_reader_read_exact(&reader, buf, 1), 0);
	ck_assert_int_eq(peal_reader_read_exact(&reader, buf, 20), 0);
	ck_assert_int_eq(peal_reader_read(&reader, buf, 1), 0);
	ck_assert_int_eq(peal_reader_skip(&reader, 5), 0);
	ck_assert_int_eq(peal_reader_skip(&reader, -1), -EINVAL);
	peal_reader_end(&reader);
}
END_TEST

START_TEST(large_reads_go_past_the_buffer)
{
	struct tape tape = TAPE("0123456789abcdef");
	struct peal_reader reader;
	char buf[16];

	ck_assert_int_eq(peal_reader_init(&reader, &tape.stream, NULL, 4), 0);
	ck_assert_int_eq(peal_reader_read(&reader, buf, 16), 16);
	ck_assert_uint_eq(tape.reads, 1);
	tape.at = 0;
	ck_assert_int_eq(peal_reader_read_exact(&reader, buf, 17), -EPROTO);
	peal_reader_end(&reader);
}
END_TEST

/* Writers */

START_TEST(writes_leave_together)
{
	struct tape tape = TAPE("");
	struct peal_writer writer;
	char buf[16];
	const struct iovec parts[2] = { { (char *)"de", 2 }, { (char *)"f", 1 } };

	ck_assert_int_eq(peal_writer_init(&writer, &tape.stream, buf, sizeof(buf)), 0);
	ck_assert_int_eq(peal_writer_flush(&writer), 0);
	ck_assert_uint_eq(tape.calls, 0);
	ck_assert_int_eq(peal_writer_write(&writer, "abc", 3), 3);
	ck_assert_int_eq(peal_writer_writev(&writer, parts, 2), 3);
	ck_assert_int_eq(peal_writer_printf(&writer, "%d-%s", 42, "x"), 4);
	ck_assert_uint_eq(peal_writer_buffered(&writer), 10);
	ck_assert_uint_eq(tape.calls, 0);
	ck_assert_int_eq(peal_writer_flush(&writer), 0);
	ck_assert_uint_eq(tape.calls, 1);
	ck_assert_uint_eq(tape.wrote, 10);
	ck_assert_mem_eq(tape.written, "abcdef42-x", 10);
	/* Full to the last byte, and one more: both leave in one call. */
	ck_assert_int_eq(peal_writer_write(&writer, "0123456789abcdef", 16), 16);
	ck_assert_uint_eq(tape.calls, 1);
	ck_assert_int_eq(peal_writer_write(&writer, "g", 1), 1);
	ck_assert_uint_eq(tape.calls, 2);
	ck_assert_uint_eq(tape.wrote, 27);
	ck_assert_mem_eq(tape.written + 10, "0123456789abcdefg", 17);
	/* Text that is longer than the buffer. */
	ck_assert_int_eq(peal_writer_printf(&writer, "%s%s", "0123456789", "0123456789"), 20);
	ck_assert_uint_eq(tape.calls, 3);
	ck_assert_mem_eq(tape.written + 27, "01234567890123456789", 20);
	peal_writer_end(&writer);
}
END_TEST

/* With every number of bytes that a stream may take at once: what does not leave at once waits. */
START_TEST(short_writes_are_continued)
{
	struct tape tape = TAPE("", .most = (size_t)_i);
	struct peal_writer writer;
	char expected[2000];
	size_t size = 0;

	ck_assert_int_eq(peal_writer_init(&writer, &tape.stream, NULL, 32), 0);
	for (int i = 0; size < 1500; i++) {
		char piece[50];
		size_t n = (size_t)(i * 7) % sizeof(piece);

		memset(piece, 'a' + i % 26, n);
		memcpy(expected + size, piece, n);
		size += n;
		if (i % 3) {
			ck_assert_int_eq(peal_writer_write(&writer, piece, n), (ssize_t)n);
		} else {
			const struct iovec parts[3] = { { piece, n / 2 }, { NULL, 0 },
				{ piece + n / 2, n - n / 2 } };

			ck_assert_int_eq(peal_writer_writev(&writer, parts, 3), (ssize_t)n);
		}
		ck_assert_uint_le(peal_writer_buffered(&writer), 32);
		ck_assert_uint_eq(tape.wrote + peal_writer_buffered(&writer), size);
	}
	ck_assert_int_eq(peal_writer_flush(&writer), 0);
	ck_assert_uint_eq(tape.wrote, size);
	ck_assert_int_eq(memcmp(tape.written, expected, size), 0);
	peal_writer_end(&writer);
}
END_TEST

START_TEST(errors_leave_what_was_not_written)
{
	struct tape tape = TAPE("", .most = 3);
	struct peal_writer writer;

	ck_assert_int_eq(peal_writer_init(&writer, &tape.stream, NULL, 8), 0);
	ck_assert_int_eq(peal_writer_write(&writer, "abcdef", 6), 6);
	tape.error = -ETIMEDOUT;
	ck_assert_int_eq(peal_writer_flush(&writer), -ETIMEDOUT);
	ck_assert_int_eq(peal_writer_write(&writer, "ghi", 3), -ETIMEDOUT);
	ck_assert_uint_eq(peal_writer_buffered(&writer), 6);
	tape.error = 0;
	ck_assert_int_eq(peal_writer_write(&writer, "ghi", 3), 3);
	ck_assert_int_eq(peal_writer_flush(&writer), 0);
	ck_assert_uint_eq(tape.wrote, 9);
	ck_assert_mem_eq(tape.written, "abcdefghi", 9);
	peal_writer_end(&writer);
}
END_TEST

/* A write of 20 bytes has begun when the deadline comes. */
TASK_TEST(a_torn_write_breaks_the_writer)
{
	struct peal_stream *ends[2];
	struct peal_writer writer;
	char buf[32];
	ssize_t n = 0;
	int err = 0;

	ck_assert_int_eq(peal_stream_pair(ends, 10), 0);
	ck_assert_int_eq(peal_writer_init(&writer, ends[0], NULL, 4), 0);
	/* Nothing was taken: it goes on. */
	ck_assert_int_eq(peal_stream_write(ends[0], "0123456789", 10), 10);
	ck_assert_int_eq(peal_writer_write(&writer, "ab", 2), 2);
	PEAL_WITHIN (PEAL_MS)
		err = peal_writer_flush(&writer);
	ck_assert_int_eq(err, -ETIMEDOUT);
	PEAL_WITHIN (PEAL_MS)
		n = peal_writer_write(&writer, "cdefghijkl", 10);
	ck_assert_int_eq(n, -ETIMEDOUT);
	ck_assert_int_eq(peal_stream_read_exact(ends[1], buf, 10), 10);
	ck_assert_int_eq(peal_writer_write(&writer, "cd", 2), 2);
	ck_assert_int_eq(peal_writer_flush(&writer), 0);
	ck_assert_int_eq(peal_stream_read_exact(ends[1], buf, 4), 4);
	ck_assert_mem_eq(buf, "abcd", 4);
	/* Some were. */
	PEAL_WITHIN (PEAL_MS)
		n = peal_writer_write(&writer, "0123456789abcdefghij", 20);
	ck_assert_int_eq(n, -ETIMEDOUT);
	ck_assert_int_eq(peal_writer_write(&writer, "x", 1), -EPIPE);
	ck_assert_int_eq(peal_writer_printf(&writer, "x"), -EPIPE);
	ck_assert_int_eq(peal_writer_flush(&writer), -EPIPE);
	peal_writer_end(&writer);
	peal_stream_close(ends[0]);
	return peal_stream_close(ends[1]);
}

/* A line that comes slowly is still there after a deadline in its midst. */
TASK_TEST(a_torn_read_takes_nothing)
{
	struct peal_stream *ends[2];
	struct peal_reader reader;
	char *line;
	int n = 0;

	ck_assert_int_eq(peal_stream_pair(ends, 64), 0);
	ck_assert_int_eq(peal_reader_init(&reader, ends[1], NULL, 0), 0);
	ck_assert_int_eq(peal_stream_write(ends[0], "hel", 3), 3);
	PEAL_WITHIN (PEAL_MS)
		n = peal_reader_line(&reader, &line, NULL, 0);
	ck_assert_int_eq(n, -ETIMEDOUT);
	ck_assert_uint_eq(peal_reader_buffered(&reader), 3);
	ck_assert_int_eq(peal_stream_write(ends[0], "lo\nx", 4), 4);
	expect_line(&reader, "hello");
	peal_reader_end(&reader);
	peal_stream_close(ends[0]);
	return peal_stream_close(ends[1]);
}

/* Pipelined questions: the answers to all that came together leave together. */

TASK_TEST(answers_leave_before_the_next_question_is_waited_for)
{
	struct peal_fd_stream socket;
	struct peal_reader reader;
	struct peal_writer writer;
	char *line, buf[64];
	int fds[2], n;

	ck_assert_int_eq(peal_socketpair(SOCK_SEQPACKET, fds), 0);
	peal_fd_stream(&socket, fds[0]);
	ck_assert_int_eq(peal_reader_init(&reader, &socket.stream, NULL, 0), 0);
	ck_assert_int_eq(peal_writer_init(&writer, &socket.stream, NULL, 0), 0);
	ck_assert_int_eq(peal_reader_tie(&reader, &writer), 0);
	ck_assert_int_eq(peal_send(fds[1], "a\nb\nc\nd", 7, 0), 7);
	ck_assert_int_eq(peal_send(fds[1], "d\n", 2, 0), 2);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(peal_reader_line(&reader, &line, NULL, 0), 1);
		ck_assert_int_gt(peal_writer_printf(&writer, "<%s>", line), 0);
	}
	PEAL_WITHIN (PEAL_MS)
		n = peal_reader_line(&reader, &line, NULL, 0);
	/* Each call is a message of its own here. */
	ck_assert_int_eq(peal_recv(fds[1], buf, sizeof(buf), 0), 9);
	ck_assert_mem_eq(buf, "<a><b><c>", 9);
	ck_assert_int_eq(peal_recv(fds[1], buf, sizeof(buf), 0), 4);
	ck_assert_mem_eq(buf, "<dd>", 4);
	ck_assert_int_eq(n, -ETIMEDOUT);
	peal_reader_end(&reader);
	peal_writer_end(&writer);
	peal_close(fds[1]);
	return peal_stream_close(&socket.stream);
}

static void *no_memory(size_t alignment, size_t size)
{
	(void)alignment;
	(void)size;
	return NULL;
}

static void never_released(void *memory)
{
	ck_assert_ptr_null(memory);
}

START_TEST(without_memory_nothing_begins)
{
	struct tape tape = TAPE("");
	struct peal_reader reader;
	struct peal_writer writer;
	char buf[4];

	ck_assert_int_eq(peal_set_allocator(no_memory, never_released), 0);
	ck_assert_int_eq(peal_reader_init(&reader, &tape.stream, NULL, 0), -ENOMEM);
	ck_assert_int_eq(peal_writer_init(&writer, &tape.stream, NULL, 0), -ENOMEM);
	/* Text that is longer than the buffer needs some, too. */
	ck_assert_int_eq(peal_writer_init(&writer, &tape.stream, buf, 4), 0);
	ck_assert_int_eq(peal_writer_printf(&writer, "%d", 12345), -ENOMEM);
	ck_assert_uint_eq(peal_writer_buffered(&writer), 0);
	ck_assert_int_eq(peal_writer_printf(&writer, "%d", 123), 3);
	peal_writer_end(&writer);
	/* And nobody holds it. */
	ck_assert_int_eq(peal_set_allocator(NULL, NULL), 0);
}
END_TEST

START_TEST(mistakes_are_told)
{
	struct tape tape = TAPE("");
	struct peal_reader reader;
	struct peal_writer writer;
	char buf[4], *data;
	size_t size;

	ck_assert_int_eq(peal_reader_init(&reader, NULL, NULL, 0), -EINVAL);
	ck_assert_int_eq(peal_reader_init(NULL, &tape.stream, NULL, 0), -EINVAL);
	ck_assert_int_eq(peal_reader_init(&reader, &tape.stream, buf, 0), -EINVAL);
	ck_assert_int_eq(peal_reader_init(&reader, &tape.stream, NULL, SIZE_MAX), -EINVAL);
	ck_assert_int_eq(peal_writer_init(&writer, &tape.stream, buf, 0), -EINVAL);
	ck_assert_int_eq(peal_reader_init(&reader, &tape.stream, buf, 4), 0);
	ck_assert_int_eq(peal_writer_init(&writer, &tape.stream, buf, 4), 0);
	ck_assert_int_eq(peal_reader_read(NULL, buf, 1), -EINVAL);
	ck_assert_int_eq(peal_reader_read(&reader, NULL, 1), -EINVAL);
	ck_assert_int_eq(peal_reader_read_exact(&reader, NULL, 1), -EINVAL);
	ck_assert_int_eq(peal_reader_peek(&reader, NULL, 1), -EINVAL);
	ck_assert_int_eq(peal_reader_consume(NULL, 0), -EINVAL);
	ck_assert_int_eq(peal_reader_skip(NULL, 1), -EINVAL);
	ck_assert_int_eq(peal_reader_line(NULL, &data, &size, 0), -EINVAL);
	ck_assert_int_eq(peal_reader_until(&reader, NULL, 1, &data, &size, 0), -EINVAL);
	ck_assert_int_eq(peal_reader_tie(NULL, NULL), -EINVAL);
	ck_assert_uint_eq(peal_reader_buffered(NULL), 0);
	ck_assert_int_eq(peal_writer_write(NULL, buf, 1), -EINVAL);
	ck_assert_int_eq(peal_writer_write(&writer, NULL, 1), -EINVAL);
	ck_assert_int_eq(peal_writer_writev(&writer, NULL, 1), -EINVAL);
	ck_assert_int_eq(peal_writer_flush(NULL), -EINVAL);
	ck_assert_uint_eq(peal_writer_buffered(NULL), 0);
	peal_reader_end(NULL);
	peal_writer_end(NULL);
}
END_TEST

static Suite *buffered_suite(void)
{
	Suite *suite = suite_create("buffered");
	TCase *tcase = tcase_create("buffered");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, lines_are_found, 1, 12);
	tcase_add_loop_test(tcase, long_lines_are_refused, 1, 12);
	tcase_add_loop_test(tcase, the_buffer_is_the_limit, 1, 9);
	tcase_add_loop_test(tcase, delimiters_are_found_where_they_overlap, 1, 16);
	tcase_add_loop_test(tcase, pieces_are_read, 1, 9);
	tcase_add_test(tcase, large_reads_go_past_the_buffer);
	tcase_add_test(tcase, writes_leave_together);
	tcase_add_loop_test(tcase, short_writes_are_continued, 1, 40);
	tcase_add_test(tcase, errors_leave_what_was_not_written);
	tcase_add_test(tcase, without_memory_nothing_begins);
	tcase_add_test(tcase, mistakes_are_told);
	ADD_TASK_TEST(tcase, a_torn_write_breaks_the_writer);
	ADD_TASK_TEST(tcase, a_torn_read_takes_nothing);
	ADD_TASK_TEST(tcase, answers_leave_before_the_next_question_is_waited_for);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(buffered_suite());
}
