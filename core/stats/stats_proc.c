/* SPDX-License-Identifier: MIT */
#include "core/stats/stats_proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sys.h"

int peal_proc_open(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof path, "/proc/%d", (int)pid);
	return (int)peal_sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
}

/* All of a small file, terminated. Its size, or a negative errno. */
static int read_text(int dir, const char *name, char *text, size_t size)
{
	size_t have = 0;
	long fd = peal_sys_openat(dir, name, O_RDONLY | O_CLOEXEC, 0), n = 1;

	if (fd < 0)
		return (int)fd;
	while (have < size - 1 && n > 0) {
		n = peal_sys_read((int)fd, text + have, size - 1 - have);
		if (n > 0)
			have += (size_t)n;
	}
	peal_sys_close((int)fd);
	text[have] = '\0';
	return n < 0 ? (int)n : (int)have;
}

/* The name of the program, in brackets, may contain anything; what follows the last ')' is fixed:
 * state is field 3, starttime field 22 (proc(5)). */
static int parse_start(const char *text, uint64_t *start)
{
	const char *field = strrchr(text, ')');

	if (!field || field[1] != ' ')
		return -EPROTO;
	field += 2;
	if (*field == 'Z' || *field == 'X')
		return -ESRCH;
	for (int number = 3; number < 22; number++) {
		field = strchr(field, ' ');
		if (!field)
			return -EPROTO;
		field++;
	}
	*start = strtoull(field, NULL, 10);
	return 0;
}

int peal_proc_start(int proc, uint64_t *start)
{
	char text[1024];
	int n = read_text(proc < 0 ? AT_FDCWD : proc, proc < 0 ? "/proc/self/stat" : "stat", text,
		sizeof text);

	if (n == -ENOENT)
		return -ESRCH;
	return n < 0 ? n : parse_start(text, start);
}

/* The last number of the line that begins with `key`, or 0. */
static long last_number(const char *text, const char *key)
{
	const char *line = strstr(text, key), *end = line ? strchr(line + 1, '\n') : NULL;

	if (!end)
		return 0;
	while (end[-1] != '\t')
		end--;
	return strtol(end, NULL, 10);
}

int peal_proc_identity(int proc, pid_t *inner, uid_t *user)
{
	char text[8192];
	int n = read_text(proc, "status", text, sizeof text);

	if (n < 0)
		return n == -ENOENT ? -ESRCH : n;
	/* NSpid: one for each namespace, from ours to its own. Uid: real, effective, saved, of files. */
	*inner = (pid_t)last_number(text, "\nNSpid:\t");
	*user = (uid_t)last_number(text, "\nUid:\t");
	return 0;
}
