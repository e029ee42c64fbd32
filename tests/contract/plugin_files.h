/* SPDX-License-Identifier: MIT */
/*
 * Folders and files for the loader's tests: safe ones, which a case then spoils. Everything lies in
 * $TMPDIR, or /tmp, and stays there.
 */
#ifndef PEAL_TESTS_PLUGIN_FILES_H
#define PEAL_TESTS_PLUGIN_FILES_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

struct plugin_folder {
	char path[PATH_MAX / 2];
};

/* A new folder of mode 0755, empty; within another one when that is given. */
struct plugin_folder plugin_folder_make(const struct plugin_folder *within, const char *name);

/* A path in it, in one of some buffers that take turns. */
const char *plugin_path(const struct plugin_folder *folder, const char *base);

/*
 * Where the build left a plugin of tests/contract/plugins, by its name, ".libs/name" for libtool's.
 */
const char *plugin_built(const char *name);

/* Copy a built one into a folder under a name, with mode 0755. Returns its path. */
const char *plugin_copy(const struct plugin_folder *folder, const char *built, const char *name);

/* Overwrite bytes of the copy's descriptor at an offset. */
void plugin_patch(const char *path, size_t offset, const void *bytes, size_t size);
/* Replace the first occurrence of a text by one of the same length. */
void plugin_replace(const char *path, const char *text, const char *other);

/* A file of mode 0755 with this in it. */
void plugin_write(const char *path, const void *bytes, size_t size);

/* What PEAL_PLUGIN_PATH is from now on; up to two folders, NULL for none. */
void plugin_search_in(const struct plugin_folder *first, const struct plugin_folder *second);

#endif
