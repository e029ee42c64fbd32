/* SPDX-License-Identifier: MIT */
/*
 * Latencies with their whole tail: a histogram with buckets of equal relative width, as HdrHistogram
 * has them (Debian 12 does not package that one). Values are at most 1/128 off.
 */
#ifndef PEAL_PERF_HISTOGRAM_H
#define PEAL_PERF_HISTOGRAM_H

#include <stdint.h>

#define PERF_HISTOGRAM_BITS  7
#define PERF_HISTOGRAM_SLOTS ((64 - PERF_HISTOGRAM_BITS + 1) << PERF_HISTOGRAM_BITS)

struct perf_histogram {
	uint64_t total, largest;
	uint64_t slots[PERF_HISTOGRAM_SLOTS];
};

void perf_record(struct perf_histogram *histogram, uint64_t value);
/* The smallest value that `percent` of the values do not exceed; 0 when there are none. */
uint64_t perf_percentile(const struct perf_histogram *histogram, double percent);
void perf_merge(struct perf_histogram *into, const struct perf_histogram *from);
void perf_forget(struct perf_histogram *histogram);

#endif
