/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include <peal/time.h>

#include "core/cpus.h"
#include "core/log.h"
#include "core/opts.h"
#include "core/rt_opts.h"
#include "core/stack.h"

#define SHARDS_MOST     4096
#define TASKS_DEFAULT   (1u << 20)
#define TASKS_MOST      (1u << 30)
#define STACK_MOST      ((size_t)1 << 30)
#define BLOCKING_MOST   65536
#define BLOCKING_QUEUED 65536
#define DRAIN_DEFAULT   (10 * PEAL_S)

static int check_ranges(const struct peal_rt_opts *opts, struct peal_reason *reason)
{
	if (opts->shards > SHARDS_MOST)
		return peal_refuse(
			reason, -EINVAL, "shards is %u; at most %u", opts->shards, SHARDS_MOST);
	if (opts->max_tasks > TASKS_MOST)
		return peal_refuse(reason, -EINVAL, "max_tasks is %u; at most %u", opts->max_tasks,
			TASKS_MOST);
	if (opts->stack_size &&
		(opts->stack_size < PEAL_STACK_MIN || opts->stack_size > STACK_MOST))
		return peal_refuse(reason, -EINVAL, "stack_size is %zu; between %d and %zu bytes",
			opts->stack_size, PEAL_STACK_MIN, STACK_MOST);
	if (opts->max_blocking > BLOCKING_MOST)
		return peal_refuse(reason, -EINVAL, "max_blocking is %u; at most %u",
			opts->max_blocking, BLOCKING_MOST);
	if (opts->drain_timeout < 0)
		return peal_refuse(reason, -EINVAL, "drain_timeout is negative");
	return 0;
}

static int check_bytes(const struct peal_rt_opts *opts, struct peal_reason *reason)
{
	if (opts->affinity > PEAL_AFFINITY_NONE)
		return peal_refuse(reason, -EINVAL, "affinity is %u; PEAL_AFFINITY_AUTO or _NONE",
			opts->affinity);
	if (opts->no_stealing > 1 || opts->report_overflow > 1 || opts->embedded > 1 ||
		opts->drain_on_signal > 1)
		return peal_refuse(reason, -EINVAL, "a flag is neither 0 nor 1");
	for (size_t i = 0; i < sizeof(opts->reserved); i++)
		if (opts->reserved[i])
			return peal_refuse(reason, -EINVAL, "a reserved byte is not 0");
	return 0;
}

static void fill_in(struct peal_rt_opts *opts, const struct peal_cpus *cpus)
{
	if (!opts->shards)
		opts->shards = cpus->shards < SHARDS_MOST ? cpus->shards : SHARDS_MOST;
	if (!opts->max_tasks)
		opts->max_tasks = TASKS_DEFAULT;
	if (!opts->stack_size)
		opts->stack_size = PEAL_STACK_DEFAULT;
	if (!opts->max_blocking)
		opts->max_blocking = opts->shards > 2 ? 4 * opts->shards : 8;
	if (!opts->max_blocking_queue)
		opts->max_blocking_queue = BLOCKING_QUEUED;
	if (!opts->drain_timeout)
		opts->drain_timeout = DRAIN_DEFAULT;
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
	err = check_ranges(&read, reason);
	if (!err)
		err = check_bytes(&read, reason);
	if (err)
		return err;
	fill_in(&read, cpus);
	*opts = read;
	return 0;
}
