/* SPDX-License-Identifier: MIT */
/*
 * The life of plugins in runtimes: started once and on each shard, stopped in reverse, loaded by many
 * at once, in several runtimes, and never unmapped.
 */
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <peal/peal.h>
#include <peal/plugin.h>

#include "core/atomic.h"
#include "core/sys.h"
#include "core/task.h"
#include "tests/check_main.h"
#include "tests/contract/plugin_files.h"
#include "tests/contract/plugins/probe.h"

#define SHARDS 3

static struct plugin_folder folder;
static struct peal_reason reason;
static struct probe_events events;

static void setup(void)
{
	folder = plugin_folder_make(NULL, NULL);
	plugin_copy(&folder, "probe", "probe");
	plugin_copy(&folder, "needy", "needy");
	plugin_search_in(&folder, NULL);
}

static struct peal_rt *start_shards(unsigned int shards)
{
	struct peal_rt *rt;
	int err = peal_rt_start(&rt, PEAL_RT(.shards = shards), &reason);

	ck_assert_msg(!err, "%d: %s", err, reason.text);
	return rt;
}

static struct peal_rt *start(void)
{
	return start_shards(SHARDS);
}

/* Parameters that make the probe write into `events`, and more. */
static const char *params(const char *more)
{
	static char text[128];

	snprintf(text, sizeof(text), "events=%" PRIdPTR "%s", (intptr_t)&events, more);
	return text;
}

static int load(struct peal_rt *rt, const char *more)
{
	reason.text[0] = '\0';
	return peal_rt_plugin_load(rt, "probe", params(more), &reason);
}

static void load_well(struct peal_rt *rt, const char *more)
{
	int err = load(rt, more);

	ck_assert_msg(!err, "%d: %s", err, reason.text);
}

static const struct probe_api *api_of(struct peal_rt *rt, void **state)
{
	return peal_plugin_api(rt, "probe", PROBE_API_MAJOR, state);
}

static int64_t answer_of(struct peal_rt *rt)
{
	void *state = NULL;
	const struct probe_api *api = api_of(rt, &state);

	return api ? api->answer(state) : -1;
}

/* Start and stop */

static void check_place(unsigned int shard)
{
	ck_assert_int_eq(peal_shard(), (int)shard);
	ck_assert_ptr_null(peal_task_current());
}

START_TEST(started_everywhere_and_stopped_in_reverse)
{
	struct peal_rt *rt = start();

	events.in_shard = check_place;
	load_well(rt, "");
	ck_assert_str_eq(events.text, "start shard_start(0) shard_start(1) shard_start(2) ");
	events.text[0] = '\0';
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_str_eq(events.text, "shard_stop(2) shard_stop(1) shard_stop(0) stop ");
}
END_TEST

static int load_in_fiber(void *arg)
{
	return peal_plugin_load("probe", params(""), &reason);
}

START_TEST(loaded_by_a_fiber)
{
	ck_assert_int_eq(peal_run(load_in_fiber, NULL, PEAL_RT(.shards = 2)), 0);
	ck_assert_str_eq(events.text,
		"start shard_start(0) shard_start(1) shard_stop(1) shard_stop(0) stop ");
}
END_TEST

START_TEST(a_start_that_fails)
{
	struct peal_rt *rt = start();

	ck_assert_int_eq(load(rt, ",fail_start=-111"), -ECONNREFUSED);
	ck_assert_str_eq(reason.text,
		"plugin probe: its start returned -111 (ECONNREFUSED: Connection refused)");
	ck_assert_str_eq(events.text, "start ");
	ck_assert_int_eq(answer_of(rt), -1);
	/* It is no errno, but it is no success either. */
	ck_assert_int_eq(load(rt, ",fail_start=7"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason.text, "its start returned 7 "));
	/* Nothing stands in the way of another try. */
	load_well(rt, "");
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

START_TEST(a_shard_start_that_fails)
{
	struct peal_rt *rt = start();

	ck_assert_int_eq(load(rt, ",fail_shard=2"), -EXDEV);
	ck_assert_str_eq(reason.text,
		"plugin probe: its shard_start returned -18 (EXDEV: Invalid cross-device link)");
	ck_assert_str_eq(events.text,
		"start shard_start(0) shard_start(1) shard_start(2) shard_stop(1) shard_stop(0) "
		"stop ");
	ck_assert_int_eq(answer_of(rt), -1);
	events.text[0] = '\0';
	ck_assert_int_eq(load(rt, ",fail_shard=0"), -EXDEV);
	ck_assert_str_eq(events.text, "start shard_start(0) stop ");
	events.text[0] = '\0';
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_str_eq(events.text, "");
}
END_TEST

START_TEST(needs)
{
	struct peal_rt *rt = start();

	ck_assert_int_eq(peal_rt_plugin_load(rt, "needy", NULL, &reason), -ENOENT);
	ck_assert_str_eq(reason.text,
		"plugin needy: it needs the plugin probe, which is not loaded; load that first");
	load_well(rt, "");
	ck_assert_int_eq(peal_rt_plugin_load(rt, "needy", NULL, &reason), 0);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

/* A second probe under another name, to see the order of two. */
START_TEST(the_last_one_is_stopped_first)
{
	struct probe_events later = { "" };
	struct peal_rt *rt = start_shards(1);
	const char *path = plugin_copy(&folder, "probe", "later");
	char text[64];

	plugin_replace(path, "probe", "later");
	load_well(rt, "");
	snprintf(text, sizeof(text), "events=%" PRIdPTR, (intptr_t)&events);
	ck_assert_msg(!peal_rt_plugin_load(rt, "later", text, &reason), "%s", reason.text);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_str_eq(events.text,
		"start shard_start(0) start shard_start(0) shard_stop(0) stop shard_stop(0) stop ");
	ck_assert_str_eq(later.text, "");
}
END_TEST

/* Memory */

static PEAL_ATOMIC(long) blocks;

static void *count_allocate(size_t alignment, size_t size)
{
	peal_add_relaxed(&blocks, 1);
	return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void count_release(void *memory)
{
	peal_add_relaxed(&blocks, -1);
	free(memory);
}

/* What a plugin forgets is missing from the application's account, and nothing else is. */
START_TEST(a_stop_that_leaks)
{
	struct peal_rt *rt;
	void *state;

	ck_assert_int_eq(peal_set_allocator(count_allocate, count_release), 0);
	rt = start();
	load_well(rt, "");
	ck_assert_int_eq(load(rt, ",answer=7"), -EEXIST);
	ck_assert_int_eq(load(rt, ",answer=0"), -EINVAL);
	ck_assert_int_eq(peal_rt_plugin_load(rt, "nothing", NULL, NULL), -ENOENT);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_int_eq(peal_load_relaxed(&blocks), 0);
	rt = start();
	load_well(rt, ",leak=yes");
	api_of(rt, &state);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_int_eq(peal_load_relaxed(&blocks), 1);
	free(state);
}
END_TEST

/* Parameters */

START_TEST(wrong_parameters)
{
	struct peal_rt *rt = start();

	ck_assert_int_eq(load(rt, ",answer=0"), -EINVAL);
	ck_assert_str_eq(
		reason.text, "plugin probe: answer=0: expected a whole number, from 1 to 1000");
	ck_assert_int_eq(load(rt, ",question=1"), -EINVAL);
	ck_assert_str_eq(reason.text,
		"plugin probe: it has no parameter \"question\"; it takes: events, answer, "
		"fail_start, fail_shard, leak");
	ck_assert_str_eq(events.text, "");
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

START_TEST(loaded_twice)
{
	struct peal_rt *rt = start();

	load_well(rt, "");
	load_well(rt, ",answer=42"); /* which is the default */
	ck_assert_str_eq(events.text, "start shard_start(0) shard_start(1) shard_start(2) ");
	ck_assert_int_eq(load(rt, ",answer=43"), -EEXIST);
	ck_assert_str_eq(reason.text,
		"plugin probe: it is loaded already, with other parameters; a runtime has one of "
		"each");
	ck_assert_int_eq(load(rt, ",answer=x"), -EINVAL);
	ck_assert_int_eq(answer_of(rt), 42);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

/* Names, callers, times */

START_TEST(names_that_are_not_bare)
{
	static const char *const names[] = { "", "/probe", "../probe", "a/b", "probe.so", "Probe",
		"2probe", "_probe", "pro-be", "pro be", "sixteen_letters_", "x\n" };
	struct peal_rt *rt = start_shards(1);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ck_assert_int_eq(peal_rt_plugin_load(rt, names[i], NULL, &reason), -EINVAL);
		ck_assert_ptr_nonnull(strstr(reason.text, "is not the name of a plugin: a to z"));
	}
	ck_assert_int_eq(peal_rt_plugin_load(rt, NULL, NULL, &reason), -EINVAL);
	ck_assert_int_eq(peal_rt_plugin_load(rt, "fifteen_letters", NULL, &reason), -ENOENT);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

static int load_as_a_foreigner(void *arg)
{
	return peal_rt_plugin_load(peal_rt_current(), "probe", NULL, &reason);
}

struct callback {
	struct peal_post post;
	PEAL_ATOMIC(int) err;
};

static void load_in_callback(struct peal_post *post)
{
	struct callback *callback = PEAL_CONTAINER_OF(post, struct callback, post);

	peal_store_release(&callback->err, peal_plugin_load("probe", NULL, NULL));
}

START_TEST(callers_that_may_not)
{
	struct callback callback = { .err = 1 };
	struct peal_rt *rt;

	ck_assert_int_eq(peal_plugin_load("probe", NULL, &reason), -EPERM);
	ck_assert_ptr_nonnull(strstr(reason.text, "peal_rt_plugin_load()"));
	ck_assert_int_eq(peal_rt_plugin_load(NULL, "probe", NULL, &reason), -EINVAL);
	ck_assert_int_eq(peal_run(load_as_a_foreigner, NULL, PEAL_RT(.shards = 1)), -EDEADLK);
	rt = start_shards(1);
	ck_assert_int_eq(peal_rt_post(rt, 0, &callback.post, load_in_callback), 0);
	while (peal_load_acquire(&callback.err) > 0)
		usleep(1000);
	ck_assert_int_eq(peal_load_acquire(&callback.err), -EPERM);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

static int load_while_draining(void *arg)
{
	peal_rt_drain(peal_rt_current());
	while (!peal_draining())
		peal_yield();
	return peal_plugin_load("probe", params(""), &reason);
}

START_TEST(not_at_the_end)
{
	ck_assert_int_eq(peal_run(load_while_draining, NULL, PEAL_RT(.shards = 2)), -ESHUTDOWN);
	ck_assert_str_eq(reason.text, "plugin probe: the runtime is ending");
	ck_assert_str_eq(events.text, "");
}
END_TEST

static int load_another(void)
{
	return peal_task_current() ? peal_plugin_load("needy", NULL, &reason)
				   : peal_rt_plugin_load(NULL, "needy", NULL, &reason);
}

static int load_nested(void *arg)
{
	struct peal_reason outer;

	events.in_start = load_another;
	return peal_plugin_load("probe", params(""), &outer);
}

START_TEST(not_within_another_start)
{
	ck_assert_int_eq(peal_run(load_nested, NULL, PEAL_RT(.shards = 2)), -EDEADLK);
	ck_assert_str_eq(reason.text,
		"plugin needy: it is asked for by the start of another; that one has to list it in "
		"its needs");
}
END_TEST

/* What is found afterwards */

static int look_at_host(void *arg)
{
	void *state = NULL;
	const struct peal_host *host = api_of(NULL, &state)->host(state);
	unsigned int *shard = peal_plugin_shard_state(host);

	ck_assert_ptr_nonnull(shard);
	ck_assert_uint_eq(*shard, (unsigned int)peal_shard());
	ck_assert_ptr_eq(host->rt, peal_rt_current());
	ck_assert_int_eq(answer_of(NULL), 42);
	return 0;
}

static int look_on_each_shard(void *arg)
{
	for (unsigned int i = 0; i < SHARDS; i++) {
		struct peal_task *task;
		int result = -1;

		ck_assert_int_eq(peal_task_spawn(&task, look_at_host, NULL,
					 PEAL_SPAWN(.place = PEAL_PINNED(i))),
			0);
		ck_assert_int_eq(peal_task_join(task, &result), 0);
		ck_assert_int_eq(result, 0);
	}
	return 0;
}

static int load_and_look(void *arg)
{
	int err = load_in_fiber(NULL);

	return err ? err : look_on_each_shard(NULL);
}

START_TEST(state_of_each_shard)
{
	ck_assert_int_eq(peal_run(load_and_look, NULL, PEAL_RT(.shards = SHARDS)), 0);
}
END_TEST

START_TEST(the_api_table)
{
	struct peal_rt *rt = start(), *other = start_shards(1);
	int unknown;
	void *state = &unknown;

	ck_assert_ptr_null(api_of(rt, &state));
	load_well(rt, "");
	ck_assert_ptr_null(peal_plugin_api(rt, "probe", PROBE_API_MAJOR + 1, &state));
	ck_assert_ptr_null(peal_plugin_api(rt, "prob", PROBE_API_MAJOR, &state));
	ck_assert_ptr_null(api_of(NULL, &state));
	ck_assert_ptr_null(api_of(other, &state));
	ck_assert_ptr_eq(state, &unknown);
	ck_assert_ptr_nonnull(api_of(rt, &state));
	ck_assert_ptr_ne(state, &unknown);
	ck_assert_int_eq(answer_of(rt), 42);
	/* Off its shards there is no state of a shard. */
	ck_assert_ptr_null(peal_plugin_shard_state(api_of(rt, &state)->host(state)));
	ck_assert_int_eq(peal_rt_stop(other), 0);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

START_TEST(counters)
{
	struct peal_rt *rt = start();
	struct peal_stats *stats;
	int index;

	load_well(rt, "");
	for (int i = 0; i < 5; i++)
		answer_of(rt);
	ck_assert_int_eq(peal_stats(&stats, rt), 0);
	index = peal_stats_find(stats, "probe.answers");
	ck_assert_int_ge(index, 0);
	ck_assert_uint_eq(peal_stats_shard(stats, (unsigned int)index, PEAL_OUTSIDE), 10);
	ck_assert_str_eq(peal_stats_counter(stats, (unsigned int)index)->unit, "bytes");
	ck_assert_str_eq(peal_stats_counter(stats, (unsigned int)index)->group, "probe");
	ck_assert_uint_eq(peal_stats_value(stats, "probe.unused"), 0);
	peal_stats_free(stats);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

static bool refuse_getppid(struct peal_sys_hook *hook, long number, long *result)
{
	*result = -ENOSYS;
	return number == SYS_getppid;
}

static char logged[128];

static void keep_line(void *arg, enum peal_log_level level, const char *text)
{
	if (level == PEAL_LOG_WARNING)
		snprintf(logged, sizeof(logged), "%s", text);
}

START_TEST(the_host_table)
{
	struct peal_sys_hook hook = { .call = refuse_getppid };
	const struct peal_host *host;
	struct peal_rt *rt;
	void *state;

	peal_set_log(keep_line, NULL);
	rt = start_shards(1);
	load_well(rt, "");
	host = api_of(rt, &state)->host(state);
	ck_assert_uint_eq(host->size, sizeof(*host));
	ck_assert_int_eq(host->syscall(SYS_getppid, 0, 0, 0, 0, 0, 0), getppid());
	peal_sys_hook = &hook;
	ck_assert_int_eq(host->syscall(SYS_getppid, 0, 0, 0, 0, 0, 0), -ENOSYS);
	peal_sys_hook = NULL;
	host->log(host, PEAL_LOG_WARNING, "%d%%", 99);
	ck_assert_str_eq(logged, "probe: 99%");
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

START_TEST(a_counter_that_is_not_in_the_table)
{
	struct peal_rt *rt = start_shards(1);
	const struct peal_host *host;
	void *state;

	load_well(rt, "");
	host = api_of(rt, &state)->host(state);
	host->count(host, 2, 1);
}
END_TEST

/* Many at once */

struct crowd {
	struct peal_rt *rt;
	PEAL_ATOMIC(int) ready, failed;
};

static void note_result(struct crowd *crowd, int err)
{
	if (err)
		peal_add_relaxed(&crowd->failed, 1);
}

static int one_of_a_crowd(void *arg)
{
	struct crowd *crowd = arg;

	note_result(crowd, peal_plugin_load("probe", params(""), NULL));
	note_result(crowd, peal_plugin_load("needy", NULL, NULL));
	/* Who was told that it is loaded can use it. */
	note_result(crowd, answer_of(NULL) != 42);
	return 0;
}

static void *foreigner_of_a_crowd(void *arg)
{
	struct crowd *crowd = arg;

	note_result(crowd, peal_rt_plugin_load(crowd->rt, "probe", params(""), NULL));
	note_result(crowd, answer_of(crowd->rt) != 42);
	return NULL;
}

static int suspend_in_start(void)
{
	for (int i = 0; i < 20; i++)
		if (peal_task_current())
			peal_yield();
		else
			usleep(1000);
	return 0;
}

START_TEST(a_crowd_of_fibers_and_threads)
{
	struct crowd crowd = { .rt = start() };
	pthread_t threads[4];

	params(""); /* written once, before the others read it */
	events.in_start = suspend_in_start;
	for (unsigned int i = 0; i < 20; i++)
		ck_assert_int_eq(peal_rt_spawn(crowd.rt, one_of_a_crowd, &crowd,
					 PEAL_SPAWN(.place = PEAL_PINNED(i % SHARDS))),
			0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, foreigner_of_a_crowd, &crowd), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(peal_rt_stop(crowd.rt), 0);
	ck_assert_int_eq(peal_load_relaxed(&crowd.failed), 0);
	ck_assert_str_eq(events.text,
		"start shard_start(0) shard_start(1) shard_start(2) "
		"shard_stop(2) shard_stop(1) shard_stop(0) stop ");
}
END_TEST

START_TEST(two_runtimes_with_parameters_of_their_own)
{
	struct peal_rt *one = start(), *two = start();
	struct probe_events first;

	load_well(one, ",answer=1");
	first = events;
	load_well(two, ",answer=2");
	ck_assert_int_eq(answer_of(one), 1);
	ck_assert_int_eq(answer_of(two), 2);
	ck_assert_int_eq(peal_rt_stop(one), 0);
	ck_assert_int_eq(answer_of(two), 2);
	ck_assert_int_eq(peal_rt_stop(two), 0);
	ck_assert_uint_eq(strlen(events.text),
		2 *
			(strlen(first.text) +
				strlen("shard_stop(0) shard_stop(1) shard_stop(2) stop ")));
}
END_TEST

START_TEST(again_and_again)
{
	for (int i = 0; i < 50; i++) {
		struct peal_rt *rt = start_shards(2);

		events.text[0] = '\0';
		load_well(rt, "");
		ck_assert_int_eq(peal_rt_stop(rt), 0);
	}
}
END_TEST

/* A pointer into its code stays good: a thread or an exit handler may still have one. */
START_TEST(it_is_never_unmapped)
{
	struct peal_rt *rt = start_shards(1);
	const struct probe_api *api;
	Dl_info info;
	void *state, *handle;

	load_well(rt, "");
	api = api_of(rt, &state);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_int_ne(dladdr(api, &info), 0);
	handle = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
	ck_assert_ptr_nonnull(handle);
	dlclose(handle);
	dlclose(handle); /* once too often, on purpose */
	ck_assert_int_ne(dladdr(api, &info), 0);
	ck_assert_uint_eq(api->size, sizeof(*api));
}
END_TEST

static Suite *load_suite(void)
{
	Suite *suite = suite_create("plugin_load");
	TCase *tcase = tcase_create("load");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 20);
	tcase_add_test(tcase, started_everywhere_and_stopped_in_reverse);
	tcase_add_test(tcase, loaded_by_a_fiber);
	tcase_add_test(tcase, a_start_that_fails);
	tcase_add_test(tcase, a_shard_start_that_fails);
	tcase_add_test(tcase, needs);
	tcase_add_test(tcase, the_last_one_is_stopped_first);
	tcase_add_test(tcase, a_stop_that_leaks);
	tcase_add_test(tcase, wrong_parameters);
	tcase_add_test(tcase, loaded_twice);
	tcase_add_test(tcase, names_that_are_not_bare);
	tcase_add_test(tcase, callers_that_may_not);
	tcase_add_test(tcase, not_at_the_end);
	tcase_add_test(tcase, not_within_another_start);
	tcase_add_test(tcase, state_of_each_shard);
	tcase_add_test(tcase, the_api_table);
	tcase_add_test(tcase, counters);
	tcase_add_test(tcase, the_host_table);
	tcase_add_test_raise_signal(tcase, a_counter_that_is_not_in_the_table, SIGABRT);
	tcase_add_test(tcase, a_crowd_of_fibers_and_threads);
	tcase_add_test(tcase, two_runtimes_with_parameters_of_their_own);
	tcase_add_test(tcase, again_and_again);
	tcase_add_test(tcase, it_is_never_unmapped);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(load_suite());
}
