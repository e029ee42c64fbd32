/* SPDX-License-Identifier: MIT */
/*
 * Counters: what a runtime has done so far, read from inside it or from another process.
 *
 * Every shard counts, always, in a block of memory of its own (half a nanosecond a time); threads that
 * are no shards share one more block, "outside". The memory is sealed: other processes of the same
 * user can read it without privileges, and nobody else can write it. peal-counters(7) tells what is
 * counted; plugins bring counters of their own, named PLUGIN.counter.
 *
 *	struct peal_stats *stats;
 *
 *	if (!peal_stats(&stats, rt)) {
 *		printf("%" PRIu64 " tasks stolen\n", peal_stats_value(stats, "tasks_stolen"));
 *		peal_stats_free(stats);
 *	}
 *
 * A struct peal_stats is a snapshot: all values as they were when it was taken or last refreshed. Each
 * value is whole, but they were not all read in one instant: two that depend on each other may differ
 * by what happened in between. Counters are never reset, so what happened in a stretch of time is the
 * difference of two snapshots.
 *
 * Any thread may call these functions; one snapshot is used by one thread at a time. None suspends.
 */
#ifndef PEAL_STATS_H
#define PEAL_STATS_H

#include <peal/base.h>

PEAL_BEGIN_DECLS

struct peal_rt;
struct peal_stats;

/* What a counter's numbers mean, and what the total over all shards is. Readers must expect kinds that
 * are not listed here; those have no total. */
enum peal_counter_kind {
	PEAL_KIND_COUNTER = 1, /* only grows; the total is the sum */
	PEAL_KIND_GAUGE,       /* goes up and down, an int64_t; the total is the sum */
	PEAL_KIND_MAX,         /* the largest value so far; the total is the largest */
	PEAL_KIND_STATE,       /* the n-th of the words in `unit`, from 0; no total */
	PEAL_KIND_ADDRESS,     /* of a function or an object in the process; no total */
	PEAL_KIND_ID           /* a number that names something; no total */
};

/* One counter. The strings are plain printable ASCII, whatever the other process wrote. */
struct peal_counter {
	const char *name;  /* "tasks_stolen", "du.files" */
	const char *group; /* "stealing"; a plugin's name for its counters */
	const char *unit;  /* "" (a plain number), "ns", "bytes"; a state's words, joined by '/' */
	const char *help;  /* a sentence */
	uint32_t kind;     /* enum peal_counter_kind */
	uint32_t length;   /* values of each shard: 1, or more for an array */
};

/* Whose counters they are. */
struct peal_stats_info {
	const char *name;    /* the runtime's */
	const char *backend; /* "uring", "epoll", ... */
	int64_t age;         /* ns since the runtime started, when the snapshot was taken */
	int32_t pid;         /* of the process, as it sees itself */
	uint32_t runtime;    /* number of the runtime in its process, from 1 */
	uint32_t shards;
	uint32_t state; /* enum peal_rt_state (runtime.h) */
};

/* In place of a shard: the threads that are no shards. */
#define PEAL_OUTSIDE UINT32_MAX

/*
 * Take a snapshot of a runtime of this process; rt may be NULL on a shard, for its own. It must exist,
 * here and when the snapshot is refreshed; what was taken stays readable after the runtime is gone.
 * 0; -ENOMEM; -EPERM for NULL on a thread that is no shard.
 */
PEAL_API int peal_stats(struct peal_stats **stats, struct peal_rt *rt);

/*
 * Take a snapshot of a runtime of another process. `runtime` is its number there, 0 the lowest that is
 * found. Needs no privilege for processes of the same user (root: of any) that are dumpable, see
 * PR_SET_DUMPABLE in prctl(2).
 *
 * 0; -ESRCH when there is no such process, -EACCES when it may not be looked into, -ENOENT when it has
 * no such runtime, or none that can be seen; -EBADMSG when what was found is no stats page or a broken
 * one, -EPROTO when it is of a version that this library cannot read, -ENOMEM, or what /proc gives.
 */
PEAL_API int peal_stats_open(
	struct peal_stats **stats, pid_t pid, unsigned int runtime, struct peal_reason *reason);

/*
 * The same from a file: one that a process keeps in $PEAL_STATS_DIR (peal-counters(7)), or the copy of
 * a page. Also -EINVAL for what is no regular file, and open(2)'s errors.
 */
PEAL_API int peal_stats_open_file(
	struct peal_stats **stats, const char *path, struct peal_reason *reason);

/*
 * Take a snapshot of every runtime that can be seen: in one process, or with pid 0 in all of them (and
 * in $PEAL_STATS_DIR), and give each to fn, which frees it with peal_stats_free(), then or later. What
 * cannot be read is passed over. Stops when fn returns something else than 0, and returns that;
 * otherwise the number of snapshots. When that would be 0, the error of peal_stats_open().
 */
typedef int peal_stats_fn(void *arg, struct peal_stats *stats);
PEAL_API int peal_stats_each(pid_t pid, peal_stats_fn *fn, void *arg, struct peal_reason *reason);

/*
 * Take the snapshot anew. Counters keep their index, kind and length, and new ones may follow, of
 * plugins that were loaded meanwhile; a page that changes in any other way is a broken one. Everything that the calls below returned by pointer is invalid after it. 0; -ESRCH when
 * the process has ended, -EBADMSG, -ENOMEM: the snapshot is as it was.
 */
PEAL_API int peal_stats_refresh(struct peal_stats *stats);

/* Accepts NULL. */
PEAL_API void peal_stats_free(struct peal_stats *stats);

/* Valid until the snapshot is refreshed or freed. */
PEAL_API const struct peal_stats_info *peal_stats_info(const struct peal_stats *stats);

/* How many counters there are, and what is known of each, in the order in which they were made. NULL
 * for an index that is too large. Valid until the snapshot is refreshed or freed. */
PEAL_API unsigned int peal_stats_count(const struct peal_stats *stats);
PEAL_API const struct peal_counter *peal_stats_counter(
	const struct peal_stats *stats, unsigned int index);

/* The index of a counter, or -ENOENT. */
PEAL_API int peal_stats_find(const struct peal_stats *stats, const char *name);

/*
 * The value of a counter on one shard, or PEAL_OUTSIDE: the first one, or the one at `place` in an
 * array. 0 for what does not exist.
 */
PEAL_API uint64_t peal_stats_shard(
	const struct peal_stats *stats, unsigned int index, unsigned int shard);
PEAL_API uint64_t peal_stats_element(
	const struct peal_stats *stats, unsigned int index, unsigned int shard, unsigned int place);

/*
 * The total over all shards and the outside, and over an array: a sum, or the largest of
 * PEAL_KIND_MAX. 0 for kinds that have none and for what does not exist.
 */
PEAL_API uint64_t peal_stats_total(const struct peal_stats *stats, unsigned int index);

/* The total of a counter by its name; 0 when there is none of that name. */
PEAL_API uint64_t peal_stats_value(const struct peal_stats *stats, const char *name);

PEAL_END_DECLS

#endif
