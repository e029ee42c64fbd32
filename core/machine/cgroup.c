/* SPDX-License-Identifier: MIT */
/* What the control groups allow: find our group's folder, then look at it and at those above. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/machine/cgroup.h"
#include "core/base/lines.h"
#include "core/sys.h"

/* Is `item` one of the comma separated items of list? */
static bool has_item(const char *list, const char *item)
{
	size_t size = strlen(item);

	while (list) {
		if (!strncmp(list, item, size) && (list[size] == ',' || !list[size]))
			return true;
		list = strchr(list, ',');
		list = list ? list + 1 : NULL;
	}
	return false;
}

/* "0::/path" is version 2; "4:cpu,cpuacct:/path" version 1, one line for each hierarchy. */
bool peal_cgroup_parse_entry(char *line, struct peal_cgroup_entry *entry)
{
	char *id = strsep(&line, ":");
	char *controllers = strsep(&line, ":");

	if (!controllers || !line || line[0] != '/')
		return false;
	entry->unified = !strcmp(id, "0") && !*controllers;
	entry->path = line;
	return entry->unified || has_item(controllers, "cpu");
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* The kernel writes blanks and backslashes in paths as three octal digits. */
static void undo_escapes(char *text)
{
	char *to = text;

	while (*text) {
		if (text[0] == '\\' && is_octal(text[1]) && is_octal(text[2]) &&
			is_octal(text[3])) {
			*to++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 +
				(text[3] - '0'));
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

/* proc(5): "36 35 98:0 ROOT POINT OPTIONS [more fields] - TYPE SOURCE SUPER_OPTIONS". */
bool peal_cgroup_parse_mount(char *line, struct peal_cgroup_mount *mount)
{
	char *field[6] = { NULL }, *end, *type, *options;

	for (int i = 0; i < 6; i++)
		field[i] = strsep(&line, " ");
	if (!field[5])
		return false;
	do
		end = strsep(&line, " ");
	while (end && strcmp(end, "-"));
	type = strsep(&line, " ");
	strsep(&line, " ");
	options = strsep(&line, " ");
	if (!options || field[3][0] != '/' || field[4][0] != '/')
		return false;
	mount->unified = !strcmp(type, "cgroup2");
	if (!mount->unified && (strcmp(type, "cgroup") || !has_item(options, "cpu")))
		return false;
	undo_escapes(field[3]);
	undo_escapes(field[4]);
	mount->root = field[3];
	mount->point = field[4];
	return true;
}

/* Does it go through ".."? The kernel shows groups outside of our namespace like that. */
static bool climbs(const char *path)
{
	for (const char *at = strstr(path, "/.."); at; at = strstr(at + 1, "/.."))
		if (at[3] == '/' || !at[3])
			return true;
	return false;
}

bool peal_cgroup_join(const struct peal_cgroup_mount *mount, const char *path, char out[PATH_MAX])
{
	size_t size = strcmp(mount->root, "/") ? strlen(mount->root) : 0;
	int n;

	if (strncmp(path, mount->root, size) || (path[size] && path[size] != '/') || climbs(path))
		return false;
	n = snprintf(out, PATH_MAX, "%s%s", mount->point, path + size);
	return n > 0 && n < PATH_MAX;
}

/* A number of microseconds; 0 if it is none, or not a sensible one. */
static int64_t parse_time(const char *text, const char **end)
{
	char *stop;
	long long n;

	*end = text;
	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	n = strtoll(text, &stop, 10);
	*end = stop;
	return errno || n > INT64_MAX / 2000 ? 0 : n;
}

/* Rounded up, so that a small quota is not taken for none. */
static int64_t thousandths(int64_t quota, int64_t period)
{
	return quota > 0 && period > 0 ? (quota * 1000 + period - 1) / period
				       : PEAL_CGROUP_NO_QUOTA;
}

int64_t peal_cgroup_parse_max(const char *text)
{
	const char *end;
	int64_t quota = parse_time(text, &end);

	return *end == ' ' ? thousandths(quota, parse_time(end + 1, &end)) : PEAL_CGROUP_NO_QUOTA;
}

int64_t peal_cgroup_parse_cfs(const char *quota, const char *period)
{
	const char *end;

	return thousandths(parse_time(quota, &end), parse_time(period, &end));
}

/* The first line of a small file; "" if there is none. */
static void read_line(
	const char *root, const char *folder, const char *file, char *out, size_t size)
{
	struct peal_lines lines;
	char path[PATH_MAX];
	const char *line;

	*out = '\0';
	if (snprintf(path, sizeof(path), "%s/%s", folder, file) >= (int)sizeof(path) ||
		peal_lines_open(&lines, root, path))
		return;
	line = peal_lines_next(&lines);
	if (line)
		snprintf(out, size, "%s", line);
	peal_lines_close(&lines);
}

static int64_t quota_of_group(const char *root, const char *folder, bool unified)
{
	char quota[64], period[64];

	if (unified) {
		read_line(root, folder, "cpu.max", quota, sizeof(quota));
		return peal_cgroup_parse_max(quota);
	}
	read_line(root, folder, "cpu.cfs_quota_us", quota, sizeof(quota));
	read_line(root, folder, "cpu.cfs_period_us", period, sizeof(period));
	return peal_cgroup_parse_cfs(quota, period);
}

/* The tightest from folder up to the mount point, which is its first `top` bytes. */
static int64_t quota_of_groups(const char *root, char *folder, size_t top, bool unified)
{
	int64_t tightest = PEAL_CGROUP_NO_QUOTA;
	char *slash = strrchr(folder, '/');

	if (slash && !slash[1] && (size_t)(slash - folder) >= top)
		*slash = '\0'; /* our group is the hierarchy's root: one folder, not two */
	for (;;) {
		int64_t quota = quota_of_group(root, folder, unified);

		slash = strrchr(folder, '/');
		if (quota < tightest)
			tightest = quota;
		if (!slash || (size_t)(slash - folder) < top)
			return tightest;
		*slash = '\0';
	}
}

/* The tightest over our groups in the hierarchy that is mounted here. */
static int64_t quota_of_mount(const char *root, const struct peal_cgroup_mount *mount)
{
	int64_t tightest = PEAL_CGROUP_NO_QUOTA;
	struct peal_cgroup_entry entry;
	struct peal_lines lines;
	char folder[PATH_MAX], *line;

	if (peal_lines_open(&lines, root, "/proc/self/cgroup"))
		return tightest;
	while ((line = peal_lines_next(&lines))) {
		int64_t quota;

		if (!peal_cgroup_parse_entry(line, &entry) || mount->unified != entry.unified ||
			!peal_cgroup_join(mount, entry.path, folder))
			continue;
		quota = quota_of_groups(root, folder, strlen(mount->point), mount->unified);
		if (quota < tightest)
			tightest = quota;
	}
	peal_lines_close(&lines);
	return tightest;
}

/* The mounts are read once, they cost the kernel most: every runtime that starts pays for that. */
int64_t peal_cgroup_quota(const char *root)
{
	int64_t tightest = PEAL_CGROUP_NO_QUOTA;
	struct peal_cgroup_mount mount;
	struct peal_lines lines;
	char *line;

	if (peal_lines_open(&lines, root, "/proc/self/mountinfo"))
		return tightest;
	while ((line = peal_lines_next(&lines)))
		if (peal_cgroup_parse_mount(line, &mount)) {
			int64_t quota = quota_of_mount(root, &mount);

			if (quota < tightest)
				tightest = quota;
		}
	peal_lines_close(&lines);
	return tightest;
}
