/* SPDX-License-Identifier: MIT */
/*
 * The cursor: goes through what was scanned in GNU du's order, counts, and tells.
 *
 * Everything that depends on order happens here, in one fiber: which hard link counts, which of two
 * ways to a directory is taken, sums, and the user's calls. So results do not depend on how many
 * shards there are or who scanned what.
 */
#include <stdlib.h>

#include "walk.h"

#define EVENTS_AT_ONCE 256

/* When a walk was ended early, what was begun is as good as done. */
static bool is_done(struct du_node *node)
{
	return node->walk->cursor.dropping || peal_du_node_is_done(node);
}

static bool is_quiet(const struct du_walk *walk)
{
	return walk->cursor.quiet || du_ends((struct du_walk *)walk);
}

/* Make the path longer by a name, with a slash unless it has one. */
static bool path_push(struct du_walk *walk, const char *name, bool slash)
{
	struct du_cursor *cursor = &walk->cursor;
	size_t size = strlen(name), all = cursor->used + slash + size;

	if (all + 1 > cursor->size) {
		char *path = walk->host->alloc(1, all * 2 + 256);

		if (!path) {
			peal_du_end(walk, -ENOMEM);
			return false;
		}
		if (cursor->used)
			memcpy(path, cursor->path, cursor->used);
		walk->host->free(cursor->path);
		cursor->path = path;
		cursor->size = all * 2 + 256;
	}
	if (slash)
		cursor->path[cursor->used] = '/';
	memcpy(cursor->path + cursor->used + slash, name, size + 1);
	cursor->used = all;
	return true;
}

static void path_cut(struct du_walk *walk, size_t used)
{
	walk->cursor.used = used;
	walk->cursor.path[used] = '\0';
}

static bool path_push_below(struct du_walk *walk, const char *name)
{
	struct du_cursor *cursor = &walk->cursor;

	return path_push(walk, name, cursor->used && cursor->path[cursor->used - 1] != '/');
}

static void tell_entry(struct du_walk *walk, uint32_t depth, uint32_t mode,
	const struct peal_du_sum *own, const struct peal_du_sum *total)
{
	struct peal_du_entry entry = {
		.size = sizeof(entry),
		.path = walk->cursor.path,
		.path_size = walk->cursor.used,
		.depth = depth,
		.mode = mode,
		.total = *total,
	};
	int err;

	if (!walk->opts.entry)
		return;
	if (walk->opts.separate)
		entry.own = *own;
	err = walk->opts.entry(walk->opts.arg, &entry);
	if (err < 0)
		peal_du_end(walk, err);
}

static void tell_error(struct du_walk *walk, uint32_t what, int err)
{
	peal_du_tell(walk, walk->cursor.path, walk->cursor.used, what, err);
}

/* Is it the first time that we see it? */
static bool is_new(struct du_walk *walk, uint64_t dev, uint64_t ino)
{
	int added = peal_du_set_add(walk->seen, dev, ino);

	if (added < 0)
		peal_du_end(walk, added);
	return added > 0;
}

static void pass_file(struct du_walk *walk, struct du_node *node, const struct du_event *event)
{
	size_t used = walk->cursor.used;

	if (event->file.hashed && walk->seen && !is_new(walk, event->file.dev, event->file.ino))
		return;
	du_sum_add(&node->own, &event->file.sum);
	if (!event->file.shown || !path_push_below(walk, event->name))
		return;
	tell_entry(walk, node->depth + 1, event->file.mode, &event->file.sum, &event->file.sum);
	path_cut(walk, used);
}

static void pass_error(struct du_walk *walk, const struct du_event *event)
{
	size_t used = walk->cursor.used;

	if (!path_push_below(walk, event->name))
		return;
	tell_error(walk, event->what, event->err);
	path_cut(walk, used);
}

/* Go down into a directory; its event's reference becomes the cursor's. */
static void pass_directory(struct du_walk *walk, struct du_node *child)
{
	path_push_below(walk, child->name);
	walk->cursor.node = child;
}

static void pass(struct du_walk *walk, struct du_node *node, const struct du_event *event)
{
	if (event->kind == DU_EVENT_DIRECTORY)
		pass_directory(walk, event->node);
	else if (is_quiet(walk))
		return;
	else if (event->kind == DU_EVENT_FILE)
		pass_file(walk, node, event);
	else
		pass_error(walk, event);
}

static int by_inode(const void *a, const void *b)
{
	const struct du_event *x = *(struct du_event *const *)a;
	const struct du_event *y = *(struct du_event *const *)b;
	uint32_t batch_x = x->ordinal / DU_SORT_BATCH, batch_y = y->ordinal / DU_SORT_BATCH;

	if (batch_x != batch_y)
		return batch_x < batch_y ? -1 : 1;
	if (x->sort_ino != y->sort_ino)
		return x->sort_ino < y->sort_ino ? -1 : 1;
	return x->ordinal < y->ordinal ? -1 : x->ordinal > y->ordinal;
}

static struct du_event *next_in_parts(struct du_node *node)
{
	struct du_event *event;

	while (node->at && node->offset == node->at->events_size) {
		node->at = node->at->next;
		node->offset = 0;
	}
	if (!node->at)
		return NULL;
	event = (struct du_event *)(node->at->events + node->offset);
	node->offset += (size_t)event->size * 8;
	return event;
}

/* A large directory: GNU du passes it in the order of its inodes. Without memory we do not. */
static void sort(struct du_walk *walk, struct du_node *node)
{
	struct du_event *event;
	size_t count = 0;

	node->at = node->parts;
	while (next_in_parts(node))
		count++;
	node->at = node->parts;
	node->offset = 0;
	if (!count)
		return;
	node->sorted = walk->host->alloc(count, sizeof(struct du_event *));
	if (!node->sorted)
		return;
	while ((event = next_in_parts(node)))
		node->sorted[node->sorted_count++] = event;
	qsort(node->sorted, count, sizeof(struct du_event *), by_inode);
	node->offset = 0;
}

static struct du_event *next_event(struct du_node *node)
{
	if (!node->sorted)
		return next_in_parts(node);
	return node->offset < node->sorted_count ? node->sorted[node->offset++] : NULL;
}

/* Told what is wrong with it: does it count? */
static bool counts(struct du_walk *walk, struct du_node *node)
{
	bool once = node->hashed && walk->seen && !walk->direct;

	if (node->outcome == DU_NO_ACCESS)
		tell_error(walk, PEAL_DU_CANNOT_ACCESS, node->err);
	if (node->outcome == DU_NO_ACCESS || node->outcome == DU_SKIPPED)
		return false;
	if ((once && !is_new(walk, node->dev, node->ino)) || node->outcome == DU_LOOP)
		return false;
	if (node->outcome == DU_BAD_LOOP)
		tell_error(walk, PEAL_DU_CYCLE, 0);
	return node->outcome != DU_BAD_LOOP;
}

/* The node was scanned and the cursor has come to it. */
static void enter(struct du_walk *walk, struct du_node *node)
{
	node->entered = true;
	node->at = node->parts;
	if (is_quiet(walk) || !counts(walk, node)) {
		node->left_out = true;
		if (!walk->cursor.quiet)
			walk->cursor.quiet = node;
		return;
	}
	for (struct du_part *part = node->parts; part; part = part->next)
		du_sum_add(&node->own, &part->files);
	if (node->line)
		peal_du_line_sum(walk, node);
	if (node->by_inode)
		sort(walk, node);
}

/* Tell what it came to, and add that to what it is in. */
static void count(struct du_walk *walk, struct du_node *node)
{
	struct peal_du_sum total;

	if (node->outcome == DU_UNREAD)
		tell_error(walk, PEAL_DU_CANNOT_READ, node->err);
	if (node->outcome == DU_BROKEN)
		tell_error(walk, PEAL_DU_BROKEN_READ, node->err);
	du_sum_add(&node->own, &node->self);
	total = node->own;
	du_sum_add(&total, &node->below);
	if (node->depth < walk->opts.depth_limit &&
		(node->outcome != DU_FILE || walk->opts.files || !node->depth))
		tell_entry(walk, node->depth, node->mode, &node->own, &total);
	du_sum_add(node->parent ? &node->parent->below : &walk->result.sum, &total);
}

/* All that is in it has been passed. */
static void leave(struct du_walk *walk, struct du_node *node)
{
	struct du_cursor *cursor = &walk->cursor;
	struct du_node *parent = node->parent;

	if (!node->left_out && !du_ends(walk))
		count(walk, node);
	if (cursor->quiet == node)
		cursor->quiet = NULL;
	if (parent && !du_ends(walk))
		path_cut(walk, parent->path_size);
	atomic_fetch_sub_explicit(&walk->retained, node->weight, memory_order_relaxed);
	cursor->node = parent;
	peal_du_node_unref(node);
}

int peal_du_cursor_start(struct du_walk *walk, struct du_node *root)
{
	walk->cursor.used = 0;
	walk->cursor.quiet = NULL;
	walk->cursor.node = root;
	return path_push(walk, root->name, false) ? 0 : -ENOMEM;
}

/* Where nothing counts nothing needs to be scanned. */
static bool is_needless(struct du_walk *walk, struct du_node *node)
{
	if (!is_quiet(walk) || !peal_du_node_claim(node))
		return false;
	node->outcome = DU_SKIPPED;
	peal_du_dir_opened_child(walk, node->parent);
	peal_du_node_done(node);
	return true;
}

/* Pass what there is, but not too much at a time. Blocked: walk->cursor.node must be scanned. */
enum du_progress peal_du_cursor_advance(struct du_walk *walk)
{
	struct du_node *node;

	for (int events = 0; events < EVENTS_AT_ONCE; events++) {
		struct du_event *event;

		node = walk->cursor.node;
		if (!node)
			return DU_AT_END;
		if (!node->entered) {
			if (!is_done(node) && !is_needless(walk, node))
				return DU_BLOCKED;
			enter(walk, node);
		}
		event = next_event(node);
		if (event)
			pass(walk, node, event);
		else
			leave(walk, node);
	}
	return DU_GOING;
}

/* Give back all that the cursor has not come to. No task of the walk is left. */
void peal_du_cursor_drop(struct du_walk *walk)
{
	walk->cursor.dropping = true;
	while (peal_du_cursor_advance(walk) != DU_AT_END)
		;
	walk->cursor.dropping = false;
}
