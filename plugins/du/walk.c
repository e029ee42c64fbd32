/* SPDX-License-Identifier: MIT */
/*
 * A whole walk: path after path, in the calling fiber.
 *
 * Paths are walked strictly one after another: what an earlier one has counted a later one does not
 * count again, so they cannot overlap in time.
 */
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <peal/task.h>
#include <peal/time.h>

#include "walk.h"

/* The walk is over, with this error unless there was one before. */
void peal_du_end(struct du_walk *walk, int err)
{
	int none = 0;

	atomic_compare_exchange_strong(&walk->cancel, &none, err);
}

/* Something is wrong with a path. In the calling fiber. */
void peal_du_tell(struct du_walk *walk, const char *path, size_t size, uint32_t what, int err)
{
	struct peal_du_error error = {
		.size = sizeof(error),
		.path = path,
		.path_size = size,
		.what = what,
		.err = err,
	};
	int answer = 0;

	__atomic_fetch_add(&walk->watch->errors, 1, __ATOMIC_RELAXED);
	walk->host->count(walk->host, DU_ERRORS, 1);
	if (walk->opts.error)
		answer = walk->opts.error(walk->opts.arg, &error);
	if (answer < 0)
		peal_du_end(walk, answer);
}

void peal_du_counts(const struct peal_du_watch *watch, struct peal_du_counts *counts)
{
	counts->entries = __atomic_load_n(&watch->entries, __ATOMIC_RELAXED);
	counts->directories = __atomic_load_n(&watch->directories, __ATOMIC_RELAXED);
	counts->allocated = __atomic_load_n(&watch->allocated, __ATOMIC_RELAXED);
	counts->errors = __atomic_load_n(&watch->errors, __ATOMIC_RELAXED);
}

static void tick(struct du_walk *walk)
{
	struct peal_du_counts counts;
	int answer;

	if (!peal_du_tick_is_due(walk))
		return;
	peal_du_counts(walk->watch, &counts);
	answer = walk->opts.tick(walk->opts.arg, &counts);
	if (answer < 0)
		peal_du_end(walk, answer);
	atomic_store_explicit(
		&walk->next_tick, peal_in(walk->opts.tick_interval), memory_order_relaxed);
}

static struct du_message *take_messages(struct du_walk *walk)
{
	struct du_message *messages;

	if (!atomic_exchange_explicit(&walk->told, false, memory_order_acquire))
		return NULL;
	pthread_mutex_lock(&walk->lock);
	messages = walk->messages;
	walk->messages = NULL;
	walk->last_message = &walk->messages;
	pthread_mutex_unlock(&walk->lock);
	return messages;
}

static void tell_messages(struct du_walk *walk)
{
	struct du_message *message = take_messages(walk);

	while (message) {
		struct du_message *next = message->next;

		if (!du_ends(walk))
			peal_du_tell(walk, message->path, message->error.path_size,
				message->error.what, message->error.err);
		walk->host->free(message);
		message = next;
	}
}

static void walk_tree(struct du_walk *walk, const char *path)
{
	struct du_node *root = peal_du_node_new(walk, NULL, path);
	enum du_progress progress;

	if (!root || peal_du_cursor_start(walk, root)) {
		peal_du_node_unref(root);
		walk->cursor.node = NULL;
		peal_du_end(walk, -ENOMEM);
		return;
	}
	peal_du_help_start(walk);
	while (!du_ends(walk) && (progress = peal_du_cursor_advance(walk)) != DU_AT_END) {
		if (progress == DU_BLOCKED)
			peal_du_step(walk, walk->cursor.node);
		peal_du_give_way(walk);
		tell_messages(walk);
		tick(walk);
	}
	tell_messages(walk);
}

static void count_file(struct du_walk *walk, const char *path, size_t size, const struct statx *st)
{
	struct peal_du_entry entry = {
		.size = sizeof(entry),
		.path = path,
		.path_size = size,
		.mode = st->stx_mode,
		.total = peal_du_stat_sum(st),
	};
	int answer = 0, is_new = 1;

	__atomic_fetch_add(&walk->watch->entries, 1, __ATOMIC_RELAXED);
	if (walk->seen && (walk->hash_all || st->stx_nlink > 1))
		is_new = peal_du_set_add(walk->seen, du_dev(st), st->stx_ino);
	if (is_new < 0)
		peal_du_end(walk, is_new);
	if (is_new <= 0)
		return;
	if (walk->opts.separate)
		entry.own = entry.total;
	du_sum_add(&walk->result.sum, &entry.total);
	if (walk->opts.entry)
		answer = walk->opts.entry(walk->opts.arg, &entry);
	if (answer < 0)
		peal_du_end(walk, answer);
}

static void walk_path(struct du_walk *walk, const char *path)
{
	size_t size = strlen(path);
	struct statx st;
	long err;

	if (!size) {
		peal_du_tell(walk, path, 0, PEAL_DU_EMPTY_PATH, 0);
		return;
	}
	if (walk->opts.exclude && peal_du_excluded(walk->opts.exclude, path))
		return;
	err = peal_du_look(walk->workers, NULL, AT_FDCWD, path, &st);
	if (err == -ENOENT && peal_du_dangles(walk->workers, NULL, AT_FDCWD, path))
		peal_du_tell(walk, path, size, PEAL_DU_DANGLING, 0);
	else if (err < 0)
		peal_du_tell(walk, path, size, PEAL_DU_CANNOT_ACCESS, (int)err);
	else if (!S_ISDIR(st.stx_mode))
		count_file(walk, path, size, &st);
	else {
		walk->dev = du_dev(&st);
		walk_tree(walk, path);
	}
}

static int default_max_open(struct du_walk *walk)
{
	struct rlimit limit = { 0 };
	long err = du_sys(walk, SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit, 0);
	rlim_t half = limit.rlim_cur / 2;

	if (err < 0)
		return 64;
	return half > INT_MAX ? INT_MAX : half < 1 ? 1 : (int)half;
}

static bool is_zero(const unsigned char *bytes, size_t size)
{
	while (size--)
		if (*bytes++)
			return false;
	return true;
}

/* Options of another version: what we do not know must be zero. */
static int take_opts(struct peal_du_opts *to, const struct peal_du_opts *opts)
{
	*to = (struct peal_du_opts){ 0 };
	if (!opts)
		return 0;
	if (opts->size < offsetof(struct peal_du_opts, entry))
		return -EINVAL;
	if (opts->size > sizeof(*to) &&
		!is_zero((const unsigned char *)(opts + 1), opts->size - sizeof(*to)))
		return -E2BIG;
	memcpy(to, opts, opts->size < sizeof(*to) ? opts->size : sizeof(*to));
	if (to->follow > PEAL_DU_FOLLOW_ALL || to->tick_interval < 0 || to->max_open > INT_MAX)
		return -EINVAL;
	if (!is_zero(to->reserved, sizeof(to->reserved)))
		return -E2BIG;
	return 0;
}

static int make_workers(struct du_walk *walk)
{
	const struct peal_host *host = walk->host;
	uint32_t count = peal_rt_shards(host->rt) + walk->plugin->pool;
	uintptr_t align = _Alignof(struct du_worker);

	walk->worker_memory = host->alloc(count + 1, sizeof(struct du_worker));
	if (!walk->worker_memory)
		return -ENOMEM;
	walk->workers =
		(struct du_worker *)(((uintptr_t)walk->worker_memory + align - 1) & ~(align - 1));
	walk->worker_count = count;
	for (uint32_t i = 0; i < count; i++) {
		struct du_worker *worker = &walk->workers[i];

		worker->walk = walk;
		worker->names = walk->plugin->pool ? &worker->own_names : NULL;
		if (i) {
			worker->idle = walk->idle;
			walk->idle = worker;
		}
	}
	return 0;
}

static int walk_start(struct du_walk *walk, size_t count)
{
	struct peal_du_opts *opts = &walk->opts;

	pthread_mutex_init(&walk->lock, NULL);
	walk->event_fd = -1;
	walk->last_message = &walk->messages;
	walk->watch = opts->watch ? opts->watch : &walk->own_watch;
	if (!opts->depth_limit)
		opts->depth_limit = UINT32_MAX;
	if (!opts->max_memory)
		opts->max_memory = 128ULL << 20;
	if (!opts->tick_interval)
		opts->tick_interval = 100 * PEAL_MS;
	walk->next_tick = peal_in(opts->tick_interval);
	walk->max_open = opts->max_open ? (int)opts->max_open : default_max_open(walk);
	walk->hash_all = !opts->count_links && (count > 1 || opts->follow == PEAL_DU_FOLLOW_ALL);
	walk->direct = opts->depth_limit == 1 && !opts->separate;
	walk->line_depth = UINT32_MAX;
	if (opts->depth_limit < UINT32_MAX && (walk->direct || !walk->hash_all))
		walk->line_depth = opts->depth_limit - !opts->separate;
	if (!opts->count_links) {
		walk->seen = peal_du_set_new(walk->host);
		if (!walk->seen)
			return -ENOMEM;
	}
	if (make_workers(walk))
		return -ENOMEM;
	peal_du_help_init(walk);
	walk->parallel = walk->worker_count > 1 && opts->follow != PEAL_DU_FOLLOW_ALL;
	return 0;
}

static void free_worker(struct du_walk *walk, struct du_worker *worker)
{
	du_job job;

	while (peal_du_jobs_pop(&worker->jobs, &job))
		peal_du_job_drop(walk, job);
	walk->host->free(worker->jobs.ring);
	walk->host->free(worker->own_names);
	walk->host->free(worker->events);
	walk->host->free(worker->path);
	walk->host->free(worker->tally.links);
}

/* No task of the walk is left. */
static void walk_free(struct du_walk *walk)
{
	for (uint32_t i = 0; i < walk->worker_count; i++)
		free_worker(walk, &walk->workers[i]);
	peal_du_cursor_drop(walk);
	tell_messages(walk);
	walk->host->free(walk->spare.ring);
	walk->host->free(walk->worker_memory);
	walk->host->free(walk->cursor.path);
	peal_du_set_free(walk->seen);
	if (walk->event_fd >= 0)
		du_sys(walk, SYS_close, walk->event_fd, 0, 0, 0, 0);
	pthread_mutex_destroy(&walk->lock);
	walk->host->free(walk);
}

static void publish_all(struct du_walk *walk)
{
	for (uint32_t i = 0; i < walk->worker_count; i++)
		peal_du_publish(&walk->workers[i]);
}

int peal_du_run(void *state, const char *const *paths, size_t count, struct peal_du_result *result,
	const struct peal_du_opts *opts)
{
	struct du_plugin *plugin = state;
	struct du_walk *walk;
	struct peal_du_counts counts;
	int err;

	if (count && !paths)
		return -EINVAL;
	/* Only fibers can wait, and only they can give way. */
	if (peal_rt_current() != plugin->host->rt || peal_yield())
		return -EPERM;
	walk = plugin->host->alloc(1, sizeof(*walk));
	if (!walk)
		return -ENOMEM;
	walk->plugin = plugin;
	walk->host = plugin->host;
	err = take_opts(&walk->opts, opts);
	if (!err)
		err = walk_start(walk, count);
	for (size_t i = 0; !err && i < count && !du_ends(walk); i++)
		walk_path(walk, paths[i]);
	peal_du_wait_tasks(walk);
	if (!err) {
		publish_all(walk);
		err = walk->cancel;
		if (result) {
			peal_du_counts(walk->watch, &counts);
			walk->result.entries = counts.entries;
			walk->result.directories = counts.directories;
			walk->result.errors = counts.errors;
			*result = walk->result;
		}
	}
	walk_free(walk);
	return err;
}
