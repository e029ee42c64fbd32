/* SPDX-License-Identifier: MIT */
/*
 * The harness of the benchmarks. A program here consists of rows (one workload each), and a row of
 * variants: Peal, and what it is held against. The harness runs the variants of a row in turn, A B C A B
 * C, as often as there are samples, and prints medians; README.md tells how to read them.
 *
 *	static void run_peal(struct perf_run *run)
 *	{
 *		work(run->warm_up);
 *		perf_start(run);
 *		work(run->count);
 *		perf_stop(run);
 *	}
 *
 *	PERF_ROW(.name = "work", .what = "what is timed", .count = 100000,
 *		.variants = { { "peal", run_peal }, { "bare", run_bare, .floor = true } })
 *
 * No program has a main() of its own: perf.c has it. This part knows nothing of Peal.
 */
#ifndef PEAL_PERF_PERF_H
#define PEAL_PERF_PERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "perf/histogram.h"

/* What a stretch of time cost the process, all its threads together. */
struct perf_usage {
	int64_t wall_ns, cpu_ns;
	int64_t sleeps;    /* voluntary context switches */
	int64_t preempted; /* involuntary ones */
	int64_t page_faults;
};

/* One sample of one variant. */
struct perf_run {
	/* For the variant: */
	const struct perf_variant *variant;
	uint64_t count;       /* operations between perf_start() and perf_stop() */
	uint64_t warm_up;     /* operations before that */
	unsigned int threads; /* that every variant of the row uses */
	/* From the variant: */
	struct perf_histogram *latency; /* ns; rows of latencies record one value per operation */
	double value; /* in nanoseconds, or the row's unit; perf_stop() sets ns per operation */
	char skipped[160]; /* why it could not run */
	struct perf_usage used;
};

typedef void perf_fn(struct perf_run *run);

struct perf_variant {
	const char *name;
	perf_fn *run;
	bool floor;          /* bare C, that does the same; ratios are to the first of them */
	const char *backend; /* for Peal; NULL: the default */
	uint64_t with;       /* the variant's own */
};

#define PERF_VARIANTS 10

struct perf_row {
	const char *name;
	const char *what;     /* a line for people: what one operation is */
	const char *unit;     /* "ns" unless it says something else */
	double scale;         /* nanoseconds in the unit; 1 */
	uint64_t count;       /* operations in a sample, some 10 ms of them */
	uint64_t step;        /* count is a multiple of it; 1 */
	unsigned int threads; /* 1 unless it says something else; PERF_ALL_CPUS */
	bool latency; /* a distribution: the value is the median over operations, p99 is shown */
	bool alone;   /* nothing in it depends on other threads: instructions can be counted */
	void (*prepare)(struct perf_row *row); /* before main(): to add variants; or NULL */
	struct perf_variant variants[PERF_VARIANTS];
	struct perf_row *next;
};

#define PERF_ALL_CPUS UINT32_MAX

/* Called before main(), in the order in which the files are linked. */
void perf_register(struct perf_row *row);

#define PERF_ROW(...)          PERF_ROW_AT(__LINE__, __VA_ARGS__)
#define PERF_ROW_AT(line, ...) PERF_ROW_NAMED(line, __VA_ARGS__)
#define PERF_ROW_NAMED(line, ...)                                           \
	static struct perf_row perf_row_##line = { __VA_ARGS__ };           \
	__attribute__((constructor)) static void perf_register_##line(void) \
	{                                                                   \
		perf_register(&perf_row_##line);                            \
	}

/* Around what is measured; any thread, the same one for both or not. */
void perf_start(struct perf_run *run);
void perf_stop(struct perf_run *run);

/* Leave this variant out, and say why: what to install, what the machine lacks. */
void perf_skip(struct perf_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A check of the work's result: a benchmark that computes something else is worth nothing. */
void perf_expect(bool holds, const char *what);

int64_t perf_now(void);      /* CLOCK_MONOTONIC, ns */
int64_t perf_resident(void); /* bytes of the process that are in memory */
long perf_mappings(void);    /* lines of /proc/self/maps */
unsigned int perf_cpus(void);
/* Keep the calling thread on the n-th CPU that the process may use, where there are that many. */
void perf_pin(unsigned int n);
/* Let it run on all of them: a thread that a shard has made would stay with the shard. */
void perf_unpin(void);
void perf_relax(void); /* in a loop that spins */

/* A line about the machine, as text or as a JSON object, to stdout. */
void perf_print_machine(bool json);

#endif
