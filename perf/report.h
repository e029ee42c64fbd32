/* SPDX-License-Identifier: MIT */
/* The samples of a variant, and how a row of them is printed. */
#ifndef PEAL_PERF_REPORT_H
#define PEAL_PERF_REPORT_H

#include "perf/perf.h"

struct perf_summary {
	double *values;
	unsigned int samples, room;
	uint64_t operations;
	struct perf_usage used; /* of all samples together */
	struct perf_histogram *latency;
	char skipped[160];
};

void perf_summary_add(struct perf_summary *summary, const struct perf_run *run);
void perf_summary_free(struct perf_summary *summary);

/* The heading of the table. */
void perf_report_begin(bool json);
/* summaries[] is in the order of the row's variants; those without a sample are passed over. */
void perf_report_row(const struct perf_row *row, struct perf_summary *summaries, bool json);

#endif
