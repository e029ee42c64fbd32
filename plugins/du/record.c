/* SPDX-License-Identifier: MIT */
/*
 * What a scan finds, written down for the cursor: events in the worker's memory while a part is being
 * scanned, then a copy of just their size with the part.
 *
 * A file leaves an event only when its order matters: when it is to be told, or counts once among
 * several links. All others are added up.
 */
#include "walk.h"

#define FIRST_SIZE 4096

static struct du_event *event_new(struct du_worker *worker, enum du_event_kind kind,
	const char *name, uint64_t sort_ino, uint32_t ordinal)
{
	const struct peal_host *host = worker->walk->host;
	size_t used = worker->events_used;
	size_t size = (sizeof(struct du_event) + strlen(name) + 1 + 7) & ~(size_t)7;
	struct du_event *event;

	if (used + size > worker->events_size) {
		size_t bigger = (used + size) * 2 + FIRST_SIZE;
		char *events = host->alloc(1, bigger);

		if (!events) {
			peal_du_end(worker->walk, -ENOMEM);
			return NULL;
		}
		if (used)
			memcpy(events, worker->events, used);
		host->free(worker->events);
		worker->events = events;
		worker->events_size = bigger;
	}
	event = (struct du_event *)(worker->events + used);
	memset(event, 0, sizeof(*event));
	event->size = (uint16_t)(size / 8);
	event->kind = kind;
	event->ordinal = ordinal;
	event->sort_ino = sort_ino;
	memcpy(event->name, name, strlen(name) + 1);
	worker->events_used += size;
	return event;
}

void peal_du_record_begin(struct du_worker *worker)
{
	worker->events_used = 0;
	worker->files = (struct peal_du_sum){ 0 };
}

static void part_append(struct du_node *node, struct du_part *part)
{
	*node->last_part = part;
	node->last_part = &part->next;
}

/* There is no memory to keep what was found. */
static void lose(struct du_worker *worker)
{
	for (size_t at = 0; at < worker->events_used;) {
		struct du_event *event = (struct du_event *)(worker->events + at);

		if (event->kind == DU_EVENT_DIRECTORY)
			peal_du_node_unref(event->node);
		at += (size_t)event->size * 8;
	}
	peal_du_end(worker->walk, -ENOMEM);
}

/*
 * Keep what was found since peal_du_record_begin(): with the part whose names were looked at, or, for
 * NULL, with the node itself as its next part.
 */
void peal_du_record_end(struct du_worker *worker, struct du_node *node, struct du_part *part)
{
	const struct peal_host *host = worker->walk->host;
	size_t used = worker->events_used;

	if (part) {
		part->files = worker->files;
		if (used)
			part->events = host->alloc(1, used);
	} else {
		du_sum_add(&node->own, &worker->files);
		if (!used)
			return;
		part = peal_du_part_new(node, used);
		if (part) {
			part->events = (char *)(part + 1);
			part_append(node, part);
		}
	}
	if (!used)
		return;
	if (!part || !part->events) {
		lose(worker);
		return;
	}
	memcpy(part->events, worker->events, used);
	part->events_size = used;
}

struct peal_du_sum peal_du_stat_sum(const struct statx *st)
{
	bool sized = S_ISREG(st->stx_mode) || S_ISLNK(st->stx_mode);

	return (struct peal_du_sum){
		.allocated = st->stx_blocks * 512,
		.apparent = sized && (int64_t)st->stx_size > 0 ? st->stx_size : 0,
		.inodes = 1,
	};
}

static bool is_counted_once(const struct du_walk *walk, const struct statx *st)
{
	return walk->seen && (walk->hash_all || st->stx_nlink > 1);
}

/* A file of a line. */
static void tally_file(struct du_worker *worker, struct du_node *node, const struct statx *st)
{
	struct du_walk *walk = worker->walk;
	struct du_tally *tally = peal_du_line_tally(worker, node->line);
	struct du_link link = { du_dev(st), st->stx_ino, peal_du_stat_sum(st) };

	if (is_counted_once(walk, st)) {
		int is_new = walk->direct ? peal_du_set_add(walk->seen, link.dev, link.ino) : 0;

		if (is_new < 0)
			peal_du_end(walk, is_new);
		if (!walk->direct)
			peal_du_line_link(worker, &link);
		if (is_new <= 0)
			return;
	}
	du_sum_add(&tally->sum, &link.sum);
}

void peal_du_record_file(struct du_worker *worker, struct du_node *node, const struct statx *st,
	const char *name, uint64_t sort_ino, uint32_t ordinal)
{
	struct du_walk *walk = worker->walk;
	bool shown = walk->opts.files && node->depth + 1 < walk->opts.depth_limit;
	bool hashed = is_counted_once(walk, st);
	struct peal_du_sum sum = peal_du_stat_sum(st);
	struct du_event *event;

	worker->entries++;
	worker->allocated += sum.allocated;
	if (node->line) {
		tally_file(worker, node, st);
		return;
	}
	if (!shown && !hashed) {
		du_sum_add(&worker->files, &sum);
		return;
	}
	event = event_new(worker, DU_EVENT_FILE, shown ? name : "", sort_ino, ordinal);
	if (!event)
		return;
	event->file.dev = du_dev(st);
	event->file.ino = st->stx_ino;
	event->file.sum = sum;
	event->file.mode = st->stx_mode;
	event->file.hashed = hashed;
	event->file.shown = shown;
}

/* Something in the node cannot be had. */
void peal_du_record_error(struct du_worker *worker, struct du_node *node, const char *name,
	uint64_t sort_ino, uint32_t ordinal, uint32_t what, int err)
{
	struct du_event *event;

	if (node->line) {
		peal_du_line_message(worker, node, name, what, err);
		return;
	}
	event = event_new(worker, DU_EVENT_ERROR, name, sort_ino, ordinal);
	if (!event)
		return;
	event->what = (uint8_t)what;
	event->err = err;
}

/* The event takes over the reference that a new node comes with. */
void peal_du_record_directory(
	struct du_worker *worker, struct du_node *child, uint64_t sort_ino, uint32_t ordinal)
{
	struct du_event *event = event_new(worker, DU_EVENT_DIRECTORY, "", sort_ino, ordinal);

	if (event)
		event->node = child;
	else
		peal_du_node_unref(child);
}
