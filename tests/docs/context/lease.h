/* SPDX-License-Identifier: MIT */
/* What the examples in peal/lease.h take for granted. */
#include <peal/lease.h>
#include <peal/task.h>

static struct peal_receiver *receiver;
static unsigned int shard;
static int fd;
static ssize_t n, left;

void consume(const char *data, ssize_t size);
