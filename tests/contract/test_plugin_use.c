/* SPDX-License-Identifier: MIT */
/*
 * What a loaded plugin is to others, and what its host is to it: API, state, counters, the host
 * table.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <unistd.h>

#include <peal/peal.h>

#include "core/base/atomic.h"
#include "core/sys.h"
#include "tests/check_main.h"
#include "tests/contract/plugin_probe.h"

#define SHARDS 3

static int look_at_host(void *arg)
{
	void *state = NULL;
	const struct peal_host *host = probe_api(NULL, &state)->host(state);
	unsigned int *shard = peal_plugin_shard_state(host);

	ck_assert_ptr_nonnull(shard);
	ck_assert_uint_eq(*shard, (unsigned int)peal_shard());
	ck_assert_ptr_eq(host->rt, peal_rt_current());
	ck_assert_int_eq(probe_answer(NULL), 42);
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
	int err = peal_plugin_load("probe", probe_params(""), &probe_reason);

	return err ? err : look_on_each_shard(NULL);
}

START_TEST(state_of_each_shard)
{
	ck_assert_int_eq(peal_run(load_and_look, NULL, PEAL_RT(.shards = SHARDS)), 0);
}
END_TEST

START_TEST(the_api_table)
{
	struct peal_rt *rt = probe_runtime(SHARDS), *other = probe_runtime(1);
	int unknown;
	void *state = &unknown;

	ck_assert_ptr_null(probe_api(rt, &state));
	probe_load_well(rt, "");
	ck_assert_ptr_null(peal_plugin_api(rt, "probe", PROBE_API_MAJOR + 1, &state));
	ck_assert_ptr_null(peal_plugin_api(rt, "prob", PROBE_API_MAJOR, &state));
	ck_assert_ptr_null(probe_api(NULL, &state));
	ck_assert_ptr_null(probe_api(other, &state));
	ck_assert_ptr_eq(state, &unknown);
	ck_assert_ptr_nonnull(probe_api(rt, &state));
	ck_assert_ptr_ne(state, &unknown);
	ck_assert_int_eq(probe_answer(rt), 42);
	/* Off its shards there is no state of a shard. */
	ck_assert_ptr_null(peal_plugin_shard_state(probe_api(rt, &state)->host(state)));
	ck_assert_int_eq(peal_rt_stop(other), 0);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

START_TEST(counters)
{
	struct peal_rt *rt = probe_runtime(SHARDS);
	struct peal_stats *stats;
	int index;

	probe_load_well(rt, "");
	for (int i = 0; i < 5; i++)
		probe_answer(rt);
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

struct refusal {
	struct peal_sys_hook hook;
	PEAL_ATOMIC(bool) on;
};

static bool refuse_getppid(struct peal_sys_hook *hook, long number, long *result)
{
	struct refusal *refusal = PEAL_CONTAINER_OF(hook, struct refusal, hook);

	*result = -ENOSYS;
	return number == SYS_getppid && peal_load_relaxed(&refusal->on);
}

static char logged[128];

static void keep_line(void *arg, enum peal_log_level level, const char *text)
{
	if (level == PEAL_LOG_WARNING)
		snprintf(logged, sizeof(logged), "%s", text);
}

START_TEST(the_host_table)
{
	struct refusal refusal = { .hook.call = refuse_getppid };
	const struct peal_host *host;
	struct peal_rt *rt;
	void *state;

	peal_set_log(keep_line, NULL);
	peal_sys_hook = &refusal.hook;
	rt = probe_runtime(1);
	probe_load_well(rt, "");
	host = probe_api(rt, &state)->host(state);
	ck_assert_uint_eq(host->size, sizeof(*host));
	ck_assert_int_eq(host->syscall(SYS_getppid, 0, 0, 0, 0, 0, 0), getppid());
	peal_store_relaxed(&refusal.on, true);
	ck_assert_int_eq(host->syscall(SYS_getppid, 0, 0, 0, 0, 0, 0), -ENOSYS);
	host->log(host, PEAL_LOG_WARNING, "%d%%", 99);
	ck_assert_str_eq(logged, "probe: 99%");
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	peal_sys_hook = NULL;
}
END_TEST

static jmp_buf back;
static char last_words[128];

static void go_back(const char *text)
{
	snprintf(last_words, sizeof(last_words), "%s", text);
	longjmp(back, 1);
}

START_TEST(a_counter_that_is_not_in_the_table)
{
	struct peal_rt *rt = probe_runtime(1);
	const struct peal_host *host;
	void *state;

	probe_load_well(rt, "");
	host = probe_api(rt, &state)->host(state);
	peal_set_fatal(go_back);
	if (!setjmp(back)) {
		host->count(host, 2, 1);
		ck_abort_msg("it was counted");
	}
	peal_set_fatal(NULL);
	ck_assert_str_eq(last_words, "plugin probe counts its counter number 2; it has 2");
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

static Suite *use_suite(void)
{
	Suite *suite = suite_create("plugin_use");
	TCase *tcase = tcase_create("use");

	tcase_add_checked_fixture(tcase, probe_setup, NULL);
	tcase_set_timeout(tcase, 20);
	tcase_add_test(tcase, state_of_each_shard);
	tcase_add_test(tcase, the_api_table);
	tcase_add_test(tcase, counters);
	tcase_add_test(tcase, the_host_table);
	tcase_add_test(tcase, a_counter_that_is_not_in_the_table);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(use_suite());
}
