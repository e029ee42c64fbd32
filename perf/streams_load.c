/* SPDX-License-Identifier: MIT */
/* The loads of the rows of streams, and what every runtime does with them in the same way. */
#include "perf/streams.h"

const struct perf_load perf_stream = { .streams = 1, .steps = 1, .hot = 2048 };
const struct perf_load perf_imbalanced = {
	.streams = PERF_STREAMS, .steps = 1, .hot = 2048, .cold = 128
};
const struct perf_load perf_hotspot = {
	.streams = PERF_STREAMS, .steps = 64, .hot = 32, .cold = 2, .rotate = 1
};
const struct perf_load perf_pipeline = { .streams = PERF_STREAMS,
	.steps = 1,
	.hot = 1024,
	.cold = 1024,
	.cpu_hot = 4000,
	.cpu_cold = 150 };
const struct perf_load perf_keyed = {
	.streams = PERF_STREAMS, .steps = 64, .hot = 32, .cold = 2, .rotate = 1, .messages = 16
};

unsigned int perf_frames(const struct perf_load *load, unsigned int stream, unsigned int step)
{
	unsigned int hot = load->rotate ? step % load->streams : 0;

	return stream == hot ? load->hot : load->cold;
}

/* The hot role goes to the next stream every 64 frames. */
uint64_t perf_stage(const struct perf_load *load, unsigned int stream, unsigned int number)
{
	unsigned int hot = number / 64 % PERF_STREAMS;
	unsigned int steps = stream == hot ? load->cpu_hot : load->cpu_cold;
	uint64_t x = (uint64_t)stream << 17 ^ (uint64_t)number << 3 ^ 0x9e3779b97f4a7c15;

	for (unsigned int i = 0; i < steps; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		x += i * UINT64_C(0x27d4eb2d);
	}
	__asm__ volatile("" : "+r"(x));
	return x;
}

uint64_t perf_messages(const struct perf_load *load)
{
	uint64_t frames = 0;

	for (unsigned int step = 0; step < load->steps; step++)
		for (unsigned int i = 0; i < load->streams; i++)
			frames += perf_frames(load, i, step);
	return frames * load->messages;
}

void perf_streams_open(const struct perf_load *load, struct perf_echo *echoes)
{
	for (unsigned int i = 0; i < load->streams; i++)
		perf_echo_open(&echoes[i], 64 << 10);
}

void perf_streams_close(const struct perf_load *load, struct perf_echo *echoes)
{
	for (unsigned int i = 0; i < load->streams; i++)
		perf_echo_close(&echoes[i]);
}
