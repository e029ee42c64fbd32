/* SPDX-License-Identifier: MIT */
/*
 * Is it a plugin for this library? The first sixteen bytes of a descriptor are for ever: magic, ABI
 * and sizes. They are checked before anything behind them is looked at, which in another version
 * may be something else.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/plugin/param.h"
#include "core/plugin/plugin.h"

/* What the first version had: nothing shorter can be meant. */
#define SIZE_MIN (offsetof(struct peal_plugin, stop) + sizeof(void (*)(void *)))
#define COUNTER_SIZE_MIN                              \
	(offsetof(struct peal_plugin_counter, help) + \
		sizeof(((struct peal_plugin_counter *)0)->help))
#define HEADER_BYTES 16

_Static_assert(offsetof(struct peal_plugin, name) == HEADER_BYTES, "the header is ABI");

static int check_version(
	const struct peal_plugin *header, const char *name, struct peal_reason *reason)
{
	if (header->magic != PEAL_PLUGIN_MAGIC)
		return peal_refuse(reason, -ENOEXEC,
			"plugin %s: its descriptor starts with 0x%08x instead of 0x%08x; begin it "
			"with PEAL_PLUGIN_HEADER (peal/plugin.h)",
			name, header->magic, PEAL_PLUGIN_MAGIC);
	if (header->abi_major != PEAL_PLUGIN_ABI_MAJOR)
		return peal_refuse(reason, -ENOEXEC,
			"plugin %s: it is made for plugin ABI %u.%u, this libpeal has %u.%u; build "
			"it again with this libpeal's headers",
			name, header->abi_major, header->abi_minor, PEAL_PLUGIN_ABI_MAJOR,
			PEAL_PLUGIN_ABI_MINOR);
	if (header->abi_minor > PEAL_PLUGIN_ABI_MINOR)
		return peal_refuse(reason, -ENOEXEC,
			"plugin %s: it is made for plugin ABI %u.%u, this libpeal has %u.%u; a newer "
			"libpeal is needed",
			name, header->abi_major, header->abi_minor, PEAL_PLUGIN_ABI_MAJOR,
			PEAL_PLUGIN_ABI_MINOR);
	return 0;
}

static int check_header(const struct peal_plugin *header, size_t bytes, const char *name,
	struct peal_reason *reason)
{
	int err;

	if (bytes < HEADER_BYTES)
		return peal_refuse(reason, -ENOEXEC,
			"plugin %s: its descriptor has %zu bytes, which is too few for any; define "
			"it with PEAL_PLUGIN (peal/plugin.h)",
			name, bytes);
	err = check_version(header, name, reason);
	if (err)
		return err;
	if (header->size < SIZE_MIN || header->size > bytes)
		return peal_refuse(reason, -ENOEXEC,
			"plugin %s: its descriptor says that it has %u bytes, expected %zu to %zu; "
			"begin it with PEAL_PLUGIN_HEADER (peal/plugin.h)",
			name, header->size, SIZE_MIN, bytes);
	return 0;
}

static int check_name(
	const struct peal_plugin *plugin, const char *name, struct peal_reason *reason)
{
	if (!plugin->name || strcmp(plugin->name, name) != 0)
		return peal_refuse(reason, -ENOEXEC,
			"plugin %s: its descriptor calls it \"%.40s\"; the file must be called like "
			"the plugin",
			name, plugin->name ? plugin->name : "");
	if (!plugin->version)
		return peal_refuse(reason, -ENOEXEC,
			"plugin %s: its descriptor has no version; begin it with PEAL_PLUGIN_HEADER "
			"(peal/plugin.h)",
			name);
	return 0;
}

static int check_tables(
	const struct peal_plugin *plugin, const char *name, struct peal_reason *reason)
{
	char who[sizeof("plugin ") + PEAL_PLUGIN_NAME_MAX];
	size_t api_size;
	int n;

	snprintf(who, sizeof(who), "plugin %s", name);
	n = peal_params_check(plugin->params, plugin->param_size, who, reason);
	if (n < 0)
		return n;
	if (plugin->counters && plugin->counter_size < COUNTER_SIZE_MIN)
		return peal_refuse(reason, -ENOEXEC,
			"%s: its counters are of %u bytes each, expected at least %zu; begin its "
			"descriptor with PEAL_PLUGIN_HEADER (peal/plugin.h)",
			who, plugin->counter_size, COUNTER_SIZE_MIN);
	if (!plugin->api)
		return 0;
	memcpy(&api_size, plugin->api, sizeof(api_size));
	if (api_size < sizeof(api_size))
		return peal_refuse(reason, -ENOEXEC,
			"%s: its API table says that it has %zu bytes; its first member must be its "
			"size",
			who, api_size);
	return 0;
}

static int check_needs(
	const struct peal_plugin *plugin, const char *name, struct peal_reason *reason)
{
	for (const char *const *need = plugin->needs; need && *need; need++)
		if (!peal_plugin_name_valid(*need) || !strcmp(*need, name))
			return peal_refuse(reason, -ENOEXEC,
				"plugin %s: it needs \"%.40s\", which cannot be the name of another",
				name, *need);
	return 0;
}

int peal_plugin_check(struct peal_plugin *plugin, const void *descriptor, size_t bytes,
	const char *name, struct peal_reason *reason)
{
	struct peal_plugin header = { 0 }, copy = { 0 };
	int err;

	memcpy(&header, descriptor, bytes < HEADER_BYTES ? bytes : HEADER_BYTES);
	err = check_header(&header, bytes, name, reason);
	if (err)
		return err;
	memcpy(&copy, descriptor, header.size < sizeof(copy) ? header.size : sizeof(copy));
	err = check_name(&copy, name, reason);
	if (!err)
		err = check_tables(&copy, name, reason);
	if (!err)
		err = check_needs(&copy, name, reason);
	if (!err)
		*plugin = copy;
	return err;
}
