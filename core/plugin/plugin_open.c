/* SPDX-License-Identifier: MIT */
/*
 * dlopen() of the file that was checked, and of no other.
 *
 * dlopen() takes a path, not a descriptor. Where nobody but root and the user can rename anything
 * on the way to the file, its real path is used: debuggers, dladdr(3) and the plugin's $ORIGIN then
 * see what they expect. Where somebody else could (a folder further up is writable by a group,
 * say), the path goes through the descriptor of the checked folder, /proc/self/fd/N/NAME.so: nobody
 * else can write in that. It also does where libc has something mapped by the real path, perhaps a
 * file that was replaced since: of a path it knows, libc does not look at the file again. Tools
 * that read the kernel's list of mappings (perf, valgrind, the sanitizers) see the real path even
 * then; gdb, which reads libc's list, needs `add-symbol-file`.
 *
 * Nothing is ever unmapped: a fiber may be suspended in a plugin's code, and libraries leave
 * pointers to themselves in threads and exit handlers.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/plugin/plugin.h"
#include "core/sys.h"

#define SYMBOL "peal_plugin"

/* May only root and the user change what this folder's entries are? In a sticky one others can add
 * entries, but not rename ours. */
static bool is_firm(const char *folder)
{
	uid_t user = (uid_t)peal_sys_any(SYS_geteuid, 0, 0, 0, 0, 0, 0);
	struct stat stat;
	int fd = (int)peal_sys_openat(
		AT_FDCWD, folder, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return false;
	err = (int)peal_sys_fstat(fd, &stat);
	peal_sys_close(fd);
	if (err || (stat.st_uid != 0 && stat.st_uid != user))
		return false;
	return !(stat.st_mode & (S_IWGRP | S_IWOTH)) || (stat.st_mode & S_ISVTX);
}

/*
 * The root first: once a folder is firm, its entries are what they will be, and the next one can be
 * looked at. path is absolute and without symbolic links; it is taken apart and put together again.
 */
static bool is_firm_path(char *path)
{
	if (!is_firm("/"))
		return false;
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		bool firm;

		*slash = '\0';
		firm = is_firm(path);
		*slash = '/';
		if (!firm)
			return false;
	}
	return true; /* the last one was checked by descriptor */
}

static bool is_same(const char *path, const struct stat *expected)
{
	int fd = (int)peal_sys_openat(AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	struct stat stat;
	bool same;

	if (fd < 0)
		return false;
	same = !peal_sys_fstat(fd, &stat) && stat.st_dev == expected->st_dev &&
		stat.st_ino == expected->st_ino;
	peal_sys_close(fd);
	return same;
}

/* The real path, if it is firm and still leads to our file. */
static bool real_path(const struct peal_plugin_file *file, char path[PATH_MAX])
{
	size_t length;

	if (!realpath(file->where, path))
		return false;
	length = strlen(path);
	if (length + strlen(file->name) + sizeof("/.so") > PATH_MAX)
		return false;
	sprintf(path + length, "/%s.so", file->name);
	/* dlopen() would put something else in place of $ORIGIN and its like. */
	return !strchr(path, '$') && is_firm_path(path) && is_same(path, &file->stat);
}

/* Sixty-four bits of which a path does not mind any: "/" for 0, "/." for 1. */
static char *write_bits(char *end, uint64_t bits)
{
	for (int i = 0; i < 64; i++, bits >>= 1)
		end = stpcpy(end, bits & 1 ? "/." : "/");
	return end;
}

/*
 * The path by descriptor. libc takes two files for one when their paths read the same, and
 * descriptors are used again: so the file's identity is written into the path.
 */
static void descriptor_path(const struct peal_plugin_file *file, char path[PATH_MAX])
{
	char *end = path + sprintf(path, "/proc/self/fd/%d", file->folder);

	end = write_bits(end, (uint64_t)file->stat.st_dev);
	end = write_bits(end, (uint64_t)file->stat.st_ino);
	sprintf(end, "/%s.so", file->name);
}

static int refuse_open(const struct peal_plugin_file *file, struct peal_reason *reason)
{
	const char *why = dlerror();
	const char *space;

	/* The path comes first in it, perhaps ours by descriptor. */
	if (why && *why == '/' && (space = strstr(why, ": ")))
		why = space + 2;
	return peal_refuse(reason, -ENOEXEC, "plugin %s: %s cannot be loaded: %s", file->name,
		peal_plugin_path_shown(file->where, file->name).text, why ? why : "dlopen failed");
}

/* Where an object that holds an address is mapped; NULL for none. */
static const void *base_of(const void *address)
{
	Dl_info info;

	return dladdr(address, &info) ? info.dli_fbase : NULL;
}

/*
 * A program that has libpeal linked in statically, and a plugin that wants the shared one: its
 * calls would go to a library that knows of no runtime.
 */
static int check_one_library(
	const struct peal_plugin_file *file, void *handle, struct peal_reason *reason)
{
	const void *theirs = dlsym(handle, "peal_version");
	/* A hidden name, so that it is ours whatever the program exports. */
	const void *ours = (const void *)(uintptr_t)peal_plugin_open;

	if (!theirs || base_of(theirs) == base_of(ours))
		return 0;
	return peal_refuse(reason, -ENOEXEC,
		"plugin %s: %s brings a second libpeal into a program that has its own linked in; "
		"link the program with the shared libpeal, or the plugin statically as well",
		file->name, peal_plugin_path_shown(file->where, file->name).text);
}

static int find_descriptor(const struct peal_plugin_file *file, void *handle,
	const void **descriptor, size_t *bytes, struct peal_reason *reason)
{
	const void *symbol = dlsym(handle, SYMBOL);
	const ElfW(Sym) *entry = NULL;
	Dl_info info;

	if (!symbol)
		return peal_refuse(reason, -ENOEXEC,
			"plugin %s: %s has no symbol %s; define it with PEAL_PLUGIN (peal/plugin.h)",
			file->name, peal_plugin_path_shown(file->where, file->name).text, SYMBOL);
	if (!dladdr1(symbol, &info, (void **)&entry, RTLD_DL_SYMENT) || !entry ||
		info.dli_saddr != symbol || ELF64_ST_TYPE(entry->st_info) != STT_OBJECT)
		return peal_refuse(reason, -ENOEXEC,
			"plugin %s: the symbol %s of %s is not an object; define it with PEAL_PLUGIN "
			"(peal/plugin.h)",
			file->name, SYMBOL, peal_plugin_path_shown(file->where, file->name).text);
	*descriptor = symbol;
	*bytes = entry->st_size;
	return 0;
}

static void *open_file(const struct peal_plugin_file *file)
{
	char path[PATH_MAX];

	if (!real_path(file, path) || dlopen(path, RTLD_LAZY | RTLD_NOLOAD))
		descriptor_path(file, path);
	return dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

int peal_plugin_open(const struct peal_plugin_file *file, const void **descriptor, size_t *bytes,
	struct peal_reason *reason)
{
	void *handle = open_file(file);
	int err;

	if (!handle)
		return refuse_open(file, reason);
	err = check_one_library(file, handle, reason);
	return err ? err : find_descriptor(file, handle, descriptor, bytes, reason);
}
