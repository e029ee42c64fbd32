/* SPDX-License-Identifier: MIT */
/* Below 2^7 one slot a value; above, each power of two is split into 2^7 slots. */
#include "perf/histogram.h"

#include <string.h>

#define WITHIN ((1u << PERF_HISTOGRAM_BITS) - 1)

static unsigned int slot_of(uint64_t value)
{
	unsigned int shift;

	if (value <= WITHIN)
		return (unsigned int)value;
	shift = 63 - (unsigned int)__builtin_clzll(value) - PERF_HISTOGRAM_BITS;
	return ((shift + 1) << PERF_HISTOGRAM_BITS) + (unsigned int)((value >> shift) & WITHIN);
}

/* The largest value that a slot stands for. */
static uint64_t value_of(unsigned int slot)
{
	unsigned int band = slot >> PERF_HISTOGRAM_BITS;
	uint64_t low = slot & WITHIN;

	if (!band)
		return low;
	low |= (uint64_t)1 << PERF_HISTOGRAM_BITS;
	return (low << (band - 1)) + (((uint64_t)1 << (band - 1)) - 1);
}

void perf_record(struct perf_histogram *histogram, uint64_t value)
{
	histogram->slots[slot_of(value)]++;
	histogram->total++;
	if (value > histogram->largest)
		histogram->largest = value;
}

uint64_t perf_percentile(const struct perf_histogram *histogram, double percent)
{
	uint64_t rank = (uint64_t)(percent / 100 * (double)histogram->total + 0.5), seen = 0;

	if (!histogram->total)
		return 0;
	if (!rank)
		rank = 1;
	for (unsigned int slot = 0; slot < PERF_HISTOGRAM_SLOTS; slot++) {
		seen += histogram->slots[slot];
		if (seen >= rank)
			return value_of(slot) < histogram->largest ? value_of(slot)
								   : histogram->largest;
	}
	return histogram->largest;
}

void perf_merge(struct perf_histogram *into, const struct perf_histogram *from)
{
	into->total += from->total;
	if (from->largest > into->largest)
		into->largest = from->largest;
	for (unsigned int slot = 0; slot < PERF_HISTOGRAM_SLOTS; slot++)
		into->slots[slot] += from->slots[slot];
}

void perf_forget(struct perf_histogram *histogram)
{
	memset(histogram, 0, sizeof(*histogram));
}
