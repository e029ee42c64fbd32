/* SPDX-License-Identifier: MIT */
/* What the examples in peal/stream.h take for granted. */
#include <peal/stream.h>

static int fd;
static ssize_t n;
