/* SPDX-License-Identifier: MIT */
/*
 * What could be loaded, and what is refused and why: the search of plugin_search.c for every name
 * that there is.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/plugin/param.h"
#include "core/plugin/plugin.h"
#include "core/sys.h"

/*
 * Names that were seen, with the place that they were seen at first: others of that name are
 * hidden.
 */
struct seen {
	struct seen *next;
	const char *where;
	char text[];
};

struct list {
	peal_plugin_each_fn *each;
	void *arg;
	struct seen *seen;
	int count;
	struct peal_plugin_file file;
	char folder[PATH_MAX];
};

/* The names in a folder. */
struct names {
	char **text;
	size_t count, room;
};

static const char built_in[] = "(built in)";

static const struct seen *find_seen(const struct list *list, const char *name)
{
	const struct seen *seen = list->seen;

	while (seen && strcmp(seen->text, name) != 0)
		seen = seen->next;
	return seen;
}

static int add_seen(struct list *list, const char *name, const char *where)
{
	size_t name_size = strlen(name) + 1, where_size = strlen(where) + 1;
	struct seen *seen;

	if (find_seen(list, name))
		return 0;
	seen = peal_alloc(1, sizeof(*seen) + name_size + where_size);
	if (!seen)
		return -ENOMEM;
	memcpy(seen->text, name, name_size);
	memcpy(seen->text + name_size, where, where_size);
	seen->where = seen->text + name_size;
	seen->next = list->seen;
	list->seen = seen;
	return 0;
}

static void tell_refused(struct list *list, const char *name, const char *path, int err,
	const struct peal_reason *reason)
{
	list->each(list->arg,
		&(struct peal_plugin_info){
			.size = sizeof(struct peal_plugin_info),
			.name = name,
			.version = "",
			.summary = "",
			.path = path,
			.reason = reason->text,
			.err = err,
		});
	list->count++;
}

/* A plugin's table of parameters in words. */
struct params {
	uint32_t count;
	struct peal_param_text expected[PEAL_PARAMS_MAX];
	struct peal_plugin_param params[PEAL_PARAMS_MAX];
};

static void describe(struct params *params, const struct peal_plugin *plugin)
{
	struct peal_param param;

	while (peal_param_read(&param, plugin->params, plugin->param_size, params->count)) {
		struct peal_param_text *expected = &params->expected[params->count];

		*expected = peal_param_expected(&param);
		params->params[params->count++] = (struct peal_plugin_param){
			.name = param.name,
			.type = peal_param_type_name(param.type),
			.expected = expected->text,
			.initial = param.initial,
			.help = param.help ? param.help : "",
		};
	}
}

static int tell_usable(struct list *list, const struct peal_plugin *plugin, const char *path)
{
	struct params *params = peal_alloc(1, sizeof(*params));

	if (!params)
		return -ENOMEM;
	describe(params, plugin);
	list->each(list->arg,
		&(struct peal_plugin_info){
			.size = sizeof(struct peal_plugin_info),
			.name = plugin->name,
			.version = plugin->version,
			.summary = plugin->summary ? plugin->summary : "",
			.path = path,
			.reason = "",
			.params = params->params,
			.param_count = params->count,
		});
	list->count++;
	peal_free(params);
	return 0;
}

static int tell(struct list *list, const char *name, const char *path,
	const struct peal_plugin *plugin, int err, const struct peal_reason *reason)
{
	if (!err)
		return tell_usable(list, plugin, path);
	tell_refused(list, name, path, err, reason);
	return 0;
}

static int list_builtins(struct list *list)
{
	for (const struct peal_plugin *const *entry = peal_plugin_builtins; *entry; entry++) {
		struct peal_plugin plugin;
		struct peal_reason reason = { "" };
		int err = peal_plugin_check(
			&plugin, *entry, (*entry)->size, (*entry)->name, &reason);

		err = tell(list, (*entry)->name, built_in, &plugin, err, &reason);
		if (!err)
			err = add_seen(list, (*entry)->name, built_in);
		if (err)
			return err;
	}
	return 0;
}

/* 0 or an error for what is in list->folder under that name. */
static int try_file(
	struct list *list, const char *name, struct peal_plugin *plugin, struct peal_reason *reason)
{
	const struct seen *seen = find_seen(list, name);
	const void *descriptor;
	size_t bytes;
	int err;

	if (!peal_plugin_name_valid(name))
		return peal_refuse(reason, -EINVAL,
			"its name is none that a plugin can have: a to z, 0 to 9 and _, at most %d",
			PEAL_PLUGIN_NAME_MAX);
	if (seen)
		return peal_refuse(reason, -EEXIST,
			"hidden by the one in %.100s, which comes first", seen->where);
	err = peal_plugin_find_in(&list->file, list->folder, name, reason);
	if (err)
		return err > 0 ? peal_refuse(reason, -ENOENT, "it went away just now") : err;
	err = peal_plugin_open(&list->file, &descriptor, &bytes, reason);
	if (!err)
		err = peal_plugin_check(plugin, descriptor, bytes, name, reason);
	peal_plugin_file_close(&list->file);
	return err;
}

static int list_file(struct list *list, const char *name)
{
	struct peal_reason reason = { "" };
	struct peal_plugin plugin;
	size_t size = strlen(list->folder) + strlen(name) + sizeof("/.so");
	char *path = peal_alloc(size, 1);
	int err;

	if (!path)
		return -ENOMEM;
	snprintf(path, size, "%s/%s.so", list->folder, name);
	err = try_file(list, name, &plugin, &reason);
	err = tell(list, name, path, &plugin, err, &reason);
	peal_free(path);
	return err ? err : add_seen(list, name, list->folder);
}

/* Room for one more. */
static int grow(struct names *names)
{
	size_t room = names->room ? 2 * names->room : 16;
	char **text;

	if (names->count < names->room)
		return 0;
	text = peal_realloc(names->text, names->room * sizeof(*text), room * sizeof(*text));
	if (!text)
		return -ENOMEM;
	names->text = text;
	names->room = room;
	return 0;
}

/* Without its ".so"; what has none is no plugin, and not spoken of. */
static int add_name(struct names *names, const char *base)
{
	size_t length = strlen(base);
	char *name;

	if (length <= 3 || strcmp(base + length - 3, ".so") != 0)
		return 0;
	if (grow(names))
		return -ENOMEM;
	name = peal_strdup(base);
	if (!name)
		return -ENOMEM;
	name[length - 3] = '\0';
	names->text[names->count++] = name;
	return 0;
}

static void free_names(struct names *names)
{
	while (names->count > 0)
		peal_free(names->text[--names->count]);
	peal_free(names->text);
}

static int read_names(struct names *names, int folder)
{
	char buffer[4096] __attribute__((aligned(8)));
	long n;

	while ((n = peal_sys_any(SYS_getdents64, folder, (long)(intptr_t)buffer, sizeof(buffer), 0,
			0, 0)) > 0) {
		for (long at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(buffer + at);
			int err = add_name(names, entry->d_name);

			if (err)
				return err;
			at += entry->d_reclen;
		}
	}
	return (int)n;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int list_names(struct list *list, struct names *names)
{
	int err = 0;

	if (names->count)
		qsort(names->text, names->count, sizeof(*names->text), by_name);
	for (size_t i = 0; i < names->count && !err; i++)
		err = list_file(list, names->text[i]);
	return err;
}

/* A folder that is not there holds nothing, and that is all right. */
static int list_folder(struct list *list)
{
	struct peal_reason reason;
	struct names names = { 0 };
	int fd = (int)peal_sys_openat(
		AT_FDCWD, list->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	int err = fd;

	if (fd >= 0) {
		err = read_names(&names, fd);
		peal_sys_close(fd);
	}
	if (!err)
		err = list_names(list, &names);
	else if (err != -ENOMEM && err != -ENOENT && err != -ENOTDIR) {
		peal_refuse(&reason, err, "the folder cannot be read: %s", strerrordesc_np(-err));
		tell_refused(list, "", list->folder, err, &reason);
		err = 0;
	}
	free_names(&names);
	return err == -ENOMEM ? err : 0;
}

static int list_folders(struct list *list)
{
	struct peal_plugin_folders folders;
	struct peal_reason reason;
	int n;

	peal_plugin_folders_begin(&folders);
	while ((n = peal_plugin_folders_next(&folders, list->folder)) != 0) {
		if (n < 0) {
			peal_refuse(&reason, n, "PEAL_PLUGIN_PATH: %s",
				n == -EINVAL ? "only absolute paths are looked at"
					     : "the path is too long");
			tell_refused(list, "", list->folder, n, &reason);
			continue;
		}
		if (list_folder(list) < 0)
			return -ENOMEM;
	}
	return 0;
}

int peal_plugin_list(peal_plugin_each_fn *each, void *arg)
{
	struct list *list;
	int err;

	if (!each)
		return -EINVAL;
	if (peal_rt_current())
		return -EDEADLK;
	list = peal_alloc(1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	list->each = each;
	list->arg = arg;
	err = list_builtins(list);
	if (!err)
		err = list_folders(list);
	err = err ? err : list->count;
	while (list->seen) {
		struct seen *seen = list->seen;

		list->seen = seen->next;
		peal_free(seen);
	}
	peal_free(list);
	return err;
}
