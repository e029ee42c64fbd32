/* SPDX-License-Identifier: MIT */
/*
 * Directories inside themselves.
 *
 * Sound file systems have none, but the tree that a walk sees can: a directory may be mounted below
 * itself, and followed links may lead back. Such a loop passes through a mount point or a followed
 * link, so a directory is compared with those above the nearest of them, if there is one at all, and
 * an ordinary tree costs nothing.
 *
 * A damaged file system can have any loop. Against those every directory is compared with one
 * ancestor, its mark: the one whose depth is the largest power of two below its own (Brent,
 * "An improved Monte Carlo factorization algorithm", BIT 20, 1980). It finds every loop, if late.
 */
#include "walk.h"

static bool same(const struct du_node *a, const struct du_node *b)
{
	return a->ino == b->ino && a->dev == b->dev;
}

static bool is_power_of_two(uint32_t n)
{
	return (n & (n - 1)) == 0;
}

/* The node was opened, st is of it. Sets its outcome when it is inside itself. */
void peal_du_cycle_check(struct du_node *node, const struct statx *st, bool followed)
{
	struct du_node *parent = node->parent, *above;
	bool told = st->stx_attributes_mask & STATX_ATTR_MOUNT_ROOT;

	if (!parent)
		return;
	/* Before Linux 5.8 nobody tells mounts from other directories. */
	if (followed || !told || st->stx_attributes & STATX_ATTR_MOUNT_ROOT)
		node->jump = node;
	else
		node->jump = parent->jump;
	for (above = node->jump ? node->jump->parent : NULL; above; above = above->parent)
		if (same(above, node))
			node->outcome = DU_LOOP;
	node->mark = is_power_of_two(parent->depth) ? parent : parent->mark;
	if (node->outcome == DU_READ && node->mark && same(node->mark, node))
		node->outcome = DU_BAD_LOOP;
}
