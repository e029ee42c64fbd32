/* SPDX-License-Identifier: MIT */
/* main() of every benchmark: options, the order of samples, what is printed. */
#include "perf/perf.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/report.h"

static struct perf_row *rows, **last_row = &rows;

static struct {
	const char *only;
	unsigned int samples;
	uint64_t count; /* 0: the row's own */
	double seconds;
	bool json, smoke, list;
} options = { .samples = 11, .seconds = 20 };

void perf_register(struct perf_row *row)
{
	if (!row->unit)
		row->unit = "ns";
	if (!row->scale)
		row->scale = 1;
	if (!row->step)
		row->step = 1;
	if (!row->threads)
		row->threads = 1;
	if (row->prepare)
		row->prepare(row);
	*last_row = row;
	last_row = &row->next;
}

static uint64_t round_up(uint64_t n, uint64_t step)
{
	return (n + step - 1) / step * step;
}

static uint64_t count_of(const struct perf_row *row)
{
	uint64_t count = options.count ? options.count : row->count;

	return options.smoke ? row->step : round_up(count, row->step);
}

/* --only NAME, or ROW/VARIANT. */
static bool wanted(const struct perf_row *row, const struct perf_variant *variant)
{
	size_t length = strlen(row->name);

	if (!options.only || !strcmp(options.only, row->name))
		return true;
	if (strncmp(options.only, row->name, length) || options.only[length] != '/')
		return false;
	return !variant || !strcmp(options.only + length + 1, variant->name);
}

static void run_once(const struct perf_row *row, const struct perf_variant *variant,
	struct perf_summary *summary, struct perf_histogram *latency)
{
	struct perf_run run = { .variant = variant, .count = count_of(row), .latency = latency };

	run.threads = row->threads == PERF_ALL_CPUS ? perf_cpus() : row->threads;
	run.warm_up = options.smoke || options.count ? row->step
						     : round_up((run.count + 7) / 8, row->step);
	perf_forget(latency);
	variant->run(&run);
	if (run.skipped[0]) {
		snprintf(summary->skipped, sizeof(summary->skipped), "%s", run.skipped);
		return;
	}
	if (row->latency)
		run.value = (double)perf_percentile(latency, 50);
	else if (row->alone)
		run.value = (double)run.used.cpu_ns / (double)run.count;
	perf_summary_add(summary, &run);
}

static void run_row(const struct perf_row *row)
{
	struct perf_summary *summaries = calloc(PERF_VARIANTS, sizeof(*summaries));
	struct perf_histogram *latency = calloc(1, sizeof(*latency));
	int64_t until = perf_now() + (int64_t)(options.seconds * 1e9);
	unsigned int samples = options.smoke ? 1 : options.samples;

	perf_expect(summaries && latency, "there is memory");
	for (unsigned int sample = 0; sample < samples; sample++) {
		for (int i = 0; i < PERF_VARIANTS && row->variants[i].run; i++)
			if (wanted(row, &row->variants[i]) && !summaries[i].skipped[0])
				run_once(row, &row->variants[i], &summaries[i], latency);
		if (sample >= 2 && perf_now() > until)
			break;
	}
	perf_report_row(row, summaries, options.json);
	for (int i = 0; i < PERF_VARIANTS; i++)
		perf_summary_free(&summaries[i]);
	free(latency);
	free(summaries);
}

static void list_rows(void)
{
	for (const struct perf_row *row = rows; row; row = row->next)
		for (int i = 0; i < PERF_VARIANTS && row->variants[i].run; i++)
			printf("%s/%s%s\n", row->name, row->variants[i].name,
				row->alone && !row->variants[i].floor ? " alone" : "");
}

static void usage(FILE *file, const char *program)
{
	fprintf(file,
		"usage: %s [OPTION]...\n\n"
		"  --only ROW[/VARIANT]  this one only\n"
		"  --samples N           of each variant; 11\n"
		"  --seconds S           no new samples of a row after that; 20\n"
		"  --count N             operations in a sample, and as few as possible before\n"
		"  --smoke               one sample of as little as possible\n"
		"  --json                an object per line, the first about the machine\n"
		"  --list                rows and variants; \"alone\": instructions can be counted\n",
		program);
}

static bool parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "only", required_argument, NULL, 'o' },
		{ "samples", required_argument, NULL, 'n' },
		{ "seconds", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'c' },
		{ "smoke", no_argument, NULL, 'k' },
		{ "json", no_argument, NULL, 'j' },
		{ "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 'o':
			options.only = optarg;
			break;
		case 'n':
			options.samples = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 's':
			options.seconds = strtod(optarg, NULL);
			break;
		case 'c':
			options.count = strtoull(optarg, NULL, 10);
			break;
		case 'k':
			options.smoke = true;
			break;
		case 'j':
			options.json = true;
			break;
		case 'l':
			options.list = true;
			break;
		case 'h':
			usage(stdout, argv[0]);
			exit(0);
		default:
			return false;
		}
	}
	return optind == argc && options.samples;
}

int main(int argc, char **argv)
{
	bool found = false;

	if (!parse(argc, argv)) {
		usage(stderr, argv[0]);
		return 2;
	}
	if (options.list) {
		list_rows();
		return 0;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	perf_print_machine(options.json);
	perf_report_begin(options.json);
	for (const struct perf_row *row = rows; row; row = row->next) {
		if (!wanted(row, NULL))
			continue;
		found = true;
		run_row(row);
	}
	if (!found)
		fprintf(stderr, "%s: no row is called %s (--list)\n", argv[0], options.only);
	return !found;
}
