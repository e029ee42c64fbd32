/* SPDX-License-Identifier: MIT */
/* `peal stat`: what its files share. */
#ifndef PEAL_TOOLS_STAT_H
#define PEAL_TOOLS_STAT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <peal/stats.h>

struct stat_options {
	bool all;     /* counters that are 0, too */
	bool explain; /* with the sentence that says what is counted */
	bool shards;  /* a column for each shard, however many */
};

/*
 * A runtime that is looked at, and what was there at the look before: values are differences once
 * stat_view_keep() was called, for counters that only grow.
 */
struct stat_view {
	struct peal_stats *stats;
	uint64_t *before;     /* [counter][shard, the outside last][place], flat */
	size_t *before_start; /* of each counter, and the end */
	unsigned int before_count;
	int64_t age_before;
};

/* Remember what is there now as what was before. False without memory. */
bool stat_view_keep(struct stat_view *view);
void stat_view_free(struct stat_view *view);

/* ns since the look before, or since the runtime started. */
int64_t stat_view_interval(const struct stat_view *view);
uint64_t stat_view_value(
	const struct stat_view *view, unsigned int index, unsigned int shard, unsigned int place);
/* Over all shards and the outside, of one place in an array; 0 for kinds that have none. */
uint64_t stat_view_total(const struct stat_view *view, unsigned int index, unsigned int place);
bool stat_has_total(const struct peal_counter *counter);

/* The state of a runtime in a word. */
const char *stat_state(uint32_t state);
/* The n-th word of a state's unit, "?" for one that it has not. */
void stat_word(const char *words, uint64_t n, char *word, size_t size);

void stat_print_list(const struct stat_view *views, size_t count, FILE *to);
void stat_print_table(const struct stat_view *view, const struct stat_options *options, FILE *to);
/* One line, one object. */
void stat_print_json(const struct stat_view *view, FILE *to);
/* The text format, version 0.0.4. */
void stat_print_prometheus(const struct stat_view *views, size_t count, FILE *to);

#endif
