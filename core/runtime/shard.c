/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing a shard, on its own thread.
 */
#include <errno.h>

#include "core/base/alloc.h"
#include "core/time/boottime.h"
#include "core/runtime/fork.h"
#include "core/runtime/local.h"
#include "core/base/log.h"
#include "core/runtime/rt.h"
#include "core/sys.h"

PEAL_THREAD_LOCAL struct peal_shard *peal_shard_here;

static void init_queues(struct peal_shard *shard)
{
	peal_sched_init(shard);
	peal_queue_init(&shard->starved);
	peal_list_init(&shard->tasks);
	peal_list_init(&shard->kept);
	peal_inbox_init(&shard->inbox);
	peal_fresh_init(&shard->fresh);
	peal_msgs_init(shard);
	peal_accums_init(&shard->accums);
	shard->search.fn = peal_search_arrived;
	peal_inbox_init(&shard->near);
	shard->near_node.fn = peal_near_arrived;
}

struct peal_shard *peal_shard_create(struct peal_rt *rt, uint32_t index)
{
	struct peal_shard *shard = peal_alloc_line(sizeof(*shard));

	if (!shard)
		return NULL;
	shard->owed = peal_alloc(rt->shard_count, sizeof(*shard->owed));
	if (!shard->owed || peal_inflight_init(&shard->inflight) < 0) {
		peal_shard_free(shard);
		return NULL;
	}
	shard->rt = rt;
	shard->index = index;
	shard->backend = &rt->backend;
	shard->counters = peal_stats_page_block(rt->stats, index);
	peal_choice_init(&shard->choice, index + 1);
	shard->choice.spin_most = rt->opts.spin;
	shard->choice.spin_share = rt->opts.spin_share;
	shard->quota_most = 2 * rt->quota_batch - 1;
	init_queues(shard);
	return shard;
}

void peal_shard_free(struct peal_shard *shard)
{
	if (!shard)
		return;
	peal_msgs_free(shard);
	peal_accums_free(&shard->accums);
	peal_inflight_free(&shard->inflight);
	peal_free(shard->owed);
	peal_free(shard);
}

static int open_ring(struct peal_shard *shard, struct peal_reason *reason)
{
	const struct peal_ring_opts opts = {
		.size = sizeof(opts),
		.shard = shard->index,
		.shards = shard->rt->shard_count,
		.entries = shard->rt->opts.ring_entries,
		.polled = shard->opened != NULL,
	};
	int err = shard->backend->open(&shard->ring, &opts, reason);

	if (err || !shard->opened)
		return err;
	err = shard->opened(shard, reason);
	if (err)
		shard->backend->close(shard->ring);
	return err;
}

static int open_stacks(struct peal_shard *shard, struct peal_reason *reason)
{
	const struct peal_stack_limits limits = { .size = shard->rt->opts.stack_size };
	int err = peal_stack_pool_create(&shard->stacks, &limits);

	return err ? peal_refuse(reason, err, "no memory for the stacks of shard %u", shard->index)
		   : 0;
}

static int adopt_thread(struct peal_shard *shard, struct peal_reason *reason)
{
	int err = peal_fiber_adopt_thread(&shard->thread);

	return err ? peal_refuse(reason, err,
			     "fibers cannot run on this thread: it has a hardware shadow stack "
			     "(GLIBC_TUNABLES=glibc.cpu.hwcaps=-SHSTK turns it off)")
		   : 0;
}

int peal_shard_open(struct peal_shard *shard, struct peal_reason *reason)
{
	int err = adopt_thread(shard, reason);

	if (err)
		return err;
	err = open_stacks(shard, reason);
	if (!err)
		err = open_ring(shard, reason);
	if (err) {
		peal_stack_pool_destroy(shard->stacks);
		peal_fiber_release_thread(&shard->thread);
		return err;
	}
	peal_fork_ring(shard, shard->ring);
	shard->trim_at = PEAL_NEVER;
	peal_shard_here = shard;
	peal_gauge_set(shard->counters, thread, (uint64_t)peal_sys_gettid());
	return 0;
}

void peal_shard_close(struct peal_shard *shard)
{
	if (PEAL_UNLIKELY(peal_load_seq_cst(&shard->rt->emergency)))
		peal_shard_count_lost(shard);
	else
		peal_locals_destroy(shard);
	peal_fork_ring(shard, NULL);
	shard->backend->close(shard->ring);
	peal_leases_close(shard);
	peal_boottime_close(shard);
	peal_task_forget_all(shard);
	peal_task_cache_drain(shard);
	peal_stack_pool_destroy(shard->stacks);
	peal_fiber_release_thread(&shard->thread);
	peal_shard_here = NULL;
}

/* Which of its ops are to end: peal_ops_cancel_all(). */

bool peal_op_accepts(const struct peal_op *op)
{
	return op->opcode == PEAL_OP_ACCEPT || op->opcode == PEAL_OP_ACCEPT_MANY;
}

bool peal_op_calls_back(const struct peal_op *op)
{
	return op->done;
}

bool peal_op_any(const struct peal_op *op)
{
	(void)op;
	return true;
}
