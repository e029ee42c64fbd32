/* SPDX-License-Identifier: MIT */
/*
 * Streams, readers and writers, over memory: what is read comes in one piece that is a line and, but for
 * its end, a frame; what is written waits until the peer has emptied the pipe.
 */
#include <sys/socket.h>
#include <sys/uio.h>

#include "tests/contract/cancel/cancel.h"

static const char piece[] = "\017hello, the peer\n";

#define PIECE ((ssize_t)sizeof(piece) - 1)
#define ROOM  16 /* of the pipe that is full */

struct streams {
	struct peal_stream *ends[2], *sink[2];
	struct peal_reader reader;
	struct peal_writer writer;
	char small[4];
};

static struct streams *streams(struct attempt *attempt)
{
	return attempt->more;
}

static void begin(struct attempt *attempt, size_t room)
{
	struct streams *it = attempt->more = calloc(1, sizeof(*it));

	ck_assert_ptr_nonnull(it);
	ck_assert_int_eq(peal_stream_pair(it->ends, room), 0);
	ck_assert_int_eq(peal_stream_pair(it->sink, 2 * BYTES), 0);
	ck_assert_int_eq(peal_reader_init(&it->reader, it->ends[0], NULL, 0), 0);
	ck_assert_int_eq(
		peal_writer_init(&it->writer, it->ends[0], it->small, sizeof(it->small)), 0);
}

static void end(struct attempt *attempt)
{
	struct streams *it = streams(attempt);

	peal_reader_end(&it->reader);
	peal_writer_end(&it->writer);
	for (int i = 0; i < 2; i++) {
		peal_stream_close(it->ends[i]);
		peal_stream_close(it->sink[i]);
	}
	free(it);
}

/* Reading */

static void begin_empty(struct attempt *attempt)
{
	begin(attempt, BYTES);
}

static void send_piece(struct attempt *attempt)
{
	if (!attempt->steps++)
		ck_assert_int_eq(peal_stream_write(streams(attempt)->ends[1], piece, PIECE), PIECE);
}

/* In the stream, or in the buffer of the reader; and nobody has written to the caller's. */
static void piece_is_still_there(struct attempt *attempt)
{
	char buf[BYTES];

	send_piece(attempt);
	check_buffer(attempt);
	ck_assert_int_eq(peal_reader_read(&streams(attempt)->reader, buf, sizeof(buf)), PIECE);
	ck_assert_mem_eq(buf, piece, PIECE);
}

static void piece_is_in(struct attempt *attempt, int64_t result)
{
	ck_assert_int_eq(result, PIECE);
	ck_assert_mem_eq(attempt->buf, piece, PIECE);
}

static int64_t make_stream_read(struct attempt *attempt)
{
	return peal_stream_read(streams(attempt)->ends[0], attempt->buf, BYTES);
}

static int64_t make_stream_readv(struct attempt *attempt)
{
	const struct iovec part = { attempt->buf, BYTES };

	return peal_stream_readv(streams(attempt)->ends[0], &part, 1);
}

static int64_t make_stream_read_exact(struct attempt *attempt)
{
	return peal_stream_read_exact(streams(attempt)->ends[0], attempt->buf, PIECE);
}

static int64_t make_reader_read(struct attempt *attempt)
{
	return peal_reader_read(&streams(attempt)->reader, attempt->buf, BYTES);
}

static int64_t make_reader_read_exact(struct attempt *attempt)
{
	return peal_reader_read_exact(&streams(attempt)->reader, attempt->buf, PIECE);
}

/* These find it in the buffer of the reader. */

static int64_t make_reader_peek(struct attempt *attempt)
{
	char *data;
	ssize_t n = peal_reader_peek(&streams(attempt)->reader, &data, PIECE);

	if (n > 0)
		memcpy(attempt->buf, data, (size_t)n);
	return n;
}

static int64_t make_reader_until(struct attempt *attempt)
{
	size_t size = 0;
	char *data;
	int n = peal_reader_until(&streams(attempt)->reader, "r\n", 2, &data, &size, 0);

	if (n > 0)
		memcpy(attempt->buf, data, size);
	return n > 0 ? (int64_t)size : n;
}

static int64_t make_reader_line(struct attempt *attempt)
{
	size_t size = 0;
	char *line;
	int n = peal_reader_line(&streams(attempt)->reader, &line, &size, 0);

	if (n <= 0)
		return n;
	memcpy(attempt->buf, line, size);
	attempt->buf[size] = '\n';
	return (int64_t)size + 1;
}

static int64_t make_reader_frame(struct attempt *attempt)
{
	size_t size = 0;
	char *data;
	int n = peal_reader_frame(&streams(attempt)->reader, 1, 0, &data, &size);

	if (n <= 0)
		return n;
	memcpy(attempt->buf, data - 1, size + 2);
	return (int64_t)size + 2;
}

static int64_t make_reader_frame_size(struct attempt *attempt)
{
	uint64_t size = 0;
	int n = peal_reader_frame_size(&streams(attempt)->reader, 1, 0, &size);

	if (n <= 0)
		return n;
	memcpy(attempt->buf, piece, PIECE);
	return (int64_t)size + 2;
}

static int64_t make_reader_skip(struct attempt *attempt)
{
	int64_t n = peal_reader_skip(&streams(attempt)->reader, PIECE);

	if (n > 0)
		memcpy(attempt->buf, piece, PIECE);
	return n;
}

/* copy: what was read when it was cancelled is in neither */

static int64_t make_copy(struct attempt *attempt)
{
	struct streams *it = streams(attempt);
	uint64_t copied = 0;
	int err = peal_stream_copy(it->sink[0], it->ends[0], PIECE, &copied);

	ck_assert_uint_eq(copied, err ? 0 : PIECE);
	return err;
}

static void piece_is_copied(struct attempt *attempt, int64_t result)
{
	ck_assert_int_eq(result, 0);
	piece_is_in(attempt, peal_stream_read(streams(attempt)->sink[1], attempt->buf, BYTES));
}

static void nothing_is_copied(struct attempt *attempt)
{
	struct peal_stream *sink = streams(attempt)->sink[1];
	ssize_t n = PEAL_WITHIN_GET(50 * PEAL_US, peal_stream_read(sink, attempt->buf, BYTES));

	ck_assert_int_eq(n, -ETIMEDOUT);
}

/* Writing: the pipe is full, and the peer empties it */

static void begin_full(struct attempt *attempt)
{
	static const char zeroes[ROOM];

	begin(attempt, ROOM);
	ck_assert_int_eq(peal_stream_write(streams(attempt)->ends[0], zeroes, ROOM), ROOM);
}

static void drain(struct attempt *attempt)
{
	char buf[ROOM];

	if (!attempt->steps++)
		ck_assert_int_eq(peal_stream_read(streams(attempt)->ends[1], buf, ROOM), ROOM);
}

#define WRITTEN 8

/* It is in the pipe, behind a byte of length, perhaps. */
static void it_arrives(struct attempt *attempt, int64_t result)
{
	char buf[ROOM];
	ssize_t n;

	ck_assert_int_eq(result, WRITTEN);
	drain(attempt);
	n = peal_stream_read(streams(attempt)->ends[1], buf, ROOM);
	ck_assert_int_ge(n, WRITTEN);
	ck_assert_mem_eq(buf + n - WRITTEN, attempt->buf, WRITTEN);
}

static void nothing_arrives(struct attempt *attempt)
{
	char buf[ROOM];
	struct peal_stream *peer = streams(attempt)->ends[1];
	ssize_t n;

	drain(attempt);
	n = PEAL_WITHIN_GET(50 * PEAL_US, peal_stream_read(peer, buf, ROOM));
	ck_assert_int_eq(n, -ETIMEDOUT);
}

static int64_t make_stream_write(struct attempt *attempt)
{
	return peal_stream_write(streams(attempt)->ends[0], attempt->buf, WRITTEN);
}

static int64_t make_stream_write_all(struct attempt *attempt)
{
	return peal_stream_write_all(streams(attempt)->ends[0], attempt->buf, WRITTEN);
}

static int64_t make_stream_writev(struct attempt *attempt)
{
	const struct iovec part = { attempt->buf, WRITTEN };

	return peal_stream_writev(streams(attempt)->ends[0], &part, 1);
}

static int64_t make_stream_writev_all(struct attempt *attempt)
{
	const struct iovec parts[2] = { { attempt->buf, 0 }, { attempt->buf, WRITTEN } };

	return peal_stream_writev_all(streams(attempt)->ends[0], parts, 2);
}

static int64_t make_writer_write(struct attempt *attempt)
{
	return peal_writer_write(&streams(attempt)->writer, attempt->buf, WRITTEN);
}

static int64_t make_writer_writev(struct attempt *attempt)
{
	const struct iovec part = { attempt->buf, WRITTEN };

	return peal_writer_writev(&streams(attempt)->writer, &part, 1);
}

static int64_t make_writer_printf(struct attempt *attempt)
{
	return peal_writer_printf(&streams(attempt)->writer, "%.*s", WRITTEN, attempt->buf);
}

static int64_t make_writer_frame(struct attempt *attempt)
{
	return peal_writer_frame(&streams(attempt)->writer, 1, attempt->buf, WRITTEN);
}

/* flush: what did not leave is still in the buffer */

static void begin_unflushed(struct attempt *attempt)
{
	begin_full(attempt);
	ck_assert_int_eq(peal_writer_write(&streams(attempt)->writer, piece, 4), 4);
}

static int64_t make_writer_flush(struct attempt *attempt)
{
	return peal_writer_flush(&streams(attempt)->writer);
}

static void buffer_has_left(struct attempt *attempt, int64_t result)
{
	char buf[ROOM];

	ck_assert_int_eq(result, 0);
	drain(attempt);
	ck_assert_int_eq(peal_stream_read(streams(attempt)->ends[1], buf, ROOM), 4);
	ck_assert_mem_eq(buf, piece, 4);
}

static void buffer_leaves_later(struct attempt *attempt)
{
	nothing_arrives(attempt);
	ck_assert_uint_eq(peal_writer_buffered(&streams(attempt)->writer), 4);
	buffer_has_left(attempt, make_writer_flush(attempt));
}

/* The same of a prompt writer: what is to leave is on the way already, in a full socket, and goes on when
 * nobody waits for it any more. */

struct prompt {
	struct peal_fd_stream stream;
	struct peal_writer writer;
	size_t arrived;
};

static struct prompt *prompt(struct attempt *attempt)
{
	return attempt->more;
}

static void begin_prompt(struct attempt *attempt)
{
	struct prompt *it = attempt->more = calloc(1, sizeof(*it));
	static const char zeroes[1024];
	ssize_t n;

	ck_assert_ptr_nonnull(it);
	make_pair(attempt);
	ck_assert_int_eq(peal_set_send_buffer(attempt->ours, 4096), 0);
	while ((n = send(attempt->ours, zeroes, sizeof(zeroes), MSG_DONTWAIT)) > 0)
		attempt->filled += (size_t)n;
	ck_assert_int_eq(
		peal_writer_init(&it->writer, peal_fd_stream(&it->stream, attempt->ours), NULL, 0),
		0);
	ck_assert_int_eq(peal_writer_prompt(&it->writer), 0);
	ck_assert_int_eq(peal_writer_write(&it->writer, piece, PIECE), PIECE);
}

static int64_t make_prompt_flush(struct attempt *attempt)
{
	return peal_writer_flush(&prompt(attempt)->writer);
}

static void step_empty(struct attempt *attempt)
{
	char buf[1024];
	ssize_t n;

	while ((n = recv(attempt->theirs, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		prompt(attempt)->arrived += (size_t)n;
}

static void all_has_arrived(struct attempt *attempt, int64_t result)
{
	ck_assert_int_eq(result, 0);
	step_empty(attempt);
	ck_assert_uint_eq(prompt(attempt)->arrived, attempt->filled + PIECE);
	ck_assert_uint_eq(peal_writer_buffered(&prompt(attempt)->writer), 0);
}

static void all_arrives_later(struct attempt *attempt)
{
	while (peal_writer_buffered(&prompt(attempt)->writer)) {
		step_empty(attempt);
		peal_yield();
	}
	all_has_arrived(attempt, 0);
}

static void end_prompt(struct attempt *attempt)
{
	peal_writer_end(&prompt(attempt)->writer);
	free(attempt->more);
	close_all(attempt);
}

#define READS(call)                                                                           \
	{                                                                                     \
		.name = #call, .begin = begin_empty, .make = make_##call, .step = send_piece, \
		.succeeded = piece_is_in, .cancelled = piece_is_still_there, .end = end       \
	}
#define WRITES(call)                                                                    \
	{                                                                               \
		.name = #call, .begin = begin_full, .make = make_##call, .step = drain, \
		.succeeded = it_arrives, .cancelled = nothing_arrives, .end = end       \
	}

const struct call stream_calls[] = {
	READS(stream_read),
	READS(stream_readv),
	READS(stream_read_exact),
	READS(reader_read),
	READS(reader_read_exact),
	READS(reader_peek),
	READS(reader_until),
	READS(reader_line),
	READS(reader_frame),
	READS(reader_frame_size),
	READS(reader_skip),
	{ .name = "stream_copy",
		.begin = begin_empty,
		.make = make_copy,
		.step = send_piece,
		.succeeded = piece_is_copied,
		.cancelled = nothing_is_copied,
		.end = end },
	WRITES(stream_write),
	WRITES(stream_writev),
	WRITES(stream_write_all),
	WRITES(stream_writev_all),
	WRITES(writer_write),
	WRITES(writer_writev),
	WRITES(writer_printf),
	WRITES(writer_frame),
	{ .name = "writer_flush",
		.begin = begin_unflushed,
		.make = make_writer_flush,
		.step = drain,
		.succeeded = buffer_has_left,
		.cancelled = buffer_leaves_later,
		.end = end },
	{ .name = "writer_flush of a prompt one",
		.begin = begin_prompt,
		.make = make_prompt_flush,
		.step = step_empty,
		.succeeded = all_has_arrived,
		.cancelled = all_arrives_later,
		.end = end_prompt },
	{ 0 },
};
