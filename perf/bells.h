/* SPDX-License-Identifier: MIT */
/* Round trips between two that sleep before each: Peal's, and those of bare threads that differ in how
 * one waits and how it is woken. */
#ifndef PEAL_PERF_BELLS_H
#define PEAL_PERF_BELLS_H

#include <stdatomic.h>

#include "perf/perf.h"

struct io_uring;

/* Of one of the two threads. */
struct perf_bell {
	int fd;
	atomic_int word;
	struct io_uring *ring;
};

struct perf_bell_kind {
	/* On the thread that will wait, before and after; may be NULL. */
	void (*open)(struct perf_bell *bell);
	void (*close)(struct perf_bell *bell);
	/* Wait on one's own; ring another's. */
	void (*wait)(struct perf_bell *own);
	void (*ring)(struct perf_bell *own, struct perf_bell *other);
};

/* Both pause for as many nanoseconds as the variant's `with` says. */
void perf_run_bells(struct perf_run *run, const struct perf_bell_kind *kind);
void perf_run_parked(struct perf_run *run);

#endif
