/* SPDX-License-Identifier: MIT */
/*
 * libuv: rows of streams. A loop has every other stream; what is written is tried at once (uv_try_write),
 * what is read comes in buffers of 64 KiB, as libuv suggests. Where frames are computed upon that happens in
 * the callback that got them.
 */
#include <stdlib.h>
#include <string.h>

#include "loops.h"
#include "perf/streams.h"

/* echo_rtt_256b is a stream of frames of 256 bytes, one at a time. */
static const struct shape {
	const struct perf_load *load;
	size_t frame;
	unsigned int at_once;
} frames_of_4k = { .frame = PERF_FRAME, .at_once = PERF_FRAMES_AT_ONCE },
  rounds_of_256 = { .frame = 256, .at_once = 1 };

struct client {
	uv_tcp_t tcp;
	struct side *side;
	unsigned int index, step, left, number;
	uint64_t times;
	size_t missing;
};

static struct {
	struct perf_run *run;
	struct shape shape;
	uint64_t times;
	struct perf_echo echoes[PERF_STREAMS];
	struct client clients[PERF_STREAMS];
	uv_barrier_t barrier;
} all;

static char in[2][64 << 10], out[PERF_FRAME];

static void written(uv_write_t *write, int status)
{
	perf_expect(!status, "a frame is written");
	free(write);
}

static void write_frame(struct client *client)
{
	uv_buf_t buf = uv_buf_init(out, (unsigned int)all.shape.frame);
	int n = uv_try_write((uv_stream_t *)&client->tcp, &buf, 1);
	uv_write_t *rest;

	if (n == (int)all.shape.frame)
		return;
	n = n < 0 ? 0 : n;
	buf = uv_buf_init(out + n, (unsigned int)all.shape.frame - (unsigned int)n);
	rest = malloc(sizeof(*rest));
	perf_expect(rest && !uv_write(rest, (uv_stream_t *)&client->tcp, &buf, 1, written),
		"a frame is written");
}

static void write_window(struct client *client)
{
	unsigned int n = client->left < all.shape.at_once ? client->left : all.shape.at_once;

	client->left -= n;
	client->missing = n * all.shape.frame;
	for (; n; n--)
		write_frame(client);
}

static void next_window(struct client *client)
{
	while (!client->left) {
		if (client->step == all.shape.load->steps) {
			client->step = client->number = 0;
			if (!client->times--) {
				uv_read_stop((uv_stream_t *)&client->tcp);
				return;
			}
		}
		client->left = perf_frames(all.shape.load, client->index, client->step++);
	}
	write_window(client);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	const struct client *client = handle->data;

	(void)suggested;
	*buf = uv_buf_init(in[client->side->index], sizeof(in[0]));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *client = stream->data;
	size_t frame = all.shape.frame, before = (client->missing + frame - 1) / frame, after;

	(void)buf;
	if (!n)
		return;
	perf_expect(n > 0 && (size_t)n <= client->missing, "frames come back");
	client->missing -= (size_t)n;
	after = (client->missing + frame - 1) / frame;
	for (; before > after; before--)
		perf_stage(all.shape.load, client->index, client->number++);
	if (!client->missing)
		next_window(client);
}

/* All streams of this side, `times` times. */
static void run_streams(struct side *side, uint64_t times)
{
	for (unsigned int i = side->index; i < all.shape.load->streams; i += 2) {
		struct client *client = &all.clients[i];

		client->times = times;
		client->step = all.shape.load->steps;
		uv_read_start((uv_stream_t *)&client->tcp, give_room, on_read);
		next_window(client);
	}
	uv_run(&side->loop, UV_RUN_DEFAULT);
}

static void on_closed(uv_handle_t *handle)
{
	(void)handle;
}

static void run_side(struct side *side)
{
	uv_unref((uv_handle_t *)&side->bell);
	for (unsigned int i = side->index; i < all.shape.load->streams; i += 2) {
		struct client *client = &all.clients[i];

		*client = (struct client){ .side = side, .index = i };
		uv_tcp_init(&side->loop, &client->tcp);
		client->tcp.data = client;
		perf_expect(!uv_tcp_open(&client->tcp, all.echoes[i].fd), "a stream is opened");
	}
	run_streams(side, all.run->warm_up);
	uv_barrier_wait(&all.barrier);
	if (!side->index)
		perf_start(all.run);
	run_streams(side, all.run->count);
	uv_barrier_wait(&all.barrier);
	if (!side->index)
		perf_stop(all.run);
	for (unsigned int i = side->index; i < all.shape.load->streams; i += 2)
		uv_close((uv_handle_t *)&all.clients[i].tcp, on_closed);
	uv_close((uv_handle_t *)&side->bell, on_closed);
}

static void on_bell(uv_async_t *bell)
{
	(void)bell;
}

static void run_shape(struct perf_run *run, struct shape shape)
{
	static struct side sides[2];

	all.run = run;
	all.shape = shape;
	uv_barrier_init(&all.barrier, 2);
	for (unsigned int i = 0; i < shape.load->streams; i++)
		perf_echo_open(&all.echoes[i], shape.at_once == 1 ? shape.frame : 64 << 10);
	run_loops(sides, run_side, on_bell, NULL);
	for (unsigned int i = 0; i < shape.load->streams; i++)
		perf_echo_end(&all.echoes[i]);
	uv_barrier_destroy(&all.barrier);
}

#define STREAMS_ROW(row, name_of_load, n)                                                 \
	static void run_##name_of_load(struct perf_run *run)                              \
	{                                                                                 \
		struct shape shape = frames_of_4k;                                        \
                                                                                          \
		shape.load = &perf_##name_of_load;                                        \
		run_shape(run, shape);                                                    \
	}                                                                                 \
	PERF_ROW(.name = row, .what = "streams", .unit = "us", .scale = 1000, .count = n, \
		.threads = 2, .variants = { { "libuv", run_##name_of_load } })

STREAMS_ROW("stream_4k_w32", stream, 4)
STREAMS_ROW("imbalanced_hot1_light7", imbalanced, 3)
STREAMS_ROW("hotspot_rotation_4k", hotspot, 3)
STREAMS_ROW("pipeline_rotation_w32", pipeline, 1)

static void run_echo(struct perf_run *run)
{
	static const struct perf_load rounds = { .streams = 1, .steps = 1, .hot = 512 };
	struct shape shape = rounds_of_256;

	shape.load = &rounds;
	run_shape(run, shape);
}

PERF_ROW(.name = "echo_rtt_256b", .what = "512 rounds of 256 bytes", .unit = "us", .scale = 1000,
	.count = 4, .threads = 2, .variants = { { "libuv", run_echo } })
