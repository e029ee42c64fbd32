/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/base/lines.h"
#include "core/sys.h"

int peal_lines_open(struct peal_lines *lines, const char *root, const char *path)
{
	char full[PATH_MAX];
	int n = snprintf(full, sizeof(full), "%s%s", root, path);

	if (n < 0 || (size_t)n >= sizeof(full))
		return -ENAMETOOLONG;
	lines->begin = lines->end = 0;
	lines->fd = (int)peal_sys_openat(AT_FDCWD, full, O_RDONLY | O_CLOEXEC, 0);
	return lines->fd < 0 ? lines->fd : 0;
}

void peal_lines_close(struct peal_lines *lines)
{
	peal_sys_close(lines->fd);
}

/* More of the file behind what is there, which moves to the front. False at its end. One byte stays
 * free for the end of a last line that has no newline. */
static bool fill(struct peal_lines *lines)
{
	long n;

	lines->end -= lines->begin;
	memmove(lines->buf, lines->buf + lines->begin, lines->end);
	lines->begin = 0;
	do
		n = peal_sys_read(
			lines->fd, lines->buf + lines->end, sizeof(lines->buf) - 1 - lines->end);
	while (n == -EINTR);
	if (n > 0)
		lines->end += (size_t)n;
	return n > 0;
}

/* A whole line out of the buffer, or NULL if there is none. */
static char *take(struct peal_lines *lines)
{
	char *line = lines->buf + lines->begin;
	char *newline = memchr(line, '\n', lines->end - lines->begin);

	if (!newline)
		return NULL;
	*newline = '\0';
	lines->begin = (size_t)(newline + 1 - lines->buf);
	return line;
}

/* What is left when the file does not end with a newline. */
static char *take_rest(struct peal_lines *lines)
{
	char *line = lines->buf + lines->begin;

	if (lines->begin == lines->end)
		return NULL;
	lines->buf[lines->end] = '\0';
	lines->begin = lines->end;
	return line;
}

char *peal_lines_next(struct peal_lines *lines)
{
	bool inside_long = false; /* what is in the buffer began before it */

	for (;;) {
		char *line = take(lines);

		if (line && !inside_long)
			return line;
		if (line) {
			inside_long = false;
			continue;
		}
		if (lines->end - lines->begin == sizeof(lines->buf) - 1) {
			lines->begin = lines->end;
			inside_long = true;
		}
		if (!fill(lines))
			return inside_long ? NULL : take_rest(lines);
	}
}
