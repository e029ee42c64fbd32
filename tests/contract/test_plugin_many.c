/* SPDX-License-Identifier: MIT */
/*
 * Many at once: loads from fibers and threads, several runtimes, one after the other; never
 * unmapped.
 */
#include <errno.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include <peal/peal.h>

#include "core/base/atomic.h"
#include "core/task/task.h"
#include "tests/check_main.h"
#include "tests/contract/plugin_probe.h"

#define SHARDS 3
#define FIBERS 20

struct crowd {
	struct peal_rt *rt;
	char params[64];
	PEAL_ATOMIC(int) failed, done;
};

static void note_result(struct crowd *crowd, int err)
{
	if (err)
		peal_add_relaxed(&crowd->failed, 1);
}

static int one_of_a_crowd(void *arg)
{
	struct crowd *crowd = arg;

	note_result(crowd, peal_plugin_load("probe", crowd->params, NULL));
	note_result(crowd, peal_plugin_load("needy", NULL, NULL));
	/* Who was told that it is loaded can use it. */
	note_result(crowd, probe_answer(NULL) != 42);
	peal_add_relaxed(&crowd->done, 1);
	return 0;
}

static void *foreigner_of_a_crowd(void *arg)
{
	struct crowd *crowd = arg;

	note_result(crowd, peal_rt_plugin_load(crowd->rt, "probe", crowd->params, NULL));
	note_result(crowd, probe_answer(crowd->rt) != 42);
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
	struct crowd crowd = { .rt = probe_runtime(SHARDS) };
	pthread_t threads[4];

	snprintf(crowd.params, sizeof(crowd.params), "%s", probe_params(""));
	probe_events.in_start = suspend_in_start;
	for (unsigned int i = 0; i < FIBERS; i++)
		ck_assert_int_eq(peal_rt_spawn(crowd.rt, one_of_a_crowd, &crowd,
					 PEAL_SPAWN(.place = PEAL_PINNED(i % SHARDS))),
			0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, foreigner_of_a_crowd, &crowd), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	while (peal_load_relaxed(&crowd.done) < FIBERS)
		usleep(1000);
	ck_assert_int_eq(peal_rt_stop(crowd.rt), 0);
	ck_assert_int_eq(peal_load_relaxed(&crowd.failed), 0);
	ck_assert_str_eq(probe_events.text,
		"start shard_start(0) shard_start(1) shard_start(2) "
		"shard_stop(2) shard_stop(1) shard_stop(0) stop ");
}
END_TEST

START_TEST(two_runtimes_with_parameters_of_their_own)
{
	struct peal_rt *one = probe_runtime(SHARDS), *two = probe_runtime(SHARDS);
	struct probe_events first;

	probe_load_well(one, ",answer=1");
	first = probe_events;
	probe_load_well(two, ",answer=2");
	ck_assert_int_eq(probe_answer(one), 1);
	ck_assert_int_eq(probe_answer(two), 2);
	ck_assert_int_eq(peal_rt_stop(one), 0);
	ck_assert_int_eq(probe_answer(two), 2);
	ck_assert_int_eq(peal_rt_stop(two), 0);
	ck_assert_uint_eq(strlen(probe_events.text),
		2 *
			(strlen(first.text) +
				strlen("shard_stop(0) shard_stop(1) shard_stop(2) stop ")));
}
END_TEST

START_TEST(again_and_again)
{
	for (int i = 0; i < 50; i++) {
		struct peal_rt *rt = probe_runtime(2);

		probe_events.text[0] = '\0';
		probe_load_well(rt, "");
		ck_assert_int_eq(peal_rt_stop(rt), 0);
	}
}
END_TEST

/* A pointer into its code stays good: a thread or an exit handler may still have one. */
START_TEST(it_is_never_unmapped)
{
	struct peal_rt *rt = probe_runtime(1);
	const struct probe_api *api;
	Dl_info info;
	void *state, *handle;

	probe_load_well(rt, "");
	api = probe_api(rt, &state);
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

static Suite *many_suite(void)
{
	Suite *suite = suite_create("plugin_many");
	TCase *tcase = tcase_create("many");

	tcase_add_checked_fixture(tcase, probe_setup, NULL);
	tcase_set_timeout(tcase, 20);
	tcase_add_test(tcase, a_crowd_of_fibers_and_threads);
	tcase_add_test(tcase, two_runtimes_with_parameters_of_their_own);
	tcase_add_test(tcase, again_and_again);
	tcase_add_test(tcase, it_is_never_unmapped);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(many_suite());
}
