/* SPDX-License-Identifier: MIT */
#include "perf/runtime.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static char why_not[160];

/* The line that says why a backend was refused comes last. */
static void keep_error(void *arg, enum peal_log_level level, const char *text)
{
	(void)arg;
	if (level == PEAL_LOG_ERROR)
		snprintf(why_not, sizeof(why_not), "%s", text);
}

void perf_in_runtime_opts(struct perf_run *run, peal_task_fn *fn, struct peal_rt_opts opts)
{
	int err;

	opts.size = sizeof(opts);
	opts.shards = run->threads;
	opts.backend = run->variant->backend;
	why_not[0] = '\0';
	peal_set_log(keep_error, NULL);
	err = peal_run(fn, run, &opts);
	if (err < 0)
		perf_skip(run, "%s", why_not[0] ? why_not : strerror(-err));
}

void perf_in_runtime(struct perf_run *run, peal_task_fn *fn)
{
	perf_in_runtime_opts(run, fn, (struct peal_rt_opts){ 0 });
}

struct pinned {
	void *(*fn)(void *);
	void *arg;
	unsigned int cpu;
};

static void *run_pinned(void *arg)
{
	struct pinned *pinned = arg;

	perf_pin(pinned->cpu);
	return pinned->fn(pinned->arg);
}

void perf_two_threads(void *(*first)(void *), void *(*second)(void *), void *arg)
{
	struct pinned pinned[] = { { first, arg, 0 }, { second, arg, 1 } };
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		perf_expect(!pthread_create(&threads[i], NULL, run_pinned, &pinned[i]),
			"there is room for two threads");
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}
