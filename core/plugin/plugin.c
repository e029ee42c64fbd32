/* SPDX-License-Identifier: MIT */
/*
 * The plugins of a runtime: loading one, finding its API, stopping them all.
 *
 * Loads go one at a time (plugin_turn.c). The list of what is loaded only grows while the runtime
 * lives, and a plugin enters it when it has started everywhere, so that any thread may walk it
 * without a lock.
 */
#include <errno.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/runtime/life.h"
#include "core/base/log.h"
#include "core/plugin/param.h"
#include "core/plugin/plugin.h"
#include "core/runtime/rt.h"
#include "core/task/task.h"

struct peal_plugins {
	struct peal_rt *rt;
	struct peal_turn turn;
	PEAL_ATOMIC(struct peal_loaded *) first;
	struct peal_loaded *last;
	struct peal_loaded *stopped; /* a chain of older ones, until nobody can look at them */
};

static struct peal_loaded *find(const struct peal_plugins *plugins, const char *name)
{
	struct peal_loaded *loaded = peal_load_acquire(&plugins->first);

	while (loaded && strcmp(loaded->plugin.name, name) != 0)
		loaded = peal_load_acquire(&loaded->newer);
	return loaded;
}

static void publish(struct peal_plugins *plugins, struct peal_loaded *loaded)
{
	loaded->older = plugins->last;
	plugins->last = loaded;
	if (loaded->older)
		peal_store_release(&loaded->older->newer, loaded);
	else
		peal_store_release(&plugins->first, loaded);
}

/* Take the last one off the list. */
static void withdraw(struct peal_plugins *plugins, struct peal_loaded *loaded)
{
	plugins->last = loaded->older;
	if (loaded->older)
		peal_store_release(&loaded->older->newer, NULL);
	else
		peal_store_release(&plugins->first, NULL);
}

static void loaded_free(struct peal_loaded *loaded)
{
	peal_plugin_host_release(loaded);
	peal_params_free(loaded->params);
	peal_free(loaded);
}

static int parse(struct peal_params **params, const struct peal_plugin *plugin, const char *text,
	struct peal_reason *reason)
{
	char who[sizeof("plugin ") + PEAL_PLUGIN_NAME_MAX] = "plugin ";

	strncat(who, plugin->name, PEAL_PLUGIN_NAME_MAX);
	return peal_params_parse(params, plugin->params, plugin->param_size, text, who, reason);
}

/* It is loaded: the same way as it is asked for now? */
static int compare(const struct peal_loaded *loaded, const char *text, struct peal_reason *reason)
{
	struct peal_params *params;
	bool equal;
	int err = parse(&params, &loaded->plugin, text, reason);

	if (err)
		return err;
	equal = peal_params_equal(params, loaded->params);
	peal_params_free(params);
	if (equal)
		return 0;
	return peal_refuse(reason, -EEXIST,
		"plugin %s: it is loaded already, with other parameters; a runtime has one of each",
		loaded->plugin.name);
}

static int check_needs(const struct peal_plugins *plugins, const struct peal_plugin *plugin,
	struct peal_reason *reason)
{
	for (const char *const *need = plugin->needs; need && *need; need++)
		if (!find(plugins, *need))
			return peal_refuse(reason, -ENOENT,
				"plugin %s: it needs the plugin %s, which is not loaded; load that "
				"first",
				plugin->name, *need);
	return 0;
}

/* What the blocking pool is asked to do. */
struct obtain {
	struct peal_plugin *plugin;
	const char *name;
	struct peal_reason *reason;
};

static int obtain_blocking(void *arg)
{
	struct obtain *obtain = arg;

	return peal_plugin_obtain(obtain->plugin, obtain->name, obtain->reason);
}

/*
 * In a fiber the file is opened on the blocking pool: that reads from disks, and constructors of
 * libraries may need more stack than a fiber has.
 */
static int obtain(struct peal_plugin *plugin, const char *name, struct peal_reason *reason)
{
	struct obtain obtain = { plugin, name, reason };
	int n, result = 0;

	if (!peal_task_current())
		return peal_plugin_obtain(plugin, name, reason);
	n = peal_plugin_obtain_builtin(plugin, name, reason);
	if (n <= 0)
		return n;
	n = peal_blocking(obtain_blocking, &obtain, &result);
	if (n == -ECANCELED && peal_load_seq_cst(&peal_rt_current()->drain_asked))
		return peal_refuse(reason, -ESHUTDOWN, "plugin %s: the runtime is ending", name);
	if (n == -ECANCELED || n == -ETIMEDOUT)
		return peal_refuse(reason, n, "plugin %s: its load was given up: %s", name,
			strerrordesc_np(-n));
	if (n < 0)
		return peal_refuse(reason, n, "plugin %s: the blocking pool did not open it: %s",
			name, strerrordesc_np(-n));
	return result;
}

static int prepare(struct peal_loaded *loaded, const char *params, struct peal_reason *reason)
{
	int err = parse(&loaded->params, &loaded->plugin, params, reason);

	return err ? err : peal_plugin_host_init(loaded, reason);
}

static int start(struct peal_plugins *plugins, const struct peal_plugin *plugin, const char *params,
	struct peal_reason *reason)
{
	unsigned int shards = peal_rt_shards(plugins->rt);
	struct peal_loaded *loaded = peal_alloc(
		1, sizeof(*loaded) + shards * sizeof(loaded->shard_state[0]));
	int err;

	if (!loaded)
		return peal_refuse(reason, -ENOMEM, "plugin %s: no memory", plugin->name);
	loaded->rt = plugins->rt;
	loaded->shards = shards;
	loaded->plugin = *plugin;
	err = prepare(loaded, params, reason);
	if (!err)
		err = peal_plugin_start(loaded, reason);
	if (err)
		loaded_free(loaded);
	else
		publish(plugins, loaded);
	return err;
}

static int load_in_turn(struct peal_plugins *plugins, const char *name, const char *params,
	struct peal_reason *reason)
{
	struct peal_loaded *loaded = find(plugins, name);
	struct peal_plugin plugin;
	int err;

	if (peal_load_seq_cst(&plugins->rt->drain_asked))
		return peal_refuse(reason, -ESHUTDOWN, "plugin %s: the runtime is ending", name);
	if (loaded)
		return compare(loaded, params, reason);
	err = obtain(&plugin, name, reason);
	if (!err)
		err = check_needs(plugins, &plugin, reason);
	return err ? err : start(plugins, &plugin, params, reason);
}

static int load(struct peal_plugins *plugins, const char *name, const char *params,
	struct peal_reason *reason)
{
	int err;

	if (!name || !peal_plugin_name_valid(name))
		return peal_refuse(reason, -EINVAL,
			"\"%.40s\" is not the name of a plugin: a to z, 0 to 9 and _, at most %d, "
			"and no folder before it (PEAL_PLUGIN_PATH names those)",
			name ? name : "", PEAL_PLUGIN_NAME_MAX);
	err = peal_turn_take(&plugins->turn);
	if (err == -EDEADLK)
		return peal_refuse(reason, err,
			"plugin %s: it is asked for by the start of another; that one has to list "
			"it in its needs",
			name);
	if (err)
		return peal_refuse(reason, err, "plugin %s: the runtime is ending", name);
	err = load_in_turn(plugins, name, params, reason);
	peal_turn_give(&plugins->turn);
	return err;
}

int peal_plugin_load(const char *name, const char *params, struct peal_reason *reason)
{
	if (!peal_task_current())
		return peal_refuse(reason, -EPERM,
			"peal_plugin_load() is for fibers; peal_rt_plugin_load() for threads that "
			"are no shards");
	return load(*peal_rt_plugins(peal_rt_current()), name, params, reason);
}

int peal_rt_plugin_load(
	struct peal_rt *rt, const char *name, const char *params, struct peal_reason *reason)
{
	if (peal_rt_current())
		return peal_refuse(reason, -EDEADLK,
			"peal_rt_plugin_load() would block a shard; peal_plugin_load() is for "
			"fibers");
	if (!rt)
		return peal_refuse(reason, -EINVAL, "peal_rt_plugin_load() needs a runtime");
	if (peal_rt_is_stale(rt))
		return peal_refuse(reason, -ESTALE, "the runtime is that of the process's parent");
	return load(*peal_rt_plugins(rt), name, params, reason);
}

const void *peal_plugin_api(struct peal_rt *rt, const char *name, unsigned int major, void **state)
{
	const struct peal_loaded *loaded;

	rt = rt ? rt : peal_rt_current();
	loaded = rt ? find(*peal_rt_plugins(rt), name) : NULL;
	if (!loaded || loaded->plugin.api_major != major)
		return NULL;
	*state = loaded->state;
	return loaded->plugin.api;
}

struct peal_plugins *peal_plugins_create(struct peal_rt *rt)
{
	struct peal_plugins *plugins = peal_alloc(1, sizeof(*plugins));

	if (!plugins)
		return NULL;
	plugins->rt = rt;
	peal_turn_init(&plugins->turn);
	return plugins;
}

/* One that starts meanwhile, and so is not in the list yet, finds the runtime draining. */
void peal_plugins_drain(struct peal_plugins *plugins)
{
	struct peal_loaded *loaded = peal_load_acquire(&plugins->first);

	for (; loaded; loaded = peal_load_acquire(&loaded->newer))
		if (loaded->plugin.drain)
			loaded->plugin.drain(loaded->state);
}

void peal_plugins_stop(struct peal_plugins *plugins)
{
	struct peal_loaded *loaded;

	peal_turn_close(&plugins->turn);
	while ((loaded = plugins->last)) {
		withdraw(plugins, loaded);
		peal_plugin_stop(loaded);
		loaded->older = plugins->stopped;
		plugins->stopped = loaded;
	}
}

void peal_plugins_free(struct peal_plugins *plugins)
{
	struct peal_loaded *loaded;

	if (!plugins)
		return;
	while ((loaded = plugins->stopped)) {
		plugins->stopped = loaded->older;
		loaded_free(loaded);
	}
	peal_turn_destroy(&plugins->turn);
	peal_free(plugins);
}
