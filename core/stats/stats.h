/* SPDX-License-Identifier: MIT */
/*
 * Counting. A shard writes its own block with plain moves (peal_count() and friends: a load, an add
 * and a store, never locked, because there is no other writer); every other thread adds to the block
 * "outside" atomically (the *_outside() forms). Which counters there are stands in counters.tbl.
 *
 *	peal_count(shard->counters, tasks_spawned);
 *	peal_count_add(shard->counters, park_ns, slept);
 *	peal_count_outside(page, wakes_sent);
 *
 * Readers may come at any time and see each value whole, in no particular order.
 */
#ifndef PEAL_CORE_STATS_H
#define PEAL_CORE_STATS_H

#include <peal/stats.h>

#include "gen/counters.h"

/* A counter must not tear: there is no second word to tell that it did. */
_Static_assert(sizeof(void *) == 8, "Peal counts in 64-bit words and needs a 64-bit machine");

/* The writer's end of a stats page. */
struct peal_stats_page;

/* Words of each block that plugins' counters share. */
#define PEAL_STATS_PLUGIN_WORDS 256

struct peal_stats_setup {
	const char *name;    /* of the runtime; NULL: the program's */
	const char *backend; /* its name */
	unsigned int shards;
	/* Keep the page as a file in this folder of a tmpfs; NULL: $PEAL_STATS_DIR if that is set, else
	 * in a sealed memfd. */
	const char *directory;
};

/*
 * Make the page of a new runtime, complete and visible to readers; its state is PEAL_RT_BOOTING. Fails
 * only for want of memory (-ENOMEM): where shared memory is refused the counters are private to the
 * process, and peal_stats_page_reason() says why.
 */
int peal_stats_page_create(struct peal_stats_page **page, const struct peal_stats_setup *setup);

/* Nobody counts any more. Readers that hold the page see the runtime stopped. Accepts NULL. */
void peal_stats_page_destroy(struct peal_stats_page *page);

/* Why the page is not where it was meant to be, for the log (other processes may not see it, or not
 * there); NULL when it is. */
const char *peal_stats_page_reason(const struct peal_stats_page *page);

/* The runtime's number in the process, from 1. */
unsigned int peal_stats_page_runtime(const struct peal_stats_page *page);

/* One of enum peal_rt_state. Any thread. */
void peal_stats_page_set_state(struct peal_stats_page *page, unsigned int state);

/* The block of a shard, and that of everybody else. Their addresses stay until the page is destroyed,
 * in the child of a fork too (where they are memory of the child's own). */
struct peal_counters *peal_stats_page_block(struct peal_stats_page *page, unsigned int shard);
struct peal_counters *peal_stats_page_outside(struct peal_stats_page *page);

/* Its bytes, and a snapshot of them: what peal_stats() gives for a runtime. */
const void *peal_stats_page_memory(const struct peal_stats_page *page, size_t *size);
int peal_stats_page_snapshot(struct peal_stats **stats, const struct peal_stats_page *page);

/*
 * Add a plugin's counter to every block, at any time, on any thread. description->name is the full name
 * ("du.files"), group the plugin's; strings are copied. Returns its slot (for peal_count_slot()), the
 * same one when a counter of that name, kind and length is there already; -EINVAL for a name, group or
 * length that cannot be; -EEXIST when the name is taken by another kind of counter; -ENOSPC when the
 * plugins' words are used up.
 */
int peal_stats_page_register(struct peal_stats_page *page, const struct peal_counter *description,
	struct peal_reason *reason);

/* The page of a runtime of this process; rt NULL: that of the calling shard's, NULL off a shard. In
 * runtime.c. */
struct peal_stats_page *peal_rt_stats_page(struct peal_rt *rt);

/* On the thread that the block belongs to */

static inline void peal_counter_add(PEAL_ATOMIC(uint64_t) * counter, uint64_t n)
{
	peal_store_relaxed(counter, peal_load_relaxed(counter) + n);
}

static inline void peal_counter_raise(PEAL_ATOMIC(uint64_t) * counter, uint64_t value)
{
	if (value > peal_load_relaxed(counter))
		peal_store_relaxed(counter, value);
}

#define peal_count_add(counters, name, n) peal_counter_add(&(counters)->name, (uint64_t)(n))
#define peal_count(counters, name)        peal_count_add(counters, name, 1)
/* A gauge takes negative steps as well; the others are set to what is. */
#define peal_gauge_add(counters, name, n) peal_count_add(counters, name, (int64_t)(n))
#define peal_gauge_set(counters, name, value) \
	peal_store_relaxed(&(counters)->name, (uint64_t)(value))
#define peal_max(counters, name, value) peal_counter_raise(&(counters)->name, (uint64_t)(value))

/* A plugin's counter, by the slot that registering it gave. */
static inline PEAL_ATOMIC(uint64_t) * peal_counter_slot(struct peal_counters *counters, int slot)
{
	return (PEAL_ATOMIC(uint64_t) *)(void *)counters + slot;
}

static inline void peal_count_slot(struct peal_counters *counters, int slot, uint64_t n)
{
	peal_counter_add(peal_counter_slot(counters, slot), n);
}

/* On any other thread */

static inline void peal_counter_raise_outside(PEAL_ATOMIC(uint64_t) * counter, uint64_t value)
{
	uint64_t seen = peal_load_relaxed(counter);

	while (value > seen && !peal_cas_acq_rel(counter, &seen, value))
		;
}

#define peal_count_add_outside(page, name, n) \
	((void)peal_add_relaxed(&peal_stats_page_outside(page)->name, (uint64_t)(n)))
#define peal_count_outside(page, name)        peal_count_add_outside(page, name, 1)
#define peal_gauge_add_outside(page, name, n) peal_count_add_outside(page, name, (int64_t)(n))
#define peal_max_outside(page, name, value) \
	peal_counter_raise_outside(&peal_stats_page_outside(page)->name, (uint64_t)(value))

static inline void peal_count_slot_outside(struct peal_stats_page *page, int slot, uint64_t n)
{
	(void)peal_add_relaxed(peal_counter_slot(peal_stats_page_outside(page), slot), n);
}

#endif
