/* SPDX-License-Identifier: MIT */
/* A second probe, which puts its name before its notes. */
#define PROBE_NAME   "later"
#define PROBE_PREFIX "later."

#include "tests/contract/plugins/probe.c"
