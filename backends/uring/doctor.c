/* SPDX-License-Identifier: MIT */
/* What `peal doctor` is told: what a ring on this machine found to work, and what it is good for. */
#include <stdio.h>

#include "backends/uring/uring.h"
#include "core/sys.h"

static const struct {
	uint32_t has;
	const char *name;
	const char *remark;
} features[] = {
	{ PEAL_URING_SINGLE, "SINGLE_ISSUER",
		"Linux 6.0; the kernel takes no locks for other threads" },
	{ PEAL_URING_DEFER, "DEFER_TASKRUN",
		"Linux 6.1; completions come when we look, never in between" },
	{ PEAL_URING_REGISTERED, "registered ring", "Linux 6.0; entering the kernel is cheaper" },
	{ PEAL_URING_FEW_WORKERS, "limited workers", "Linux 5.15; no flood of kernel threads" },
	{ PEAL_URING_ABS_TIMER, "absolute timeouts", "Linux 6.12; sleeps end when they should" },
	{ PEAL_URING_SEND_MSG, "SEND_MSG_RING",
		"Linux 6.13; bells from threads without a ring, otherwise by an eventfd" },
	{ PEAL_URING_NO_IOWAIT, "NO_IOWAIT",
		"Linux 6.15; an idle shard is not counted as waiting for I/O" },
};

static size_t whole_pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

/* Up to Linux 5.11 and from 6.14 on the rings of all processes of a user share RLIMIT_MEMLOCK, unless
 * they have CAP_IPC_LOCK. */
static void tell_memory(const struct peal_ring *ring, peal_feature_fn *each, void *arg)
{
	const struct io_uring_sq *sq = &ring->uring.sq;
	size_t bytes = whole_pages(sq->ring_sz) + whole_pages(sq->ring_entries * sizeof(*sq->sqes));
	struct rlimit limit = { .rlim_cur = RLIM_INFINITY };
	char remark[128];

	peal_sys_getrlimit(RLIMIT_MEMLOCK, &limit);
	if (limit.rlim_cur == RLIM_INFINITY)
		snprintf(remark, sizeof(remark), "%zu KiB a ring; RLIMIT_MEMLOCK is unlimited",
			bytes / 1024);
	else
		snprintf(remark, sizeof(remark),
			"%zu KiB a ring; RLIMIT_MEMLOCK holds %llu where it counts them",
			bytes / 1024, (unsigned long long)limit.rlim_cur / bytes);
	each(arg, "locked memory", limit.rlim_cur >= bytes, remark);
}

void peal_uring_features(peal_feature_fn *each, void *arg)
{
	const struct peal_ring_opts opts = { .size = sizeof(opts), .shards = 1 };
	struct peal_reason reason = { "" };
	struct peal_ring *ring = NULL;

	if (peal_uring_open(&ring, &opts, &reason)) {
		each(arg, "io_uring", false, reason.text);
		return;
	}
	each(arg, "io_uring", true, "");
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		each(arg, features[i].name, ring->has & features[i].has, features[i].remark);
	tell_memory(ring, each, arg);
	peal_uring_close(ring);
}
