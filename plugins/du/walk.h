/* SPDX-License-Identifier: MIT */
/*
 * The inner parts of the du plugin, and who owns what.
 *
 * A walk has one *cursor*, in the fiber that called peal_du(): it goes through the tree in the order
 * of GNU du, decides which of several hard links counts, adds up, and calls the user. A directory is
 * a *node*; the cursor needs it *scanned*: opened, read, its files looked at. It scans a fresh node
 * itself; but *helpers*, stealable tasks, scan nodes ahead of it on all shards. A node is claimed
 * by whoever scans it, so a helper that never comes costs nothing but time. What a scan
 * finds is kept as *events*, in order, until the cursor has passed.
 *
 * Below the levels that are reported, order does not matter: there the nodes belong to a *line*, one
 * of the deepest that are reported, and their sums go straight to it (line.c).
 *
 * Scans are cut into *jobs* of at most a few hundred names, which never suspend; a *worker* is the
 * memory of one shard (or of one thread of the pool) for them, with a deque of jobs to do.
 */
#ifndef PEAL_DU_WALK_H
#define PEAL_DU_WALK_H

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <peal/plugin.h>
#include <peal/plugins/du.h>

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x00002000
#endif

#define DU_BUFFER     65536 /* bytes of names from one getdents64(2) */
#define DU_CHUNK      192   /* names in one job */
#define DU_YIELD      128   /* work after which a fiber gives way; the unit is a statx(2), 1.5 us */
#define DU_ALONE      256   /* work that is done before helpers are asked for */
#define DU_DIRECTORY  5     /* what opening, reading and closing a directory counts as */
#define DU_SORT_ABOVE 10000 /* directories larger than this are passed in inode order, */
#define DU_SORT_BATCH 100000 /* in batches of this many entries: so does GNU du */

struct du_node;
struct du_part;
struct du_line;
struct du_set;
struct du_walk;

/* What the plugin keeps for a runtime. */
struct du_plugin {
	const struct peal_host *host;
	bool pool; /* run_on=pool */
};

/* Indices into the table of counters in du.c. */
enum du_counter { DU_ENTRIES, DU_DIRECTORIES, DU_OFFERS, DU_REFUSED, DU_REOPENS, DU_ERRORS };

/* A job: a pointer to a node or a part with its kind in the lowest bits, so that it fits an argument. */
typedef uintptr_t du_job;

enum du_job_kind {
	DU_JOB_SCAN, /* a node: open and read it */
	DU_JOB_MORE, /* a node: go on reading it */
	DU_JOB_NAMES /* a part: look at its names */
};

struct du_jobs {
	du_job *ring;
	size_t head, count, size; /* size is a power of two */
};

/* A link to a file with several, below a line: counted when the cursor is there. */
struct du_link {
	uint64_t dev, ino;
	struct peal_du_sum sum;
};

/* What a worker has found for a line and not yet handed over. */
struct du_tally {
	struct du_line *line;
	struct peal_du_sum sum;
	uint64_t finished; /* jobs */
	struct du_link *links;
	size_t link_count, link_size;
};

struct du_worker {
	struct du_walk *walk;
	struct du_jobs jobs;
	struct du_tally tally;
	char **names, *own_names; /* where getdents64(2) writes: the shard's, or its own (pool) */
	char *events;             /* of the part that is being scanned */
	size_t events_used, events_size;
	struct peal_du_sum files; /* of that part, those without an event */
	char *path;               /* scratch */
	size_t path_size;
	uint32_t fibers; /* that work off the jobs */
	uint32_t work;   /* since the last yield */
	uint64_t spent;  /* work before */
	bool alone;      /* nothing has been offered */
	uint32_t mute;   /* jobs for which nothing is offered, after a refusal */
	uint64_t entries, directories, allocated; /* not yet added to the walk's */
	struct du_worker *idle;                   /* in the walk's list (pool only) */
} __attribute__((aligned(128)));

/* Something for the cursor, in a part; 8-aligned, the name is terminated. */
struct du_event {
	uint16_t size; /* of all, in units of 8 bytes */
	uint8_t kind;
	uint8_t what;     /* error: PEAL_DU_CANNOT_ACCESS, ... */
	uint32_t ordinal; /* place in the directory */
	uint64_t sort_ino;
	union {
		struct du_node *node;
		int32_t err;
		struct {
			uint64_t dev, ino;
			struct peal_du_sum sum;
			uint32_t mode;
			bool hashed; /* counts only when it is new */
			bool shown;
		} file;
	};
	char name[];
};

enum du_event_kind { DU_EVENT_DIRECTORY, DU_EVENT_FILE, DU_EVENT_ERROR };

/* A run of a directory's entries: first the names, when another job is to look at them; then events. */
struct du_part {
	struct du_part *next;
	struct du_node *node;
	struct peal_du_sum files;
	char *names, *events;
	size_t names_size, events_size;
	uint32_t first; /* ordinal */
};

enum du_state { DU_FRESH, DU_CLAIMED, DU_DONE };
#define DU_AWAITED 4u /* the cursor sleeps until it is done */

enum du_outcome {
	DU_READ,      /* a directory */
	DU_UNREAD,    /* a directory that cannot be read: err */
	DU_BROKEN,    /* a directory that could be read in part: err */
	DU_FILE,      /* no directory any more */
	DU_NO_ACCESS, /* err */
	DU_SKIPPED,   /* gone, or on another file system, or counted already */
	DU_LOOP,      /* a directory inside itself, by way of a mount */
	DU_BAD_LOOP   /* the same, and no mount is to blame */
};

struct du_node {
	struct du_walk *walk;
	struct du_node *parent; /* holds a reference */
	struct du_node *jump; /* nearest of it and those above that is a mount or a followed link */
	struct du_node *mark; /* an ancestor; see cycle.c */
	struct du_node *sibling;
	struct du_line *line; /* that its sums go to, or NULL */

	_Atomic(uint64_t) dir;      /* descriptor + 1, and pins in the upper half; see dir.c */
	_Atomic(uint32_t) unopened; /* directories in it that have not been opened */
	_Atomic(uint32_t) refs, state;
	_Atomic(uint32_t) jobs; /* of its scan, that are not finished */

	/* Written by who claimed it. */
	uint64_t dev, ino;
	struct peal_du_sum self;
	uint32_t mode;
	int32_t err;
	uint8_t outcome;
	bool found_by_link; /* through a symbolic link */
	bool hashed;        /* counts only when it is new */
	bool by_inode;
	uint32_t entries; /* read so far */
	struct du_part *parts, **last_part;

	/* The cursor's. */
	struct du_part *at;
	size_t offset; /* in at->events */
	struct du_event **sorted;
	size_t sorted_count;
	struct peal_du_sum own, below;
	size_t weight;
	bool entered, left_out;

	uint32_t depth;
	uint32_t path_size; /* of its whole path */
	uint16_t name_size;
	char name[]; /* of the root: the path that was given */
};

/* A message from below a line, for the caller's error(). */
struct du_message {
	struct du_message *next;
	struct peal_du_error error;
	char path[];
};

struct du_cursor {
	struct du_node *node;
	struct du_node *quiet; /* below it nothing is counted or told */
	bool dropping;
	char *path;
	size_t used, size;
};

struct du_walk {
	struct du_plugin *plugin;
	const struct peal_host *host;
	struct peal_du_opts opts;
	bool hash_all;       /* everything is counted once, not only hard links */
	bool direct;         /* only the given paths are reported: no order to keep */
	uint32_t line_depth; /* where lines begin; UINT32_MAX: nowhere */
	bool parallel;       /* helpers are of use */
	uint32_t worker_count;
	struct du_worker *workers;
	void *worker_memory;
	struct du_set *seen; /* NULL: count_links */
	struct du_cursor cursor;
	uint64_t dev; /* of the path that is being walked */
	struct peal_du_result result;

	_Atomic(int) cancel;       /* negative errno: the walk ends with it */
	_Atomic(uint32_t) offered; /* tasks that have not begun */
	uint32_t most_offers;
	_Atomic(uint64_t) retained;  /* bytes that wait for the cursor */
	_Atomic(int) open, max_open; /* descriptors */
	_Atomic(int64_t) next_tick;
	struct peal_du_watch *watch, own_watch;
	_Atomic(bool) told; /* messages wait */

	pthread_mutex_t lock; /* for what follows */
	uint32_t tasks;
	bool sleeping, signalled;
	int event_fd;
	struct du_message *messages, **last_message;
	struct du_worker *idle;
	struct du_jobs spare; /* for which there was no worker (pool only) */
};

static inline bool du_ends(struct du_walk *walk)
{
	return atomic_load_explicit(&walk->cancel, memory_order_relaxed) != 0;
}

/* A system call; the result or a negative errno. */
static inline long du_sys(struct du_walk *walk, long number, long a, long b, long c, long d, long e)
{
	return walk->host->syscall(number, a, b, c, d, e, 0);
}

static inline uint64_t du_add(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static inline void du_sum_add(struct peal_du_sum *to, const struct peal_du_sum *sum)
{
	to->allocated = du_add(to->allocated, sum->allocated);
	to->apparent = du_add(to->apparent, sum->apparent);
	to->inodes += sum->inodes;
}

static inline uint64_t du_dev(const struct statx *st)
{
	return makedev(st->stx_dev_major, st->stx_dev_minor);
}

/* walk.c */
int peal_du_run(void *state, const char *const *paths, size_t count, struct peal_du_result *result,
	const struct peal_du_opts *opts);
void peal_du_end(struct du_walk *walk, int err);
void peal_du_tell(struct du_walk *walk, const char *path, size_t size, uint32_t what, int err);

void peal_du_counts(const struct peal_du_watch *watch, struct peal_du_counts *counts);

/* du.c */
char *peal_du_names(struct du_worker *worker);

/* jobs.c */
int peal_du_jobs_push(struct du_walk *walk, struct du_jobs *jobs, du_job job);
bool peal_du_jobs_pop(struct du_jobs *jobs, du_job *job);
bool peal_du_jobs_pop_oldest(struct du_jobs *jobs, du_job *job);
void peal_du_jobs_put_back(struct du_jobs *jobs, du_job job);
bool peal_du_job_next(struct du_worker *worker, du_job *job);
void peal_du_job_trim(struct du_worker *worker);
void peal_du_job_push_again(struct du_worker *worker, du_job job);
void peal_du_job_push(struct du_worker *worker, void *what, enum du_job_kind kind);
void peal_du_job_run(struct du_worker *worker, du_job job);
void peal_du_job_drop(struct du_walk *walk, du_job job);
struct du_walk *peal_du_job_walk(du_job job);

/* help.c */
void peal_du_help_init(struct du_walk *walk);
void peal_du_help_start(struct du_walk *walk);
void peal_du_step(struct du_walk *walk, struct du_node *node);
void peal_du_give_way(struct du_walk *walk);
bool peal_du_tick_is_due(struct du_walk *walk);
bool peal_du_step_of(struct du_worker *worker, struct du_node *node);
void peal_du_offer(struct du_worker *worker);
void peal_du_publish(struct du_worker *worker);

/* pool.c */
void peal_du_pool_help(struct du_walk *walk, du_job job);
void peal_du_pool_step(struct du_walk *walk, struct du_node *node);

/* wait.c */
void peal_du_task_begin(struct du_walk *walk);
void peal_du_task_end(struct du_walk *walk);
void peal_du_wake(struct du_walk *walk);
void peal_du_wait(struct du_walk *walk, struct du_node *node);
void peal_du_wait_tasks(struct du_walk *walk);

/* scan.c */
void peal_du_scan(struct du_worker *worker, struct du_node *node);
void peal_du_scan_more(struct du_worker *worker, struct du_node *node);
void peal_du_scan_names(struct du_worker *worker, struct du_part *part);
struct peal_du_sum peal_du_stat_sum(const struct statx *st);

/* open.c */
bool peal_du_open(struct du_worker *worker, struct du_node *node);
long peal_du_look(
	struct du_worker *worker, struct du_node *node, int at, const char *name, struct statx *st);
bool peal_du_dangles(struct du_worker *worker, struct du_node *node, int at, const char *name);

/* record.c */
void peal_du_record_begin(struct du_worker *worker);
void peal_du_record_end(struct du_worker *worker, struct du_node *node, struct du_part *part);
void peal_du_record_file(struct du_worker *worker, struct du_node *node, const struct statx *st,
	const char *name, uint64_t sort_ino, uint32_t ordinal);
void peal_du_record_error(struct du_worker *worker, struct du_node *node, const char *name,
	uint64_t sort_ino, uint32_t ordinal, uint32_t what, int err);
void peal_du_record_directory(
	struct du_worker *worker, struct du_node *child, uint64_t sort_ino, uint32_t ordinal);

/* node.c */
struct du_node *peal_du_node_new(struct du_walk *walk, struct du_node *parent, const char *name);
void peal_du_node_unref(struct du_node *node);
bool peal_du_node_below_line(const struct du_node *node);
bool peal_du_node_claim(struct du_node *node);
bool peal_du_node_is_done(struct du_node *node);
void peal_du_node_done(struct du_node *node);
char *peal_du_node_path(
	struct du_worker *worker, const struct du_node *node, const char *name, size_t *size);
struct du_part *peal_du_part_new(struct du_node *node, size_t tail);
void peal_du_part_free(struct du_walk *walk, struct du_part *part);

/* dir.c */
int peal_du_dir_use(struct du_worker *worker, struct du_node *node);
void peal_du_dir_done(struct du_walk *walk, struct du_node *node);
void peal_du_dir_opened_child(struct du_walk *walk, struct du_node *node);
void peal_du_dir_set(struct du_node *node, int fd);
int peal_du_dir_open(
	struct du_worker *worker, struct du_node *parent, int at, const char *name, bool follow);
void peal_du_dir_close(struct du_walk *walk, struct du_node *node);

/* cycle.c */
void peal_du_cycle_check(struct du_node *node, const struct statx *st, bool followed);

/* line.c */
struct du_line *peal_du_line_new(struct du_walk *walk, struct du_node *root);
void peal_du_line_free(struct du_walk *walk, struct du_line *line);
struct du_node *peal_du_line_root(const struct du_line *line);
void peal_du_line_expect(struct du_line *line, uint64_t jobs);
struct du_tally *peal_du_line_tally(struct du_worker *worker, struct du_line *line);
void peal_du_line_link(struct du_worker *worker, const struct du_link *link);
void peal_du_line_flush(struct du_worker *worker);
void peal_du_line_sum(struct du_walk *walk, struct du_node *root);
void peal_du_line_message(
	struct du_worker *worker, struct du_node *node, const char *name, uint32_t what, int err);

/* cursor.c */
enum du_progress { DU_BLOCKED, DU_GOING, DU_AT_END };
int peal_du_cursor_start(struct du_walk *walk, struct du_node *root);
enum du_progress peal_du_cursor_advance(struct du_walk *walk);
void peal_du_cursor_drop(struct du_walk *walk);

/* links.c */
struct du_set *peal_du_set_new(const struct peal_host *host);
void peal_du_set_free(struct du_set *set);
int peal_du_set_add(struct du_set *set, uint64_t dev, uint64_t ino);

/* exclude.c */
bool peal_du_excluded(const char *const *patterns, const char *path);

#endif
