/* SPDX-License-Identifier: MIT */
/* The du plugin's descriptor. How the plugin works stands in walk.h. */
#include "walk.h"

static void cancel(struct peal_du_watch *watch)
{
	__atomic_store_n(&watch->cancel, 1, __ATOMIC_RELAXED);
}

static int start(void **state, const struct peal_host *host, const struct peal_params *params)
{
	const char *run_on = host->param_string(params, "run_on");
	struct du_plugin *plugin;

	if (strcmp(run_on, "shards") && strcmp(run_on, "pool")) {
		host->log(host, PEAL_LOG_ERROR, "run_on=%s: it is either shards or pool", run_on);
		return -EINVAL;
	}
	plugin = host->alloc(1, sizeof(*plugin));
	if (!plugin)
		return -ENOMEM;
	plugin->host = host;
	plugin->pool = !strcmp(run_on, "pool");
	*state = plugin;
	return 0;
}

static void stop(void *state)
{
	struct du_plugin *plugin = state;

	plugin->host->free(plugin);
}

/* A shard's state: the memory for names, made when it is first needed. */
static int shard_start(void *state, unsigned int shard, void **shard_state)
{
	struct du_plugin *plugin = state;
	char **names = plugin->host->alloc(1, sizeof(*names));

	(void)shard;
	if (!names)
		return -ENOMEM;
	*shard_state = names;
	return 0;
}

static void shard_stop(void *state, unsigned int shard, void *shard_state)
{
	struct du_plugin *plugin = state;
	char **names = shard_state;

	(void)shard;
	plugin->host->free(*names);
	plugin->host->free(names);
}

/* DU_BUFFER bytes for names, until the worker's present job ends. NULL: no memory. */
char *peal_du_names(struct du_worker *worker)
{
	const struct peal_host *host = worker->walk->host;

	if (!worker->names)
		worker->names = peal_plugin_shard_state(host);
	if (worker->names && !*worker->names)
		*worker->names = host->alloc(1, DU_BUFFER);
	if (!worker->names || !*worker->names) {
		peal_du_end(worker->walk, -ENOMEM);
		return NULL;
	}
	return *worker->names;
}

static const struct peal_du_api api = {
	.size = sizeof(api),
	.run = peal_du_run,
	.progress = peal_du_counts,
	.cancel = cancel,
};

PEAL_PLUGIN = {
	PEAL_PLUGIN_HEADER("du", "0.1"),
	.summary = "disk usage of directory trees, on all shards",
	.params = PEAL_PARAMS({
		.name = "run_on",
		.initial = "shards",
		.help = "shards, or pool where the shards have others to serve",
		.type = PEAL_PARAM_STRING,
	}),
	.counters = PEAL_PLUGIN_COUNTERS([DU_ENTRIES] = { "entries", "",
						 "things looked at, directories included" },
		[DU_DIRECTORIES] = { "directories", "", "directories opened" },
		[DU_OFFERS] = { "offers", "", "jobs offered to other shards as tasks" },
		[DU_REFUSED] = { "refused", "", "offers that the runtime refused" },
		[DU_REOPENS] = { "reopens", "", "directories closed early and opened again" },
		[DU_ERRORS] = { "errors", "", "errors told" }),
	.start = start,
	.shard_start = shard_start,
	.shard_stop = shard_stop,
	.stop = stop,
	.api = &api,
	.api_major = PEAL_DU_API_MAJOR,
};
