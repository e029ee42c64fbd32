/* SPDX-License-Identifier: MIT */
/*
 * Prompt writers: what a fiber writes before it suspends leaves in one call. Sockets that keep the borders
 * of messages show what a call was.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/contract/stream_help.h"

struct line {
	struct peal_fd_stream stream;
	struct peal_writer writer;
	int peer;
};

static void open_line(struct line *line, int type, size_t buffer)
{
	int fds[2];

	ck_assert_int_eq(peal_socketpair(type, fds), 0);
	line->peer = fds[1];
	ck_assert_int_eq(peal_writer_init(&line->writer, peal_fd_stream(&line->stream, fds[0]),
				 NULL, buffer),
		0);
	ck_assert_int_eq(peal_writer_prompt(&line->writer), 0);
}

static void close_line(struct line *line)
{
	peal_writer_end(&line->writer);
	ck_assert_int_eq(peal_stream_close(&line->stream.stream), 0);
	ck_assert_int_eq(close(line->peer), 0);
}

/* The next message, which must have been sent already. */
static void expect_message(struct line *line, const char *text)
{
	char buf[100];
	ssize_t n = recv(line->peer, buf, sizeof(buf), MSG_DONTWAIT);

	ck_assert_int_eq(n, (ssize_t)strlen(text));
	ck_assert_mem_eq(buf, text, (size_t)n);
}

static void expect_nothing(struct line *line)
{
	char byte;

	ck_assert_int_eq(recv(line->peer, &byte, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
}

static void write_text(struct line *line, const char *text)
{
	ssize_t size = (ssize_t)strlen(text);

	ck_assert_int_eq(peal_writer_write(&line->writer, text, (size_t)size), size);
}

/* Until it has left, which takes a turn or two of the ring. */
static void let_leave(struct line *line)
{
	while (peal_writer_buffered(&line->writer))
		peal_yield();
}

TASK_TEST(what_is_written_leaves_together)
{
	struct line lines[3];

	for (int i = 0; i < 3; i++)
		open_line(&lines[i], SOCK_SEQPACKET, 64);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 3; i++) {
			write_text(&lines[i], "ab");
			ck_assert_int_eq(peal_writer_printf(&lines[i].writer, "%d", i), 1);
			write_text(&lines[i], "c");
			expect_nothing(&lines[i]);
		}
		for (int i = 0; i < 3; i++) {
			let_leave(&lines[i]);
			expect_message(&lines[i], (const char *[]){ "ab0c", "ab1c", "ab2c" }[i]);
			expect_nothing(&lines[i]);
		}
	}
	/* A flush before that is the one call. */
	write_text(&lines[0], "xyz");
	ck_assert_int_eq(peal_writer_flush(&lines[0].writer), 0);
	expect_message(&lines[0], "xyz");
	peal_yield();
	expect_nothing(&lines[0]);
	write_text(&lines[0], "w");
	let_leave(&lines[0]);
	expect_message(&lines[0], "w");
	for (int i = 0; i < 3; i++)
		close_line(&lines[i]);
	return 0;
}

/* What was in the buffer before it became prompt leaves, too; and from a task that has ended. */

static int write_and_end(void *arg)
{
	write_text(arg, "bye");
	return 0;
}

TASK_TEST(what_gathered_leaves_whoever_wrote_it)
{
	struct line line;
	int fds[2];

	ck_assert_int_eq(peal_socketpair(SOCK_SEQPACKET, fds), 0);
	line.peer = fds[1];
	peal_writer_init(&line.writer, peal_fd_stream(&line.stream, fds[0]), NULL, 0);
	write_text(&line, "early");
	peal_yield();
	expect_nothing(&line);
	ck_assert_int_eq(peal_writer_prompt(&line.writer), 0);
	ck_assert_int_eq(peal_writer_prompt(&line.writer), 0);
	let_leave(&line);
	expect_message(&line, "early");
	ck_assert_int_eq(peal_spawn(write_and_end, &line, NULL), 0);
	peal_yield();
	let_leave(&line);
	expect_message(&line, "bye");
	close_line(&line);
	return 0;
}

/* Much more than socket and buffer hold, in pieces of all sizes, while the other side reads: order is
 * kept, whether pieces go behind what is on the way, or through. */
struct much {
	struct line line;
	int result;
};

static int write_pieces(void *arg)
{
	struct much *much = arg;

	for (size_t at = 0, i = 0; at < BYTES; i++) {
		size_t size = i * 37 % 700;

		size = size < BYTES - at ? size : BYTES - at;
		if (peal_writer_write(&much->line.writer, pattern + at, size) != (ssize_t)size)
			return -EIO;
		at += size;
		if (i % 50 == 0)
			peal_yield();
	}
	much->result = peal_writer_flush(&much->line.writer);
	ck_assert_uint_eq(peal_writer_buffered(&much->line.writer), 0);
	return peal_stream_shutdown(&much->line.stream.stream);
}

static void set_small(int fd)
{
	peal_set_send_buffer(fd, 4096);
}

TASK_TEST(order_is_kept)
{
	static const size_t buffers[] = { 1, 100, 5000, 200000 };

	for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++) {
		struct much much = { .result = -1 };
		struct peal_fd_stream peer;
		struct peal_task *task;
		int err = -1;

		open_line(&much.line, SOCK_STREAM, buffers[i]);
		set_small(much.line.stream.out);
		ck_assert_int_eq(peal_task_spawn(&task, write_pieces, &much, NULL), 0);
		expect_pattern(peal_fd_stream(&peer, much.line.peer), BYTES);
		ck_assert_int_eq(peal_task_join(task, &err), 0);
		ck_assert_int_eq(err, 0);
		ck_assert_int_eq(much.result, 0);
		close_line(&much.line);
	}
	return 0;
}

TASK_TEST(pipes_are_prompt)
{
	struct peal_fd_stream ends;
	struct peal_writer writer;
	char buf[8];
	int fds[2];

	ck_assert_int_eq(peal_pipe(fds), 0);
	ck_assert_int_eq(
		peal_writer_init(&writer, peal_fd_stream_pair(&ends, fds[0], fds[1]), NULL, 64), 0);
	ck_assert_int_eq(peal_writer_prompt(&writer), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(peal_writer_write(&writer, "abc", 3), 3);
		ck_assert_int_eq(peal_stream_read(&ends.stream, buf, sizeof(buf)), 3);
	}
	peal_writer_end(&writer);
	return peal_stream_close(&ends.stream);
}

/* Nobody reads: the pattern goes out until socket and buffer are full, a part of which is on the way then.
 * How much of it the writer has taken. */
static size_t fill(struct line *line)
{
	size_t taken = 0;
	ssize_t n;

	while ((n = PEAL_WITHIN_GET(
			PEAL_MS, peal_writer_write(&line->writer, pattern + taken, 100))) > 0) {
		taken += 100;
		peal_yield();
		ck_assert_uint_lt(taken, BYTES);
	}
	ck_assert_int_eq(n, -ETIMEDOUT);
	ck_assert_uint_gt(peal_writer_buffered(&line->writer), 0);
	return taken;
}

/* All of it arrives, when there is room, and no byte has changed its place meanwhile. */
static void empty(struct line *line, size_t taken)
{
	char buf[4096];
	size_t arrived = 0;

	while (arrived < taken) {
		ssize_t n = recv(line->peer, buf, sizeof(buf), MSG_DONTWAIT);

		if (n < 0)
			peal_yield();
		for (ssize_t i = 0; i < n; i++)
			ck_assert_int_eq(buf[i], pattern[arrived + (size_t)i]);
		arrived += n > 0 ? (size_t)n : 0;
	}
	ck_assert_uint_eq(arrived, taken);
}

TASK_TEST(a_deadline_ends_the_waiting_alone)
{
	struct line line;
	size_t taken;
	int err = 0;

	open_line(&line, SOCK_STREAM, 1550);
	set_small(line.stream.out);
	taken = fill(&line);
	PEAL_WITHIN (PEAL_MS)
		err = peal_writer_flush(&line.writer);
	ck_assert_int_eq(err, -ETIMEDOUT);
	empty(&line, taken);
	ck_assert_int_eq(peal_writer_flush(&line.writer), 0);
	ck_assert_uint_eq(peal_writer_buffered(&line.writer), 0);
	expect_nothing(&line);
	write_text(&line, "again");
	let_leave(&line);
	expect_message(&line, "again");
	close_line(&line);
	return 0;
}

/* The buffer is given back only when nobody looks into it any more. */
TASK_TEST(the_end_waits_for_the_buffer)
{
	for (int i = 0; i < 10; i++) {
		struct line line;

		open_line(&line, SOCK_STREAM, 1500);
		set_small(line.stream.out);
		fill(&line);
		for (int n = 0; n < i; n++)
			peal_yield();
		peal_writer_end(&line.writer);
		ck_assert_uint_eq(counter("ops_started"), counter("ops_completed"));
		peal_stream_close(&line.stream.stream);
		close(line.peer);
	}
	for (int i = 0; i < 10; i++) {
		struct line line;

		open_line(&line, SOCK_SEQPACKET, 1500);
		write_text(&line, "x"); /* it is due */
		for (int n = 0; n < i % 3; n++)
			peal_yield();
		close_line(&line);
	}
	return 0;
}

TASK_TEST(errors_are_told_later)
{
	struct line line;

	open_line(&line, SOCK_STREAM, 64);
	ck_assert_int_eq(shutdown(line.peer, SHUT_RD), 0);
	write_text(&line, "abc");
	while (peal_writer_write(&line.writer, "", 0) == 0)
		peal_yield();
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(peal_writer_write(&line.writer, "d", 1), -EPIPE);
		ck_assert_int_eq(peal_writer_printf(&line.writer, "d"), -EPIPE);
		ck_assert_int_eq(peal_writer_flush(&line.writer), -EPIPE);
		peal_yield();
	}
	close_line(&line);
	return 0;
}

/* A tied reader need not flush: to wait is enough. */
TASK_TEST(a_tied_reader_waits_and_answers_leave)
{
	struct peal_reader reader;
	struct line line;
	char *text;
	int n = 0;

	open_line(&line, SOCK_SEQPACKET, 64);
	ck_assert_int_eq(peal_reader_init(&reader, &line.stream.stream, NULL, 0), 0);
	ck_assert_int_eq(peal_reader_tie(&reader, &line.writer), 0);
	ck_assert_int_eq(send(line.peer, "a\nb\nc\n", 6, 0), 6);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(peal_reader_line(&reader, &text, NULL, 0), 1);
		ck_assert_int_eq(peal_writer_printf(&line.writer, "<%s>", text), 3);
	}
	PEAL_WITHIN (2 * PEAL_MS)
		n = peal_reader_line(&reader, &text, NULL, 0);
	ck_assert_int_eq(n, -ETIMEDOUT);
	let_leave(&line);
	expect_message(&line, "<a><b><c>");
	expect_nothing(&line);
	peal_reader_end(&reader);
	close_line(&line);
	return 0;
}

TASK_TEST(some_cannot_be_prompt)
{
	struct peal_stream *ends[2];
	struct peal_fd_stream none;
	struct peal_writer writer;

	ck_assert_int_eq(peal_stream_pair(ends, 10), 0);
	ck_assert_int_eq(peal_writer_init(&writer, ends[0], NULL, 0), 0);
	ck_assert_int_eq(peal_writer_prompt(&writer), -EOPNOTSUPP);
	peal_writer_end(&writer);
	ck_assert_int_eq(peal_writer_init(&writer, peal_fd_stream_pair(&none, 0, -1), NULL, 0), 0);
	ck_assert_int_eq(peal_writer_prompt(&writer), -EBADF);
	peal_writer_end(&writer);
	ck_assert_int_eq(peal_writer_prompt(&writer), -EINVAL);
	ck_assert_int_eq(peal_writer_prompt(NULL), -EINVAL);
	peal_stream_close(ends[0]);
	return peal_stream_close(ends[1]);
}

START_TEST(off_the_shards_nothing_is_prompt)
{
	struct peal_fd_stream stream;
	struct peal_writer writer;

	ck_assert_int_eq(peal_writer_init(&writer, peal_fd_stream(&stream, 1), NULL, 0), 0);
	ck_assert_int_eq(peal_writer_prompt(&writer), -EPERM);
	peal_writer_end(&writer);
}
END_TEST

static Suite *prompt_suite(void)
{
	Suite *suite = suite_create("prompt");
	TCase *tcase = tcase_create("prompt");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, what_is_written_leaves_together);
	ADD_TASK_TEST(tcase, what_gathered_leaves_whoever_wrote_it);
	ADD_TASK_TEST(tcase, order_is_kept);
	ADD_TASK_TEST(tcase, pipes_are_prompt);
	ADD_TASK_TEST(tcase, a_deadline_ends_the_waiting_alone);
	ADD_TASK_TEST(tcase, the_end_waits_for_the_buffer);
	ADD_TASK_TEST(tcase, errors_are_told_later);
	ADD_TASK_TEST(tcase, a_tied_reader_waits_and_answers_leave);
	ADD_TASK_TEST(tcase, some_cannot_be_prompt);
	tcase_add_test(tcase, off_the_shards_nothing_is_prompt);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	make_pattern();
	find_backends();
	return peal_check_main(prompt_suite());
}
