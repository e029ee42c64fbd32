/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "tests/contract/runtime.h"

const char *backend_names[MAX_BACKENDS];
int backend_count;

static void note(void *arg, const struct peal_backend_info *info)
{
	const char *only = getenv("PEAL_BACKEND");

	if (info->err || !info->preference || backend_count == MAX_BACKENDS)
		return;
	if (!only || !*only || !strcmp(only, info->name))
		backend_names[backend_count++] = info->name;
}

void find_backends(void)
{
	peal_backend_list(note, NULL);
	if (!backend_count) {
		fprintf(stderr, "no backend works here: peal doctor tells why\n");
		exit(1);
	}
}

void run_on(int i, peal_task_fn *body, void *arg, struct peal_rt_opts opts)
{
	opts.size = sizeof(opts);
	opts.backend = backend_names[i];
	if (!opts.shards)
		opts.shards = 2;
	ck_assert_int_eq(peal_run(body, arg, &opts), 0);
}

uint64_t counter(const char *name)
{
	struct peal_stats *stats;
	uint64_t value;

	ck_assert_int_eq(peal_stats(&stats, NULL), 0);
	ck_assert_int_ge(peal_stats_find(stats, name), 0);
	value = peal_stats_value(stats, name);
	peal_stats_free(stats);
	return value;
}
