/* SPDX-License-Identifier: MIT */
/* What the examples in peal/sync.h take for granted. */
#include <errno.h>

#include <peal/scope.h>
#include <peal/sync.h>
#include <peal/time.h>

struct line {
	char text[80];
};

struct queue {
	struct peal_mutex mutex;
	struct peal_condition filled;
	struct line *first;
};

static struct queue *queue;
static struct peal_mutex mutex;
static struct peal_chan *jobs, *quit;
static int job, err;

void print(const struct line *line);
