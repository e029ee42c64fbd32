/* SPDX-License-Identifier: MIT */
/*
 * The plugin that the loader's tests load (probe.h). It uses nothing of libpeal but its host table.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/contract/plugins/probe.h"

/* later.c includes this file, under another name. */
#ifndef PROBE_NAME
#define PROBE_NAME   "probe"
#define PROBE_PREFIX ""
#endif

struct probe {
	const struct peal_host *host;
	struct probe_events *events;
	int64_t answer, fail_start, fail_shard;
	bool leak;
	unsigned int shard_states[64]; /* what shard_start gives out: addresses that are its own */
};

static void note(const struct probe *probe, const char *what, int shard)
{
	char *end;

	if (!probe->events)
		return;
	end = probe->events->text + strlen(probe->events->text);
	if (shard >= 0)
		sprintf(end, PROBE_PREFIX "%s(%d) ", what, shard);
	else
		sprintf(end, PROBE_PREFIX "%s ", what);
}

static void read_params(struct probe *probe, const struct peal_params *params)
{
	const struct peal_host *host = probe->host;

	probe->events = (struct probe_events *)(uintptr_t)host->param_number(params, "events");
	probe->answer = host->param_number(params, "answer");
	probe->fail_start = host->param_number(params, "fail_start");
	probe->fail_shard = host->param_number(params, "fail_shard");
	probe->leak = host->param_number(params, "leak");
}

static int probe_start(void **state, const struct peal_host *host, const struct peal_params *params)
{
	struct probe *probe = host->alloc(1, sizeof(*probe));
	int err;

	if (!probe)
		return -ENOMEM;
	probe->host = host;
	read_params(probe, params);
	note(probe, "start", -1);
	err = (int)probe->fail_start;
	if (!err && probe->events && probe->events->in_start)
		err = probe->events->in_start();
	if (err) {
		host->free(probe);
		return err;
	}
	*state = probe;
	return 0;
}

static int probe_shard_start(void *state, unsigned int shard, void **shard_state)
{
	struct probe *probe = state;

	note(probe, "shard_start", (int)shard);
	if (probe->events && probe->events->in_shard)
		probe->events->in_shard(shard);
	if (probe->fail_shard == (int64_t)shard)
		return -EXDEV;
	probe->shard_states[shard] = shard;
	*shard_state = &probe->shard_states[shard];
	return 0;
}

static void probe_shard_stop(void *state, unsigned int shard, void *shard_state)
{
	struct probe *probe = state;

	note(probe,
		shard_state == &probe->shard_states[shard] ? "shard_stop" : "shard_stop_of_another",
		(int)shard);
	if (probe->events && probe->events->in_shard)
		probe->events->in_shard(shard);
}

static void probe_stop(void *state)
{
	struct probe *probe = state;

	note(probe, "stop", -1);
	if (!probe->leak)
		probe->host->free(probe);
}

static int64_t probe_answer(void *state)
{
	const struct probe *probe = state;

	probe->host->count(probe->host, 1, 2);
	return probe->answer;
}

static const struct peal_host *probe_host(void *state)
{
	const struct probe *probe = state;

	return probe->host;
}

static const struct probe_api api = {
	.size = sizeof(api),
	.answer = probe_answer,
	.host = probe_host,
};

PEAL_PLUGIN = {
	PEAL_PLUGIN_HEADER(PROBE_NAME, "1.0-original"),
	.summary = "is loaded by tests",
	.params = PEAL_PARAMS(
		{ .name = "events", .type = PEAL_PARAM_INT, .initial = "0", .help = "an address" },
		{ .name = "answer",
			.type = PEAL_PARAM_INT,
			.initial = "42",
			.low = 1,
			.high = 1000,
			.help = "to all questions" },
		{ .name = "fail_start", .type = PEAL_PARAM_INT, .initial = "0" },
		{ .name = "fail_shard", .type = PEAL_PARAM_INT, .initial = "-1" },
		{ .name = "leak", .type = PEAL_PARAM_BOOL, .initial = "no" }),
	.counters = PEAL_PLUGIN_COUNTERS({ .name = "unused" },
		{ .name = "answers", .unit = "bytes", .help = "Twice the answers given." }),
	.api = &api,
	.api_major = PROBE_API_MAJOR,
	.start = probe_start,
	.shard_start = probe_shard_start,
	.shard_stop = probe_shard_stop,
	.stop = probe_stop,
};
