/* SPDX-License-Identifier: MIT */
/*
 * Nodes: one for each directory that is being walked.
 *
 * A node is held by its parent's event until the cursor has passed it, by each job for it, and by the
 * nodes in it. Its memory is given back iteratively: a chain may be deeper than any stack.
 */
#include "walk.h"

/* The slash after a given path that ends in one ("/", "dir/") is not doubled. */
static size_t joint(const struct du_node *node)
{
	return node->parent || node->name[node->name_size - 1] != '/';
}

/* Below the levels that are reported sums go to a line, and the deepest of them begins it. */
static int set_line(struct du_node *node)
{
	struct du_walk *walk = node->walk;

	if (node->parent && node->parent->line)
		node->line = node->parent->line;
	else if (node->depth == walk->line_depth)
		return (node->line = peal_du_line_new(walk, node)) ? 0 : -ENOMEM;
	return 0;
}

bool peal_du_node_below_line(const struct du_node *node)
{
	return node->line && peal_du_line_root(node->line) != node;
}

static void add_to_parent(struct du_node *node, struct du_node *parent)
{
	node->parent = parent;
	node->path_size += parent->path_size + (uint32_t)joint(parent);
	node->depth = parent->depth + 1;
	atomic_fetch_add_explicit(&parent->refs, 1, memory_order_relaxed);
	atomic_fetch_add(&parent->unopened, 1);
}

/*
 * A fresh node with one reference, for its event in the parent, for its job if it has no event, or for
 * the cursor if it has no parent. NULL: no memory.
 */
struct du_node *peal_du_node_new(struct du_walk *walk, struct du_node *parent, const char *name)
{
	size_t size = strlen(name);
	struct du_node *node = walk->host->alloc(1, sizeof(*node) + size + 1);

	if (!node)
		return NULL;
	node->walk = walk;
	node->last_part = &node->parts;
	node->name_size = (uint16_t)size;
	node->path_size = (uint32_t)size;
	memcpy(node->name, name, size + 1);
	atomic_init(&node->refs, 1);
	atomic_init(&node->state, DU_FRESH);
	if (parent)
		add_to_parent(node, parent);
	if (!set_line(node))
		return node;
	peal_du_node_unref(node);
	return NULL;
}

static void node_free(struct du_node *node)
{
	struct du_walk *walk = node->walk;

	peal_du_dir_close(walk, node);
	while (node->parts) {
		struct du_part *part = node->parts;

		node->parts = part->next;
		peal_du_part_free(walk, part);
	}
	if (node->line && peal_du_line_root(node->line) == node)
		peal_du_line_free(walk, node->line);
	walk->host->free(node->sorted);
	walk->host->free(node);
}

void peal_du_node_unref(struct du_node *node)
{
	while (node && atomic_fetch_sub_explicit(&node->refs, 1, memory_order_acq_rel) == 1) {
		struct du_node *parent = node->parent;

		node_free(node);
		node = parent;
	}
}

bool peal_du_node_claim(struct du_node *node)
{
	uint32_t fresh = DU_FRESH;

	return atomic_compare_exchange_strong_explicit(
		&node->state, &fresh, DU_CLAIMED, memory_order_acquire, memory_order_relaxed);
}

bool peal_du_node_is_done(struct du_node *node)
{
	return atomic_load_explicit(&node->state, memory_order_acquire) & DU_DONE;
}

/* What was written to the node is the cursor's from here on. */
void peal_du_node_done(struct du_node *node)
{
	struct du_walk *walk = node->walk;

	if (atomic_exchange_explicit(&node->state, DU_DONE, memory_order_acq_rel) & DU_AWAITED)
		peal_du_wake(walk);
}

/*
 * The path of what is called `name` in the node, or of the node itself (NULL), in the worker's
 * scratch memory. NULL: no memory.
 */
char *peal_du_node_path(
	struct du_worker *worker, const struct du_node *node, const char *name, size_t *size)
{
	const struct peal_host *host = worker->walk->host;
	size_t tail = name ? strlen(name) + joint(node) : 0, all = node->path_size + tail;
	char *at;

	if (worker->path_size <= all) {
		host->free(worker->path);
		worker->path_size = all + 256;
		worker->path = host->alloc(1, worker->path_size);
	}
	if (!worker->path) {
		worker->path_size = 0;
		return NULL;
	}
	*size = all;
	at = worker->path + all;
	*at = '\0';
	if (name) {
		at -= strlen(name);
		memcpy(at, name, strlen(name));
		if (joint(node))
			*--at = '/';
	}
	for (; node; node = node->parent) {
		at -= node->name_size;
		memcpy(at, node->name, node->name_size);
		if (node->parent && joint(node->parent))
			*--at = '/';
	}
	return worker->path;
}

/* A part with room for `tail` bytes of its own after it, at part + 1. NULL: no memory. */
struct du_part *peal_du_part_new(struct du_node *node, size_t tail)
{
	struct du_part *part = node->walk->host->alloc(1, sizeof(*part) + tail);

	if (part)
		part->node = node;
	return part;
}

static void free_unless_inside(const struct peal_host *host, struct du_part *part, char *memory)
{
	if (memory != (char *)(part + 1))
		host->free(memory);
}

void peal_du_part_free(struct du_walk *walk, struct du_part *part)
{
	free_unless_inside(walk->host, part, part->names);
	free_unless_inside(walk->host, part, part->events);
	walk->host->free(part);
}
