/* SPDX-License-Identifier: MIT */
/*
 * Giving way to others, and knowing when it is time to.
 *
 * peal_should_yield() is for loops that compute and so is called often: reading the clock each time would
 * cost more than some of them do between two calls. So it reads it after 1, 2, 4, ... calls, as long as
 * those took no more than a small part of a slice, and at each call again when they took longer.
 */
#include <errno.h>

#include "core/runtime/rt.h"
#include "core/scope/scope.h"
#include "core/task/wait.h"

/* Calls between two looks at the clock, and the part of a slice that they should take at most. */
#define MOST_CALLS 64
#define PART       16

int peal_yield(void)
{
	struct peal_task *task = peal_task_current();
	int err;

	if (!task)
		return -EPERM;
	peal_nursery_arm(task->scope);
	peal_task_yield(task);
	err = peal_wait_allowed(task);
	if (PEAL_UNLIKELY(err == -ETIMEDOUT))
		task->expired = true;
	return err;
}

/* Another fiber, or another slice: what is known of how long its calls take does not hold. */
static PEAL_NOINLINE void begin_asking(struct peal_shard *shard)
{
	shard->asking = (struct peal_asking){
		.task = shard->running,
		.slice_end = shard->slice_end,
		.at = shard->slice_end - shard->rt->opts.slice,
		.calls = 1,
		.left = 1,
	};
}

/* Who does not yield though it is time is told so again, at once. */
static PEAL_NOINLINE bool look_at_clock(struct peal_shard *shard)
{
	struct peal_asking *asking = &shard->asking;
	int64_t now = peal_shard_now(shard);
	bool over = now >= shard->slice_end;

	if (over || now - asking->at > shard->rt->opts.slice / PART)
		asking->calls = 1;
	else if (asking->calls < MOST_CALLS)
		asking->calls *= 2;
	asking->at = now;
	asking->left = asking->calls;
	return over;
}

static bool is_time(struct peal_shard *shard)
{
	if (PEAL_UNLIKELY(shard->op_budget <= 1))
		return true;
	if (PEAL_UNLIKELY(shard->asking.task != shard->running ||
		    shard->asking.slice_end != shard->slice_end))
		begin_asking(shard);
	return --shard->asking.left == 0 && look_at_clock(shard);
}

bool peal_should_yield(void)
{
	struct peal_shard *shard = peal_shard_current();

	if (!shard || PEAL_LIKELY(!is_time(shard)))
		return false;
	shard->flush = true; /* the slice ends with whoever asks */
	return true;
}
