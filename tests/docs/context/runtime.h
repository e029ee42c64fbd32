/* SPDX-License-Identifier: MIT */
/* What the examples in peal/runtime.h take for granted. */
#include <errno.h>
#include <poll.h>

#include <peal/runtime.h>

static struct peal_rt *rt;
static int theirs;

void handle(int fd);
