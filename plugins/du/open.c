/* SPDX-License-Identifier: MIT */
/*
 * Opening a directory and looking at what it is, and looking at other things by name.
 *
 * A directory is opened first and looked at through its descriptor: that saves resolving the name
 * twice, and shows what is mounted there on demand. Only what must not be entered (one_filesystem) or
 * cannot be opened is looked at by name.
 */
#include <limits.h>

#include "walk.h"

static long stat_at(struct du_walk *walk, int at, const char *name, int flags, struct statx *st)
{
	return du_sys(walk, SYS_statx, at, (long)name, flags | AT_NO_AUTOMOUNT, STATX_BASIC_STATS,
		(long)st);
}

static bool follows(const struct du_walk *walk, const struct du_node *parent)
{
	return walk->opts.follow == PEAL_DU_FOLLOW_ALL ||
		(!parent && walk->opts.follow == PEAL_DU_FOLLOW_PATHS);
}

/*
 * Where links are followed names are resolved as whole paths, as far as those fit: the kernel counts
 * the links on a path, and a chain of too many is an error (ELOOP) and not a walk without end.
 */
static const char *resolve(
	struct du_worker *worker, const struct du_node *node, const char *name, int *at)
{
	size_t size;
	char *path;

	if (!node || worker->walk->opts.follow != PEAL_DU_FOLLOW_ALL)
		return name;
	path = peal_du_node_path(worker, node, name, &size);
	if (!path || size >= PATH_MAX)
		return name;
	*at = AT_FDCWD;
	return path;
}

/* stat or lstat something in the node; at is the node's descriptor. */
long peal_du_look(
	struct du_worker *worker, struct du_node *node, int at, const char *name, struct statx *st)
{
	bool follow = follows(worker->walk, node);

	name = resolve(worker, node, name, &at);
	return stat_at(worker->walk, at, name, follow ? 0 : AT_SYMLINK_NOFOLLOW, st);
}

/* A name that is not there for who follows links: is it a link? */
bool peal_du_dangles(struct du_worker *worker, struct du_node *node, int at, const char *name)
{
	struct statx st;

	return follows(worker->walk, node) &&
		stat_at(worker->walk, at, name, AT_SYMLINK_NOFOLLOW, &st) == 0;
}

static void take(struct du_node *node, const struct statx *st)
{
	node->dev = du_dev(st);
	node->ino = st->stx_ino;
	node->mode = st->stx_mode;
	node->self = peal_du_stat_sum(st);
	node->hashed = node->walk->hash_all || (!S_ISDIR(st->stx_mode) && st->stx_nlink > 1);
}

/* It cannot be looked at. What has vanished since its name was read is passed over. */
static void cannot_look(struct du_node *node, long err)
{
	node->outcome = err == -ENOENT && node->parent ? DU_SKIPPED : DU_NO_ACCESS;
	node->err = (int)err;
}

/* It cannot be opened: is it there at all? */
static void cannot_open(struct du_worker *worker, struct du_node *node, int at, int err)
{
	struct statx st;
	long looked = peal_du_look(worker, node->parent, at, node->name, &st);

	if (looked < 0) {
		cannot_look(node, looked);
		return;
	}
	node->outcome = S_ISDIR(st.stx_mode) ? DU_UNREAD : DU_FILE;
	node->err = err;
	take(node, &st);
}

static bool is_elsewhere(struct du_worker *worker, struct du_node *node, int at)
{
	struct statx st;

	return worker->walk->opts.one_filesystem && node->parent &&
		!peal_du_look(worker, node->parent, at, node->name, &st) &&
		du_dev(&st) != worker->walk->dev;
}

/* Open it below `at`, its parent, and see what it is. Its descriptor, or -1; see its outcome. */
static int open_at(struct du_worker *worker, struct du_node *node, int at)
{
	struct du_walk *walk = worker->walk;
	bool follow = follows(walk, node->parent);
	const char *name;
	struct statx st;
	long err;
	int fd, from = at;

	if (is_elsewhere(worker, node, at)) {
		node->outcome = DU_SKIPPED;
		return -1;
	}
	name = resolve(worker, node->parent, node->name, &from);
	fd = peal_du_dir_open(worker, node->parent, from, name, follow);
	if (fd < 0) {
		cannot_open(worker, node, at, fd);
		return -1;
	}
	peal_du_dir_set(node, fd);
	err = stat_at(walk, fd, "", AT_EMPTY_PATH, &st);
	if (err < 0) {
		cannot_look(node, err);
		return fd;
	}
	take(node, &st);
	peal_du_cycle_check(node, &st, node->found_by_link);
	return fd;
}

/* What a node below a line is found to be goes to the line at once. */
static void tell_line(struct du_worker *worker, struct du_node *node)
{
	static const uint8_t messages[] = {
		[DU_UNREAD] = PEAL_DU_CANNOT_READ,
		[DU_NO_ACCESS] = PEAL_DU_CANNOT_ACCESS,
		[DU_BAD_LOOP] = PEAL_DU_CYCLE,
	};

	if (node->outcome < sizeof(messages) && messages[node->outcome])
		peal_du_line_message(worker, node, "", messages[node->outcome], node->err);
	if (node->outcome == DU_READ || node->outcome == DU_UNREAD || node->outcome == DU_FILE)
		du_sum_add(&peal_du_line_tally(worker, node->line)->sum, &node->self);
}

/* Below the lines of a direct walk nobody else decides what was counted before. */
static void check_seen(struct du_walk *walk, struct du_node *node)
{
	int is_new;

	if (!walk->direct || !walk->seen || !node->hashed || node->outcome == DU_NO_ACCESS ||
		node->outcome == DU_SKIPPED)
		return;
	is_new = peal_du_set_add(walk->seen, node->dev, node->ino);
	if (is_new < 0)
		peal_du_end(walk, is_new);
	if (is_new <= 0)
		node->outcome = DU_SKIPPED;
}

/* Open a claimed node. True when there is something to read; otherwise its outcome says why not. */
bool peal_du_open(struct du_worker *worker, struct du_node *node)
{
	struct du_walk *walk = worker->walk;
	struct du_node *parent = node->parent;
	int at = peal_du_dir_use(worker, parent), fd = -1;

	if (parent && at < 0) {
		node->outcome = DU_NO_ACCESS;
		node->err = at;
	} else {
		fd = open_at(worker, node, at);
		peal_du_dir_done(walk, parent);
	}
	peal_du_dir_opened_child(walk, parent);
	check_seen(walk, node);
	if (peal_du_node_below_line(node))
		tell_line(worker, node);
	return fd >= 0 && node->outcome == DU_READ;
}
