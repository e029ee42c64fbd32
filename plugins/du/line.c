/* SPDX-License-Identifier: MIT */
/*
 * Lines: the deepest nodes that are reported, and all that is below them. Where directories are told
 * without their subdirectories lines begin one level further down, so that those stay apart.
 *
 * Nobody will ask for what is below one by one, so the order in which it is found does not matter,
 * and neither does which directory a hard link is counted in: sums and links are collected in the
 * workers (tallies) and added to the line now and then. A line's node is done when none of its jobs
 * is left: they are announced before they can be taken by another shard, and taken off together with
 * what they found.
 */
#include "walk.h"

#define FIRST_LINKS 64

struct du_line {
	struct du_node *root;
	_Atomic(uint64_t) pending; /* jobs */
	pthread_mutex_t lock;
	struct peal_du_sum sum;
	struct link_block *links;
};

struct link_block {
	struct link_block *next;
	size_t count;
	struct du_link links[];
};

struct du_line *peal_du_line_new(struct du_walk *walk, struct du_node *root)
{
	struct du_line *line = walk->host->alloc(1, sizeof(*line));

	if (!line)
		return NULL;
	line->root = root;
	atomic_init(&line->pending, 1);
	pthread_mutex_init(&line->lock, NULL);
	return line;
}

void peal_du_line_free(struct du_walk *walk, struct du_line *line)
{
	while (line->links) {
		struct link_block *block = line->links;

		line->links = block->next;
		walk->host->free(block);
	}
	pthread_mutex_destroy(&line->lock);
	walk->host->free(line);
}

struct du_node *peal_du_line_root(const struct du_line *line)
{
	return line->root;
}

void peal_du_line_expect(struct du_line *line, uint64_t jobs)
{
	atomic_fetch_add_explicit(&line->pending, jobs, memory_order_relaxed);
}

/* The worker's tally for a line; what it had for another is handed over. */
struct du_tally *peal_du_line_tally(struct du_worker *worker, struct du_line *line)
{
	if (worker->tally.line != line) {
		peal_du_line_flush(worker);
		worker->tally.line = line;
	}
	return &worker->tally;
}

void peal_du_line_link(struct du_worker *worker, const struct du_link *link)
{
	const struct peal_host *host = worker->walk->host;
	struct du_tally *tally = &worker->tally;

	if (tally->link_count == tally->link_size) {
		size_t size = tally->link_size ? tally->link_size * 2 : FIRST_LINKS;
		struct du_link *links = host->alloc(size, sizeof(*links));

		if (!links) {
			peal_du_end(worker->walk, -ENOMEM);
			return;
		}
		if (tally->link_count)
			memcpy(links, tally->links, tally->link_count * sizeof(*links));
		host->free(tally->links);
		tally->links = links;
		tally->link_size = size;
	}
	tally->links[tally->link_count++] = *link;
}

static struct link_block *take_links(struct du_worker *worker)
{
	struct du_tally *tally = &worker->tally;
	size_t size = tally->link_count * sizeof(struct du_link);
	struct link_block *block;

	if (!size)
		return NULL;
	block = worker->walk->host->alloc(1, sizeof(*block) + size);
	if (!block) {
		peal_du_end(worker->walk, -ENOMEM);
		return NULL;
	}
	block->count = tally->link_count;
	memcpy(block->links, tally->links, size);
	tally->link_count = 0;
	return block;
}

/* Add what the worker has found to the line it belongs to. */
void peal_du_line_flush(struct du_worker *worker)
{
	struct du_tally *tally = &worker->tally;
	struct du_line *line = tally->line;
	struct link_block *links;
	uint64_t finished = tally->finished;

	if (!line)
		return;
	links = take_links(worker);
	pthread_mutex_lock(&line->lock);
	du_sum_add(&line->sum, &tally->sum);
	if (links) {
		links->next = line->links;
		line->links = links;
	}
	pthread_mutex_unlock(&line->lock);
	tally->line = NULL;
	tally->sum = (struct peal_du_sum){ 0 };
	tally->finished = 0;
	/* The line may be gone as soon as nothing is pending. */
	if (finished &&
		atomic_fetch_sub_explicit(&line->pending, finished, memory_order_acq_rel) ==
			finished)
		peal_du_node_done(line->root);
}

/* The line is done: add it up. Links count where the cursor meets them first. */
void peal_du_line_sum(struct du_walk *walk, struct du_node *root)
{
	struct du_line *line = root->line;

	du_sum_add(&root->below, &line->sum);
	for (struct link_block *block = line->links; block; block = block->next)
		for (size_t i = 0; i < block->count; i++) {
			struct du_link *link = &block->links[i];
			int is_new = peal_du_set_add(walk->seen, link->dev, link->ino);

			if (is_new < 0)
				peal_du_end(walk, is_new);
			if (is_new > 0)
				du_sum_add(&root->below, &link->sum);
		}
}

/* A message about what is called `name` in the node, or about the node itself (""). */
void peal_du_line_message(
	struct du_worker *worker, struct du_node *node, const char *name, uint32_t what, int err)
{
	struct du_walk *walk = worker->walk;
	size_t size;
	char *path = peal_du_node_path(worker, node, *name ? name : NULL, &size);
	struct du_message *message = path ? walk->host->alloc(1, sizeof(*message) + size + 1)
					  : NULL;

	if (!message) {
		peal_du_end(walk, -ENOMEM);
		return;
	}
	memcpy(message->path, path, size + 1);
	message->error.path_size = size;
	message->error.what = what;
	message->error.err = err;
	pthread_mutex_lock(&walk->lock);
	*walk->last_message = message;
	walk->last_message = &message->next;
	pthread_mutex_unlock(&walk->lock);
	atomic_store_explicit(&walk->told, true, memory_order_release);
	peal_du_wake(walk);
}
