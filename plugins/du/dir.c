/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of directories.
 *
 * A directory is opened relative to its parent, so the parent stays open until the last directory in
 * it has been opened: a chain of any depth needs two descriptors. When there are too many, those that
 * nobody uses at the moment are closed early, and reopened by walking down from the nearest ancestor
 * that is open, in pieces shorter than PATH_MAX; what is found there must be the same inode.
 *
 * node->dir holds the descriptor + 1 in its lower half (0: closed) and the number of its users, the
 * pins, in the upper one. Only the last user closes. The users' seq_cst accesses to `dir` and
 * `unopened` make sure that of the last unpin and the opening of the last child one sees the other.
 */
#include <limits.h>
#include <time.h>

#include "walk.h"

#define PIN           ((uint64_t)1 << 32)
#define PINS(word)    ((word) >> 32)
#define FD(word)      ((int)(uint32_t)(word)-1)
#define OPEN_FLAGS    (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
#define STARVED_WAITS 5

static void close_fd(struct du_walk *walk, int fd)
{
	du_sys(walk, SYS_close, fd, 0, 0, 0, 0);
	atomic_fetch_sub_explicit(&walk->open, 1, memory_order_relaxed);
}

static bool over_budget(struct du_walk *walk)
{
	return atomic_load_explicit(&walk->open, memory_order_relaxed) >=
		atomic_load_explicit(&walk->max_open, memory_order_relaxed);
}

/* Close it if it is open and nobody uses it. */
static bool close_idle(struct du_walk *walk, struct du_node *node)
{
	uint64_t word = atomic_load(&node->dir);

	if (!word || PINS(word) || !atomic_compare_exchange_strong(&node->dir, &word, 0))
		return false;
	close_fd(walk, FD(word));
	return true;
}

static int pin(struct du_node *node)
{
	uint64_t word = atomic_load(&node->dir);

	do
		if (!word)
			return -EBADF;
	while (!atomic_compare_exchange_weak(&node->dir, &word, word + PIN));
	return FD(word);
}

/* The scanner's descriptor; its first user. */
void peal_du_dir_set(struct du_node *node, int fd)
{
	atomic_store(&node->dir, (uint64_t)fd + 1 + PIN);
}

/* A user is done with it. */
void peal_du_dir_done(struct du_walk *walk, struct du_node *node)
{
	if (!node)
		return;
	atomic_fetch_sub(&node->dir, PIN);
	if (!atomic_load(&node->unopened) || over_budget(walk))
		close_idle(walk, node);
}

/* One of the directories in it has been opened, or never will be. */
void peal_du_dir_opened_child(struct du_walk *walk, struct du_node *node)
{
	if (node && atomic_fetch_sub(&node->unopened, 1) == 1)
		close_idle(walk, node);
}

/* The node is being freed: there are no users. */
void peal_du_dir_close(struct du_walk *walk, struct du_node *node)
{
	uint64_t word = atomic_load(&node->dir);

	if (word)
		close_fd(walk, FD(word));
}

static bool out_of_descriptors(long err)
{
	return err == -EMFILE || err == -ENFILE;
}

/* Give back what this branch holds; failing that, give others a moment to do so. */
static bool make_room(struct du_walk *walk, struct du_node *node, int *waits)
{
	struct timespec moment = { .tv_nsec = 1000000 };
	int open = atomic_load_explicit(&walk->open, memory_order_relaxed);
	bool closed = false;

	atomic_store_explicit(&walk->max_open, open > 1 ? open - 1 : 1, memory_order_relaxed);
	for (; node; node = node->parent)
		closed |= close_idle(walk, node);
	if (closed)
		return true;
	if (open <= 1 || (*waits)++ >= STARVED_WAITS)
		return false;
	du_sys(walk, SYS_nanosleep, (long)&moment, 0, 0, 0, 0);
	return true;
}

static int open_at(
	struct du_walk *walk, struct du_node *branch, int at, const char *name, int flags)
{
	int waits = 0;
	long fd;

	do
		fd = du_sys(walk, SYS_openat, at, (long)name, flags, 0, 0);
	while (fd == -EINTR || (out_of_descriptors(fd) && make_room(walk, branch, &waits)));
	if (fd >= 0)
		atomic_fetch_add_explicit(&walk->open, 1, memory_order_relaxed);
	return (int)fd;
}

/* Open a directory in `at`, which is the parent's descriptor. It, or a negative errno. */
int peal_du_dir_open(
	struct du_worker *worker, struct du_node *parent, int at, const char *name, bool follow)
{
	return open_at(worker->walk, parent, at, name, OPEN_FLAGS | (follow ? 0 : O_NOFOLLOW));
}

/* Cut the next piece off a long path: at most PATH_MAX - 1 bytes, up to a slash. */
static char *cut(char *path)
{
	char *end;

	if (strlen(path) < PATH_MAX)
		return NULL;
	for (end = path + PATH_MAX - 1; *end != '/'; end--)
		;
	*end++ = '\0';
	while (*end == '/')
		end++;
	return end;
}

/* Open a path of any length below `at`, piece by piece. */
static int open_long(struct du_walk *walk, struct du_node *branch, int at, char *path)
{
	char *rest = cut(path);
	int fd = at, next;

	for (;; path = rest, rest = cut(path)) {
		next = open_at(walk, branch, fd, path, rest ? O_PATH | O_CLOEXEC : OPEN_FLAGS);
		if (fd != at)
			close_fd(walk, fd);
		if (next < 0 || !rest)
			return next;
		fd = next;
	}
}

static int same_inode(struct du_walk *walk, struct du_node *node, int fd)
{
	struct statx st;
	long err = du_sys(walk, SYS_statx, fd, (long)"", AT_EMPTY_PATH, STATX_INO, (long)&st);

	if (err < 0)
		return (int)err;
	return st.stx_ino == node->ino && du_dev(&st) == node->dev ? 0 : -ESTALE;
}

/* Open again what was closed early. */
static int reopen(struct du_worker *worker, struct du_node *node)
{
	struct du_walk *walk = worker->walk;
	struct du_node *above = node->parent;
	int at = AT_FDCWD, fd, err;
	size_t size, skip = 0;
	char *path;

	while (above && (at = pin(above)) < 0)
		above = above->parent;
	if (!above)
		at = AT_FDCWD;
	else
		skip = above->path_size;
	path = peal_du_node_path(worker, node, NULL, &size);
	if (path)
		for (path += skip; above && *path == '/'; path++)
			;
	fd = path ? open_long(walk, node->parent, at, path) : -ENOMEM;
	peal_du_dir_done(walk, above);
	err = fd < 0 ? fd : same_inode(walk, node, fd);
	if (err && fd >= 0)
		close_fd(walk, fd);
	walk->host->count(walk->host, DU_REOPENS, 1);
	return err ? err : fd;
}

/*
 * Its descriptor, for as long as peal_du_dir_done() has not been called; or a negative errno. NULL is
 * the directory that given paths are relative to.
 */
int peal_du_dir_use(struct du_worker *worker, struct du_node *node)
{
	uint64_t closed = 0;
	int fd;

	if (!node)
		return AT_FDCWD;
	while ((fd = pin(node)) < 0) {
		fd = reopen(worker, node);
		if (fd < 0)
			return fd;
		if (atomic_compare_exchange_strong(&node->dir, &closed, (uint64_t)fd + 1 + PIN))
			return fd;
		close_fd(worker->walk, fd);
		closed = 0;
	}
	return fd;
}
