/* SPDX-License-Identifier: MIT */
/*
 * CPU sets and quotas. The control groups' files are made up in a folder that stands in for the root;
 * the CPU set is the real one of this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/machine/cgroup.h"
#include "core/machine/cpus.h"
#include "core/sys.h"

#include "tests/check_main.h"

static char root[PATH_MAX];

static void make_root(void)
{
	const char *folder = getenv("TMPDIR");

	snprintf(root, sizeof(root), "%s/cpus.XXXXXX", folder ? folder : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static void remove_root(void)
{
	char command[PATH_MAX + 16];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	ck_assert_int_eq(system(command), 0);
}

static void put(const char *path, const char *text)
{
	char full[2 * PATH_MAX], *slash = full + strlen(root) + 1;
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	while ((slash = strchr(slash, '/'))) {
		*slash = '\0';
		ck_assert(!mkdir(full, 0755) || errno == EEXIST);
		*slash++ = '/';
	}
	file = fopen(full, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

#define V2_MOUNT "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1_MOUNT                                                            \
	"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"        \
	"35 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n" \
	"36 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw master:2 shared:9 - cgroup cgroup rw,cpu,cpuacct\n"

START_TEST(shards_from_quota)
{
	static const struct {
		uint32_t count;
		int64_t quota;
		uint32_t shards;
	} cases[] = {
		{ 8, PEAL_CGROUP_NO_QUOTA, 8 },
		{ 8, 1500, 2 },
		{ 8, 1000, 1 },
		{ 8, 1001, 2 },
		{ 8, 1, 1 },
		{ 8, 8000, 8 },
		{ 8, 64000, 8 },
		{ 1, 1500, 1 },
	};

	ck_assert_uint_eq(peal_cpus_shards(cases[_i].count, cases[_i].quota), cases[_i].shards);
}
END_TEST

START_TEST(cpu_max)
{
	static const struct {
		const char *text;
		int64_t quota;
	} cases[] = {
		{ "max 100000", PEAL_CGROUP_NO_QUOTA },
		{ "150000 100000", 1500 },
		{ "100000 300000", 334 },
		{ "1 1000000", 1 },
		{ "", PEAL_CGROUP_NO_QUOTA },
		{ "150000", PEAL_CGROUP_NO_QUOTA },
		{ "150000 0", PEAL_CGROUP_NO_QUOTA },
		{ "0 100000", PEAL_CGROUP_NO_QUOTA },
		{ "-1 100000", PEAL_CGROUP_NO_QUOTA },
		{ "150000 -100000", PEAL_CGROUP_NO_QUOTA },
		{ "99999999999999999999999 100000", PEAL_CGROUP_NO_QUOTA },
		{ "9223372036854775807 1", PEAL_CGROUP_NO_QUOTA },
	};

	ck_assert_int_eq(peal_cgroup_parse_max(cases[_i].text), cases[_i].quota);
}
END_TEST

START_TEST(cfs_quota)
{
	ck_assert_int_eq(peal_cgroup_parse_cfs("250000", "100000"), 2500);
	ck_assert_int_eq(peal_cgroup_parse_cfs("-1", "100000"), PEAL_CGROUP_NO_QUOTA);
	ck_assert_int_eq(peal_cgroup_parse_cfs("", ""), PEAL_CGROUP_NO_QUOTA);
	ck_assert_int_eq(peal_cgroup_parse_cfs("250000", ""), PEAL_CGROUP_NO_QUOTA);
}
END_TEST

START_TEST(entries)
{
	static const struct {
		const char *line, *path; /* NULL: not ours */
		bool unified;
	} cases[] = {
		{ "0::/user.slice/a:b", "/user.slice/a:b", true },
		{ "4:cpu,cpuacct:/x", "/x", false },
		{ "4:cpuacct,cpu:/x", "/x", false },
		{ "4:cpuacct:/x", NULL, false },
		{ "4:cpuset:/x", NULL, false },
		{ "1:name=systemd:/x", NULL, false },
		{ "7::/x", NULL, false },
		{ "0::", NULL, false },
		{ "0::x", NULL, false },
		{ "0:", NULL, false },
		{ "", NULL, false },
	};
	struct peal_cgroup_entry entry;
	char line[64];

	strcpy(line, cases[_i].line);
	ck_assert_int_eq(peal_cgroup_parse_entry(line, &entry), cases[_i].path != NULL);
	if (cases[_i].path) {
		ck_assert_str_eq(entry.path, cases[_i].path);
		ck_assert_int_eq(entry.unified, cases[_i].unified);
	}
}
END_TEST

START_TEST(mounts)
{
	static const struct {
		const char *line, *root, *point; /* NULL: not ours */
	} cases[] = {
		{ "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "/", "/sys/fs/cgroup" },
		{ "30 23 0:26 /a\\040b /c\\134d rw x:1 y - cgroup2 none rw", "/a b", "/c\\d" },
		{ "36 31 0:29 /d /v1 rw - cgroup cgroup rw,cpu", "/d", "/v1" },
		{ "36 31 0:29 /d /v1 rw - cgroup cgroup rw,cpuacct", NULL, NULL },
		{ "36 31 0:29 / /proc rw - proc proc rw,cpu", NULL, NULL },
		{ "36 31 0:29 / /v1 rw - cgroup cgroup", NULL, NULL },
		{ "36 31 0:29 / /v1 rw cgroup cgroup rw,cpu", NULL, NULL },
		{ "36 31 0:29 d /v1 rw - cgroup2 cgroup rw", NULL, NULL },
		{ "36 31", NULL, NULL },
		{ "", NULL, NULL },
	};
	struct peal_cgroup_mount mount;
	char line[128];

	strcpy(line, cases[_i].line);
	ck_assert_int_eq(peal_cgroup_parse_mount(line, &mount), cases[_i].root != NULL);
	if (cases[_i].root) {
		ck_assert_str_eq(mount.root, cases[_i].root);
		ck_assert_str_eq(mount.point, cases[_i].point);
	}
}
END_TEST

START_TEST(joining)
{
	static const struct {
		const char *root, *path, *folder; /* NULL: not to be seen here */
	} cases[] = {
		{ "/", "/a/b", "/m/a/b" },
		{ "/", "/", "/m/" },
		{ "/a", "/a/b", "/m/b" },
		{ "/a", "/a", "/m" },
		{ "/a", "/ab", NULL },
		{ "/a", "/", NULL },
		{ "/", "/../x", NULL },
		{ "/", "/x/..", NULL },
		{ "/", "/..x", "/m/..x" },
		{ "/..", "/", NULL },
	};
	struct peal_cgroup_mount mount = { true, cases[_i].root, "/m" };
	char folder[PATH_MAX] = "";

	ck_assert_int_eq(
		peal_cgroup_join(&mount, cases[_i].path, folder), cases[_i].folder != NULL);
	if (cases[_i].folder)
		ck_assert_str_eq(folder, cases[_i].folder);
}
END_TEST

START_TEST(nothing_to_read)
{
	ck_assert_int_eq(peal_cgroup_quota(root), PEAL_CGROUP_NO_QUOTA);
	put("/proc/self/cgroup", "0::/a\n");
	ck_assert_int_eq(peal_cgroup_quota(root), PEAL_CGROUP_NO_QUOTA);
	put("/proc/self/mountinfo", V2_MOUNT);
	ck_assert_int_eq(peal_cgroup_quota(root), PEAL_CGROUP_NO_QUOTA);
}
END_TEST

START_TEST(version_2_own_group)
{
	put("/proc/self/cgroup", "0::/a/b\n");
	put("/proc/self/mountinfo", V2_MOUNT);
	put("/sys/fs/cgroup/a/b/cpu.max", "150000 100000\n");
	ck_assert_int_eq(peal_cgroup_quota(root), 1500);
}
END_TEST

START_TEST(version_2_tighter_above)
{
	put("/proc/self/cgroup", "0::/a/b/c\n");
	put("/proc/self/mountinfo", V2_MOUNT);
	put("/sys/fs/cgroup/a/b/c/cpu.max", "300000 100000\n");
	put("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
	put("/sys/fs/cgroup/a/cpu.max", "200000 100000\n");
	ck_assert_int_eq(peal_cgroup_quota(root), 2000);
}
END_TEST

/* In a container with a namespace the mount's root is our own group. */
START_TEST(version_2_in_a_namespace)
{
	put("/proc/self/cgroup", "0::/\n");
	put("/proc/self/mountinfo", V2_MOUNT);
	put("/sys/fs/cgroup/cpu.max", "50000 100000\n");
	ck_assert_int_eq(peal_cgroup_quota(root), 500);
}
END_TEST

/* Without a namespace the container sees its group's full path, and its folder alone is mounted. */
START_TEST(version_1_bind_mounted)
{
	put("/proc/self/cgroup", "3:cpuset:/docker/77\n4:cpu,cpuacct:/docker/77\n0::/docker/77");
	put("/proc/self/mountinfo",
		"36 31 0:29 /docker/77 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n");
	put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "250000\n");
	put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
	ck_assert_int_eq(peal_cgroup_quota(root), 2500);
}
END_TEST

START_TEST(both_versions)
{
	put("/proc/self/cgroup", "4:cpu,cpuacct:/one\n0::/two\n");
	put("/proc/self/mountinfo",
		V1_MOUNT "40 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 c rw\n");
	put("/sys/fs/cgroup/cpu,cpuacct/one/cpu.cfs_quota_us", "-1\n");
	put("/sys/fs/cgroup/cpu,cpuacct/one/cpu.cfs_period_us", "100000\n");
	ck_assert_int_eq(peal_cgroup_quota(root), PEAL_CGROUP_NO_QUOTA);
	put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "700000\n");
	put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
	ck_assert_int_eq(peal_cgroup_quota(root), 7000);
}
END_TEST

/* Lines that do not fit are passed over, wherever they end; the last line has no newline. */
START_TEST(long_lines)
{
	char text[8192];

	put("/proc/self/cgroup", "0::/a\n");
	put("/sys/fs/cgroup/a/cpu.max", "200000 100000");
	for (int size = 4080; size < 4120; size++) {
		memset(text, 'x', sizeof(text));
		strcpy(text + size, "\n30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw");
		put("/proc/self/mountinfo", text);
		ck_assert_int_eq(peal_cgroup_quota(root), 2000);
	}
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	put("/proc/self/mountinfo", text);
	ck_assert_int_eq(peal_cgroup_quota(root), PEAL_CGROUP_NO_QUOTA);
}
END_TEST

static struct {
	struct peal_sys_hook hook;
	long number, result;
	int times;
} refusal;

static bool refuse(struct peal_sys_hook *hook, long number, long *result)
{
	(void)hook;
	if (number != refusal.number || !refusal.times)
		return false;
	refusal.times--;
	*result = refusal.result;
	return true;
}

static void refuse_calls(long number, long result, int times)
{
	refusal.hook.call = refuse;
	refusal.number = number;
	refusal.result = result;
	refusal.times = times;
	peal_sys_hook = &refusal.hook;
}

START_TEST(refused_reads)
{
	put("/proc/self/cgroup", "0::/a\n");
	put("/proc/self/mountinfo", V2_MOUNT);
	put("/sys/fs/cgroup/a/cpu.max", "200000 100000\n");
	refuse_calls(SYS_read, -EINTR, 5);
	ck_assert_int_eq(peal_cgroup_quota(root), 2000);
	refuse_calls(SYS_read, -EIO, 1);
	ck_assert_int_eq(peal_cgroup_quota(root), PEAL_CGROUP_NO_QUOTA);
	refuse_calls(SYS_openat, -EMFILE, -1);
	ck_assert_int_eq(peal_cgroup_quota(root), PEAL_CGROUP_NO_QUOTA);
	peal_sys_hook = NULL;
}
END_TEST

START_TEST(the_set_of_this_process)
{
	struct peal_cpus cpus;
	cpu_set_t set;
	int last;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(set), &set), 0);
	peal_cpus_read(&cpus, root);
	ck_assert_uint_eq(cpus.count, (unsigned int)CPU_COUNT(&set));
	ck_assert_uint_eq(cpus.shards, cpus.count);
	ck_assert(!peal_cpus_have_quota(&cpus));
	for (uint32_t n = 0; n < cpus.count; n++)
		ck_assert(CPU_ISSET(peal_cpus_nth(&cpus, n), &set));
	ck_assert_int_eq(peal_cpus_nth(&cpus, cpus.count), -1);

	last = peal_cpus_nth(&cpus, cpus.count - 1);
	ck_assert_int_eq(peal_cpus_pin(last), 0);
	peal_cpus_read(&cpus, root);
	ck_assert_uint_eq(cpus.count, 1);
	ck_assert_int_eq(peal_cpus_nth(&cpus, 0), last);
	ck_assert_int_eq(peal_cpus_pin(-1), -EINVAL);
	ck_assert_int_eq(peal_cpus_pin(PEAL_CPUS_MAX), -EINVAL);
	ck_assert_int_eq(peal_cpus_pin(PEAL_CPUS_MAX - 1), -EINVAL);
}
END_TEST

START_TEST(a_quota_limits_the_shards)
{
	struct peal_cpus cpus;

	put("/proc/self/cgroup", "0::/a\n");
	put("/proc/self/mountinfo", V2_MOUNT);
	put("/sys/fs/cgroup/a/cpu.max", "90000 100000\n");
	peal_cpus_read(&cpus, root);
	ck_assert_uint_eq(cpus.shards, 1);
	ck_assert_int_eq(cpus.quota, 900);
	ck_assert(peal_cpus_have_quota(&cpus));
}
END_TEST

START_TEST(a_set_that_cannot_be_read)
{
	struct peal_cpus cpus;

	refuse_calls(SYS_sched_getaffinity, -EPERM, -1);
	peal_cpus_read(&cpus, root);
	peal_sys_hook = NULL;
	ck_assert_uint_eq(cpus.count, (unsigned int)sysconf(_SC_NPROCESSORS_ONLN));
	ck_assert_int_eq(peal_cpus_nth(&cpus, 0), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cpus");
	TCase *parsers = tcase_create("parsers");
	TCase *files = tcase_create("files");

	tcase_add_loop_test(parsers, shards_from_quota, 0, 8);
	tcase_add_loop_test(parsers, cpu_max, 0, 12);
	tcase_add_test(parsers, cfs_quota);
	tcase_add_loop_test(parsers, entries, 0, 11);
	tcase_add_loop_test(parsers, mounts, 0, 10);
	tcase_add_loop_test(parsers, joining, 0, 10);
	suite_add_tcase(suite, parsers);

	tcase_add_checked_fixture(files, make_root, remove_root);
	tcase_add_test(files, nothing_to_read);
	tcase_add_test(files, version_2_own_group);
	tcase_add_test(files, version_2_tighter_above);
	tcase_add_test(files, version_2_in_a_namespace);
	tcase_add_test(files, version_1_bind_mounted);
	tcase_add_test(files, both_versions);
	tcase_add_test(files, long_lines);
	tcase_add_test(files, refused_reads);
	tcase_add_test(files, the_set_of_this_process);
	tcase_add_test(files, a_quota_limits_the_shards);
	tcase_add_test(files, a_set_that_cannot_be_read);
	suite_add_tcase(suite, files);
	return peal_check_main(suite);
}
