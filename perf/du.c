/* SPDX-License-Identifier: MIT */
/*
 * du: disk usage of a tree with a warm cache ($PEAL_PERF_TREE, /usr), by `peal du`, by GNU du, and by a
 * bare walker of two threads that looks at every entry with one statx(2) and adds up blocks, nothing
 * else. Commands are timed from start to end as a user would see them; PEAL_PERF_BUILD is the build
 * folder (the current one).
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perf/perf.h"

static const char *tree(void)
{
	const char *path = getenv("PEAL_PERF_TREE");

	return path ? path : "/usr";
}

/* Folders that nobody has read yet, as descriptors. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int *folders;
	size_t count, room;
	unsigned int busy;
	uint64_t blocks;
} walk = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void put_folder(int fd)
{
	pthread_mutex_lock(&walk.lock);
	if (walk.count == walk.room) {
		walk.room = walk.room ? 2 * walk.room : 64;
		walk.folders = realloc(walk.folders, walk.room * sizeof(int));
		perf_expect(walk.folders, "there is memory");
	}
	walk.folders[walk.count++] = fd;
	pthread_cond_signal(&walk.changed);
	pthread_mutex_unlock(&walk.lock);
}

/* -1: nobody has any, nor will. */
static int take_folder(void)
{
	int fd = -1;

	pthread_mutex_lock(&walk.lock);
	walk.busy--;
	while (!walk.count && walk.busy)
		pthread_cond_wait(&walk.changed, &walk.lock);
	if (walk.count) {
		fd = walk.folders[--walk.count];
		walk.busy++;
	} else {
		pthread_cond_broadcast(&walk.changed);
	}
	pthread_mutex_unlock(&walk.lock);
	return fd;
}

struct entry {
	uint64_t inode;
	int64_t offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

static uint64_t look_at(int folder, const char *name, bool descend)
{
	struct statx st;
	int fd;

	if (!strcmp(name, ".") || !strcmp(name, "..") ||
		statx(folder, name, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_BLOCKS, &st) <
			0)
		return 0;
	if (descend &&
		(fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) >= 0)
		put_folder(fd);
	return st.stx_blocks;
}

static uint64_t read_folder(int fd)
{
	_Alignas(struct entry) char buf[32768];
	uint64_t blocks = 0;
	long n;

	while ((n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
		for (long at = 0; at < n;) {
			struct entry *entry = (struct entry *)(void *)(buf + at);

			blocks += look_at(fd, entry->name, entry->type == DT_DIR);
			at += entry->length;
		}
	close(fd);
	return blocks;
}

static void *walk_folders(void *arg)
{
	uint64_t blocks = 0;
	int fd;

	(void)arg;
	while ((fd = take_folder()) >= 0)
		blocks += read_folder(fd);
	pthread_mutex_lock(&walk.lock);
	walk.blocks += blocks;
	pthread_mutex_unlock(&walk.lock);
	return NULL;
}

static void walk_tree(const char *path)
{
	pthread_t threads[2];
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	perf_expect(fd >= 0, "the tree can be read");
	walk.blocks = walk.count = 0;
	walk.busy = 2;
	put_folder(fd);
	for (int i = 0; i < 2; i++)
		perf_expect(
			!pthread_create(&threads[i], NULL, walk_folders, NULL), "a thread starts");
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	perf_expect(walk.blocks, "a tree takes some room");
}

static void run_bare(struct perf_run *run)
{
	perf_start(run);
	for (uint64_t i = 0; i < run->count; i++)
		walk_tree(tree());
	perf_stop(run);
}

static bool command(char *const argv[])
{
	int status;
	pid_t pid = fork();

	perf_expect(pid >= 0, "there is room for a process");
	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[0], argv);
		_exit(127);
	}
	perf_expect(waitpid(pid, &status, 0) == pid, "a process is waited for");
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static int64_t cpu_of_children(void)
{
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
		(int64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

static void run_command(struct perf_run *run, char *const argv[])
{
	int64_t cpu = cpu_of_children();

	perf_start(run);
	for (uint64_t i = 0; i < run->count; i++)
		if (!command(argv))
			perf_skip(run,
				"%s %s fails here: `make all`, as a user that may read the tree",
				argv[0], argv[1]);
	perf_stop(run);
	run->used.cpu_ns = cpu_of_children() - cpu;
}

/* The program itself, not the script that libtool puts in its place. */
static void run_peal(struct perf_run *run)
{
	char *build = realpath(getenv("PEAL_PERF_BUILD") ? getenv("PEAL_PERF_BUILD") : ".", NULL);
	char program[PATH_MAX + 32], libraries[PATH_MAX + 32], plugins[PATH_MAX + 32];
	char du[] = "du", summary[] = "-s", path[PATH_MAX];
	char *argv[] = { program, du, summary, path, NULL };

	snprintf(program, sizeof(program), "%s/tools/peal/.libs/peal", build ? build : ".");
	snprintf(libraries, sizeof(libraries), "%s/.libs", build ? build : ".");
	snprintf(plugins, sizeof(plugins), "%s/plugins/.libs", build ? build : ".");
	snprintf(path, sizeof(path), "%s", tree());
	if (access(program, X_OK) < 0) /* linked statically */
		snprintf(program, sizeof(program), "%s/tools/peal/peal", build ? build : ".");
	free(build);
	setenv("LD_LIBRARY_PATH", libraries, 1);
	setenv("PEAL_PLUGIN_PATH", plugins, 1);
	run_command(run, argv);
	unsetenv("LD_LIBRARY_PATH");
}

static void run_gnu(struct perf_run *run)
{
	char du[] = "du", summary[] = "-s", path[PATH_MAX];
	char *argv[] = { du, summary, path, NULL };

	snprintf(path, sizeof(path), "%s", tree());
	run_command(run, argv);
}

PERF_ROW(.name = "du", .what = "a tree, its metadata in the cache", .unit = "ms", .scale = 1000000,
	.count = 1, .threads = 2,
	.variants = {
		{ "peal", run_peal }, { "GNU", run_gnu }, { "walker", run_bare, .floor = true } })
