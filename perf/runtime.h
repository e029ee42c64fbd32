/* SPDX-License-Identifier: MIT */
/* What the rows that run Peal share. */
#ifndef PEAL_PERF_RUNTIME_H
#define PEAL_PERF_RUNTIME_H

#include <peal/peal.h>

#include "perf/perf.h"

/*
 * Run fn(run) as the main task of a runtime with as many shards as the row has threads, on the backend
 * that the variant names. The variant is left out where that does not start.
 */
void perf_in_runtime(struct perf_run *run, peal_task_fn *fn);
/* The same with options; shards and backend are set all the same. */
void perf_in_runtime_opts(struct perf_run *run, peal_task_fn *fn, struct peal_rt_opts opts);

/* Two threads of bare C, on a CPU each where there are two; returns when both have ended. */
void perf_two_threads(void *(*first)(void *), void *(*second)(void *), void *arg);

#endif
