/* SPDX-License-Identifier: MIT */
/*
 * The frames of stream_4k_w32 through a writer and a reader of peal/buffered.h, which gather them: with
 * buffers for a window, with those of the default size, and with a writer that is prompt.
 */
#include <stdlib.h>

#include "perf/runtime.h"
#include "perf/streams.h"
#include "perf/streams_floor.h"

enum { WINDOW = PERF_FRAMES_AT_ONCE * PERF_FRAME };

/* How a variant does it: its `with`. */
enum { FOR_A_WINDOW = 1, PROMPT = 2 };

struct line {
	struct peal_fd_stream stream;
	struct peal_reader reader;
	struct peal_writer writer;
	char *frame;
};

static void open_line(struct line *line, int fd, uint64_t how)
{
	struct peal_stream *stream = peal_fd_stream(&line->stream, fd);
	size_t size = how & FOR_A_WINDOW ? WINDOW : 0;

	line->frame = calloc(1, PERF_FRAME);
	perf_expect(line->frame && !peal_reader_init(&line->reader, stream, NULL, size) &&
			!peal_writer_init(&line->writer, stream, NULL, size),
		"there is memory");
	perf_expect(!peal_reader_tie(&line->reader, &line->writer) &&
			(!(how & PROMPT) || !peal_writer_prompt(&line->writer)),
		"the two are tied");
}

/* The stream is left to its owner. */
static void close_line(struct line *line)
{
	peal_reader_end(&line->reader);
	peal_writer_end(&line->writer);
	free(line->frame);
}

static void window(struct line *line, unsigned int n, unsigned int number)
{
	char *frame;

	for (unsigned int i = 0; i < n; i++) {
		line->frame[0] = (char)(number + i);
		perf_expect(peal_writer_write(&line->writer, line->frame, PERF_FRAME) == PERF_FRAME,
			"a frame is written");
	}
	for (unsigned int i = 0; i < n; i++) {
		perf_expect(peal_reader_peek(&line->reader, &frame, PERF_FRAME) >= PERF_FRAME &&
				frame[0] == (char)(number + i),
			"frames come in order");
		peal_reader_consume(&line->reader, PERF_FRAME);
	}
}

static void all_windows(struct line *line, uint64_t times)
{
	unsigned int number = 0;

	for (; times; times--)
		for (unsigned int step = 0; step < perf_stream.steps; step++)
			for (unsigned int n, left = perf_frames(&perf_stream, 0, step); left;
				left -= n, number += n) {
				n = left < PERF_FRAMES_AT_ONCE ? left : PERF_FRAMES_AT_ONCE;
				window(line, n, number);
			}
}

static int buffered(void *arg)
{
	struct perf_run *run = arg;
	struct perf_echo echoes[PERF_STREAMS];
	struct line line;

	perf_streams_open(&perf_stream, echoes);
	open_line(&line, echoes[0].fd, run->variant->with);
	all_windows(&line, run->warm_up);
	perf_start(run);
	all_windows(&line, run->count);
	perf_stop(run);
	close_line(&line);
	perf_streams_close(&perf_stream, echoes);
	return 0;
}

static void run_peal(struct perf_run *run)
{
	perf_in_runtime(run, buffered);
}

static void run_floor(struct perf_run *run)
{
	perf_streams_floor(run, &perf_stream, run->variant->with);
}

PERF_ROW(.name = "stream_4k_w32_buffered",
	.what = "2048 frames, 32 written, then 32 read, through buffers", .unit = "us",
	.scale = 1000, .count = 4, .threads = 2,
	.variants = { { "peal/uring", run_peal, .backend = "uring", .with = FOR_A_WINDOW },
		{ "peal/epoll", run_peal, .backend = "epoll", .with = FOR_A_WINDOW },
		{ "peal/prompt", run_peal, .with = FOR_A_WINDOW | PROMPT },
		{ "peal/16k", run_peal }, { "gathered", run_floor, .floor = true, .with = true },
		{ "frames", run_floor, .floor = true } })
