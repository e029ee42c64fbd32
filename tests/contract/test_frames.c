/* SPDX-License-Identifier: MIT */
/* Frames: every way to write a length, every way to tear a frame apart, and what is refused. */
#include <errno.h>
#include <string.h>

#include "tests/contract/runtime.h"

static const uint32_t formats[] = { 1, 2, 4, 8, 1 | PEAL_FRAME_LE, 2 | PEAL_FRAME_LE,
	4 | PEAL_FRAME_LE, 8 | PEAL_FRAME_LE, PEAL_FRAME_VARINT };

#define FORMATS ((int)(sizeof(formats) / sizeof(formats[0])))

/* A stream that gives `size` bytes of a text, a few at a time, and takes what is written. */
struct text {
	struct peal_stream stream;
	char bytes[1024];
	size_t size, at, piece;
};

static ssize_t text_read(struct peal_stream *stream, void *buf, size_t size)
{
	struct text *text = PEAL_CONTAINER_OF(stream, struct text, stream);
	size_t left = text->size - text->at;

	size = size < left ? size : left;
	size = text->piece && text->piece < size ? text->piece : size;
	memcpy(buf, text->bytes + text->at, size);
	text->at += size;
	return (ssize_t)size;
}

static ssize_t text_write(struct peal_stream *stream, const void *buf, size_t size)
{
	struct text *text = PEAL_CONTAINER_OF(stream, struct text, stream);

	ck_assert_uint_le(text->size + size, sizeof(text->bytes));
	memcpy(text->bytes + text->size, buf, size);
	text->size += size;
	return (ssize_t)size;
}

static const struct peal_stream_ops text_ops = {
	.size = sizeof(text_ops),
	.kind = "text",
	.read = text_read,
	.write = text_write,
};

static const size_t lengths[] = { 3, 0, 1, 127, 128, 200, 0, 255 };

#define LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

static void write_frames(struct text *text, uint32_t format, const char *data)
{
	struct peal_writer writer;

	ck_assert_int_eq(peal_writer_init(&writer, &text->stream, NULL, 100), 0);
	for (size_t i = 0; i < LENGTHS; i++)
		ck_assert_int_eq(peal_writer_frame(&writer, format, data + i, lengths[i]),
			(ssize_t)lengths[i]);
	ck_assert_int_eq(peal_writer_flush(&writer), 0);
	peal_writer_end(&writer);
}

static void make_data(char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 37 + 11);
}

START_TEST(frames_come_as_they_were_written)
{
	char data[300];

	make_data(data, sizeof(data));
	for (size_t piece = 0; piece < 12; piece++) {
		struct text text = { .stream.ops = &text_ops, .piece = piece };
		struct peal_reader reader;
		char *frame;
		size_t size;

		write_frames(&text, formats[_i], data);
		ck_assert_int_eq(peal_reader_init(&reader, &text.stream, NULL, 263), 0);
		for (size_t i = 0; i < LENGTHS; i++) {
			ck_assert_int_eq(
				peal_reader_frame(&reader, formats[_i], 0, &frame, &size), 1);
			ck_assert_uint_eq(size, lengths[i]);
			ck_assert_int_eq(memcmp(frame, data + i, size), 0);
		}
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(
				peal_reader_frame(&reader, formats[_i], 0, &frame, &size), 0);
		peal_reader_end(&reader);
	}
}
END_TEST

/* Cut off after every number of bytes. */
START_TEST(a_torn_frame_is_an_error)
{
	struct text whole = { .stream.ops = &text_ops };
	char data[300];
	size_t borders = 0;

	make_data(data, sizeof(data));
	write_frames(&whole, formats[_i], data);
	for (size_t cut = 0; cut < whole.size; cut++) {
		struct text text = whole;
		struct peal_reader reader;
		size_t size, taken = 0;
		char *frame;
		int n;

		text.size = cut;
		ck_assert_int_eq(peal_reader_init(&reader, &text.stream, NULL, 300), 0);
		while ((n = peal_reader_frame(&reader, formats[_i], 255, &frame, &size)) == 1)
			taken = text.at - peal_reader_buffered(&reader);
		ck_assert_int_eq(n, taken == cut ? 0 : -EPROTO);
		borders += !n;
		/* Of the torn one nothing was taken. */
		ck_assert_uint_eq(peal_reader_buffered(&reader), cut - taken);
		peal_reader_end(&reader);
	}
	ck_assert_uint_eq(borders, LENGTHS);
}
END_TEST

static int frame_of(const char *bytes, size_t count, uint32_t format, uint64_t limit,
	size_t capacity, uint64_t *size)
{
	struct text text = { .stream.ops = &text_ops, .size = count };
	struct peal_reader reader;
	size_t length = 0;
	char *data;
	int n;

	memcpy(text.bytes, bytes, count);
	ck_assert_int_eq(peal_reader_init(&reader, &text.stream, NULL, capacity), 0);
	if (size) {
		n = peal_reader_frame_size(&reader, format, limit, size);
		ck_assert_uint_eq(peal_reader_buffered(&reader) < text.at, n > 0);
	} else {
		n = peal_reader_frame(&reader, format, limit, &data, &length);
		ck_assert_uint_eq(peal_reader_buffered(&reader) < text.at, n > 0);
	}
	peal_reader_end(&reader);
	return n;
}

#define FRAME(bytes, ...) frame_of(bytes, sizeof(bytes) - 1, __VA_ARGS__)

START_TEST(long_frames_are_refused)
{
	uint64_t size = 0;

	ck_assert_int_eq(FRAME("\3abc", 1, 3, 64, NULL), 1);
	ck_assert_int_eq(FRAME("\3abc", 1, 2, 64, NULL), -EMSGSIZE);
	ck_assert_int_eq(FRAME("\3abc", 1, 0, 4, NULL), 1);
	ck_assert_int_eq(FRAME("\3abc", 1, 0, 3, NULL), -EMSGSIZE);
	ck_assert_int_eq(FRAME("\377\377\377\377", 4, 0, 64, NULL), -EMSGSIZE);
	ck_assert_int_eq(FRAME("\377\377\377\377\377\377\377\377", 8, 0, 64, NULL), -EMSGSIZE);
	ck_assert_int_eq(FRAME("\377\377\377\377\377\377\377\377\377\1", PEAL_FRAME_VARINT,
				 UINT64_MAX, 64, NULL),
		-EMSGSIZE);
	/* Their length can be had, and bounded. */
	ck_assert_int_eq(FRAME("\377\377\377\377\377\377\377\377", 8, UINT64_MAX, 64, &size), 1);
	ck_assert(size == UINT64_MAX);
	ck_assert_int_eq(FRAME("\1\0", 2 | PEAL_FRAME_LE, 0, 64, &size), 1);
	ck_assert_uint_eq(size, 1);
	ck_assert_int_eq(FRAME("\1\0", 2, 256, 64, &size), 1);
	ck_assert_uint_eq(size, 256);
	ck_assert_int_eq(FRAME("\1\0", 2, 255, 64, &size), -EMSGSIZE);
	ck_assert_int_eq(FRAME("\1\0", 2, 0, 257, &size), -EMSGSIZE);
	ck_assert_int_eq(FRAME("\1\0", 2, 0, 258, &size), 1);
	ck_assert_int_eq(FRAME("\377\377\377\377\377\377\377\377\377\1", PEAL_FRAME_VARINT,
				 UINT64_MAX, 64, &size),
		1);
	ck_assert(size == UINT64_MAX);
}
END_TEST

START_TEST(bad_lengths_are_refused)
{
	uint64_t size = 7;

	/* More than 64 bits, and no end. */
	ck_assert_int_eq(FRAME("\377\377\377\377\377\377\377\377\377\2", PEAL_FRAME_VARINT,
				 UINT64_MAX, 64, &size),
		-EPROTO);
	ck_assert_int_eq(FRAME("\200\200\200\200\200\200\200\200\200\200\200", PEAL_FRAME_VARINT,
				 UINT64_MAX, 64, &size),
		-EPROTO);
	ck_assert_int_eq(FRAME("\200", PEAL_FRAME_VARINT, 0, 64, &size), -EPROTO);
	ck_assert_int_eq(FRAME("", PEAL_FRAME_VARINT, 0, 64, &size), 0);
	ck_assert_int_eq(FRAME("\0", 2, 0, 64, &size), -EPROTO);
	ck_assert_int_eq(FRAME("\0\0\0\0", 4, 0, 2, &size), -EMSGSIZE);
	ck_assert_uint_eq(size, 7);
	/* No formats. */
	ck_assert_int_eq(FRAME("\0", 0, 0, 64, &size), -EINVAL);
	ck_assert_int_eq(FRAME("\0", 3, 0, 64, &size), -EINVAL);
	ck_assert_int_eq(FRAME("\0", 16, 0, 64, NULL), -EINVAL);
	ck_assert_int_eq(FRAME("\0", 4 | PEAL_FRAME_VARINT, 0, 64, NULL), -EINVAL);
	ck_assert_int_eq(peal_reader_frame_size(NULL, 4, 0, &size), -EINVAL);
	ck_assert_int_eq(peal_reader_frame(NULL, 4, 0, NULL, NULL), -EINVAL);
}
END_TEST

START_TEST(lengths_have_room_or_not)
{
	static char big[65536];
	struct text text = { .stream.ops = &text_ops };
	struct peal_writer writer;

	ck_assert_int_eq(peal_writer_init(&writer, &text.stream, NULL, 2 * sizeof(big)), 0);
	ck_assert_int_eq(peal_writer_frame(&writer, 1, big, 255), 255);
	ck_assert_int_eq(peal_writer_frame(&writer, 1, big, 256), -EMSGSIZE);
	ck_assert_int_eq(peal_writer_frame(&writer, 2 | PEAL_FRAME_LE, big, 65536), -EMSGSIZE);
	ck_assert_uint_eq(peal_writer_buffered(&writer), 256);
	ck_assert_int_eq(peal_writer_frame(&writer, 2, big, 65535), 65535);
	ck_assert_uint_eq(peal_writer_buffered(&writer), 256 + 65537);
	ck_assert_int_eq(peal_writer_frame(&writer, 3, big, 1), -EINVAL);
	ck_assert_int_eq(peal_writer_frame(&writer, 4, NULL, 1), -EINVAL);
	ck_assert_int_eq(peal_writer_frame(NULL, 4, big, 1), -EINVAL);
	peal_writer_end(&writer);
}
END_TEST

/* Over a stream that misbehaves, between two fibers; a window of frames is one write. */

#define FRAMES 300

static int write_many(void *arg)
{
	struct peal_writer writer;
	char data[64];

	make_data(data, sizeof(data));
	ck_assert_int_eq(peal_writer_init(&writer, arg, NULL, 1000), 0);
	for (size_t i = 0; i < FRAMES; i++) {
		ck_assert_int_eq(peal_writer_frame(&writer, 2, data, i % 64), (ssize_t)(i % 64));
		if (i % 32 == 31)
			ck_assert_int_eq(peal_writer_flush(&writer), 0);
	}
	ck_assert_int_eq(peal_writer_flush(&writer), 0);
	peal_writer_end(&writer);
	return peal_stream_shutdown(arg);
}

TASK_TEST(frames_survive_bad_streams)
{
	struct peal_faulty_stream ours, theirs;
	struct peal_stream *ends[2];
	struct peal_reader reader;
	struct peal_task *task;
	size_t size, count = 0;
	char *frame;
	int n, result = -1;

	ck_assert_int_eq(peal_stream_pair(ends, 200), 0);
	ck_assert_int_eq(peal_faulty_stream(&ours, ends[0],
				 PEAL_FAULTY(.seed = 5, .most_write = 40, .yields = 1)),
		0);
	ck_assert_int_eq(peal_faulty_stream(&theirs, ends[1],
				 PEAL_FAULTY(.seed = 6, .most_read = 11, .yields = 1)),
		0);
	ck_assert_int_eq(peal_task_spawn(&task, write_many, &ours.stream,
				 PEAL_SPAWN(.place = PEAL_PINNED(1))),
		0);
	ck_assert_int_eq(peal_reader_init(&reader, &theirs.stream, NULL, 100), 0);
	while ((n = peal_reader_frame(&reader, 2, 63, &frame, &size)) == 1) {
		ck_assert_uint_eq(size, count++ % 64);
		for (size_t i = 0; i < size; i++)
			ck_assert_int_eq(frame[i], (char)(i * 37 + 11));
	}
	ck_assert_int_eq(n, 0);
	ck_assert_uint_eq(count, FRAMES);
	ck_assert_int_eq(peal_task_join(task, &result), 0);
	ck_assert_int_eq(result, 0);
	peal_reader_end(&reader);
	peal_stream_close(&ours.stream);
	return peal_stream_close(&theirs.stream);
}

static Suite *frames_suite(void)
{
	Suite *suite = suite_create("frames");
	TCase *tcase = tcase_create("frames");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, frames_come_as_they_were_written, 0, FORMATS);
	tcase_add_loop_test(tcase, a_torn_frame_is_an_error, 0, FORMATS);
	tcase_add_test(tcase, long_frames_are_refused);
	tcase_add_test(tcase, bad_lengths_are_refused);
	tcase_add_test(tcase, lengths_have_room_or_not);
	ADD_TASK_TEST(tcase, frames_survive_bad_streams);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(frames_suite());
}
