/* SPDX-License-Identifier: MIT */
/*
 * fs_metadata: statx(2) of 1024 paths, one after the other; the kernel has all of them in its cache. The
 * floor is the system call in a loop.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "perf/runtime.h"

enum { FILES = 1024 };

static char paths[FILES][64];

static void remove_files(void)
{
	for (int i = 0; i < FILES; i++)
		unlink(paths[i]);
	*strrchr(paths[0], '/') = '\0';
	rmdir(paths[0]);
}

/* In memory: what is compared is the way there and back. */
static void make_files(void)
{
	char folder[32] = "/dev/shm/peal-perf-XXXXXX";

	if (paths[0][0])
		return;
	perf_expect(mkdtemp(folder) != NULL, "there is room for a folder in /dev/shm");
	for (int i = 0; i < FILES; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/file-%d", folder, i);
		close(open(paths[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	}
	atexit(remove_files);
}

static void look_at_all(uint64_t times, bool bare)
{
	struct statx st;

	for (uint64_t i = 0; i < FILES * times; i++) {
		const char *path = paths[i % FILES];

		st.stx_mask = 0;
		perf_expect(!(bare ? statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &st)
				   : peal_statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &st)) &&
				st.stx_mask,
			"a path has metadata");
	}
}

static int look(void *arg)
{
	struct perf_run *run = arg;
	bool bare = run->variant->floor;

	look_at_all(run->warm_up, bare);
	perf_start(run);
	look_at_all(run->count, bare);
	perf_stop(run);
	return 0;
}

static void run_peal(struct perf_run *run)
{
	make_files();
	perf_in_runtime(run, look);
}

static void run_statx(struct perf_run *run)
{
	make_files();
	look(run);
}

PERF_ROW(.name = "fs_metadata", .what = "statx of 1024 paths, one after the other", .unit = "us",
	.scale = 1000, .count = 20, .threads = 2,
	.variants = { { "peal/uring", run_peal, .backend = "uring" },
		{ "peal/epoll", run_peal, .backend = "epoll" },
		{ "statx", run_statx, .floor = true } })
