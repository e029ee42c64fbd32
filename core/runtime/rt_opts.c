/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>

#include <peal/time.h>

#include "core/machine/cpus.h"
#include "core/base/log.h"
#include "core/base/opts.h"
#include "core/runtime/rt_opts.h"
#include "core/fiber/stack.h"
#include "gen/knobs.h"

#define SHARDS_MOST 4096

static int check_range(
	const char *name, int64_t value, int64_t least, int64_t most, struct peal_reason *reason)
{
	if (!value || (value >= least && value <= most))
		return 0;
	return peal_refuse(reason, -EINVAL, "%s is %" PRId64 "; between %" PRId64 " and %" PRId64,
		name, value, least, most);
}

/* Each number is looked at, and replaced where it stands for the default. */
static int check_knobs(struct peal_rt_opts *opts, struct peal_reason *reason)
{
	int err = 0;

#define PEAL_CHECK_KNOB(name, initial, least, most)                                 \
	if (!err)                                                                   \
		err = check_range(#name, (int64_t)opts->name, least, most, reason); \
	if (!opts->name)                                                            \
		opts->name = initial;
	PEAL_KNOBS_EACH(PEAL_CHECK_KNOB)
#undef PEAL_CHECK_KNOB
	return err;
}

static int check_bytes(const struct peal_rt_opts *opts, struct peal_reason *reason)
{
	if (opts->affinity > PEAL_AFFINITY_NONE)
		return peal_refuse(reason, -EINVAL, "affinity is %u; PEAL_AFFINITY_AUTO or _NONE",
			opts->affinity);
	if (opts->report_overflow > 1 || opts->embedded > 1 || opts->drain_on_signal > 1)
		return peal_refuse(reason, -EINVAL, "a flag is neither 0 nor 1");
	for (size_t i = 0; i < sizeof(opts->reserved); i++)
		if (opts->reserved[i])
			return peal_refuse(reason, -EINVAL, "a reserved byte is not 0");
	return 0;
}

/* What depends on the machine. */
static void fill_in(struct peal_rt_opts *opts, const struct peal_cpus *cpus)
{
	if (!opts->shards)
		opts->shards = cpus->shards < SHARDS_MOST ? cpus->shards : SHARDS_MOST;
	if (!opts->max_blocking)
		opts->max_blocking = opts->shards > 2 ? 4 * opts->shards : 8;
}

int peal_rt_opts_complete(struct peal_rt_opts *opts, const struct peal_rt_opts *given,
	const struct peal_cpus *cpus, struct peal_reason *reason)
{
	struct peal_rt_opts read;
	int err = PEAL_OPTS_READ(&read, given);

	if (err)
		return peal_refuse(reason, err,
			err == -E2BIG ? "the options were made for a newer library than this one"
				      : "the size in the options is wrong: use PEAL_RT()");
	err = check_knobs(&read, reason);
	if (!err)
		err = check_bytes(&read, reason);
	if (err)
		return err;
	fill_in(&read, cpus);
	*opts = read;
	return 0;
}
