/* SPDX-License-Identifier: MIT */
/*
 * stream_4k_w32, imbalanced_hot1_light7, hotspot_rotation_4k, pipeline_rotation_w32, keyed_rotation_4k:
 * frames of 4 KiB, up to 32 of them sent and then read back, over one stream or eight, a fiber each. Frame
 * by frame, a call for each; or gathered, one writev(2) for a window. streams_floor.c has the bare loops.
 */
#include "perf/streams.h"

#include <stdlib.h>
#include <sys/uio.h>

#include "perf/runtime.h"
#include "perf/streams_floor.h"

enum tag { KEY = 1, NO_MORE, ALL_TAKEN };

/* How a variant does it: its `with`. */
enum { GATHERED = 1, IN_TURN = 2, SUMS = 4 };

struct stream {
	const struct perf_load *load;
	uint64_t how;
	unsigned int index;
	int fd;
	char *frames; /* a window of them */
};

static void receive(int fd, char *buf, size_t size)
{
	for (ssize_t n; size; buf += n, size -= (size_t)n)
		perf_expect((n = peal_recv(fd, buf, size, 0)) > 0, "all is received");
}

static void send_gathered(const struct stream *stream, unsigned int n)
{
	struct iovec vector[PERF_FRAMES_AT_ONCE];
	size_t left = (size_t)n * PERF_FRAME;

	for (unsigned int i = 0; i < n; i++)
		vector[i] = (struct iovec){ stream->frames + (size_t)i * PERF_FRAME, PERF_FRAME };
	for (struct iovec *next = vector; left;) {
		ssize_t sent = peal_writev(stream->fd, next, (int)n);

		perf_expect(sent > 0, "frames are sent");
		left -= (size_t)sent;
		for (; n && (size_t)sent >= next->iov_len; next++, n--)
			sent -= (ssize_t)next->iov_len;
		if (n) {
			next->iov_base = (char *)next->iov_base + sent;
			next->iov_len -= (size_t)sent;
		}
	}
}

/* n frames there and back; `number` is the first one's. */
static void window(const struct stream *stream, unsigned int n, unsigned int number)
{
	char *frame = stream->frames;

	if (stream->how & GATHERED) {
		send_gathered(stream, n);
		receive(stream->fd, frame, (size_t)n * PERF_FRAME);
	}
	for (unsigned int i = 0; !(stream->how & GATHERED) && i < n; i++) {
		frame[0] = (char)(number + i);
		perf_expect(peal_send_all(stream->fd, frame, PERF_FRAME, 0) == PERF_FRAME,
			"a frame is sent");
	}
	for (unsigned int i = 0; i < n; i++) {
		if (!(stream->how & GATHERED)) {
			receive(stream->fd, frame, PERF_FRAME);
			perf_expect(frame[0] == (char)(number + i), "frames come in order");
		}
		perf_stage(stream->load, stream->index, number + i);
	}
}

static void tell_owner(const struct stream *stream, unsigned int owner, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		perf_expect(!(stream->how & SUMS ? peal_accum_add(owner, KEY, 1)
						 : peal_msg_send(owner, KEY, 1)),
			"a message is sent");
}

static int run_stream(void *arg)
{
	const struct stream *stream = arg;
	const struct perf_load *load = stream->load;
	unsigned int number = 0;

	for (unsigned int step = 0; step < load->steps; step++) {
		unsigned int frames = perf_frames(load, stream->index, step);

		for (unsigned int n, left = frames; left; left -= n, number += n) {
			n = left < PERF_FRAMES_AT_ONCE ? left : PERF_FRAMES_AT_ONCE;
			window(stream, n, number);
		}
		tell_owner(stream, step % PERF_OWNERS, (uint64_t)frames * load->messages);
	}
	return 0;
}

/* The owners: each shard adds up what it is sent, and tells shard 0 when all of it has come. */
static struct owner {
	_Alignas(128) uint64_t sum, expected;
} owners[PERF_OWNERS];

static void on_key(const struct peal_msg *msg, void *arg)
{
	struct owner *owner = arg;

	owner->sum += msg->value;
	if (owner->sum == owner->expected)
		peal_msg_send(0, ALL_TAKEN, 0);
}

static int take_keys(void *arg)
{
	struct owner *owner = &owners[peal_shard()];
	int err = peal_msg_handle(KEY, on_key, owner);

	(void)arg;
	return err ? err : peal_accum_handle(KEY, on_key, owner);
}

static void start_owners(void)
{
	for (unsigned int i = 0; i < PERF_OWNERS; i++)
		perf_expect(!peal_call(i, take_keys, NULL, NULL), "an owner takes messages");
}

static void expect_keys(const struct perf_load *load)
{
	for (unsigned int i = 0; i < PERF_OWNERS; i++)
		owners[i] = (struct owner){ .expected = perf_messages(load) / PERF_OWNERS };
}

static void await_keys(const struct perf_load *load)
{
	struct peal_msg msg;

	for (unsigned int i = 0; load->messages && i < PERF_OWNERS; i++)
		perf_expect(!peal_msg_recv(ALL_TAKEN, &msg), "every message comes");
}

static void run_once(struct stream *streams)
{
	const struct perf_load *load = streams[0].load;
	struct peal_task *tasks[PERF_STREAMS];

	expect_keys(load);
	for (unsigned int i = 0; i < load->streams; i++) {
		uint64_t place = streams[i].how & IN_TURN ? PEAL_ROUND_ROBIN : PEAL_STEALABLE;

		perf_expect(!peal_task_spawn(
				    &tasks[i], run_stream, &streams[i], PEAL_SPAWN(.place = place)),
			"a task starts");
	}
	for (unsigned int i = 0; i < load->streams; i++)
		peal_task_join(tasks[i], NULL);
	await_keys(load);
}

static void run_streams(struct stream *streams, uint64_t times)
{
	for (uint64_t i = 0; i < times; i++)
		run_once(streams);
}

static const struct perf_load *load_now;

static int all_streams(void *arg)
{
	struct perf_run *run = arg;
	struct perf_echo echoes[PERF_STREAMS];
	struct stream streams[PERF_STREAMS];

	perf_streams_open(load_now, echoes);
	for (unsigned int i = 0; i < load_now->streams; i++) {
		streams[i] = (struct stream){ .load = load_now,
			.how = run->variant->with,
			.index = i,
			.fd = echoes[i].fd,
			.frames = calloc(PERF_FRAMES_AT_ONCE, PERF_FRAME) };
		perf_expect(streams[i].frames, "there is memory");
	}
	if (load_now->messages)
		start_owners();
	run_streams(streams, run->warm_up);
	perf_start(run);
	run_streams(streams, run->count);
	perf_stop(run);
	for (unsigned int i = 0; i < load_now->streams; i++)
		free(streams[i].frames);
	perf_streams_close(load_now, echoes);
	return 0;
}

#define PEAL_AND_FLOOR(load)                                               \
	static void load##_peal(struct perf_run *run)                      \
	{                                                                  \
		load_now = &perf_##load;                                   \
		perf_in_runtime(run, all_streams);                         \
	}                                                                  \
	static void load##_floor(struct perf_run *run)                     \
	{                                                                  \
		perf_streams_floor(run, &perf_##load, run->variant->with); \
	}

PEAL_AND_FLOOR(stream)
PEAL_AND_FLOOR(imbalanced)
PEAL_AND_FLOOR(hotspot)
PEAL_AND_FLOOR(pipeline)
PEAL_AND_FLOOR(keyed)

PERF_ROW(.name = "stream_4k_w32", .what = "2048 frames, 32 sent, then 32 read", .unit = "us",
	.scale = 1000, .count = 4, .threads = 2,
	.variants = { { "peal/uring", stream_peal, .backend = "uring" },
		{ "peal/epoll", stream_peal, .backend = "epoll" },
		{ "peal/gathered", stream_peal, .with = GATHERED },
		{ "frames", stream_floor, .floor = true },
		{ "gathered", stream_floor, .floor = true, .with = GATHERED } })

#define STREAMS_ROW(row, load, text, n, ...)                                                       \
	PERF_ROW(.name = row, .what = text, .unit = "us", .scale = 1000, .count = n, .threads = 2, \
		.variants = { { "peal/uring", load##_peal, .backend = "uring" },                   \
			{ "peal/epoll", load##_peal, .backend = "epoll" },                         \
			{ "peal/in-turn", load##_peal, .with = IN_TURN },                          \
			{ "peal/gathered", load##_peal, .with = GATHERED },                        \
			__VA_ARGS__{ "frames", load##_floor, .floor = true },                      \
			{ "gathered", load##_floor, .floor = true, .with = GATHERED } })

STREAMS_ROW("imbalanced_hot1_light7", imbalanced, "8 streams; one has 2048 frames, 7 have 128", 3, )
STREAMS_ROW("hotspot_rotation_4k", hotspot, "8 streams, 64 steps; 32 frames on one, 2 on 7", 3, )
STREAMS_ROW("pipeline_rotation_w32", pipeline, "8 streams of 1024 frames, each computed upon", 1, )
STREAMS_ROW("keyed_rotation_4k", keyed, "hotspot_rotation with 16 messages for each frame", 3,
	{ "peal/sums", keyed_peal, .with = SUMS }, )
