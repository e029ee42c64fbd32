/* SPDX-License-Identifier: MIT */
/* From a name to a descriptor: what is linked in comes first, then what is installed. */
#include <errno.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/plugin/plugin.h"

const struct peal_plugin *const *peal_plugin_builtins = peal_plugin_table;

int peal_plugin_obtain_builtin(
	struct peal_plugin *plugin, const char *name, struct peal_reason *reason)
{
	/* Built together with this library: their names can be read before they are checked. */
	for (const struct peal_plugin *const *entry = peal_plugin_builtins; *entry; entry++)
		if (!strcmp((*entry)->name, name))
			return peal_plugin_check(plugin, *entry, (*entry)->size, name, reason);
	return 1;
}

static int obtain_file(struct peal_plugin *plugin, struct peal_plugin_file *file, const char *name,
	struct peal_reason *reason)
{
	const void *descriptor;
	size_t bytes;
	int err = peal_plugin_find(file, name, reason);

	if (err)
		return err;
	err = peal_plugin_open(file, &descriptor, &bytes, reason);
	if (!err)
		err = peal_plugin_check(plugin, descriptor, bytes, name, reason);
	peal_plugin_file_close(file);
	return err;
}

int peal_plugin_obtain(struct peal_plugin *plugin, const char *name, struct peal_reason *reason)
{
	int n = peal_plugin_obtain_builtin(plugin, name, reason);
	struct peal_plugin_file *file;

	if (n <= 0)
		return n;
	file = peal_alloc(1, sizeof(*file));
	if (!file)
		return peal_refuse(reason, -ENOMEM, "plugin %s: no memory", name);
	n = obtain_file(plugin, file, name, reason);
	peal_free(file);
	return n;
}
