/* SPDX-License-Identifier: MIT */
/*
 * Where the numbers come from. Beside CPU and kernel there is the time of a loop of one addition: on a
 * virtual machine it tells in which mood the host is, and two runs in different moods do not compare.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "perf/perf.h"

/* The first line of a file that begins with `key`, after its colon; or the whole first line. */
static void first_line(const char *path, const char *key, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	char line[512];

	snprintf(text, size, "unknown");
	while (file && fgets(line, sizeof(line), file)) {
		char *from = line;

		if (key && strncmp(line, key, strlen(key)))
			continue;
		if (key && (from = strchr(line, ':')))
			from += 2;
		if (!from)
			continue;
		from[strcspn(from, "\n\"\\")] = '\0';
		snprintf(text, size, "%.*s", (int)size - 1, from);
		break;
	}
	if (file)
		fclose(file);
}

static double addition_ns(void)
{
	enum { TURNS = 4000000 };
	uint64_t sum = 0;
	int64_t begin = perf_now();

	for (uint64_t i = 0; i < TURNS; i++)
		__asm__ volatile("" : "+r"(sum) : "r"(i));
	return (double)(perf_now() - begin) / TURNS;
}

void perf_print_machine(bool json)
{
	char cpu[128], governor[64], load[64];
	struct utsname kernel;
	const char *backend = getenv("PEAL_BACKEND");

	uname(&kernel);
	first_line("/proc/cpuinfo", "model name", cpu, sizeof(cpu));
	first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", NULL, governor,
		sizeof(governor));
	first_line("/proc/loadavg", NULL, load, sizeof(load));
	printf(json ? "{\"cpu\":\"%s\",\"cpus\":%u,\"kernel\":\"%s\",\"governor\":\"%s\","
		      "\"load\":\"%s\",\"backend\":\"%s\",\"turn_ns\":%.3f}\n"
		    : "# %s, %u CPUs; Linux %s; governor %s; load %s; backend %s; an empty turn of a "
		      "loop takes %.3f ns\n",
		cpu, perf_cpus(), kernel.release, governor, load, backend ? backend : "default",
		addition_ns());
}
