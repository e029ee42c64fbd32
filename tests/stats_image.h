/* SPDX-License-Identifier: MIT */
/*
 * A small, whole stats page in memory, for tests that then break it, and a walk over everything that
 * a snapshot tells.
 */
#ifndef PEAL_TESTS_STATS_IMAGE_H
#define PEAL_TESTS_STATS_IMAGE_H

#include <stdlib.h>
#include <string.h>

#include "core/stats/stats_read.h"

#define IMAGE_SHARDS   2
#define IMAGE_COUNTERS 3
#define IMAGE_BLOCK    64

struct image {
	struct peal_stats_header header;
	uint64_t gap; /* parts need not follow each other */
	struct peal_stats_descriptor descriptors[IMAGE_COUNTERS];
	uint64_t blocks[IMAGE_SHARDS + 1][IMAGE_BLOCK / 8];
};

/* Values: shard * 100 + place in the block. */
static inline void image_init(struct image *image)
{
	static const struct peal_stats_descriptor descriptors[IMAGE_COUNTERS] = {
		{ 0, 1, PEAL_KIND_COUNTER, 0, "first", "group", "", "The first." },
		{ 8, 5, PEAL_KIND_GAUGE, 0, "array", "group", "ns", "Five of them." },
		{ 56, 1, PEAL_KIND_MAX, 0, "plugin.last", "plugin", "bytes", "The last." },
	};

	memset(image, 0, sizeof *image);
	image->header = (struct peal_stats_header){
		.magic = PEAL_STATS_MAGIC,
		.major = PEAL_STATS_MAJOR,
		.header_size = sizeof image->header,
		.size = sizeof *image,
		.descriptor_offset = offsetof(struct image, descriptors),
		.descriptor_size = sizeof descriptors[0],
		.descriptors = IMAGE_COUNTERS,
		.shards = IMAGE_SHARDS,
		.block_offset = offsetof(struct image, blocks),
		.block_stride = IMAGE_BLOCK,
		.block_size = IMAGE_BLOCK,
		.outside_offset = offsetof(struct image, blocks[IMAGE_SHARDS]),
		.pid = 4242,
		.runtime = 1,
		.backend = "none",
		.name = "image",
	};
	memcpy(image->descriptors, descriptors, sizeof descriptors);
	for (unsigned int shard = 0; shard <= IMAGE_SHARDS; shard++)
		for (unsigned int i = 0; i < IMAGE_BLOCK / 8; i++)
			image->blocks[shard][i] = shard * 100 + i;
}

/* Load a page of `size` bytes at an aligned address. */
static inline int image_load(
	struct peal_stats **stats, const void *page, size_t size, struct peal_reason *reason)
{
	struct peal_stats_source source = { .memory = page, .size = size, .fd = -1, .process = -1 };

	return peal_stats_load(stats, &source, reason);
}

/* Ask for everything, so that a sanitizer sees what is read. Returns what cannot be computed without
 * reading it all. */
static inline uint64_t image_walk(const struct peal_stats *stats)
{
	const struct peal_stats_info *info = peal_stats_info(stats);
	uint64_t sum = strlen(info->name) + strlen(info->backend) + info->shards;

	for (unsigned int i = 0; i < peal_stats_count(stats); i++) {
		const struct peal_counter *counter = peal_stats_counter(stats, i);

		sum += strlen(counter->name) + strlen(counter->group) + strlen(counter->unit) +
			strlen(counter->help) + peal_stats_total(stats, i);
		for (unsigned int place = 0; place < counter->length; place++)
			sum += peal_stats_element(stats, i, info->shards - 1, place) +
				peal_stats_element(stats, i, PEAL_OUTSIDE, place);
	}
	return sum;
}

#endif
