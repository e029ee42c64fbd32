/* SPDX-License-Identifier: MIT */
/* without_io_uring PROGRAM ARGUMENT...: run it where io_uring is refused, as in Docker. */
#include <stdio.h>
#include <string.h>

#include "tests/seccomp.h"

int main(int argc, char **argv)
{
	int err = refuse_io_uring(EPERM);

	if (argc < 2 || err) {
		fprintf(stderr, "without_io_uring: %s\n", argc < 2 ? "run what?" : strerror(-err));
		return 125;
	}
	execvp(argv[1], argv + 1);
	fprintf(stderr, "without_io_uring: %s: %s\n", argv[1], strerror(errno));
	return 126;
}
