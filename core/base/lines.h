/* SPDX-License-Identifier: MIT */
/*
 * A text file, line by line, within fixed memory: for the kernel's files in /proc and /sys, which can
 * be long (mountinfo of a busy machine has megabytes) although what we look for is short.
 */
#ifndef PEAL_CORE_LINES_H
#define PEAL_CORE_LINES_H

#include <stddef.h>

struct peal_lines {
	int fd;
	size_t begin, end; /* what of buf is still to be given out */
	char buf[4096];
};

/* Open root followed by path. 0 or a negative errno. */
int peal_lines_open(struct peal_lines *lines, const char *root, const char *path);

/* The next line without its newline, good until the next call and free to be changed; NULL at the end
 * and after a read error. Lines that are longer than buf are passed over. */
char *peal_lines_next(struct peal_lines *lines);

void peal_lines_close(struct peal_lines *lines);

#endif
