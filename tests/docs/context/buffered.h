/* SPDX-License-Identifier: MIT */
/* What the examples in peal/buffered.h take for granted. */
#include <peal/buffered.h>

static struct peal_reader reader;
static struct peal_writer writer;
static struct peal_stream *stream;
static char *line, *data;
static size_t size;
static ssize_t n;
static int err;

void answer(struct peal_writer *writer, const char *line, size_t size);
