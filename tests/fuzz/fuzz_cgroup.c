/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: the parsers of control group files. Each line of the input goes through each of them.
 *
 * make check runs it on its corpus and on variations of that (tests/fuzz/main.c). For libFuzzer:
 *	clang -g -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. -Iinclude \
 *		tests/fuzz/fuzz_cgroup.c core/machine/cgroup.c core/base/lines.c core/base/sys.c -o fuzz_cgroup
 *	./fuzz_cgroup tests/fuzz/corpus/cgroup
 */
#include <stdlib.h>
#include <string.h>

#include "core/machine/cgroup.h"

#include "tests/fuzz/fuzz.h"

/* A copy of exactly the right size, so that the sanitizer sees the first byte beyond. */
static char *copy(const char *line, size_t size)
{
	char *text = malloc(size + 1);

	fuzz_check(text);
	memcpy(text, line, size);
	text[size] = '\0';
	return text;
}

static void check_quota(int64_t quota)
{
	fuzz_check(quota >= 1);
}

static void parse_entry(const char *line, size_t size)
{
	struct peal_cgroup_entry entry;
	char *text = copy(line, size);

	if (peal_cgroup_parse_entry(text, &entry)) {
		fuzz_check(entry.path > text && entry.path < text + size);
		fuzz_check(entry.path[0] == '/');
	}
	free(text);
}

static void check_joined(const struct peal_cgroup_mount *mount, const char *path)
{
	char folder[PATH_MAX];

	if (!peal_cgroup_join(mount, path, folder))
		return;
	fuzz_check(memchr(folder, '\0', sizeof(folder)));
	fuzz_check(!strncmp(folder, mount->point, strlen(mount->point)));
	fuzz_check(!strstr(folder + strlen(mount->point), "/../"));
}

static void parse_mount(const char *line, size_t size)
{
	struct peal_cgroup_mount mount;
	char *text = copy(line, size), *path = copy(line, size);

	if (peal_cgroup_parse_mount(text, &mount)) {
		fuzz_check(mount.root[0] == '/' && mount.point[0] == '/');
		fuzz_check(mount.point + strlen(mount.point) <= text + size);
		check_joined(&mount, path);
		check_joined(&mount, mount.root);
		check_joined(&mount, "/a/../b");
	}
	free(text);
	free(path);
}

static void parse_quotas(const char *line, size_t size)
{
	char *text = copy(line, size), *blank = strchr(text, ' ');

	check_quota(peal_cgroup_parse_max(text));
	check_quota(peal_cgroup_parse_cfs(text, blank ? blank + 1 : "100000"));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((newline ? newline : end) - at);

		parse_entry(at, length);
		parse_mount(at, length);
		parse_quotas(at, length);
		at += length + 1;
	}
	return 0;
}
