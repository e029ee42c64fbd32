/* SPDX-License-Identifier: MIT */
/*
 * The inner parts of the du plugin, and walks in which memory and system calls fail, one at a time.
 * The plugin is linked in here, with all internals of libpeal.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/plugin/plugin.h"
#include "core/sys.h"
#include "plugins/du/walk.h"
#include "tests/check_main.h"

extern const struct peal_plugin peal_plugin_du;

static const struct peal_plugin *const table[] = { &peal_plugin_du, NULL };

static void *zeroed(size_t count, size_t size)
{
	return calloc(count, size);
}

/* As much of a host as the parts need. */
static const struct peal_host host = { .size = sizeof(host), .alloc = zeroed, .free = free };

#define ADDERS 4
#define PAIRS  50000

static struct du_set *set;
static atomic_int new_pairs;

static void *add_pairs(void *arg)
{
	for (uint64_t i = 0; i < PAIRS; i++)
		atomic_fetch_add(&new_pairs, peal_du_set_add(set, i % 3, i / 3));
	return NULL;
}

START_TEST(a_pair_is_new_once)
{
	pthread_t adders[ADDERS];

	set = peal_du_set_new(&host);
	ck_assert_ptr_nonnull(set);
	for (int i = 0; i < ADDERS; i++)
		ck_assert_int_eq(pthread_create(&adders[i], NULL, add_pairs, NULL), 0);
	for (int i = 0; i < ADDERS; i++)
		pthread_join(adders[i], NULL);
	ck_assert_int_eq(atomic_load(&new_pairs), PAIRS);
	ck_assert_int_eq(peal_du_set_add(set, 0, 0), 0);
	ck_assert_int_eq(peal_du_set_add(set, 3, 0), 1);
	ck_assert_int_eq(peal_du_set_add(set, 3, 0), 0);
	peal_du_set_free(set);
	peal_du_set_free(NULL);
}
END_TEST

START_TEST(jobs_come_newest_first_or_oldest_first)
{
	struct du_walk walk = { .host = &host };
	struct du_jobs jobs = { 0 };
	du_job job;

	ck_assert(!peal_du_jobs_pop(&jobs, &job));
	ck_assert(!peal_du_jobs_pop_oldest(&jobs, &job));
	for (du_job round = 0; round < 5; round++) {
		/* Off the beginning of the ring, and growing there. */
		for (du_job i = 1; i <= 100; i++)
			ck_assert_int_eq(peal_du_jobs_push(&walk, &jobs, i * 4), 0);
		for (du_job i = 1; i <= 40; i++) {
			ck_assert(peal_du_jobs_pop_oldest(&jobs, &job));
			ck_assert_uint_eq(job, i * 4);
		}
		peal_du_jobs_put_back(&jobs, job);
		for (du_job i = 100; i >= 40; i--) {
			ck_assert(peal_du_jobs_pop(&jobs, &job));
			ck_assert_uint_eq(job, i * 4);
		}
		ck_assert(!peal_du_jobs_pop(&jobs, &job));
	}
	free(jobs.ring);
}
END_TEST

START_TEST(patterns_match_paths_and_their_ends)
{
	static const char *const patterns[] = { "*.o", "a/b", "x?z", NULL };
	static const char *const none[] = { NULL };

	ck_assert(peal_du_excluded(patterns, "dir/file.o"));
	ck_assert(peal_du_excluded(patterns, "a/b"));
	ck_assert(peal_du_excluded(patterns, "c/a/b"));
	ck_assert(peal_du_excluded(patterns, "./xyz"));
	ck_assert(peal_du_excluded(patterns, "x/z"));
	ck_assert(!peal_du_excluded(patterns, "ca/b"));
	ck_assert(!peal_du_excluded(patterns, "a/b/c"));
	ck_assert(!peal_du_excluded(none, "a/b"));
}
END_TEST

/* A path down a damaged file system: after `before` directories the same `round` come again. */
static int levels_until_found(uint64_t before, uint64_t round)
{
	static struct du_node nodes[5000];
	struct statx st = { .stx_attributes_mask = STATX_ATTR_MOUNT_ROOT };

	memset(nodes, 0, sizeof(nodes));
	for (uint32_t i = 1; i < 5000; i++) {
		nodes[i].parent = &nodes[i - 1];
		nodes[i].depth = i;
		nodes[i].ino = i < before + round ? i : before + (i - before) % round;
		peal_du_cycle_check(&nodes[i], &st, false);
		if (nodes[i].outcome == DU_BAD_LOOP)
			return (int)i;
		ck_assert_int_eq(nodes[i].outcome, DU_READ);
	}
	return 0;
}

START_TEST(a_directory_inside_itself_is_found)
{
	for (uint64_t before = 1; before < 200; before += 13)
		for (uint64_t round = 1; round < 200; round += 7) {
			int found = levels_until_found(before, round);

			ck_assert_int_ge(found, (int)(before + round));
			ck_assert_int_le(found, (int)(4 * (before + round)));
		}
	ck_assert_int_eq(levels_until_found(1, 10000), 0);
}
END_TEST

/* Below a mount every directory above it is compared, at once. */
START_TEST(a_mount_below_itself_is_found)
{
	struct du_node nodes[6] = { 0 };
	struct statx st = { .stx_attributes_mask = STATX_ATTR_MOUNT_ROOT };

	for (uint32_t i = 0; i < 6; i++) {
		nodes[i].ino = i < 5 ? i : 1;
		nodes[i].depth = i;
		nodes[i].parent = i ? &nodes[i - 1] : NULL;
		st.stx_attributes = i == 3 ? STATX_ATTR_MOUNT_ROOT : 0;
		peal_du_cycle_check(&nodes[i], &st, false);
		ck_assert_int_eq(nodes[i].outcome, i < 5 ? DU_READ : DU_LOOP);
	}
}
END_TEST

static char top[4096];

static void make_file(const char *name, off_t size)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, size), 0);
	close(fd);
}

/* Small, for every place in it is one at which something fails: a chain, a large directory, links. */
static void make_tree(void)
{
	const char *tmp = getenv("TMPDIR");
	char name[64], again[64];

	snprintf(top, sizeof(top), "%s/du.XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(top));
	ck_assert_int_eq(chdir(top), 0);
	ck_assert_int_eq(mkdir("a", 0755) | mkdir("a/b", 0755) | mkdir("a/b/c", 0755), 0);
	ck_assert_int_eq(mkdir("large", 0755) | mkdir("a/other", 0755), 0);
	make_file("a/b/c/file", 1000);
	for (int i = 0; i < 3 * DU_CHUNK / 2; i++) {
		snprintf(name, sizeof(name), "large/%d", i);
		make_file(name, i);
		snprintf(again, sizeof(again), "large/%d-again", i);
		if (i % 50 == 0)
			ck_assert_int_eq(link(name, again), 0);
	}
	ck_assert_int_eq(link("large/7", "a/other/7"), 0);
	peal_plugin_builtins = table;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void remove_tree(void)
{
	if (chdir("/") == 0)
		nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *const paths[] = { ".", "a", "large" };

/* The ways to walk that keep different books. */
static const struct peal_du_opts ways[] = {
	{ .size = sizeof(ways[0]) },
	{ .size = sizeof(ways[0]), .files = 1, .separate = 1 },
	{ .size = sizeof(ways[0]), .depth_limit = 1 },
	{ .size = sizeof(ways[0]), .depth_limit = 2 },
};
#define WAYS (int)(sizeof(ways) / sizeof(ways[0]))

static struct peal_du_result whole;

static int walk(int way, size_t count, struct peal_du_result *result)
{
	memset(result, 0, sizeof(*result));
	return peal_du(paths, count, result, &ways[way]);
}

static void load(void)
{
	struct peal_reason reason = { "" };
	int err = peal_plugin_load("du", NULL, &reason);

	ck_assert_msg(!err, "%d: %s", err, reason.text);
	ck_assert_int_eq(walk(0, 1, &whole), 0);
	ck_assert_uint_gt(whole.sum.inodes, 3 * DU_CHUNK / 2);
}

static atomic_long memory_left;
static atomic_bool memory_armed;

static void *allocate(size_t alignment, size_t size)
{
	if (atomic_load(&memory_armed) && atomic_fetch_sub(&memory_left, 1) == 1)
		return NULL;
	return aligned_alloc(alignment, size);
}

static int walk_without_memory(void *arg)
{
	int way = *(int *)arg;
	struct peal_du_result result;

	load();
	/* Every one at first, where most of them differ, then ever fewer. */
	for (long place = 1;; place += 1 + place / 16) {
		int err;

		atomic_store(&memory_left, place);
		atomic_store(&memory_armed, true);
		err = walk(way, 1 + (size_t)way % 2, &result);
		atomic_store(&memory_armed, false);
		ck_assert_msg(!err || err == -ENOMEM, "%d at %ld", err, place);
		if (!err)
			ck_assert_uint_eq(result.sum.inodes, whole.sum.inodes);
		if (atomic_load(&memory_left) > 0)
			return err;
		ck_assert_int_lt(place, 100000);
	}
}

START_TEST(memory_fails)
{
	ck_assert_int_eq(peal_set_allocator(allocate, free), 0);
	ck_assert_int_eq(peal_run(walk_without_memory, &_i, PEAL_RT(.shards = 2)), 0);
}
END_TEST

static struct {
	struct peal_sys_hook hook;
	atomic_long number;
	atomic_int err;
	atomic_long left;
} calls;

static bool fail_one(struct peal_sys_hook *hook, long number, long *result)
{
	if (number != calls.number || atomic_fetch_sub(&calls.left, 1) != 1)
		return false;
	*result = calls.err;
	return true;
}

/* What may follow from one call that fails. */
struct fault {
	long number;
	int err;
	bool whole;      /* everything is counted all the same */
	uint64_t errors; /* that may be told, at most */
};

static const struct fault faults[] = {
	{ SYS_openat, -EMFILE, false, 1 },
	{ SYS_openat, -EACCES, false, 1 },
	{ SYS_openat, -EINTR, true, 0 },
	{ SYS_statx, -EACCES, false, 1 },
	{ SYS_statx, -ENOENT, false, 1 },
	{ SYS_getdents64, -EIO, false, 1 },
	{ SYS_eventfd2, -EMFILE, true, 0 },
	{ SYS_fstatfs, -ENOSYS, true, 0 },
	{ SYS_prlimit64, -EPERM, true, 0 },
};
#define FAULTS (int)(sizeof(faults) / sizeof(faults[0]))

static int walk_with_fault(void *arg)
{
	const struct fault *fault = &faults[*(int *)arg / WAYS];
	int way = *(int *)arg % WAYS;
	struct peal_du_result result;

	load();
	calls.number = fault->number;
	calls.err = fault->err;
	for (long place = 1;; place++) {
		atomic_store(&calls.left, place);
		ck_assert_int_eq(walk(way, 1, &result), 0);
		if (atomic_load(&calls.left) > 0)
			break;
		ck_assert_uint_le(result.sum.inodes, whole.sum.inodes);
		ck_assert_uint_le(result.errors, fault->errors);
		if (fault->whole)
			ck_assert_uint_eq(result.sum.inodes, whole.sum.inodes);
	}
	ck_assert_uint_eq(result.sum.inodes, whole.sum.inodes);
	return 0;
}

START_TEST(a_call_fails)
{
	int err;

	calls.hook.call = fail_one;
	calls.number = -1;
	peal_sys_hook = &calls.hook;
	err = peal_run(walk_with_fault, &_i, PEAL_RT(.shards = 2));
	peal_sys_hook = NULL;
	ck_assert_int_eq(err, 0);
}
END_TEST

/* Names that vanish before they are looked at are no errors, and one that is given is. */
static int walk_while_things_vanish(void *arg)
{
	struct peal_du_result result;

	load();
	calls.number = SYS_statx;
	calls.err = -ENOENT;
	atomic_store(&calls.left, 1);
	ck_assert_int_eq(walk(0, 1, &result), 0);
	ck_assert_uint_eq(result.errors, 1);
	ck_assert_uint_eq(result.sum.inodes, 0);
	for (long place = 3; place < 20; place++) {
		atomic_store(&calls.left, place);
		ck_assert_int_eq(walk(0, 1, &result), 0);
		ck_assert_msg(!result.errors, "at the %ldth call", place);
	}
	return 0;
}

START_TEST(things_vanish)
{
	int err;

	calls.hook.call = fail_one;
	calls.number = -1;
	peal_sys_hook = &calls.hook;
	err = peal_run(walk_while_things_vanish, NULL, PEAL_RT(.shards = 1));
	peal_sys_hook = NULL;
	ck_assert_int_eq(err, 0);
}
END_TEST

static Suite *inside_suite(void)
{
	Suite *suite = suite_create("du_inside");
	TCase *parts = tcase_create("parts"), *failures = tcase_create("failures");

	tcase_add_test(parts, a_pair_is_new_once);
	tcase_add_test(parts, jobs_come_newest_first_or_oldest_first);
	tcase_add_test(parts, patterns_match_paths_and_their_ends);
	tcase_add_test(parts, a_directory_inside_itself_is_found);
	tcase_add_test(parts, a_mount_below_itself_is_found);
	suite_add_tcase(suite, parts);
	tcase_set_timeout(failures, 30);
	/* Before the fork: one tree does for all. */
	tcase_add_unchecked_fixture(failures, make_tree, remove_tree);
	tcase_add_loop_test(failures, memory_fails, 0, WAYS);
	tcase_add_loop_test(failures, a_call_fails, 0, FAULTS * WAYS);
	tcase_add_test(failures, things_vanish);
	suite_add_tcase(suite, failures);
	return suite;
}

int main(void)
{
	return peal_check_main(inside_suite());
}
