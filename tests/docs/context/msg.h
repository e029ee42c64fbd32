/* SPDX-License-Identifier: MIT */
/* What the examples in peal/msg.h take for granted. */
#include <errno.h>
#include <stdint.h>

#include <peal/msg.h>

enum { BYTES_SEEN = 7 };

struct job;

static struct job *job;
static unsigned int shard;
static uint64_t n;

void finish(struct job *job);
void later(struct job *job);
void on_bytes(const struct peal_msg *msg, void *arg);
