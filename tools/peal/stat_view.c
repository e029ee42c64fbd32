/* SPDX-License-Identifier: MIT */
/* The numbers that `peal stat` shows: as they are, or what was added since the look before. */
#include <stdlib.h>
#include <string.h>

#include <peal/runtime.h>

#include "tools/peal/stat.h"

static unsigned int blocks(const struct stat_view *view)
{
	return peal_stats_info(view->stats)->shards + 1;
}

static unsigned int block_name(const struct stat_view *view, unsigned int block)
{
	return block + 1 < blocks(view) ? block : PEAL_OUTSIDE;
}

static void keep_counter(struct stat_view *view, unsigned int index)
{
	const struct peal_counter *counter = peal_stats_counter(view->stats, index);
	uint64_t *to = view->before + view->before_start[index];

	for (unsigned int block = 0; block < blocks(view); block++)
		for (unsigned int place = 0; place < counter->length; place++)
			*to++ = peal_stats_element(
				view->stats, index, block_name(view, block), place);
}

bool stat_view_keep(struct stat_view *view)
{
	unsigned int count = peal_stats_count(view->stats);
	size_t *start = malloc((count + 1) * sizeof(*start)), end = 0;
	uint64_t *before;

	for (unsigned int i = 0; start && i < count; i++) {
		start[i] = end;
		end += (size_t)blocks(view) * peal_stats_counter(view->stats, i)->length;
	}
	before = start ? malloc((end + 1) * sizeof(*before)) : NULL;
	if (!before) {
		free(start);
		return false;
	}
	free(view->before);
	free(view->before_start);
	view->before = before;
	view->before_start = start;
	view->before_count = count;
	view->age_before = peal_stats_info(view->stats)->age;
	for (unsigned int i = 0; i < count; i++)
		keep_counter(view, i);
	return true;
}

void stat_view_free(struct stat_view *view)
{
	peal_stats_free(view->stats);
	free(view->before);
	free(view->before_start);
}

int64_t stat_view_interval(const struct stat_view *view)
{
	return peal_stats_info(view->stats)->age - view->age_before;
}

/* 0 for a counter that was not there yet. The others are as long as they were (peal_stats_refresh()). */
static uint64_t value_before(
	const struct stat_view *view, unsigned int index, unsigned int block, unsigned int place)
{
	unsigned int length = peal_stats_counter(view->stats, index)->length;

	if (index >= view->before_count)
		return 0;
	return view->before[view->before_start[index] + (size_t)block * length + place];
}

uint64_t stat_view_value(
	const struct stat_view *view, unsigned int index, unsigned int shard, unsigned int place)
{
	uint64_t value = peal_stats_element(view->stats, index, shard, place);
	unsigned int block = shard == PEAL_OUTSIDE ? blocks(view) - 1 : shard;

	if (peal_stats_counter(view->stats, index)->kind == PEAL_KIND_COUNTER)
		value -= value_before(view, index, block, place);
	return value;
}

bool stat_has_total(const struct peal_counter *counter)
{
	return counter->kind == PEAL_KIND_COUNTER || counter->kind == PEAL_KIND_GAUGE ||
		counter->kind == PEAL_KIND_MAX;
}

uint64_t stat_view_total(const struct stat_view *view, unsigned int index, unsigned int place)
{
	const struct peal_counter *counter = peal_stats_counter(view->stats, index);
	uint64_t total = 0;

	if (!stat_has_total(counter))
		return 0;
	for (unsigned int block = 0; block < blocks(view); block++) {
		uint64_t value = stat_view_value(view, index, block_name(view, block), place);

		if (counter->kind != PEAL_KIND_MAX)
			total += value;
		else if (value > total)
			total = value;
	}
	return total;
}

const char *stat_state(uint32_t state)
{
	static const char *const words[] = {
		[PEAL_RT_BOOTING] = "booting",
		[PEAL_RT_RUNNING] = "running",
		[PEAL_RT_DRAINING] = "draining",
		[PEAL_RT_STOPPING] = "stopping",
		[PEAL_RT_STOPPED] = "stopped",
		[PEAL_RT_EMERGENCY] = "emergency",
	};

	return state < sizeof(words) / sizeof(words[0]) ? words[state] : "?";
}

void stat_word(const char *words, uint64_t n, char *word, size_t size)
{
	size_t length;

	for (; n && words; n--) {
		words = strchr(words, '/');
		if (words)
			words++;
	}
	if (!words || !*words) {
		snprintf(word, size, "?");
		return;
	}
	length = strcspn(words, "/");
	snprintf(word, size, "%.*s", (int)length, words);
}
