/* SPDX-License-Identifier: MIT */
/* Pages to test with, shared by the tests of stats pages. */
#ifndef PEAL_TESTS_STATS_HELP_H
#define PEAL_TESTS_STATS_HELP_H

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "core/stats/stats.h"
#include "core/stats/stats_page.h"
#include "tests/check_main.h"

static inline struct peal_stats_page *make_page(unsigned int shards)
{
	struct peal_stats_setup setup = { .name = "test", .backend = "none", .shards = shards };
	struct peal_stats_page *page;

	ck_assert_int_eq(peal_stats_page_create(&page, &setup), 0);
	return page;
}

static inline struct peal_stats *snapshot(struct peal_stats_page *page)
{
	struct peal_stats *stats;

	ck_assert_int_eq(peal_stats_page_snapshot(&stats, page), 0);
	return stats;
}

static inline uint64_t total(struct peal_stats_page *page, const char *name)
{
	struct peal_stats *stats = snapshot(page);
	uint64_t value = peal_stats_value(stats, name);

	peal_stats_free(stats);
	return value;
}

static inline struct peal_counter plugin_counter(const char *name)
{
	return (struct peal_counter){
		.name = name,
		.group = "hello",
		.unit = "bytes",
		.help = "Bytes greeted.",
		.kind = PEAL_KIND_COUNTER,
		.length = 1,
	};
}

/* A folder on a tmpfs, for pages that are files; the caller removes it. */
static inline const char *make_folder(void)
{
	static char folder[32];

	snprintf(folder, sizeof folder, "/dev/shm/peal-test-XXXXXX");
	if (!mkdtemp(folder))
		peal_skip("no folder can be made in /dev/shm");
	return folder;
}

/* How many descriptors this process has; *page_fd is that of a stats page, or -1. */
static inline int count_descriptors(int *page_fd)
{
	int count = 0;

	*page_fd = -1;
	for (int fd = 0; fd < 256; fd++) {
		char link[64], target[64];
		ssize_t n;

		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof target - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		count++;
		if (strstr(target, PEAL_STATS_NAME))
			*page_fd = fd;
	}
	return count;
}

#endif
