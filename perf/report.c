/* SPDX-License-Identifier: MIT */
#include "perf/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void perf_summary_add(struct perf_summary *summary, const struct perf_run *run)
{
	if (summary->samples == summary->room) {
		summary->room = summary->room ? 2 * summary->room : 16;
		summary->values = realloc(summary->values, summary->room * sizeof(double));
		perf_expect(summary->values, "there is memory for samples");
	}
	summary->values[summary->samples++] = run->value;
	summary->operations += run->count;
	summary->used.wall_ns += run->used.wall_ns;
	summary->used.cpu_ns += run->used.cpu_ns;
	summary->used.sleeps += run->used.sleeps;
	summary->used.preempted += run->used.preempted;
	summary->used.page_faults += run->used.page_faults;
	if (!run->latency->total)
		return;
	if (!summary->latency)
		summary->latency = calloc(1, sizeof(*summary->latency));
	perf_expect(summary->latency, "there is memory for a histogram");
	perf_merge(summary->latency, run->latency);
}

void perf_summary_free(struct perf_summary *summary)
{
	free(summary->values);
	free(summary->latency);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of values in order: linear between neighbours. */
static double quantile(const struct perf_summary *summary, double q)
{
	double at = q * (summary->samples - 1);
	unsigned int below = (unsigned int)at;
	unsigned int above = below + 1 < summary->samples ? below + 1 : below;

	return summary->values[below] +
		(at - below) * (summary->values[above] - summary->values[below]);
}

static double per_operation(const struct perf_summary *summary, int64_t sum)
{
	return (double)sum / (double)summary->operations;
}

static double cpu(const struct perf_summary *summary)
{
	return per_operation(summary, summary->used.cpu_ns);
}

static double percentile(
	const struct perf_row *row, const struct perf_summary *summary, double percent)
{
	return (double)perf_percentile(summary->latency, percent) / row->scale;
}

void perf_report_begin(bool json)
{
	if (!json)
		printf("%-22s %-14s %10s %10s %10s %-6s %7s %10s %7s %9s %9s %9s %9s\n", "row",
			"variant", "median", "p10", "p90", "unit", "/floor", "CPU", "/floor",
			"sleeps/op", "p50", "p99", "p99.9");
}

static void print_ratio(double value, double floor)
{
	if (floor > 0)
		printf("%7.2f ", value / floor);
	else
		printf("%7s ", "-");
}

static void print_text(const struct perf_row *row, const struct perf_variant *variant,
	const struct perf_summary *summary, const struct perf_summary *floor)
{
	double median = quantile(summary, 0.5);

	printf("%-22s %-14s %10.5g %10.5g %10.5g %-6s ", row->name, variant->name,
		median / row->scale, quantile(summary, 0.1) / row->scale,
		quantile(summary, 0.9) / row->scale, row->unit);
	print_ratio(median, floor ? quantile(floor, 0.5) : 0);
	printf("%10.5g ", cpu(summary) / row->scale);
	print_ratio(cpu(summary), floor ? cpu(floor) : 0);
	printf("%9.3g", per_operation(summary, summary->used.sleeps));
	if (summary->latency)
		printf(" %9.4g %9.4g %9.4g", percentile(row, summary, 50),
			percentile(row, summary, 99), percentile(row, summary, 99.9));
	putchar('\n');
}

static void print_json(const struct perf_row *row, const struct perf_variant *variant,
	const struct perf_summary *summary, const struct perf_summary *floor)
{
	double median = quantile(summary, 0.5), best = floor ? quantile(floor, 0.5) : 0;

	printf("{\"name\":\"%s\",\"variant\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"", row->name,
		variant->name, median / row->scale, row->unit);
	if (best > 0)
		printf(",\"floor\":%.6g,\"ratio\":%.4g", best / row->scale, median / best);
	printf(",\"p10\":%.6g,\"p90\":%.6g,\"samples\":%u,\"cpu\":%.6g,\"sleeps\":%.4g,"
	       "\"preempted\":%.4g,\"page_faults\":%.4g",
		quantile(summary, 0.1) / row->scale, quantile(summary, 0.9) / row->scale,
		summary->samples, cpu(summary) / row->scale,
		per_operation(summary, summary->used.sleeps),
		per_operation(summary, summary->used.preempted),
		per_operation(summary, summary->used.page_faults));
	if (floor && cpu(floor) > 0)
		printf(",\"cpu_ratio\":%.4g", cpu(summary) / cpu(floor));
	if (summary->latency)
		printf(",\"p50\":%.6g,\"p99\":%.6g,\"p999\":%.6g", percentile(row, summary, 50),
			percentile(row, summary, 99), percentile(row, summary, 99.9));
	puts("}");
}

static void print_skipped(const struct perf_row *row, const struct perf_variant *variant,
	const struct perf_summary *summary, bool json)
{
	printf(json ? "{\"name\":\"%s\",\"variant\":\"%s\",\"skipped\":\"%s\"}\n"
		    : "%-22s %-14s left out: %s\n",
		row->name, variant->name, summary->skipped);
}

/* The first floor that was measured, or NULL. */
static const struct perf_summary *floor_of(
	const struct perf_row *row, const struct perf_summary *summaries)
{
	for (int i = 0; i < PERF_VARIANTS && row->variants[i].run; i++)
		if (row->variants[i].floor && summaries[i].samples)
			return &summaries[i];
	return NULL;
}

void perf_report_row(const struct perf_row *row, struct perf_summary *summaries, bool json)
{
	const struct perf_summary *floor;

	for (int i = 0; i < PERF_VARIANTS; i++)
		if (summaries[i].samples)
			qsort(summaries[i].values, summaries[i].samples, sizeof(double), by_value);
	floor = floor_of(row, summaries);
	for (int i = 0; i < PERF_VARIANTS && row->variants[i].run; i++) {
		if (summaries[i].skipped[0])
			print_skipped(row, &row->variants[i], &summaries[i], json);
		else if (summaries[i].samples && json)
			print_json(row, &row->variants[i], &summaries[i], floor);
		else if (summaries[i].samples)
			print_text(row, &row->variants[i], &summaries[i], floor);
	}
}
