/* SPDX-License-Identifier: MIT */
/* What a snapshot has to tell; the public calls of peal/stats.h but for finding a page. */
#include <string.h>

#include "core/base/alloc.h"
#include "core/stats/stats.h"
#include "core/stats/stats_proc.h"
#include "core/stats/stats_read.h"
#include "core/sys.h"

int peal_stats_load(struct peal_stats **stats, const struct peal_stats_source *source,
	struct peal_reason *reason)
{
	struct peal_stats_content *content;
	struct peal_stats *made;
	int err = peal_stats_content_load(&content, source, reason);

	if (err)
		return err;
	made = peal_alloc(1, sizeof *made);
	if (!made) {
		peal_stats_content_free(content);
		return -ENOMEM;
	}
	made->source = *source;
	made->content = content;
	*stats = made;
	return 0;
}

int peal_stats_page_snapshot(struct peal_stats **stats, const struct peal_stats_page *page)
{
	struct peal_stats_source source = { .fd = -1, .process = -1 };
	size_t size;

	source.memory = peal_stats_page_memory(page, &size);
	source.size = size;
	return peal_stats_load(stats, &source, NULL);
}

/* The descriptor goes on to mean the same process when its id is used again. */
static bool process_lives(const struct peal_stats_source *source)
{
	uint64_t start;

	return source->process < 0 || !peal_proc_start(source->process, &start);
}

/* Counters may be added and nothing else: callers keep the index of a counter, and how many values it
 * has, from one refresh to the next. */
static bool continues(const struct peal_stats_content *now, const struct peal_stats_content *before)
{
	if (now->header.shards != before->header.shards || now->count < before->count)
		return false;
	for (unsigned int i = 0; i < before->count; i++) {
		const struct peal_counter *new = &now->counters[i], *old = &before->counters[i];

		if (new->kind != old->kind || new->length != old->length ||
			strcmp(new->name, old->name))
			return false;
	}
	return true;
}

int peal_stats_refresh(struct peal_stats *stats)
{
	struct peal_stats_content *content;
	int err;

	if (!process_lives(&stats->source))
		return -ESRCH;
	err = peal_stats_content_load(&content, &stats->source, NULL);
	if (err)
		return err;
	if (!continues(content, stats->content)) {
		peal_stats_content_free(content);
		return -EBADMSG;
	}
	peal_stats_content_free(stats->content);
	stats->content = content;
	return 0;
}

void peal_stats_free(struct peal_stats *stats)
{
	if (!stats)
		return;
	if (stats->source.fd >= 0)
		peal_sys_close(stats->source.fd);
	if (stats->source.process >= 0)
		peal_sys_close(stats->source.process);
	peal_stats_content_free(stats->content);
	peal_free(stats);
}

const struct peal_stats_info *peal_stats_info(const struct peal_stats *stats)
{
	return &stats->content->info;
}

unsigned int peal_stats_count(const struct peal_stats *stats)
{
	return stats->content->count;
}

const struct peal_counter *peal_stats_counter(const struct peal_stats *stats, unsigned int index)
{
	return index < stats->content->count ? &stats->content->counters[index] : NULL;
}

int peal_stats_find(const struct peal_stats *stats, const char *name)
{
	for (unsigned int i = 0; i < stats->content->count; i++)
		if (!strcmp(stats->content->counters[i].name, name))
			return (int)i;
	return -ENOENT;
}

uint64_t peal_stats_element(
	const struct peal_stats *stats, unsigned int index, unsigned int shard, unsigned int place)
{
	const struct peal_stats_content *content = stats->content;
	const struct peal_stats_header *header = &content->header;
	const struct peal_stats_descriptor *record;

	if (shard == PEAL_OUTSIDE)
		shard = header->shards;
	if (index >= content->count || shard > header->shards ||
		place >= content->counters[index].length)
		return 0;
	record = (const void *)(content->records + (size_t)index * header->descriptor_size);
	return content
		->values[(size_t)shard * (header->block_size / 8) + record->offset / 8 + place];
}

uint64_t peal_stats_shard(const struct peal_stats *stats, unsigned int index, unsigned int shard)
{
	return peal_stats_element(stats, index, shard, 0);
}

uint64_t peal_stats_total(const struct peal_stats *stats, unsigned int index)
{
	const struct peal_counter *counter = peal_stats_counter(stats, index);
	uint64_t total = 0;

	if (!counter ||
		(counter->kind != PEAL_KIND_COUNTER && counter->kind != PEAL_KIND_GAUGE &&
			counter->kind != PEAL_KIND_MAX))
		return 0;
	/* The block after the last shard's is the outside's. */
	for (unsigned int shard = 0; shard <= stats->content->header.shards; shard++) {
		for (unsigned int place = 0; place < counter->length; place++) {
			uint64_t value = peal_stats_element(stats, index, shard, place);

			if (counter->kind != PEAL_KIND_MAX)
				total += value;
			else if (value > total)
				total = value;
		}
	}
	return total;
}

uint64_t peal_stats_value(const struct peal_stats *stats, const char *name)
{
	int index = peal_stats_find(stats, name);

	return index < 0 ? 0 : peal_stats_total(stats, (unsigned int)index);
}
