/* SPDX-License-Identifier: MIT */
/* What the examples in peal/error.hpp take for granted. */
#include <peal/error.hpp>
#include <peal/io.h>

static int fd;
static char buf[64];

void work();
