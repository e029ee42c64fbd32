/* SPDX-License-Identifier: MIT */
/* What tests of streams send through them. */
#ifndef PEAL_TESTS_CONTRACT_STREAM_HELP_H
#define PEAL_TESTS_CONTRACT_STREAM_HELP_H

#include <stdint.h>
#include <string.h>

#include "tests/contract/runtime.h"

#define BYTES 100000

/* Bytes that tell when one is lost, doubled or in the wrong place. */
static char pattern[BYTES];

static inline void make_pattern(void)
{
	uint32_t x = 1;

	for (size_t i = 0; i < BYTES; i++) {
		x = x * 1664525 + 1013904223;
		pattern[i] = (char)(x >> 24);
	}
}

struct job {
	struct peal_stream *stream;
	size_t size;
	ssize_t result;
	unsigned int shard;
	bool ends;
};

static inline int write_pattern(void *arg)
{
	struct job *job = arg;

	job->shard = (unsigned int)peal_shard();
	job->result = peal_stream_write_all(job->stream, pattern, job->size);
	return job->ends ? peal_stream_shutdown(job->stream) : 0;
}

static inline struct peal_task *start(peal_task_fn *fn, struct job *job, uint64_t place)
{
	struct peal_task *task;

	ck_assert_int_eq(peal_task_spawn(&task, fn, job, PEAL_SPAWN(.place = place)), 0);
	return task;
}

/* Everything up to the end, and that this is the pattern. */
static inline void expect_pattern(struct peal_stream *stream, size_t size)
{
	static _Thread_local char buf[BYTES];

	ck_assert_int_eq(peal_stream_read_exact(stream, buf, size), (ssize_t)size);
	ck_assert_int_eq(memcmp(buf, pattern, size), 0);
	ck_assert_int_eq(peal_stream_read(stream, buf, 1), 0);
}

#endif
