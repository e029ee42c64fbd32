/* SPDX-License-Identifier: MIT */
/* Inside the explorer of interleave.h: its memory, which asks it which of several stores a load sees. */
#ifndef PEAL_TESTS_INTERLEAVE_MEMORY_H
#define PEAL_TESTS_INTERLEAVE_MEMORY_H

#include "tests/model/interleave.h"

#define IL_PLACES 24 /* locations */

/* What somebody knows of each thread: how far it was. */
struct il_clock {
	uint32_t time[IL_THREADS];
};

static inline void il_join_clock(struct il_clock *clock, const struct il_clock *other)
{
	for (int i = 0; i < IL_THREADS; i++)
		if (clock->time[i] < other->time[i])
			clock->time[i] = other->time[i];
}

/* Everything is forgotten; locations have what lies in them. */
void il_memory_reset(void);
/* The number of a location. */
int il_memory_place(const struct il_access *access);
/* Do it, on a thread: what was there before. */
uint64_t il_memory_do(int thread, const struct il_access *access, bool *done);
/* In setup and finish there is one thread, which sees everything. */
uint64_t il_memory_alone(const struct il_access *access, bool *done);
/* What a read-modify-write, or a store, leaves. */
uint64_t il_result_of(const struct il_access *access, uint64_t old);
uint64_t il_memory_newest(int place);
/* Plain data: NULL, or what is wrong. */
const char *il_memory_read(int thread, const void *p);
const char *il_memory_write(int thread, const void *p);

/* The explorer's: one of n. */
int il_choose(int n);
/* A bound of ours, or a mistake of the scenario. */
void il_broken(const char *what) __attribute__((noreturn));

#endif
