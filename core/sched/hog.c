/* SPDX-License-Identifier: MIT */
/*
 * Tasks that hold their shard and do not give way: who they are.
 *
 * Two look for them. A shard that sleeps while others work wakes up now and then (park.c), and sees who is
 * in the same turn as the last time; so also a task that never ends is found. And where nobody sleeps, a
 * shard whose slice took too long reads the clock after each item for a while, so that it can tell the
 * next time which one it was. The name of what runs is kept in words of the shard for that: the task
 * itself may be gone while somebody looks.
 */
#include <inttypes.h>
#include <string.h>

#include "core/sched/hog.h"
#include "core/base/log.h"
#include "core/runtime/rt.h"

/* The log is told once a second at most; the counter counts all. */
#define TELL_EVERY_NS PEAL_S
/* Items that are timed one by one. */
#define SUSPICIOUS    1024

static void read_name(struct peal_shard *shard, char name[PEAL_TASK_NAME_BYTES])
{
	uint64_t words[PEAL_HOG_WORDS];

	for (int i = 0; i < PEAL_HOG_WORDS; i++)
		words[i] = peal_load_relaxed(&shard->hog.name[i]);
	memcpy(name, words, sizeof(words));
	name[PEAL_TASK_NAME_BYTES - 1] = '\0';
}

static bool may_tell(struct peal_rt *rt, int64_t now)
{
	int64_t next = peal_load_relaxed(&rt->tell_hogs_at);

	return now >= next && peal_cas_acq_rel(&rt->tell_hogs_at, &next, now + TELL_EVERY_NS);
}

static void tell(struct peal_shard *hog, const char *name, const void *function, int64_t took)
{
	peal_log(PEAL_LOG_WARNING,
		"task \"%s\" (function %p) holds shard %u for %" PRId64 " ms, and %" PRIu64
		" others wait behind it: what computes for long should call peal_yield() now and then, "
		"or run by peal_compute() or peal_blocking()",
		name, function, hog->index, took / PEAL_MS,
		peal_load_relaxed(&hog->counters->queue_depth));
}

/* What changes whenever a shard comes round. */
static uint64_t heartbeat(struct peal_shard *shard)
{
	return peal_load_relaxed(&shard->counters->turns) +
		peal_load_relaxed(&shard->counters->parks);
}

static void found(struct peal_shard *finder, struct peal_shard *hog, int64_t now)
{
	uintptr_t function = (uintptr_t)peal_load_relaxed(&hog->counters->running);
	char name[PEAL_TASK_NAME_BYTES];

	read_name(hog, name);
	if (!function || heartbeat(hog) != peal_load_relaxed(&hog->hog.heartbeat))
		return;
	peal_store_relaxed(&hog->hog.told, true);
	PEAL_COUNT(finder, hogs);
	if (may_tell(finder->rt, now))
		tell(hog, name, (const void *)function, now - peal_load_relaxed(&hog->hog.since));
}

static void look_at(struct peal_shard *finder, struct peal_shard *shard, int64_t now)
{
	uint64_t beat = heartbeat(shard);
	bool runs = peal_load_relaxed(&shard->counters->shard_state) == PEAL_SHARD_STATE_RUNNING;

	if (!runs || beat != peal_load_relaxed(&shard->hog.heartbeat)) {
		peal_store_relaxed(&shard->hog.heartbeat, beat);
		peal_store_relaxed(&shard->hog.since, now);
		peal_store_relaxed(&shard->hog.told, false);
	} else if (!peal_load_relaxed(&shard->hog.told) &&
		now - peal_load_relaxed(&shard->hog.since) >= PEAL_HOG_NS) {
		found(finder, shard, now);
	}
}

void peal_hog_watch(struct peal_shard *shard, int64_t now)
{
	struct peal_rt *rt = shard->rt;

	for (uint32_t i = 0; i < rt->shard_count; i++)
		if (rt->shards[i] != shard)
			look_at(shard, rt->shards[i], now);
}

void peal_hog_felt(struct peal_shard *shard, int64_t now, int64_t took, uint32_t items)
{
	char name[PEAL_TASK_NAME_BYTES];

	if (items != 1) {
		shard->hog.suspicious = SUSPICIOUS;
		return;
	}
	PEAL_COUNT(shard, hogs);
	if (!may_tell(shard->rt, now))
		return;
	read_name(shard, name);
	tell(shard, name, (const void *)(uintptr_t)peal_load_relaxed(&shard->counters->running),
		took);
}
