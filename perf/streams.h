/* SPDX-License-Identifier: MIT */
/*
 * What goes over the streams of streams.c: the same for Peal, for the floors, and for the peers that are
 * written in C. Frames are sent a window at a time to peers that echo, and read back; a frame may be
 * followed by some computing, and by messages to the owner of a key.
 */
#ifndef PEAL_PERF_STREAMS_H
#define PEAL_PERF_STREAMS_H

#include <stddef.h>
#include <stdint.h>

#include "perf/loopback.h"

enum { PERF_STREAMS = 8, PERF_FRAME = 4096, PERF_FRAMES_AT_ONCE = 32, PERF_OWNERS = 2 };

/* An operation: every stream goes through all steps; in each one stream is hot. */
struct perf_load {
	unsigned int streams, steps;
	unsigned int hot, cold; /* frames in a step */
	unsigned int rotate;    /* 0: stream 0 is always hot; otherwise the next one each step */
	unsigned int messages;  /* to the owner, for each frame */
	unsigned int cpu_hot, cpu_cold; /* steps of computing for a frame; the hot role rotates */
};

extern const struct perf_load perf_stream, perf_imbalanced, perf_hotspot, perf_pipeline, perf_keyed;

unsigned int perf_frames(const struct perf_load *load, unsigned int stream, unsigned int step);
/* What is computed for a frame: `number` counts those of the stream. */
uint64_t perf_stage(const struct perf_load *load, unsigned int stream, unsigned int number);
/* The messages of all streams in one operation. */
uint64_t perf_messages(const struct perf_load *load);

void perf_streams_open(const struct perf_load *load, struct perf_echo *echoes);
void perf_streams_close(const struct perf_load *load, struct perf_echo *echoes);

#endif
