/* SPDX-License-Identifier: MIT */
/* The bare loops below streams.c: one thread that blocks, or two threads with an epoll loop each. */
#ifndef PEAL_PERF_STREAMS_FLOOR_H
#define PEAL_PERF_STREAMS_FLOOR_H

#include <stdbool.h>

#include "perf/perf.h"
#include "perf/streams.h"

/* gathered: a window in one call, both ways. */
void perf_streams_floor(struct perf_run *run, const struct perf_load *load, bool gathered);

#endif
