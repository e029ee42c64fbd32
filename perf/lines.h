/* SPDX-License-Identifier: MIT */
/*
 * The floors of whatever travels between two shards that are awake: two threads, a CPU each, that share
 * cache lines and nothing else.
 */
#ifndef PEAL_PERF_LINES_H
#define PEAL_PERF_LINES_H

#include "perf/perf.h"

#define PERF_WINDOW 256

/* Round trips of a line that one writes and the other watches: with as many in an operation as the
 * variant's `with` says (0: one). */
void perf_run_line(struct perf_run *run);

/* Entries of 16 bytes, published and acknowledged a window at a time: an operation is an entry, and a
 * window PERF_WINDOW; or, with `with`, an operation is a window of that many, at most 2048. */
void perf_run_ring(struct perf_run *run);

#endif
