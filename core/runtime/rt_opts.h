/* SPDX-License-Identifier: MIT */
/* The options of a runtime: checking what the user gave, and filling in the defaults. */
#ifndef PEAL_CORE_RT_OPTS_H
#define PEAL_CORE_RT_OPTS_H

#include <peal/runtime.h>

struct peal_cpus;

/*
 * Check a user's options (NULL: none) and complete them: in *opts no field stands for a default any
 * more, but for name, backend and ring_entries. 0, -E2BIG or -EINVAL with the cause in reason.
 */
int peal_rt_opts_complete(struct peal_rt_opts *opts, const struct peal_rt_opts *given,
	const struct peal_cpus *cpus, struct peal_reason *reason);

#endif
