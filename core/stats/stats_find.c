/* SPDX-License-Identifier: MIT */
/*
 * Finding the stats pages of other processes. A page is found by the name of its descriptor: a link
 * /proc/PID/fd/N to "/memfd:peal.stats (deleted)", or a file in $PEAL_STATS_DIR. It is taken only from
 * the process that it names: a reader, and a child that inherited the descriptor, hold it as well.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/stats/stats_proc.h"
#include "core/stats/stats_read.h"
#include "core/sys.h"

#define MEMFD_LINK "/memfd:" PEAL_STATS_NAME

struct directory {
	int fd;
	long have, at;
	_Alignas(8) char entries[4096];
};

struct search {
	peal_stats_fn *fn;
	void *arg;
	unsigned int found;
	unsigned int runtime; /* wanted number; 0: any */
	int result;           /* of fn, once it was not 0 */
	int err;              /* of the last page that was found and could not be read */
	struct peal_reason reason;
};

/* Next entry of a directory, NULL at the end or on an error, which ends the search there. */
static const char *next_entry(struct directory *directory)
{
	struct entry {
		uint64_t inode;
		int64_t next;
		uint16_t size;
		uint8_t type;
		char name[];
	} * entry;

	if (directory->at >= directory->have) {
		directory->have = peal_sys_any(SYS_getdents64, directory->fd,
			(long)directory->entries, sizeof directory->entries, 0, 0, 0);
		directory->at = 0;
	}
	if (directory->have <= 0)
		return NULL;
	entry = (void *)(directory->entries + directory->at);
	directory->at += entry->size;
	return entry->name;
}

static int open_directory(struct directory *directory, int in, const char *name)
{
	directory->have = directory->at = 0;
	directory->fd = (int)peal_sys_openat(in, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	return directory->fd < 0 ? directory->fd : 0;
}

/*
 * Whatever stands behind the name, opening and reading it must not block or do anything else. For what
 * is found in /proc the seals tell that it is a memfd (the answer does not matter), and not, say, a
 * file on a filesystem that another user serves.
 */
static int open_page(int dir, const char *name, bool memfd, struct peal_stats_source *source)
{
	int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (memfd ? 0 : O_NOFOLLOW);
	long fd = peal_sys_openat(dir, name, flags, 0), err;
	struct stat st;

	if (fd < 0)
		return (int)fd;
	err = memfd ? peal_sys_fcntl((int)fd, F_GET_SEALS, 0) : 0;
	if (err >= 0)
		err = peal_sys_fstat((int)fd, &st);
	if (!err && !S_ISREG(st.st_mode))
		err = -EINVAL;
	if (err) {
		peal_sys_close((int)fd);
		return (int)err;
	}
	*source = (struct peal_stats_source){
		.fd = (int)fd, .size = (uint64_t)st.st_size, .process = -1
	};
	return 0;
}

/* Is the page that of this process, given by its directory in /proc? */
static bool owns(int proc, pid_t pid, const struct peal_stats *stats)
{
	const struct peal_stats_header *header = &stats->content->header;
	uint64_t start;
	pid_t inner;
	uid_t user;

	if (peal_proc_start(proc, &start) || peal_proc_identity(proc, &inner, &user))
		return false;
	return header->pid == (inner ? inner : pid) &&
		(!header->pid_start || header->pid_start == start);
}

/* Takes the source. */
static void offer(struct search *search, struct peal_stats_source *source, int proc, pid_t pid)
{
	struct peal_stats *stats;
	int err = peal_stats_load(&stats, source, &search->reason);

	if (err) {
		peal_sys_close(source->fd);
		search->err = err;
		return;
	}
	if (!owns(proc, pid, stats) ||
		(search->runtime && stats->content->header.runtime != search->runtime)) {
		peal_stats_free(stats);
		return;
	}
	/* So that a refresh knows when the process has ended; without a descriptor for it, it does not. */
	stats->source.process = (int)peal_sys_fcntl(proc, F_DUPFD_CLOEXEC, 0);
	search->found++;
	search->result = search->fn(search->arg, stats);
}

static bool is_page_link(int dir, const char *name)
{
	char target[64];
	long n = peal_sys_any(
		SYS_readlinkat, dir, (long)name, (long)target, sizeof target - 1, 0, 0);

	if (n < 0)
		return false;
	target[n] = '\0';
	return !strcmp(target, MEMFD_LINK) || !strcmp(target, MEMFD_LINK " (deleted)");
}

static int search_process(struct search *search, pid_t pid)
{
	struct directory fds;
	int proc = peal_proc_open(pid), err;
	const char *name;

	if (proc < 0)
		return proc;
	err = open_directory(&fds, proc, "fd");
	while (!err && !search->result && (name = next_entry(&fds))) {
		struct peal_stats_source source;

		if (is_page_link(fds.fd, name) && !open_page(fds.fd, name, true, &source))
			offer(search, &source, proc, pid);
	}
	/* The directory opens also where reading it is refused (it is root's, mode 0500). */
	if (!err) {
		err = fds.have < 0 ? (int)fds.have : 0;
		peal_sys_close(fds.fd);
	}
	peal_sys_close(proc);
	return err;
}

/* The process that a file's page names, if it is there. */
static void offer_file(struct search *search, struct peal_stats_source *source, pid_t pid)
{
	struct peal_stats_content *content;
	int err = peal_stats_content_load(&content, source, &search->reason), proc;
	pid_t owner;

	if (err) {
		peal_sys_close(source->fd);
		return;
	}
	owner = content->header.pid;
	peal_stats_content_free(content);
	proc = pid && owner != pid ? -ESRCH : peal_proc_open(owner);
	if (proc < 0) {
		peal_sys_close(source->fd);
		return;
	}
	offer(search, source, proc, owner);
	peal_sys_close(proc);
}

static void search_directory(struct search *search, const char *path, pid_t pid)
{
	struct directory files;
	const char *name;

	if (open_directory(&files, AT_FDCWD, path))
		return;
	while (!search->result && (name = next_entry(&files))) {
		struct peal_stats_source source;

		if (!strncmp(name, "peal.", 5) && !open_page(files.fd, name, false, &source))
			offer_file(search, &source, pid);
	}
	peal_sys_close(files.fd);
}

static int search_all(struct search *search, struct peal_reason *reason)
{
	struct directory processes;
	const char *name;
	int err = open_directory(&processes, AT_FDCWD, "/proc");

	if (err)
		return peal_refuse(reason, err, "cannot look into /proc: %s", strerror(-err));
	while (!search->result && (name = next_entry(&processes))) {
		pid_t pid = (pid_t)strtol(name, NULL, 10);

		if (pid > 0)
			search_process(search, pid);
	}
	peal_sys_close(processes.fd);
	return 0;
}

static int refuse_hidden(pid_t pid, struct peal_reason *reason)
{
	if (peal_sys_any(SYS_kill, pid, 0, 0, 0, 0, 0) == -ESRCH)
		return peal_refuse(reason, -ESRCH, "there is no process %d", (int)pid);
	return peal_refuse(reason, -EACCES,
		"process %d exists, but /proc does not show it (mounted with hidepid?): try as root "
		"or as its user",
		(int)pid);
}

static int refuse_closed(pid_t pid, struct peal_reason *reason)
{
	int proc = peal_proc_open(pid), err;
	pid_t inner;
	uid_t user;

	if (proc < 0)
		return refuse_hidden(pid, reason);
	err = peal_proc_identity(proc, &inner, &user);
	peal_sys_close(proc);
	if (err == -ESRCH)
		return refuse_hidden(pid, reason);
	if (!err && user == geteuid())
		return peal_refuse(reason, -EACCES,
			"process %d is yours but not dumpable (set-user-ID, file capabilities, or "
			"prctl): try as root, or let it keep its counters in PEAL_STATS_DIR",
			(int)pid);
	if (!err)
		return peal_refuse(reason, -EACCES,
			"process %d belongs to user %u: try as root or as that user", (int)pid,
			(unsigned int)user);
	return peal_refuse(reason, -EACCES,
		"process %d may not be looked into: try as root or as its user", (int)pid);
}

static int refuse_none(const struct search *search, pid_t pid, int err, struct peal_reason *reason)
{
	if (err == -ENOENT || err == -ESRCH)
		return refuse_hidden(pid, reason);
	if (err == -EACCES || err == -EPERM)
		return refuse_closed(pid, reason);
	if (err)
		return peal_refuse(
			reason, err, "cannot look into process %d: %s", (int)pid, strerror(-err));
	if (search->err)
		return peal_refuse(
			reason, search->err, "process %d: %s", (int)pid, search->reason.text);
	if (!pid)
		return peal_refuse(reason, -ENOENT,
			"no runtime of Peal in any process that you may look into");
	if (search->runtime)
		return peal_refuse(reason, -ENOENT, "process %d has no runtime %u that can be seen",
			(int)pid, search->runtime);
	return peal_refuse(
		reason, -ENOENT, "process %d has no runtime of Peal that can be seen", (int)pid);
}

static int search_for(struct search *search, pid_t pid, struct peal_reason *reason)
{
	const char *directory = secure_getenv("PEAL_STATS_DIR");
	int err;

	if (pid < 0)
		return peal_refuse(reason, -ESRCH, "%d is no process id", (int)pid);
	err = pid ? search_process(search, pid) : search_all(search, reason);
	if (err && !pid)
		return err;
	if (!search->result && directory)
		search_directory(search, directory, pid);
	if (search->result)
		return search->result;
	if (search->found)
		return (int)search->found;
	return refuse_none(search, pid, err, reason);
}

int peal_stats_each(pid_t pid, peal_stats_fn *fn, void *arg, struct peal_reason *reason)
{
	struct search search = { .fn = fn, .arg = arg };

	return search_for(&search, pid, reason);
}

/* Keep the one with the lowest number. */
static int keep_lowest(void *arg, struct peal_stats *stats)
{
	struct peal_stats **kept = arg;

	if (*kept && peal_stats_info(*kept)->runtime <= peal_stats_info(stats)->runtime) {
		peal_stats_free(stats);
	} else {
		peal_stats_free(*kept);
		*kept = stats;
	}
	return 0;
}

int peal_stats_open(
	struct peal_stats **stats, pid_t pid, unsigned int runtime, struct peal_reason *reason)
{
	struct peal_stats *kept = NULL;
	struct search search = { .fn = keep_lowest, .arg = &kept, .runtime = runtime };
	int n = pid ? search_for(&search, pid, reason)
		    : peal_refuse(reason, -ESRCH, "0 is no process id");

	if (n < 0)
		return n;
	*stats = kept;
	return 0;
}

int peal_stats_open_file(struct peal_stats **stats, const char *path, struct peal_reason *reason)
{
	struct peal_stats_source source;
	int err = open_page(AT_FDCWD, path, false, &source);

	if (err)
		return peal_refuse(reason, err, "cannot read %s: %s", path, strerror(-err));
	err = peal_stats_load(stats, &source, reason);
	if (err)
		peal_sys_close(source.fd);
	return err;
}
