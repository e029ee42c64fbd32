/* SPDX-License-Identifier: MIT */
/*
 * From a plugin's name to a file that is safe to load.
 *
 * Safe means: the file and the folder it is in belong to root or to the user, and nobody else may
 * write to them. Both are opened (O_PATH: neither read nor run) and checked by descriptor, so that
 * what was checked is what is loaded, whatever happens to names meanwhile. Symbolic links to a
 * folder are followed, its target is what is checked; one in place of the file is refused, because
 * it leads to a folder that nobody has looked at.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/plugin/plugin.h"
#include "core/sys.h"

#define SUFFIX ".so"

bool peal_plugin_name_valid(const char *name)
{
	size_t length = strnlen(name, PEAL_PLUGIN_NAME_MAX + 1);

	return length > 0 && length <= PEAL_PLUGIN_NAME_MAX && *name >= 'a' && *name <= 'z' &&
		strspn(name, PEAL_PLUGIN_NAME_CHARS) == length;
}

struct peal_plugin_path peal_plugin_path_shown(const char *folder, const char *name)
{
	struct peal_plugin_path shown;
	size_t size = sizeof(shown.text);
	/* What the name and the slashes leave of the room, counted from the end of the folder. */
	size_t room = size - strlen("...") - strlen("/" SUFFIX) - PEAL_PLUGIN_NAME_MAX - 1;
	size_t length = strlen(folder);
	bool cut = length > room;

	snprintf(shown.text, size, "%s%s%s%s%s", cut ? "..." : "",
		cut ? folder + length - room : folder, *name ? "/" : "", name, *name ? SUFFIX : "");
	return shown;
}

void peal_plugin_folders_begin(struct peal_plugin_folders *folders)
{
	/* NULL in programs with more rights than their user: there he has no say. */
	folders->path = secure_getenv("PEAL_PLUGIN_PATH");
	folders->installed = false;
}

/* Up to the next colon; empty entries are passed over. */
static int next_in_path(struct peal_plugin_folders *folders, char folder[PATH_MAX])
{
	size_t length;

	folders->path += strspn(folders->path, ":");
	length = strcspn(folders->path, ":");
	if (length == 0)
		return 0;
	snprintf(folder, PATH_MAX, "%.*s", (int)(length < PATH_MAX ? length : PATH_MAX),
		folders->path);
	folders->path += length;
	if (length >= PATH_MAX)
		return -ENAMETOOLONG;
	/* Where a program is started must not decide what it loads. */
	return *folder == '/' ? 1 : -EINVAL;
}

int peal_plugin_folders_next(struct peal_plugin_folders *folders, char folder[PATH_MAX])
{
	int n = 0;

	if (folders->path)
		n = next_in_path(folders, folder);
	if (n != 0)
		return n;
	folders->path = NULL;
	if (folders->installed)
		return 0;
	folders->installed = true;
	snprintf(folder, PATH_MAX, "%s", PEAL_PLUGIN_DIR);
	return 1;
}

/* Does it belong to whom it should, and may nobody else write to it? */
static int check_safe(const struct stat *stat, const char *plugin, const char *what,
	const char *path, struct peal_reason *reason)
{
	uid_t user = (uid_t)peal_sys_any(SYS_geteuid, 0, 0, 0, 0, 0, 0);
	unsigned int mode = stat->st_mode & 07777;
	bool group = mode & S_IWGRP, others = mode & S_IWOTH;

	if (stat->st_uid != 0 && stat->st_uid != user)
		return peal_refuse(reason, -EPERM,
			"plugin %s: the %s %s belongs to uid %u; give it to root or to uid %u, or "
			"do not load it",
			plugin, what, path, stat->st_uid, user);
	if (group || others)
		return peal_refuse(reason, -EPERM,
			"plugin %s: %s may write to the %s %s (mode %04o); chmod %s-w it", plugin,
			others ? "everybody" : "its group", what, path, mode,
			!others         ? "g"
				: group ? "go"
					: "o");
	return 0;
}

static int check_file(const struct peal_plugin_file *file, struct peal_reason *reason)
{
	struct peal_plugin_path path = peal_plugin_path_shown(file->where, file->name);

	if (S_ISLNK(file->stat.st_mode))
		return peal_refuse(reason, -EPERM,
			"plugin %s: %s is a symbolic link; put the file itself there, or name the "
			"folder it is in in PEAL_PLUGIN_PATH",
			file->name, path.text);
	if (!S_ISREG(file->stat.st_mode))
		return peal_refuse(reason, -ENOEXEC, "plugin %s: %s is not a regular file",
			file->name, path.text);
	return check_safe(&file->stat, file->name, "file", path.text, reason);
}

static int check_folder(const struct peal_plugin_file *file, struct peal_reason *reason)
{
	struct peal_plugin_path path = peal_plugin_path_shown(file->where, "");
	struct stat stat;
	int err = (int)peal_sys_fstat(file->folder, &stat);

	if (err)
		return peal_refuse(reason, err, "plugin %s: fstat of %s: %s", file->name, path.text,
			strerrordesc_np(-err));
	return check_safe(&stat, file->name, "folder", path.text, reason);
}

/* 0; 1 when it is not there. */
static int open_path(int folder, const char *path, int flags, int *fd)
{
	long n = peal_sys_openat(folder, path, O_PATH | O_CLOEXEC | flags, 0);

	if (n == -ENOENT || n == -ENOTDIR)
		return 1;
	if (n < 0)
		return (int)n;
	*fd = (int)n;
	return 0;
}

static int open_file(struct peal_plugin_file *file, struct peal_reason *reason)
{
	char base[PEAL_PLUGIN_NAME_MAX + sizeof(SUFFIX)];
	int n;

	snprintf(base, sizeof(base), "%s%s", file->name, SUFFIX);
	n = open_path(file->folder, base, O_NOFOLLOW, &file->file);
	if (n == 0)
		n = (int)peal_sys_fstat(file->file, &file->stat);
	if (n < 0)
		return peal_refuse(reason, n, "plugin %s: %s cannot be opened: %s", file->name,
			peal_plugin_path_shown(file->where, file->name).text, strerrordesc_np(-n));
	return n;
}

int peal_plugin_find_in(struct peal_plugin_file *file, const char *folder, const char *name,
	struct peal_reason *reason)
{
	int n;

	file->folder = file->file = -1;
	snprintf(file->name, sizeof(file->name), "%s", name);
	snprintf(file->where, sizeof(file->where), "%s", folder);
	n = open_path(AT_FDCWD, folder, O_DIRECTORY, &file->folder);
	if (n < 0)
		return peal_refuse(reason, n, "plugin %s: the folder %s cannot be opened: %s", name,
			peal_plugin_path_shown(folder, "").text, strerrordesc_np(-n));
	if (n == 0)
		n = open_file(file, reason);
	/* Folders that do not hold it may be as they please. */
	if (n == 0)
		n = check_folder(file, reason);
	if (n == 0)
		n = check_file(file, reason);
	if (n != 0)
		peal_plugin_file_close(file);
	return n;
}

static int refuse_missing(const char *name, struct peal_reason *reason)
{
	return peal_refuse(reason, -ENOENT,
		"plugin %s: there is no %s%s in %s%s; install it, or name the absolute path of its "
		"folder in PEAL_PLUGIN_PATH",
		name, name, SUFFIX, peal_plugin_path_shown(PEAL_PLUGIN_DIR, "").text,
		secure_getenv("PEAL_PLUGIN_PATH") ? " or the folders of PEAL_PLUGIN_PATH" : "");
}

int peal_plugin_find(struct peal_plugin_file *file, const char *name, struct peal_reason *reason)
{
	struct peal_plugin_folders folders;
	char folder[PATH_MAX];
	int n;

	peal_plugin_folders_begin(&folders);
	while ((n = peal_plugin_folders_next(&folders, folder)) != 0) {
		if (n < 0)
			continue; /* peal_plugin_list() tells */
		n = peal_plugin_find_in(file, folder, name, reason);
		/* A folder that we may not look into holds nothing for us. */
		if (n != 1 && n != -EACCES)
			return n;
	}
	return refuse_missing(name, reason);
}

void peal_plugin_file_close(struct peal_plugin_file *file)
{
	if (file->file >= 0)
		peal_sys_close(file->file);
	if (file->folder >= 0)
		peal_sys_close(file->folder);
	file->folder = file->file = -1;
}
