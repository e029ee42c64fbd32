/* SPDX-License-Identifier: MIT */
/*
 * Scanning a directory: open it, read its names, look at the files among them.
 *
 * A small directory is one job. What a large one holds beyond the first names is cut into parts of
 * DU_CHUNK names each, which any shard may look at, while reading goes on in a job of its own behind
 * them: so no more than one buffer of names waits for each shard.
 */
#include <dirent.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "walk.h"

#ifndef LUSTRE_SUPER_MAGIC
#define LUSTRE_SUPER_MAGIC 0x0bd00bd0
#endif
#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xff534d42
#endif

/* What getdents64(2) writes. */
struct dirent_record {
	uint64_t ino;
	int64_t next;
	uint16_t size;
	uint8_t type;
	char name[];
};

static bool is_dot(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static void report(struct du_worker *worker, struct du_node *node, int at,
	const struct dirent_record *entry, uint32_t ordinal, long err)
{
	uint32_t what = PEAL_DU_CANNOT_ACCESS;

	if (err == -ENOENT) {
		/* Gone since its name was read, or a link to nowhere? */
		if (!peal_du_dangles(worker, node, at, entry->name))
			return;
		what = PEAL_DU_DANGLING;
		err = 0;
	}
	peal_du_record_error(worker, node, entry->name, entry->ino, ordinal, what, (int)err);
}

struct names {
	struct du_node *node;
	int fd;
	uint32_t ordinal;
	struct du_node *children; /* found so far, the last one first */
};

static void found_directory(
	struct du_worker *worker, struct names *names, const struct dirent_record *entry)
{
	struct du_walk *walk = worker->walk;
	struct du_node *child = peal_du_node_new(walk, names->node, entry->name);

	if (!child) {
		peal_du_end(walk, -ENOMEM);
		return;
	}
	child->found_by_link = walk->opts.follow == PEAL_DU_FOLLOW_ALL && entry->type != DT_DIR;
	/* One reference is the event's, one the job's. Without helpers the cursor will come by. */
	if (!names->node->line) {
		if (walk->parallel)
			atomic_fetch_add_explicit(&child->refs, 1, memory_order_relaxed);
		peal_du_record_directory(worker, child, entry->ino, names->ordinal);
		if (!walk->parallel)
			return;
	}
	child->sibling = names->children;
	names->children = child;
}

static void found(struct du_worker *worker, struct names *names, const struct dirent_record *entry)
{
	struct du_walk *walk = worker->walk;
	struct du_node *node = names->node;
	struct statx st;
	size_t size;
	long err;

	if (walk->opts.exclude) {
		char *path = peal_du_node_path(worker, node, entry->name, &size);

		if (path && peal_du_excluded(walk->opts.exclude, path))
			return;
	}
	if (entry->type == DT_DIR) {
		found_directory(worker, names, entry);
		return;
	}
	err = peal_du_look(worker, node, names->fd, entry->name, &st);
	worker->work++;
	if (err < 0)
		report(worker, node, names->fd, entry, names->ordinal, err);
	else if (S_ISDIR(st.stx_mode))
		found_directory(worker, names, entry);
	else if (!walk->opts.one_filesystem || du_dev(&st) == walk->dev)
		peal_du_record_file(worker, node, &st, entry->name, entry->ino, names->ordinal);
}

/* The first directory found ends up on top. */
static void push_children(struct du_worker *worker, struct names *names)
{
	uint64_t count = 0;

	for (struct du_node *child = names->children; child; child = child->sibling)
		count++;
	if (count && names->node->line)
		peal_du_line_expect(names->node->line, count);
	while (names->children) {
		struct du_node *child = names->children;

		names->children = child->sibling;
		peal_du_job_push(worker, child, DU_JOB_SCAN);
	}
}

/*
 * Look at up to DU_CHUNK names; part is where the results go, NULL for a part that is not made
 * before. Returns how many bytes of names were used.
 */
static size_t look_at(struct du_worker *worker, struct du_node *node, struct du_part *part, int fd,
	const char *memory, size_t size, uint32_t *ordinal)
{
	struct names names = { .node = node, .fd = fd, .ordinal = *ordinal };
	uint32_t seen = 0;
	size_t used = 0;

	peal_du_record_begin(worker);
	while (used < size && seen < DU_CHUNK) {
		const struct dirent_record *entry = (const void *)(memory + used);

		used += entry->size;
		if (is_dot(entry->name))
			continue;
		found(worker, &names, entry);
		names.ordinal++;
		seen++;
	}
	*ordinal = names.ordinal;
	peal_du_record_end(worker, node, part);
	push_children(worker, &names);
	return used;
}

/* One job of the node less. The last one says that it is done. */
static void job_done(struct du_worker *worker, struct du_node *node)
{
	struct du_walk *walk = worker->walk;

	if (node->line)
		peal_du_line_tally(worker, node->line)->finished++;
	if (atomic_fetch_sub_explicit(&node->jobs, 1, memory_order_acq_rel) == 1) {
		if (atomic_load(&node->dir))
			peal_du_dir_done(walk, node);
		if (!node->line) {
			node->weight = sizeof(*node) + node->name_size;
			for (struct du_part *part = node->parts; part; part = part->next)
				node->weight += sizeof(*part) + part->events_size;
			atomic_fetch_add_explicit(
				&walk->retained, node->weight, memory_order_relaxed);
			peal_du_node_done(node);
		}
	}
	peal_du_node_unref(node);
}

/* A job for a part. */
void peal_du_scan_names(struct du_worker *worker, struct du_part *part)
{
	struct du_node *node = part->node;
	struct du_walk *walk = worker->walk;
	uint32_t ordinal = part->first;

	/* Its descriptor stays open as long as it has jobs. */
	look_at(worker, node, part, (int)(uint32_t)atomic_load(&node->dir) - 1, part->names,
		part->names_size, &ordinal);
	if (node->line) {
		peal_du_part_free(walk, part);
	} else {
		walk->host->free(part->names);
		part->names = NULL;
	}
	job_done(worker, node);
}

/* Cut a part off names that were read: its bytes, or 0 when there is no memory. */
static size_t cut_part(struct du_worker *worker, struct du_node *node, const char *names,
	size_t size, struct du_part **new_part)
{
	size_t used = 0;
	uint32_t count = 0, first = node->entries;
	struct du_part *part;

	for (; used < size && count < DU_CHUNK;
		used += ((const struct dirent_record *)(names + used))->size)
		count += !is_dot(((const struct dirent_record *)(names + used))->name);
	part = peal_du_part_new(node, 0);
	if (part)
		part->names = worker->walk->host->alloc(1, used);
	if (!part || !part->names) {
		worker->walk->host->free(part);
		peal_du_end(worker->walk, -ENOMEM);
		return 0;
	}
	memcpy(part->names, names, used);
	part->names_size = used;
	part->first = first;
	node->entries += count;
	*new_part = part;
	return used;
}

/* Names beyond the first: they become jobs, on top of the one that goes on reading. */
static void cut_parts(
	struct du_worker *worker, struct du_node *node, const char *names, size_t size)
{
	peal_du_job_push(worker, node, DU_JOB_MORE);
	while (size) {
		struct du_part *part;
		size_t used = cut_part(worker, node, names, size, &part);

		if (!used)
			return;
		if (!node->line) {
			*node->last_part = part;
			node->last_part = &part->next;
		} else {
			peal_du_line_expect(node->line, 1);
		}
		atomic_fetch_add_explicit(&node->jobs, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
		peal_du_job_push(worker, part, DU_JOB_NAMES);
		names += used;
		size -= used;
	}
}

/* Is it worth passing a large directory in inode order? GNU du thinks so, but for these. */
static bool sorts(struct du_walk *walk, int fd)
{
	struct statfs fs;

	if (du_sys(walk, SYS_fstatfs, fd, (long)&fs, 0, 0, 0) < 0)
		return true;
	switch ((uint32_t)fs.f_type) {
	case TMPFS_MAGIC:
	case NFS_SUPER_MAGIC:
	case CIFS_SUPER_MAGIC:
	case LUSTRE_SUPER_MAGIC:
		return false;
	default:
		return true;
	}
}

static void read_failed(struct du_worker *worker, struct du_node *node, int err)
{
	node->err = err;
	node->outcome = node->entries ? DU_BROKEN : DU_UNREAD;
	if (peal_du_node_below_line(node))
		peal_du_line_message(worker, node, "",
			node->entries ? PEAL_DU_BROKEN_READ : PEAL_DU_CANNOT_READ, err);
}

/* Read on in an open directory. */
void peal_du_scan_more(struct du_worker *worker, struct du_node *node)
{
	struct du_walk *walk = worker->walk;
	int fd = (int)(uint32_t)atomic_load(&node->dir) - 1;
	char *names = peal_du_names(worker);
	long size = -ENOMEM;

	while (names &&
		(size = du_sys(walk, SYS_getdents64, fd, (long)names, DU_BUFFER, 0, 0)) > 0) {
		uint32_t before = node->entries;
		size_t used = look_at(worker, node, NULL, fd, names, (size_t)size, &node->entries);

		if (used < (size_t)size) {
			cut_parts(worker, node, names + used, (size_t)size - used);
			return;
		}
		if (before + DU_CHUNK <= node->entries || du_ends(walk))
			break;
	}
	if (size > 0) {
		peal_du_job_push(worker, node, DU_JOB_MORE);
		return;
	}
	if (size < 0)
		read_failed(worker, node, (int)size);
	if (node->entries > DU_SORT_ABOVE && !node->line)
		node->by_inode = sorts(walk, fd);
	job_done(worker, node);
}

/* A claimed node. A job: the caller's reference goes to it. */
void peal_du_scan(struct du_worker *worker, struct du_node *node)
{
	atomic_store_explicit(&node->jobs, 1, memory_order_relaxed);
	worker->work += DU_DIRECTORY;
	worker->entries++;
	worker->directories++;
	if (!peal_du_open(worker, node)) {
		job_done(worker, node);
		return;
	}
	worker->allocated += node->self.allocated;
	peal_du_scan_more(worker, node);
}
