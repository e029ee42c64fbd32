/* SPDX-License-Identifier: MIT */
/*
 * Disk usage: walks directory trees on all shards and adds up what is in them.
 *
 * Load the plugin ("du"; its one parameter is run_on=shards or run_on=pool), then call peal_du() in a
 * fiber. It counts as GNU du does: hard links once, in the order of the walk; peal-du(7) has the
 * rules. The walk reads directories with plain system calls, which are faster than any ring for this;
 * with run_on=pool they are made on the blocking pool, for runtimes that have others to serve.
 */
#ifndef PEAL_PLUGIN_DU_H
#define PEAL_PLUGIN_DU_H

#include <errno.h>
#include <peal/load.h>

PEAL_BEGIN_DECLS

#define PEAL_DU_API_MAJOR 0

/* What is added up. Sums stay at UINT64_MAX instead of overflowing. */
struct peal_du_sum {
	uint64_t allocated; /* bytes on disk */
	uint64_t apparent;  /* bytes in regular files and symbolic links */
	uint64_t inodes;
};

/* Which symbolic links are followed. */
#define PEAL_DU_FOLLOW_NONE  0
#define PEAL_DU_FOLLOW_PATHS 1 /* those that are given as paths */
#define PEAL_DU_FOLLOW_ALL   2 /* all; the walk then stays on one shard */

/* One counted thing. Valid during the call, also the path. */
struct peal_du_entry {
	size_t size;      /* of this struct, as the plugin knows it */
	const char *path; /* the given path, then the names; any bytes but NUL */
	size_t path_size; /* its length */
	uint32_t depth;   /* 0 for the given paths */
	uint32_t mode;    /* st_mode: type and permissions */
	struct peal_du_sum total;
	/* With opts->separate: of a directory only itself and the files in it. Otherwise zero. */
	struct peal_du_sum own;
};

/* What went wrong. The walk goes on without the entry, or with what is known of it. */
#define PEAL_DU_CANNOT_ACCESS 1 /* not counted */
#define PEAL_DU_CANNOT_READ   2 /* a directory: itself is counted */
#define PEAL_DU_BROKEN_READ   3 /* a directory, after a part of it was read */
#define PEAL_DU_DANGLING      4 /* a symbolic link to be followed that leads nowhere: not counted */
#define PEAL_DU_CYCLE         5 /* a directory inside itself, and no mount is the reason */
#define PEAL_DU_EMPTY_PATH    6 /* a given path is "" */

struct peal_du_error {
	size_t size;
	const char *path;
	size_t path_size;
	uint32_t what; /* PEAL_DU_CANNOT_ACCESS, ... */
	int32_t err;   /* negative errno, or 0 */
};

/*
 * For others to watch a walk and end it: zeroed before its first use, kept until peal_du() returns,
 * touched only by the calls below.
 */
struct peal_du_watch {
	uint64_t entries, directories, allocated;
	uint32_t errors;
	uint32_t cancel;
};

/* Results so far, for peal_du_progress(). */
struct peal_du_counts {
	uint64_t entries; /* directories included */
	uint64_t directories;
	uint64_t allocated; /* bytes; files with several links as often as they were met */
	uint64_t errors;
};

/* In every field zero means the default. Flags are bytes: 0 no, 1 yes. */
struct peal_du_opts {
	size_t size; /* of this struct; PEAL_DU() sets it */

	/*
	 * Called for each directory and for each given path, and with `files` for everything; what is
	 * in a directory comes before it. A negative result ends the walk and is what peal_du() returns.
	 */
	int (*entry)(void *arg, const struct peal_du_entry *entry);
	/* Called for what cannot be read, in order with the entries. A negative result ends the walk.
	 * Without it errors are only counted. */
	int (*error)(void *arg, const struct peal_du_error *error);
	/* Called now and then while the walk goes on. A negative result ends it. */
	int (*tick)(void *arg, const struct peal_du_counts *counts);
	void *arg;             /* for all three */
	int64_t tick_interval; /* ns between two ticks, at least; 100 ms */

	/* fnmatch(3) patterns: paths are left out when a pattern matches the whole path or what follows
	 * one of its slashes. NULL-terminated, or NULL. */
	const char *const *exclude;
	struct peal_du_watch *watch;
	uint64_t max_memory; /* bytes that results may take which wait for their turn; 128 MiB */
	uint32_t
		depth_limit; /* entry() for levels below this only: 1 is the given paths alone; 0 all */
	uint32_t max_open;      /* descriptors; half of RLIMIT_NOFILE */
	uint8_t follow;         /* PEAL_DU_FOLLOW_NONE, ... */
	uint8_t files;          /* entry() for files too */
	uint8_t one_filesystem; /* leave out what is on another file system than the given path */
	uint8_t count_links;    /* count every hard link, and everything as often as it is met */
	uint8_t separate;       /* tell entry->own */
	uint8_t reserved[3];
};

#define PEAL_DU(...) \
	(&(const struct peal_du_opts){ .size = sizeof(struct peal_du_opts), __VA_ARGS__ })

/* What a whole call came to. */
struct peal_du_result {
	struct peal_du_sum sum; /* over all paths */
	uint64_t entries;
	uint64_t directories;
	uint64_t errors;
};

/* The table that the plugin exports; it grows at its end. Call the functions below instead. */
struct peal_du_api {
	size_t size;
	int (*run)(void *state, const char *const *paths, size_t count,
		struct peal_du_result *result, const struct peal_du_opts *opts);
	void (*progress)(const struct peal_du_watch *watch, struct peal_du_counts *counts);
	void (*cancel)(struct peal_du_watch *watch);
};

static inline const struct peal_du_api *peal_du_api(struct peal_rt *rt, void **state)
{
	return (const struct peal_du_api *)peal_plugin_api(rt, "du", PEAL_DU_API_MAJOR, state);
}

/*
 * Walk `count` paths, one after another, and write what they come to into *result (may be NULL; it
 * is written also when the walk was ended early). Callbacks run in the calling fiber and may suspend
 * it. opts may be NULL.
 *
 * 0, also when some things could not be read (result->errors counts them); what a callback returned
 * to end the walk; -ECANCELED after peal_du_cancel() or when the runtime is being stopped; -ENOMEM;
 * -EINVAL for options that make no sense, -E2BIG for ones this plugin does not know; -ENOSYS when the
 * plugin is not loaded; -EPERM when the caller is no fiber. Suspends.
 */
static inline int peal_du(const char *const *paths, size_t count, struct peal_du_result *result,
	const struct peal_du_opts *opts)
{
	void *state = NULL;
	const struct peal_du_api *api = peal_du_api(NULL, &state);

	return PEAL_HAS(api, run) ? api->run(state, paths, count, result, opts) : -ENOSYS;
}

/* How far a walk has come. rt: the runtime that walks; NULL: the calling shard's. 0, or
 * -ENOSYS when it does not have the plugin. Any thread. Does not suspend. */
static inline int peal_du_progress(
	struct peal_rt *rt, const struct peal_du_watch *watch, struct peal_du_counts *counts)
{
	void *state = NULL;
	const struct peal_du_api *api = peal_du_api(rt, &state);

	if (!PEAL_HAS(api, progress))
		return -ENOSYS;
	api->progress(watch, counts);
	return 0;
}

/* End a walk: peal_du() returns -ECANCELED soon. Otherwise as peal_du_progress(). */
static inline int peal_du_cancel(struct peal_rt *rt, struct peal_du_watch *watch)
{
	void *state = NULL;
	const struct peal_du_api *api = peal_du_api(rt, &state);

	if (!PEAL_HAS(api, cancel))
		return -ENOSYS;
	api->cancel(watch);
	return 0;
}

PEAL_END_DECLS

#endif
