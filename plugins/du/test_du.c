/* SPDX-License-Identifier: MIT */
/*
 * The du plugin as an application uses it. What it counts is compared with nftw(3) here; that it
 * counts as GNU du does is for test_differential.sh to say.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <peal/peal.h>
#include <peal/plugins/du.h>

#include "tests/check_main.h"

#define DIRECTORIES 22
#define FILES       10 /* in each, of 100 bytes more than the one before */
#define LARGE       6  /* this one has more than one job's worth */
#define LARGE_FILES 450

static char top[4096];
static struct peal_reason reason;

/* In every fourth directory each file has a second name in the next one. */
static void make_directory(int number)
{
	int files = number == LARGE ? LARGE_FILES : FILES;
	char name[64], other[64];

	snprintf(name, sizeof(name), "d%d", number);
	ck_assert_int_eq(mkdir(name, 0755), 0);
	for (int i = 0; i < files; i++) {
		int fd;

		snprintf(name, sizeof(name), "d%d/f%d", number, i);
		fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(ftruncate(fd, i * 100), 0);
		close(fd);
		if (number % 4 != 1)
			continue;
		snprintf(other, sizeof(other), "d%d/l%d", number - 1, i);
		ck_assert_int_eq(link(name, other), 0);
	}
}

static void setup(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(top, sizeof(top), "%s/du.XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(top));
	ck_assert_int_eq(chdir(top), 0);
	for (int i = 0; i < DIRECTORIES; i++)
		make_directory(i);
	ck_assert_int_eq(mkdir("d0/sub", 0755), 0);
	ck_assert_int_eq(symlink("d1", "link"), 0);
	ck_assert_int_eq(symlink("nowhere", "dangling"), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void teardown(void)
{
	if (chdir("/") == 0)
		nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct peal_du_sum expected;
static size_t expected_entries;

static int count_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	expected_entries++;
	/* The first name is the one that is not called l... */
	if (S_ISREG(st->st_mode) && st->st_nlink > 1 && path[ftw->base] == 'l')
		return 0;
	expected.allocated += (uint64_t)st->st_blocks * 512;
	expected.apparent += S_ISDIR(st->st_mode) ? 0 : (uint64_t)st->st_size;
	expected.inodes++;
	return 0;
}

static void expect(void)
{
	expected = (struct peal_du_sum){ 0 };
	expected_entries = 0;
	ck_assert_int_eq(nftw(".", count_one, 16, FTW_PHYS), 0);
}

static void check_sum(const struct peal_du_sum *sum)
{
	expect();
	ck_assert_uint_eq(sum->allocated, expected.allocated);
	ck_assert_uint_eq(sum->apparent, expected.apparent);
	ck_assert_uint_eq(sum->inodes, expected.inodes);
}

static const char *const here[] = { "." };

static void load(const char *params)
{
	int err = peal_plugin_load("du", params, &reason);

	ck_assert_msg(!err, "%d: %s", err, reason.text);
}

static void run(peal_task_fn *fn, void *arg, uint32_t shards)
{
	ck_assert_int_eq(peal_run(fn, arg, PEAL_RT(.shards = shards)), 0);
}

static int count_here(void *params)
{
	struct peal_du_result result;

	load(params);
	ck_assert_int_eq(peal_du(here, 1, &result, NULL), 0);
	check_sum(&result.sum);
	ck_assert_uint_eq(result.errors, 0);
	ck_assert_uint_eq(result.directories, DIRECTORIES + 2);
	ck_assert_uint_eq(result.entries, expected_entries);
	ck_assert_int_eq(peal_du(here, 1, &result, PEAL_DU(.depth_limit = 1)), 0);
	check_sum(&result.sum);
	ck_assert_int_eq(peal_du(here, 1, &result, PEAL_DU(.depth_limit = 2)), 0);
	check_sum(&result.sum);
	ck_assert_int_eq(peal_du(here, 1, &result, PEAL_DU(.separate = 1, .files = 1)), 0);
	check_sum(&result.sum);
	return 0;
}

START_TEST(it_counts_what_is_there)
{
	static const uint32_t shards[] = { 1, 2, 8 };

	run(count_here, NULL, shards[_i]);
}
END_TEST

static char on_pool[] = "run_on=pool";

START_TEST(it_counts_on_the_pool)
{
	static const uint32_t shards[] = { 1, 2, 8 };

	run(count_here, on_pool, shards[_i]);
}
END_TEST

/* What entry() is told, in order, with sums that it adds up itself. */
struct seen {
	unsigned int entries, directories;
	uint32_t last_depth;
	struct peal_du_sum files, own, total;
	char text[1 << 16];
	size_t used;
	int answer;
};

static struct seen seen, again;

static int remember(void *arg, const struct peal_du_entry *entry)
{
	struct seen *s = arg;

	ck_assert_uint_eq(entry->size, sizeof(*entry));
	ck_assert_uint_eq(entry->path_size, strlen(entry->path));
	s->used += (size_t)snprintf(s->text + s->used, sizeof(s->text) - s->used, "%s %lu\n",
		entry->path, (unsigned long)entry->total.allocated);
	ck_assert_uint_lt(s->used, sizeof(s->text));
	s->entries++;
	s->last_depth = entry->depth;
	if (S_ISDIR(entry->mode)) {
		s->directories++;
		s->own.allocated += entry->own.allocated;
		s->own.inodes += entry->own.inodes;
	} else {
		s->files.inodes += entry->total.inodes;
	}
	s->total = entry->total;
	return s->answer;
}

static int tell_everything(void *arg)
{
	struct peal_du_result result;

	load(NULL);
	seen.used = seen.entries = 0;
	ck_assert_int_eq(
		peal_du(here, 1, &result,
			PEAL_DU(.entry = remember, .arg = &seen, .files = 1, .separate = 1)),
		0);
	ck_assert_uint_eq(seen.entries, seen.directories + seen.files.inodes);
	ck_assert_uint_eq(seen.entries, result.sum.inodes);
	ck_assert_uint_eq(seen.directories, result.directories);
	/* A directory's own things make up everything, once. */
	ck_assert_uint_eq(seen.own.allocated, result.sum.allocated);
	ck_assert_uint_eq(seen.own.inodes, result.sum.inodes);
	ck_assert_uint_eq(seen.total.allocated, result.sum.allocated);
	ck_assert_uint_eq(seen.last_depth, 0);
	return 0;
}

START_TEST(it_tells_every_entry)
{
	run(tell_everything, NULL, 2);
}
END_TEST

static int tell_again(void *arg)
{
	load(NULL);
	ck_assert_int_eq(
		peal_du(here, 1, NULL, PEAL_DU(.entry = remember, .arg = &again, .files = 1)), 0);
	return 0;
}

START_TEST(the_order_is_always_the_same)
{
	run(tell_everything, NULL, 1);
	for (int i = 0; i < 5; i++) {
		again.used = again.entries = 0;
		run(tell_again, NULL, 4);
		ck_assert_str_eq(seen.text, again.text);
	}
}
END_TEST

static int tell_levels(void *arg)
{
	load(NULL);
	for (uint32_t limit = 1; limit < 4; limit++) {
		static const unsigned int directories[] = { 1, DIRECTORIES + 1, DIRECTORIES + 2 };

		memset(&seen, 0, sizeof(seen));
		ck_assert_int_eq(
			peal_du(here, 1, NULL,
				PEAL_DU(.entry = remember, .arg = &seen, .depth_limit = limit)),
			0);
		ck_assert_uint_eq(seen.entries, directories[limit - 1]);
		check_sum(&seen.total);
		ck_assert_uint_eq(seen.own.inodes, 0);
	}
	return 0;
}

START_TEST(levels_can_be_left_out)
{
	run(tell_levels, NULL, 2);
}
END_TEST

static int end_early(void *arg)
{
	struct peal_du_result result;

	load(arg);
	memset(&seen, 0, sizeof(seen));
	seen.answer = -EINTR;
	ck_assert_int_eq(
		peal_du(here, 1, &result, PEAL_DU(.entry = remember, .arg = &seen)), -EINTR);
	ck_assert_uint_eq(seen.entries, 1);
	return 0;
}

START_TEST(a_callback_can_end_it)
{
	run(end_early, NULL, 4);
	run(end_early, on_pool, 4);
}
END_TEST

struct errors {
	unsigned int count;
	uint32_t what;
	int err, answer;
	char path[64];
};

static int remember_error(void *arg, const struct peal_du_error *error)
{
	struct errors *errors = arg;

	errors->count++;
	errors->what = error->what;
	errors->err = error->err;
	snprintf(errors->path, sizeof(errors->path), "%s", error->path);
	return errors->answer;
}

static int meet_errors(void *arg)
{
	static const char *const paths[] = { "nosuch", "d3", "", "dangling" };
	struct errors errors = { 0 };
	struct peal_du_result result;

	load(NULL);
	ck_assert_int_eq(
		peal_du(paths, 3, &result, PEAL_DU(.error = remember_error, .arg = &errors)), 0);
	ck_assert_uint_eq(errors.count, 2);
	ck_assert_uint_eq(result.errors, 2);
	ck_assert_uint_eq(errors.what, PEAL_DU_EMPTY_PATH);
	ck_assert_uint_eq(result.sum.inodes, FILES + 1);
	ck_assert_int_eq(peal_du(paths + 3, 1, NULL,
				 PEAL_DU(.error = remember_error, .arg = &errors,
					 .follow = PEAL_DU_FOLLOW_PATHS)),
		0);
	ck_assert_uint_eq(errors.what, PEAL_DU_DANGLING);
	errors.answer = -EPIPE;
	ck_assert_int_eq(
		peal_du(paths, 3, NULL, PEAL_DU(.error = remember_error, .arg = &errors)), -EPIPE);
	ck_assert_uint_eq(errors.what, PEAL_DU_CANNOT_ACCESS);
	ck_assert_int_eq(errors.err, -ENOENT);
	ck_assert_str_eq(errors.path, "nosuch");
	return 0;
}

START_TEST(errors_are_told_and_may_end_it)
{
	run(meet_errors, NULL, 2);
}
END_TEST

static int leave_out(void *arg)
{
	static const char *const patterns[] = { "d1*", "*/f7", NULL };
	static const char *const all[] = { "*", NULL };
	struct peal_du_result result;

	load(NULL);
	/* d1 and d10 to d19 are gone. */
	ck_assert_int_eq(peal_du(here, 1, &result, PEAL_DU(.exclude = patterns)), 0);
	ck_assert_uint_eq(result.directories, DIRECTORIES + 2 - 11);
	ck_assert_int_eq(peal_du(here, 1, &result, PEAL_DU(.exclude = all)), 0);
	ck_assert_uint_eq(result.sum.inodes, 0);
	return 0;
}

START_TEST(patterns_leave_out)
{
	run(leave_out, NULL, 2);
}
END_TEST

static int count_twice(void *arg)
{
	static const char *const twice[] = { "d2", "d2/f0", "d2" };
	struct peal_du_result once, all;

	load(NULL);
	ck_assert_int_eq(peal_du(twice, 3, &once, NULL), 0);
	ck_assert_uint_eq(once.sum.inodes, FILES + 1);
	ck_assert_int_eq(peal_du(twice, 3, &all, PEAL_DU(.count_links = 1)), 0);
	ck_assert_uint_eq(all.sum.inodes, 2 * (FILES + 1) + 1);
	return 0;
}

START_TEST(what_is_met_again_counts_once_unless_asked_for)
{
	run(count_twice, NULL, 2);
}
END_TEST

static struct peal_du_watch watch;

static int cancel_soon(void *arg)
{
	peal_yield();
	ck_assert_int_eq(peal_du_cancel(NULL, &watch), 0);
	return 0;
}

static int walk_until_cancelled(void *arg)
{
	struct peal_du_counts counts;
	const char *paths[200];
	int err;

	load(arg);
	expect();
	for (size_t i = 0; i < 200; i++)
		paths[i] = ".";
	memset(&watch, 0, sizeof(watch));
	ck_assert_int_eq(peal_spawn(cancel_soon, NULL, NULL), 0);
	err = peal_du(paths, 200, NULL, PEAL_DU(.watch = &watch, .count_links = 1));
	ck_assert_int_eq(err, -ECANCELED);
	ck_assert_int_eq(peal_du_progress(NULL, &watch, &counts), 0);
	ck_assert_uint_gt(counts.entries, 0);
	ck_assert_uint_lt(counts.entries, 200 * expected_entries);
	return 0;
}

START_TEST(others_can_watch_and_cancel_it)
{
	run(walk_until_cancelled, NULL, 2);
	run(walk_until_cancelled, on_pool, 2);
}
END_TEST

static int count_ticks(void *arg, const struct peal_du_counts *counts)
{
	int *ticks = arg;

	return ++*ticks == 3 ? -ETIME : 0;
}

static int tick(void *arg)
{
	const char *paths[200];
	int ticks = 0;

	load(arg);
	for (size_t i = 0; i < 200; i++)
		paths[i] = ".";
	ck_assert_int_eq(peal_du(paths, 200, NULL,
				 PEAL_DU(.tick = count_ticks, .tick_interval = 1, .arg = &ticks,
					 .count_links = 1)),
		-ETIME);
	ck_assert_int_eq(ticks, 3);
	return 0;
}

START_TEST(it_ticks)
{
	run(tick, NULL, 2);
	run(tick, on_pool, 2);
}
END_TEST

static int count_beside(void *arg)
{
	struct peal_du_result result;

	for (int i = 0; i < 5; i++) {
		memset(&result, 0, sizeof(result));
		ck_assert_int_eq(
			peal_du(here, 1, &result, PEAL_DU(.depth_limit = (uint32_t)(i % 3))), 0);
		ck_assert_uint_eq(result.sum.inodes, *(uint64_t *)arg);
	}
	return 0;
}

static int count_at_the_same_time(void *arg)
{
	struct peal_task *tasks[12];
	struct peal_du_result result;
	int got;

	load(arg);
	ck_assert_int_eq(peal_du(here, 1, &result, NULL), 0);
	for (int i = 0; i < 12; i++)
		ck_assert_int_eq(peal_task_spawn(&tasks[i], count_beside, &result.sum.inodes,
					 PEAL_SPAWN(.place = PEAL_ROUND_ROBIN)),
			0);
	for (int i = 0; i < 12; i++) {
		ck_assert_int_eq(peal_task_join(tasks[i], &got), 0);
		ck_assert_int_eq(got, 0);
	}
	return 0;
}

START_TEST(walks_do_not_disturb_each_other)
{
	run(count_at_the_same_time, NULL, 3);
	run(count_at_the_same_time, on_pool, 3);
}
END_TEST

static int count_with_little(void *arg)
{
	struct peal_du_result result;

	load(NULL);
	ck_assert_int_eq(
		peal_du(here, 1, &result, PEAL_DU(.max_memory = 1, .max_open = 1, .files = 1)), 0);
	check_sum(&result.sum);
	ck_assert_int_eq(peal_du(here, 1, &result, PEAL_DU(.max_open = 1, .depth_limit = 1)), 0);
	check_sum(&result.sum);
	return 0;
}

START_TEST(it_gets_by_with_little_memory_and_few_descriptors)
{
	run(count_with_little, NULL, 4);
}
END_TEST

START_TEST(it_gets_by_with_few_tasks)
{
	for (uint32_t tasks = 2; tasks < 6; tasks++)
		ck_assert_int_eq(
			peal_run(count_here, NULL, PEAL_RT(.shards = 3, .max_tasks = tasks)), 0);
}
END_TEST

static int use_wrongly(void *arg)
{
	struct {
		struct peal_du_opts opts;
		uint64_t unknown;
	} newer = { .opts.size = sizeof(newer) };
	struct peal_du_opts opts = { .size = sizeof(opts), .follow = 3 };

	ck_assert_int_eq(peal_du(here, 1, NULL, NULL), -ENOSYS);
	load(NULL);
	ck_assert_int_eq(peal_du(here, 1, NULL, &opts), -EINVAL);
	opts = (struct peal_du_opts){ .size = sizeof(opts), .reserved = { 1 } };
	ck_assert_int_eq(peal_du(here, 1, NULL, &opts), -E2BIG);
	ck_assert_int_eq(peal_du(NULL, 1, NULL, NULL), -EINVAL);
	ck_assert_int_eq(peal_du(NULL, 0, NULL, NULL), 0);
	ck_assert_int_eq(peal_du(here, 1, NULL, &newer.opts), 0);
	newer.unknown = 1;
	ck_assert_int_eq(peal_du(here, 1, NULL, &newer.opts), -E2BIG);
	return 0;
}

START_TEST(wrong_options_are_refused)
{
	run(use_wrongly, NULL, 1);
	ck_assert_int_eq(peal_du(here, 1, NULL, NULL), -ENOSYS);
}
END_TEST

static int load_wrongly(void *arg)
{
	return peal_plugin_load("du", "run_on=moon", &reason);
}

START_TEST(it_runs_on_shards_or_the_pool)
{
	ck_assert_int_eq(peal_run(load_wrongly, NULL, PEAL_RT(.shards = 1)), -EINVAL);
}
END_TEST

static Suite *du_suite(void)
{
	Suite *suite = suite_create("du");
	TCase *tcase = tcase_create("du");

	/* Before the fork: one tree does for all. */
	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, it_counts_what_is_there, 0, 3);
	tcase_add_loop_test(tcase, it_counts_on_the_pool, 0, 3);
	tcase_add_test(tcase, it_tells_every_entry);
	tcase_add_test(tcase, the_order_is_always_the_same);
	tcase_add_test(tcase, levels_can_be_left_out);
	tcase_add_test(tcase, a_callback_can_end_it);
	tcase_add_test(tcase, errors_are_told_and_may_end_it);
	tcase_add_test(tcase, patterns_leave_out);
	tcase_add_test(tcase, what_is_met_again_counts_once_unless_asked_for);
	tcase_add_test(tcase, others_can_watch_and_cancel_it);
	tcase_add_test(tcase, it_ticks);
	tcase_add_test(tcase, walks_do_not_disturb_each_other);
	tcase_add_test(tcase, it_gets_by_with_little_memory_and_few_descriptors);
	tcase_add_test(tcase, it_gets_by_with_few_tasks);
	tcase_add_test(tcase, wrong_options_are_refused);
	tcase_add_test(tcase, it_runs_on_shards_or_the_pool);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(du_suite());
}
