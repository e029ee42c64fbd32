/* SPDX-License-Identifier: MIT */
/*
 * What a plugin is given: the host table, and a place for its counters in the runtime's stats page.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/fatal.h"
#include "core/base/log.h"
#include "core/plugin/param.h"
#include "core/plugin/plugin.h"
#include "core/runtime/signals.h"
#include "core/stats/stats.h"
#include "core/sys.h"

/* More would not fit into the page, where all plugins share PEAL_STATS_PLUGIN_WORDS. */
#define COUNTERS_MAX 64

static const struct peal_loaded *loaded_of(const struct peal_host *host)
{
	return PEAL_CONTAINER_OF(host, struct peal_loaded, host);
}

/* The calling shard's index, if it is one of the runtime that the plugin was loaded into. */
static int shard_of(const struct peal_loaded *loaded)
{
	return peal_rt_current() == loaded->rt ? peal_shard() : -EPERM;
}

void *peal_plugin_shard_state(const struct peal_host *host)
{
	const struct peal_loaded *loaded = loaded_of(host);
	int shard = shard_of(loaded);

	return shard >= 0 ? loaded->shard_state[shard] : NULL;
}

static void host_count(const struct peal_host *host, unsigned int counter, uint64_t n)
{
	const struct peal_loaded *loaded = loaded_of(host);
	struct peal_stats_page *page = peal_rt_stats_page(loaded->rt);
	int shard = shard_of(loaded);

	if (counter >= loaded->counters)
		peal_fatal("plugin %s counts its counter number %u; it has %u", loaded->plugin.name,
			counter, loaded->counters);
	if (shard >= 0)
		peal_count_slot(peal_stats_page_block(page, (unsigned int)shard),
			loaded->slots[counter], n);
	else
		peal_count_slot_outside(page, loaded->slots[counter], n);
}

static void host_log(const struct peal_host *host, enum peal_log_level level, const char *fmt, ...)
	PEAL_PRINTF(3, 4);

static void host_log(const struct peal_host *host, enum peal_log_level level, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	peal_log(level, "%s: %s", loaded_of(host)->plugin.name, text);
}

static int host_signal_watch(const struct peal_host *host, struct peal_sigwatch *watch)
{
	return peal_signals_watch(host->rt, watch);
}

static void host_signal_unwatch(const struct peal_host *host, struct peal_sigwatch *watch)
{
	peal_signals_unwatch(host->rt, watch);
}

/* As this library knows the struct; its stride is the plugin's. */
static bool read_counter(
	struct peal_plugin_counter *counter, const struct peal_plugin *plugin, unsigned int index)
{
	size_t known = plugin->counter_size;

	if (!plugin->counters)
		return false;
	known = known < sizeof(*counter) ? known : sizeof(*counter);
	memset(counter, 0, sizeof(*counter));
	memcpy(counter, (const char *)plugin->counters + (size_t)index * plugin->counter_size,
		known);
	return counter->name != NULL;
}

static int register_counter(struct peal_loaded *loaded, const struct peal_plugin_counter *counter,
	struct peal_reason *reason)
{
	char name[64];
	struct peal_reason why = { "" };
	int slot;

	snprintf(name, sizeof(name), "%s.%s", loaded->plugin.name, counter->name);
	slot = peal_stats_page_register(peal_rt_stats_page(loaded->rt),
		&(struct peal_counter){
			.name = name,
			.group = loaded->plugin.name,
			.unit = counter->unit ? counter->unit : "",
			.help = counter->help ? counter->help : "",
			.kind = PEAL_KIND_COUNTER,
			.length = 1,
		},
		&why);
	if (slot < 0)
		return peal_refuse(reason, slot, "plugin %s: its counter %s is refused: %s",
			loaded->plugin.name, counter->name, why.text);
	loaded->slots[loaded->counters++] = slot;
	return 0;
}

static int register_counters(struct peal_loaded *loaded, struct peal_reason *reason)
{
	struct peal_plugin_counter counter;
	unsigned int count = 0;
	int err = 0;

	while (read_counter(&counter, &loaded->plugin, count) && ++count <= COUNTERS_MAX)
		;
	if (count > COUNTERS_MAX)
		return peal_refuse(reason, -ENOEXEC,
			"plugin %s: its table of counters has no end after %d entries",
			loaded->plugin.name, COUNTERS_MAX);
	loaded->slots = peal_alloc(count + 1, sizeof(*loaded->slots));
	if (!loaded->slots)
		return peal_refuse(reason, -ENOMEM, "plugin %s: no memory", loaded->plugin.name);
	for (unsigned int i = 0; i < count && !err; i++) {
		read_counter(&counter, &loaded->plugin, i);
		err = register_counter(loaded, &counter, reason);
	}
	return err;
}

int peal_plugin_host_init(struct peal_loaded *loaded, struct peal_reason *reason)
{
	loaded->host = (struct peal_host){
		.size = sizeof(loaded->host),
		.rt = loaded->rt,
		.param_string = peal_params_string,
		.param_number = peal_params_number,
		.count = host_count,
		.syscall = peal_sys_any,
		.log = host_log,
		.alloc = peal_alloc,
		.free = peal_free,
		.signal_watch = host_signal_watch,
		.signal_unwatch = host_signal_unwatch,
	};
	return register_counters(loaded, reason);
}

void peal_plugin_host_release(struct peal_loaded *loaded)
{
	peal_free(loaded->slots);
	loaded->slots = NULL;
}
