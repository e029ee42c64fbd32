/* SPDX-License-Identifier: MIT */
/*
 * Loading and stopping plugins: started once and on each shard, stopped in reverse; parameters;
 * what is refused, and where and when.
 */
#include <errno.h>
#include <unistd.h>

#include <peal/peal.h>
#include <peal/plugin.h>

#include "core/base/atomic.h"
#include "core/task/task.h"
#include "tests/check_main.h"
#include "tests/contract/plugin_files.h"
#include "tests/contract/plugin_probe.h"

#define SHARDS 3

/* Start and stop */

static void check_place(unsigned int shard)
{
	ck_assert_int_eq(peal_shard(), (int)shard);
	ck_assert_ptr_null(peal_task_current());
}

START_TEST(started_everywhere_and_stopped_in_reverse)
{
	struct peal_rt *rt = probe_runtime(SHARDS);

	probe_events.in_shard = check_place;
	probe_load_well(rt, "");
	ck_assert_str_eq(probe_events.text, "start shard_start(0) shard_start(1) shard_start(2) ");
	probe_events.text[0] = '\0';
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_str_eq(probe_events.text, "shard_stop(2) shard_stop(1) shard_stop(0) stop ");
}
END_TEST

static int load_in_fiber(void *arg)
{
	return peal_plugin_load("probe", probe_params(""), &probe_reason);
}

START_TEST(loaded_by_a_fiber)
{
	ck_assert_int_eq(peal_run(load_in_fiber, NULL, PEAL_RT(.shards = 2)), 0);
	ck_assert_str_eq(probe_events.text,
		"start shard_start(0) shard_start(1) shard_stop(1) shard_stop(0) stop ");
}
END_TEST

START_TEST(a_start_that_fails)
{
	struct peal_rt *rt = probe_runtime(SHARDS);

	ck_assert_int_eq(probe_load(rt, ",fail_start=-111"), -ECONNREFUSED);
	ck_assert_str_eq(probe_reason.text,
		"plugin probe: its start returned -111 (ECONNREFUSED: Connection refused)");
	ck_assert_str_eq(probe_events.text, "start ");
	ck_assert_int_eq(probe_answer(rt), -1);
	/* It is no errno, but it is no success either. */
	ck_assert_int_eq(probe_load(rt, ",fail_start=7"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(probe_reason.text, "its start returned 7 "));
	/* Nothing stands in the way of another try. */
	probe_load_well(rt, "");
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

START_TEST(a_shard_start_that_fails)
{
	struct peal_rt *rt = probe_runtime(SHARDS);

	ck_assert_int_eq(probe_load(rt, ",fail_shard=2"), -EXDEV);
	ck_assert_str_eq(probe_reason.text,
		"plugin probe: its shard_start returned -18 (EXDEV: Invalid cross-device link)");
	ck_assert_str_eq(probe_events.text,
		"start shard_start(0) shard_start(1) shard_start(2) shard_stop(1) shard_stop(0) "
		"stop ");
	ck_assert_int_eq(probe_answer(rt), -1);
	probe_events.text[0] = '\0';
	ck_assert_int_eq(probe_load(rt, ",fail_shard=0"), -EXDEV);
	ck_assert_str_eq(probe_events.text, "start shard_start(0) stop ");
	probe_events.text[0] = '\0';
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_str_eq(probe_events.text, "");
}
END_TEST

START_TEST(needs)
{
	struct peal_rt *rt = probe_runtime(SHARDS);

	ck_assert_int_eq(peal_rt_plugin_load(rt, "needy", NULL, &probe_reason), -ENOENT);
	ck_assert_str_eq(probe_reason.text,
		"plugin needy: it needs the plugin probe, which is not loaded; load that first");
	probe_load_well(rt, "");
	ck_assert_int_eq(peal_rt_plugin_load(rt, "needy", NULL, &probe_reason), 0);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

START_TEST(the_last_one_is_stopped_first)
{
	struct peal_rt *rt = probe_runtime(1);

	probe_load_well(rt, "");
	ck_assert_int_eq(peal_rt_plugin_load(rt, "later", probe_params(""), &probe_reason), 0);
	probe_events.text[0] = '\0';
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_str_eq(probe_events.text, "later.shard_stop(0) later.stop shard_stop(0) stop ");
}
END_TEST

/* Memory */

static PEAL_ATOMIC(long) blocks;
static PEAL_ATOMIC(long) until_failure = -1; /* never */

static void *count_allocate(size_t alignment, size_t size)
{
	if (peal_load_relaxed(&until_failure) >= 0 && peal_sub_acq_rel(&until_failure, 1) == 0)
		return NULL;
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
	rt = probe_runtime(SHARDS);
	probe_load_well(rt, "");
	ck_assert_int_eq(probe_load(rt, ",answer=7"), -EEXIST);
	ck_assert_int_eq(probe_load(rt, ",answer=0"), -EINVAL);
	ck_assert_int_eq(peal_rt_plugin_load(rt, "nothing", NULL, NULL), -ENOENT);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_int_eq(peal_load_relaxed(&blocks), 0);
	rt = probe_runtime(SHARDS);
	probe_load_well(rt, ",leak=yes");
	probe_api(rt, &state);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_int_eq(peal_load_relaxed(&blocks), 1);
	count_release(state);
	ck_assert_int_eq(peal_set_allocator(NULL, NULL), 0);
}
END_TEST

/* Whichever piece of memory it is that there is none for, everything is as before. */
START_TEST(memory_that_runs_out)
{
	struct peal_rt *rt;
	int err = -ENOMEM;
	long before;

	ck_assert_int_eq(peal_set_allocator(count_allocate, count_release), 0);
	rt = probe_runtime(2);
	before = peal_load_relaxed(&blocks);
	for (int n = 0; err; n++) {
		ck_assert_int_lt(n, 100);
		probe_events.text[0] = '\0';
		peal_store_relaxed(&until_failure, n);
		err = probe_load(rt, "");
		peal_store_relaxed(&until_failure, -1);
		if (!err)
			break;
		ck_assert_int_eq(err, -ENOMEM);
		ck_assert_ptr_nonnull(strstr(probe_reason.text, "emory"));
		ck_assert_int_eq(peal_load_relaxed(&blocks), before);
	}
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_int_eq(peal_load_relaxed(&blocks), 0);
	ck_assert_int_eq(peal_set_allocator(NULL, NULL), 0);
}
END_TEST

/* Parameters */

START_TEST(wrong_parameters)
{
	struct peal_rt *rt = probe_runtime(SHARDS);

	ck_assert_int_eq(probe_load(rt, ",answer=0"), -EINVAL);
	ck_assert_str_eq(probe_reason.text,
		"plugin probe: answer=0: expected a whole number, from 1 to 1000");
	ck_assert_int_eq(probe_load(rt, ",question=1"), -EINVAL);
	ck_assert_str_eq(probe_reason.text,
		"plugin probe: it has no parameter \"question\"; it takes: events, answer, "
		"fail_start, fail_shard, leak");
	ck_assert_str_eq(probe_events.text, "");
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

START_TEST(loaded_twice)
{
	struct peal_rt *rt = probe_runtime(SHARDS);

	probe_load_well(rt, "");
	probe_load_well(rt, ",answer=42"); /* which is the default */
	ck_assert_str_eq(probe_events.text, "start shard_start(0) shard_start(1) shard_start(2) ");
	ck_assert_int_eq(probe_load(rt, ",answer=43"), -EEXIST);
	ck_assert_str_eq(probe_reason.text,
		"plugin probe: it is loaded already, with other parameters; a runtime has one of "
		"each");
	ck_assert_int_eq(probe_load(rt, ",answer=x"), -EINVAL);
	ck_assert_int_eq(probe_answer(rt), 42);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

/* Names, callers, times */

START_TEST(names_that_are_not_bare)
{
	static const char *const names[] = { "", "/probe", "../probe", "a/b", "probe.so", "Probe",
		"2probe", "_probe", "pro-be", "pro be", "sixteen_letters_", "x\n" };
	struct peal_rt *rt = probe_runtime(1);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ck_assert_int_eq(peal_rt_plugin_load(rt, names[i], NULL, &probe_reason), -EINVAL);
		ck_assert_ptr_nonnull(
			strstr(probe_reason.text, "is not the name of a plugin: a to z"));
	}
	ck_assert_int_eq(peal_rt_plugin_load(rt, NULL, NULL, &probe_reason), -EINVAL);
	ck_assert_int_eq(peal_rt_plugin_load(rt, "fifteen_letters", NULL, &probe_reason), -ENOENT);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

static int load_as_a_foreigner(void *arg)
{
	return peal_rt_plugin_load(peal_rt_current(), "probe", NULL, &probe_reason);
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

	ck_assert_int_eq(peal_plugin_load("probe", NULL, &probe_reason), -EPERM);
	ck_assert_ptr_nonnull(strstr(probe_reason.text, "peal_rt_plugin_load()"));
	ck_assert_int_eq(peal_rt_plugin_load(NULL, "probe", NULL, &probe_reason), -EINVAL);
	ck_assert_int_eq(peal_run(load_as_a_foreigner, NULL, PEAL_RT(.shards = 1)), -EDEADLK);
	rt = probe_runtime(1);
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
	return peal_plugin_load("probe", probe_params(""), &probe_reason);
}

START_TEST(not_at_the_end)
{
	ck_assert_int_eq(peal_run(load_while_draining, NULL, PEAL_RT(.shards = 2)), -ESHUTDOWN);
	ck_assert_str_eq(probe_reason.text, "plugin probe: the runtime is ending");
	ck_assert_str_eq(probe_events.text, "");
}
END_TEST

static struct peal_rt *nested_rt;

static int load_another(void)
{
	return peal_task_current() ? peal_plugin_load("needy", NULL, &probe_reason)
				   : peal_rt_plugin_load(nested_rt, "needy", NULL, &probe_reason);
}

static int load_nested(void *arg)
{
	struct peal_reason outer;

	probe_events.in_start = load_another;
	return peal_plugin_load("probe", probe_params(""), &outer);
}

START_TEST(not_within_another_start)
{
	ck_assert_int_eq(peal_run(load_nested, NULL, PEAL_RT(.shards = 2)), -EDEADLK);
	ck_assert_str_eq(probe_reason.text,
		"plugin needy: it is asked for by the start of another; that one has to list it in "
		"its needs");
	/* The same without fibers. */
	nested_rt = probe_runtime(1);
	ck_assert_int_eq(peal_rt_plugin_load(nested_rt, "probe", probe_params(""), NULL), -EDEADLK);
	ck_assert_int_eq(peal_rt_stop(nested_rt), 0);
}
END_TEST

static Suite *load_suite(void)
{
	Suite *suite = suite_create("plugin_load");
	TCase *tcase = tcase_create("load");

	tcase_add_checked_fixture(tcase, probe_setup, NULL);
	tcase_set_timeout(tcase, 20);
	tcase_add_test(tcase, started_everywhere_and_stopped_in_reverse);
	tcase_add_test(tcase, loaded_by_a_fiber);
	tcase_add_test(tcase, a_start_that_fails);
	tcase_add_test(tcase, a_shard_start_that_fails);
	tcase_add_test(tcase, needs);
	tcase_add_test(tcase, the_last_one_is_stopped_first);
	tcase_add_test(tcase, a_stop_that_leaks);
	tcase_add_test(tcase, memory_that_runs_out);
	tcase_add_test(tcase, wrong_parameters);
	tcase_add_test(tcase, loaded_twice);
	tcase_add_test(tcase, names_that_are_not_bare);
	tcase_add_test(tcase, callers_that_may_not);
	tcase_add_test(tcase, not_at_the_end);
	tcase_add_test(tcase, not_within_another_start);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(load_suite());
}
