/* SPDX-License-Identifier: MIT */
/* What is read from the clock and from the kernel. */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "perf/perf.h"

static int64_t read_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t perf_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

static void read_rusage(struct perf_usage *usage)
{
	struct rusage rusage;

	getrusage(RUSAGE_SELF, &rusage);
	usage->sleeps = rusage.ru_nvcsw;
	usage->preempted = rusage.ru_nivcsw;
	usage->page_faults = rusage.ru_minflt + rusage.ru_majflt;
}

/* The clocks next to the work: what reading costs is not the workload's. */
void perf_start(struct perf_run *run)
{
	read_rusage(&run->used);
	run->used.cpu_ns = read_clock(CLOCK_PROCESS_CPUTIME_ID);
	run->used.wall_ns = perf_now();
}

void perf_stop(struct perf_run *run)
{
	struct perf_usage *used = &run->used, end;

	end.wall_ns = perf_now();
	end.cpu_ns = read_clock(CLOCK_PROCESS_CPUTIME_ID);
	read_rusage(&end);
	used->wall_ns = end.wall_ns - used->wall_ns;
	used->cpu_ns = end.cpu_ns - used->cpu_ns;
	used->sleeps = end.sleeps - used->sleeps;
	used->preempted = end.preempted - used->preempted;
	used->page_faults = end.page_faults - used->page_faults;
	run->value = (double)used->wall_ns / (double)run->count;
}

void perf_skip(struct perf_run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(run->skipped, sizeof(run->skipped), format, args);
	va_end(args);
}

void perf_expect(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "perf: this did not hold: %s\n", what);
	abort();
}

int64_t perf_resident(void)
{
	long size, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file)
		return 0;
	if (fscanf(file, "%ld %ld", &size, &resident) != 2)
		resident = 0;
	fclose(file);
	return (int64_t)resident * sysconf(_SC_PAGESIZE);
}

long perf_mappings(void)
{
	long lines = 0;
	int c;
	FILE *file = fopen("/proc/self/maps", "re");

	if (!file)
		return 0;
	while ((c = getc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

/* The CPUs that the process had in the beginning: threads inherit what their maker is tied to. */
static cpu_set_t all_cpus;

__attribute__((constructor)) static void find_cpus(void)
{
	sched_getaffinity(0, sizeof(all_cpus), &all_cpus);
}

unsigned int perf_cpus(void)
{
	return (unsigned int)CPU_COUNT(&all_cpus);
}

void perf_pin(unsigned int n)
{
	cpu_set_t one;

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all_cpus) || n--)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

void perf_unpin(void)
{
	sched_setaffinity(0, sizeof(all_cpus), &all_cpus);
}

void perf_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}
