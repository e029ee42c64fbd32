/* SPDX-License-Identifier: MIT */
/* What the examples in peal/task.h take for granted. */
#include <peal/task.h>

struct block;

static struct block *block[8];
static size_t n;

void crunch(struct block **block);
