/* SPDX-License-Identifier: MIT */
/*
 * Reading a stats page, of this process or of another. The page of another process is hostile input:
 * whatever it says was perhaps written to hurt its reader. Every byte is copied once and checked in
 * the copy.
 */
#ifndef PEAL_CORE_STATS_READ_H
#define PEAL_CORE_STATS_READ_H

#include <peal/stats.h>

#include "core/stats/stats_page.h"

/*
 * Where a page is read from: memory of this process, or a file. A file is read, never mapped: its
 * owner could truncate it, and touching what is gone would end the reader.
 */
struct peal_stats_source {
	const void *memory; /* 8-byte aligned; NULL: the file */
	uint64_t size;
	int fd;
	int process; /* from peal_proc_open(); -1: not known */
};

/* One snapshot, checked: strings end and are printable, every value is inside. */
struct peal_stats_content {
	struct peal_stats_header header;
	struct peal_stats_info info;
	unsigned int count;
	char *records; /* struct peal_stats_descriptor, with the page's own stride */
	struct peal_counter *counters;
	uint64_t *values; /* header.shards + 1 blocks of header.block_size bytes */
};

struct peal_stats {
	struct peal_stats_source source;
	struct peal_stats_content *content;
};

/* 0, -EBADMSG, -EPROTO, -ENOMEM, or what reading gives. */
int peal_stats_content_load(struct peal_stats_content **content,
	const struct peal_stats_source *source, struct peal_reason *reason);
void peal_stats_content_free(struct peal_stats_content *content);

/* Take the first snapshot. The source's descriptors belong to the snapshot then; on failure they stay
 * the caller's. */
int peal_stats_load(struct peal_stats **stats, const struct peal_stats_source *source,
	struct peal_reason *reason);

#endif
