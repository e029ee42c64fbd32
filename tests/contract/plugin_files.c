/* SPDX-License-Identifier: MIT */
/* Folders and files for the loader's tests. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <peal/plugin.h>

#include "tests/check_main.h"
#include "tests/contract/plugin_files.h"

struct plugin_folder plugin_folder_make(const struct plugin_folder *within, const char *name)
{
	const char *top = getenv("TMPDIR");
	struct plugin_folder folder;

	if (within) {
		snprintf(folder.path, sizeof(folder.path), "%.1000s/%.1000s", within->path, name);
		ck_assert_int_eq(mkdir(folder.path, 0755), 0);
	} else {
		snprintf(folder.path, sizeof(folder.path), "%.1000s/peal-plugins-XXXXXX",
			top ? top : "/tmp");
		ck_assert_ptr_nonnull(mkdtemp(folder.path));
	}
	ck_assert_int_eq(chmod(folder.path, 0755), 0);
	return folder;
}

static char *next_buffer(void)
{
	static char buffers[8][PATH_MAX];
	static unsigned int next;

	return buffers[next++ % 8];
}

const char *plugin_path(const struct plugin_folder *folder, const char *base)
{
	char *path = next_buffer();

	snprintf(path, PATH_MAX, "%s/%s", folder->path, base);
	return path;
}

const char *plugin_built(const char *name)
{
	const char *top = getenv("PEAL_BUILDDIR");
	char *path = next_buffer();

	snprintf(path, PATH_MAX, "%s/tests/contract/plugins/%s.so", top ? top : ".", name);
	return path;
}

static char *read_whole(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	char *bytes;

	ck_assert_msg(fd >= 0 && !fstat(fd, &st), "%s is missing", path);
	bytes = malloc((size_t)st.st_size + 1);
	ck_assert_ptr_nonnull(bytes);
	ck_assert_int_eq(read(fd, bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	*size = (size_t)st.st_size;
	return bytes;
}

void plugin_write(const char *path, const void *bytes, size_t size)
{
	int fd;

	/* A new file, never a loaded one with other contents. */
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0755);
	ck_assert_msg(fd >= 0, "cannot make %s", path);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	ck_assert_int_eq(fchmod(fd, 0755), 0);
	close(fd);
}

const char *plugin_copy(const struct plugin_folder *folder, const char *built, const char *name)
{
	const char *path;
	char base[64];
	size_t size;
	char *bytes = read_whole(plugin_built(built), &size);

	snprintf(base, sizeof(base), "%s.so", name);
	path = plugin_path(folder, base);
	plugin_write(path, bytes, size);
	free(bytes);
	return path;
}

void plugin_patch(const char *path, size_t offset, const void *bytes, size_t size)
{
	static const struct peal_plugin header = { PEAL_PLUGIN_HEADER("", "") };
	const size_t header_size = offsetof(struct peal_plugin, name);
	size_t file_size;
	char *file = read_whole(path, &file_size);
	char *descriptor = memmem(file, file_size, &header, header_size);

	ck_assert_ptr_nonnull(descriptor);
	ck_assert_ptr_null(memmem(
		descriptor + 1, file_size - (size_t)(descriptor + 1 - file), &header, header_size));
	memcpy(descriptor + offset, bytes, size);
	plugin_write(path, file, file_size);
	free(file);
}

void plugin_replace(const char *path, const char *text, const char *other)
{
	size_t size;
	char *file = read_whole(path, &size);
	char *place = memmem(file, size, text, strlen(text));

	ck_assert_uint_eq(strlen(text), strlen(other));
	ck_assert_ptr_nonnull(place);
	memcpy(place, other, strlen(other));
	plugin_write(path, file, size);
	free(file);
}

void plugin_search_in(const struct plugin_folder *first, const struct plugin_folder *second)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s:%s", first ? first->path : "", second ? second->path : "");
	ck_assert_int_eq(setenv("PEAL_PLUGIN_PATH", path, 1), 0);
}
