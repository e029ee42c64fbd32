/* SPDX-License-Identifier: MIT */
/* Tasks that do not give way, and how they are reported: hog.c tells. */
#ifndef PEAL_CORE_HOG_H
#define PEAL_CORE_HOG_H

#include <stdint.h>
#include <string.h>

#include "core/base/atomic.h"
#include "core/task/task.h"

struct peal_shard;

#define PEAL_HOG_WORDS (PEAL_TASK_NAME_BYTES / 8)

/* Of each shard. */
struct peal_hog {
	/* The shard's own; read by all. */
	PEAL_ATOMIC(uint64_t) name[PEAL_HOG_WORDS]; /* of what runs, or ran last */
	uint32_t suspicious;                        /* items that are to be timed one by one */
	/* Of who watches (peal_rt.watcher). */
	PEAL_ATOMIC(uint64_t) heartbeat; /* the last that was seen */
	PEAL_ATOMIC(int64_t) since;      /* when it was seen first */
	PEAL_ATOMIC(bool) told;
};

/* What runs from now on: a task's name. Most have none. */
static inline void peal_hog_name(struct peal_hog *hog, const char *name)
{
	uint64_t words[PEAL_HOG_WORDS];

	memcpy(words, name, sizeof(words[0]));
	peal_store_relaxed(&hog->name[0], words[0]);
	if (!words[0])
		return;
	memcpy(words, name, sizeof(words));
	for (int i = 1; i < PEAL_HOG_WORDS; i++)
		peal_store_relaxed(&hog->name[i], words[i]);
}

/* By the shard that watches, now and then: who is held up? */
void peal_hog_watch(struct peal_shard *shard, int64_t now);

/* The last so many items of the shard took longer than they should. */
void peal_hog_felt(struct peal_shard *shard, int64_t now, int64_t took, uint32_t items);

#endif
