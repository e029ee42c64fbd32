/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: what readers find in a stream (lines, delimiters, frames, pieces), and what frames become
 * when they are written and read again.
 *
 * The first bytes of the input say how large the buffer is, in what pieces the stream gives its bytes,
 * and which calls are made, in turn; the rest is the stream. Every call is compared with what a look at the
 * whole of the stream says, which knows nothing of buffers and pieces.
 *
 * make check runs it on its corpus and on variations of that (tests/fuzz/main.c). For libFuzzer, in a build
 * folder configured with CC=clang:
 *	clang -g -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I.. -I../include \
 *		../tests/fuzz/fuzz_stream.c .libs/libpeal_core.a $(pkg-config --libs liburing) -o fuzz_stream
 *	./fuzz_stream ../tests/fuzz/corpus/stream
 */
#include <errno.h>
#include <string.h>

#include <peal/buffered.h>

#include "tests/fuzz/fuzz.h"

#define CALLS 8

struct input {
	struct peal_stream stream;
	const char *bytes;
	size_t size, at, piece;
};

static ssize_t input_read(struct peal_stream *stream, void *buf, size_t size)
{
	struct input *input = PEAL_CONTAINER_OF(stream, struct input, stream);
	size_t left = input->size - input->at;

	fuzz_check(size > 0);
	size = size < left ? size : left;
	size = size < input->piece ? size : input->piece;
	memcpy(buf, input->bytes + input->at, size);
	input->at += size;
	return (ssize_t)size;
}

static ssize_t write_nowhere(struct peal_stream *stream, const void *buf, size_t size)
{
	(void)stream;
	(void)buf;
	return (ssize_t)size;
}

static const struct peal_stream_ops input_ops = {
	.size = sizeof(input_ops),
	.kind = "input",
	.read = input_read,
	.write = write_nowhere,
};

/* What is left of the stream, as the user sees it. */
struct run {
	struct peal_reader reader;
	struct input input;
	const char *at;
	size_t left;
};

/* The reader stands where we think it does. */
static void check_place(const struct run *run)
{
	fuzz_check(
		run->input.size - run->input.at + peal_reader_buffered(&run->reader) == run->left);
}

static void take(struct run *run, size_t size)
{
	run->at += size;
	run->left -= size;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* 0 or the error for something that was not found among `size` bytes of those that are left. */
static int not_found(const struct run *run, size_t within)
{
	if (run->left >= within)
		return -EMSGSIZE;
	return run->left ? -EPROTO : 0;
}

static int try_line(struct run *run, size_t limit)
{
	size_t within = limit ? smaller(limit, run->reader.capacity) : run->reader.capacity;
	const char *end = memchr(run->at, '\n', smaller(within, run->left));
	size_t length, size = 12345;
	char *line = NULL;
	int n = peal_reader_line(&run->reader, &line, &size, limit);

	if (!end) {
		fuzz_check(n == not_found(run, within) && size == 12345 && !line);
		return n;
	}
	length = (size_t)(end - run->at);
	fuzz_check(n == 1);
	fuzz_check(size == length - (length && end[-1] == '\r') && !line[size]);
	fuzz_check(!memcmp(line, run->at, size));
	take(run, length + 1);
	return n;
}

static int try_until(struct run *run, size_t limit)
{
	static const char delimiter[] = "\r\n\r\n";
	size_t within = limit ? smaller(limit, run->reader.capacity) : run->reader.capacity;
	const char *hit = memmem(run->at, smaller(within, run->left), delimiter, 4);
	size_t size = 0;
	char *data;
	int n = peal_reader_until(&run->reader, delimiter, 4, &data, &size, limit);

	if (!hit) {
		fuzz_check(n == not_found(run, within));
		return n;
	}
	fuzz_check(n == 1 && size == (size_t)(hit - run->at) + 4);
	fuzz_check(!memcmp(data, run->at, size));
	take(run, size);
	return n;
}

/* Where the length of a frame ends: 1, 0 when there is nothing, or an error. */
static int head_of(const struct run *run, uint32_t format, uint64_t *length, size_t *head)
{
	const unsigned char *bytes = (const unsigned char *)run->at;
	size_t count = format & 15;

	*length = 0;
	*head = count;
	if (!run->left)
		return count > run->reader.capacity ? -EMSGSIZE : 0;
	if (count > run->reader.capacity)
		return -EMSGSIZE;
	if (count && run->left < count)
		return -EPROTO;
	for (size_t i = 0; i < count; i++)
		*length |= (uint64_t)bytes[i] << 8 * (format & PEAL_FRAME_LE ? i : count - 1 - i);
	if (count)
		return 1;
	for (size_t i = 0; i < 10; i++) {
		if (i == run->reader.capacity)
			return -EMSGSIZE;
		if (i == run->left || (i == 9 && bytes[i] > 1))
			return -EPROTO;
		*length |= (uint64_t)(bytes[i] & 127) << 7 * i;
		*head = i + 1;
		if (bytes[i] < 128)
			return 1;
	}
	return -EPROTO;
}

static int expected_frame(
	const struct run *run, uint32_t format, uint64_t limit, uint64_t *length, size_t *head)
{
	int n = head_of(run, format, length, head);

	if (n <= 0)
		return n;
	if (*length > run->reader.capacity - *head || (limit && *length > limit))
		return -EMSGSIZE;
	return run->left - *head < *length ? -EPROTO : 1;
}

static int try_frame(struct run *run, uint32_t format, uint64_t limit)
{
	uint64_t length;
	size_t head, size = 0;
	char *data;
	int expected = expected_frame(run, format, limit, &length, &head);
	int n = peal_reader_frame(&run->reader, format, limit, &data, &size);

	fuzz_check(n == expected);
	if (n <= 0)
		return n;
	fuzz_check(size == length && !memcmp(data, run->at + head, size));
	take(run, head + size);
	return n;
}

static int try_frame_size(struct run *run, uint32_t format)
{
	uint64_t length, size = 0;
	size_t head;
	int expected = head_of(run, format, &length, &head);
	int n = peal_reader_frame_size(&run->reader, format, UINT64_MAX, &size);

	fuzz_check(n == expected);
	if (n <= 0)
		return n;
	fuzz_check(size == length);
	take(run, head);
	return n;
}

static int try_exact(struct run *run, size_t size)
{
	char buf[256];
	size_t left = smaller(size, run->left);
	ssize_t n = peal_reader_read_exact(&run->reader, buf, size);

	if (size > run->left) {
		fuzz_check(n == (left ? -EPROTO : 0));
		if (size <= run->reader.capacity)
			return (int)n;
		take(run, left); /* more than the buffer: it is gone */
		return (int)n;
	}
	fuzz_check(n == (ssize_t)size && !memcmp(buf, run->at, size));
	take(run, size);
	return 1;
}

static int try_skip(struct run *run, size_t size)
{
	size_t left = smaller(size, run->left);

	fuzz_check(peal_reader_skip(&run->reader, (int64_t)size) == (int64_t)left);
	take(run, left);
	return 1;
}

static int try_read(struct run *run, size_t size)
{
	char buf[256];
	ssize_t n = peal_reader_read(&run->reader, buf, size);

	fuzz_check(n >= 0 && (size_t)n <= smaller(size, run->left));
	fuzz_check(n || !size || !run->left);
	fuzz_check(!memcmp(buf, run->at, (size_t)n));
	take(run, (size_t)n);
	return 1;
}

static int call(struct run *run, unsigned char what)
{
	static const uint32_t formats[] = { 1, 2, 4, 8, PEAL_FRAME_VARINT, 2 | PEAL_FRAME_LE,
		4 | PEAL_FRAME_LE, 8 | PEAL_FRAME_LE };
	uint32_t format = formats[what >> 3 & 7];
	size_t number = what >> 3;

	switch (what & 7) {
	case 0:
		return try_line(run, number);
	case 1:
		return try_until(run, number);
	case 2:
		return try_frame(run, format, 0);
	case 3:
		return try_frame(run, format, number);
	case 4:
		return try_frame_size(run, format);
	case 5:
		return try_exact(run, number);
	case 6:
		return try_skip(run, number);
	default:
		return try_read(run, number);
	}
}

/* Written in every format and read again, it is what it was. */
static void check_round_trip(const uint8_t *data, size_t size)
{
	static const uint32_t formats[] = { 2, 4, 8, PEAL_FRAME_VARINT, 4 | PEAL_FRAME_LE };
	char room[600], buf[600], *frame;
	struct peal_writer writer;
	struct run run = { .input = { .stream.ops = &input_ops } };
	size_t length;

	size = smaller(size, 300);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		fuzz_check(!peal_writer_init(&writer, &run.input.stream, room, sizeof(room)));
		fuzz_check(peal_writer_frame(&writer, formats[i], data, size) == (ssize_t)size);
		run.input = (struct input){ .stream.ops = &input_ops,
			.bytes = room,
			.size = peal_writer_buffered(&writer),
			.piece = 7 };
		fuzz_check(!peal_reader_init(&run.reader, &run.input.stream, buf, sizeof(buf)));
		fuzz_check(peal_reader_frame(&run.reader, formats[i], size, &frame, &length) == 1);
		fuzz_check(length == size && !memcmp(frame, data, size));
		fuzz_check(!peal_reader_buffered(&run.reader));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .input = { .stream.ops = &input_ops } };
	int idle = 0;
	char *buf;

	if (size < 2 + CALLS)
		return 0;
	run.input.piece = data[1] % 64 + 1u;
	run.input.bytes = run.at = (const char *)data + 2 + CALLS;
	run.input.size = run.left = size - 2 - CALLS;
	buf = malloc(data[0] % 128 + 1u);
	fuzz_check(buf);
	fuzz_check(!peal_reader_init(&run.reader, &run.input.stream, buf, data[0] % 128 + 1u));
	/* Until no call of a round gets any further. */
	for (size_t i = 0, before = run.left; idle < CALLS && i < 4 * size; i++) {
		call(&run, data[2 + i % CALLS]);
		check_place(&run);
		idle = run.left == before ? idle + 1 : 0;
		before = run.left;
	}
	free(buf);
	check_round_trip(data, size);
	return 0;
}
