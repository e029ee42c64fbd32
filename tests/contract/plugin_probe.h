/* SPDX-License-Identifier: MIT */
/* Loading the probe (tests/contract/plugins/probe.h) into runtimes: what its tests share. */
#ifndef PEAL_TESTS_PLUGIN_PROBE_H
#define PEAL_TESTS_PLUGIN_PROBE_H

#include <peal/runtime.h>

#include "tests/contract/plugins/probe.h"

/* What happened to the probes, and why one was refused. */
extern struct probe_events probe_events;
extern struct peal_reason probe_reason;

/* For a checked fixture: a folder with the plugins probe, later and needy. */
void probe_setup(void);

struct peal_rt *probe_runtime(unsigned int shards);

/*
 * Parameters that make a probe write into probe_events, and more (",answer=7"). In a buffer of its
 * own that the next call overwrites.
 */
const char *probe_params(const char *more);

/* From this thread; probe_load_well() fails the case when it fails. */
int probe_load(struct peal_rt *rt, const char *more);
void probe_load_well(struct peal_rt *rt, const char *more);

const struct probe_api *probe_api(struct peal_rt *rt, void **state);
/* The parameter `answer`; -1 when it is not loaded. */
int64_t probe_answer(struct peal_rt *rt);

#endif
