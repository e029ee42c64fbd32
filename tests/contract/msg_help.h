/* SPDX-License-Identifier: MIT */
/*
 * What the tests of messages share: a handler that notes what it gets, a shard that receives nothing,
 * the warnings of the log.
 */
#ifndef PEAL_TESTS_CONTRACT_MSG_HELP_H
#define PEAL_TESTS_CONTRACT_MSG_HELP_H

#include <stdatomic.h>

#include "tests/contract/runtime.h"

/* Tags. */
enum { WORK = 1, REPLY, OTHER };
#define LAST UINT32_MAX

/* Run fn(arg) on a shard, as a task of its own. */
int on_shard(unsigned int shard, peal_task_fn *fn, void *arg);

/* What take() has got: values that count up from 0 for each sender. */
struct got {
	atomic_int count;
	struct peal_msg last;
	uint64_t next[128]; /* by sender */
	bool disordered;
};
extern struct got got;

void take(const struct peal_msg *msg, void *arg);
/* A task's function: take() handles WORK on this shard. */
int handle_work(void *arg);
/* So many have come, no more, and in order. */
void wait_for(int count);

/* A task that does not give way: its shard receives nothing until it has ended. Setting hogging to 2
 * ends it, too. */
extern atomic_int hogging;
struct peal_task *start_hog(unsigned int shard);
void end_hog(struct peal_task *task);

/* A log hook: counts the warnings that are about messages. */
extern atomic_int warnings;
extern char last_warning[512];
void note_warning(void *arg, enum peal_log_level level, const char *text);

#endif
