/* SPDX-License-Identifier: MIT */
/*
 * How much CPU time the control groups of this process may use: cgroups(7), and cpu.max in
 * Documentation/admin-guide/cgroup-v2.rst of the kernel; cpu.cfs_quota_us in cgroup v1.
 *
 * The files are the kernel's, but a container's runtime arranges them and a sandbox may write them, so
 * they are read as strangers' text. The parsers take one line and are pure, for tests and the fuzzer.
 */
#ifndef PEAL_CORE_CGROUP_H
#define PEAL_CORE_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* Thousandths of a CPU. */
#define PEAL_CGROUP_NO_QUOTA INT64_MAX

/*
 * The tightest quota of the process's group and those above it, as far as they can be seen from here,
 * in thousandths of a CPU and at least 1; PEAL_CGROUP_NO_QUOTA when there is none or nothing can be
 * read. root stands in front of every path, "" for the machine's own files.
 */
int64_t peal_cgroup_quota(const char *root);

/* One line of /proc/PID/cgroup, of the hierarchy that has the CPU controller. */
struct peal_cgroup_entry {
	bool unified; /* version 2 */
	const char *path;
};

/* False for a line of another hierarchy, or none. The line is changed; path points into it. */
bool peal_cgroup_parse_entry(char *line, struct peal_cgroup_entry *entry);

/* One line of /proc/PID/mountinfo that mounts such a hierarchy. */
struct peal_cgroup_mount {
	bool unified;
	const char *root; /* what of the hierarchy is mounted */
	const char *point;
};

/* False for any other line. The line is changed; the fields point into it, with escapes undone. */
bool peal_cgroup_parse_mount(char *line, struct peal_cgroup_mount *mount);

/*
 * The folder of a group: the mount's point, and what of the group's path goes on below the mount's
 * root. False for a group that this mount does not show (it lies outside of the namespace or of what
 * was mounted), or when it does not fit.
 */
bool peal_cgroup_join(const struct peal_cgroup_mount *mount, const char *path, char out[PATH_MAX]);

/* "150000 100000" or "max 100000" (cpu.max). Text that is neither gives PEAL_CGROUP_NO_QUOTA. */
int64_t peal_cgroup_parse_max(const char *text);

/* From cpu.cfs_quota_us (-1: none) and cpu.cfs_period_us. */
int64_t peal_cgroup_parse_cfs(const char *quota, const char *period);

#endif
