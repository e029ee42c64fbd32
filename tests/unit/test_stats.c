/* SPDX-License-Identifier: MIT */
/* The stats page from the side of who counts: core/stats/stats.c and gen/counters.h. */
#include <pthread.h>
#include <sys/wait.h>

#include <peal/runtime.h>

#include "core/stats/stats.h"
#include "tests/check_main.h"
#include "tests/unit/stats_help.h"

START_TEST(the_page_tells_whose_it_is)
{
	struct peal_stats_page *page = make_page(3);
	struct peal_stats *stats = snapshot(page);
	const struct peal_stats_info *info = peal_stats_info(stats);

	ck_assert_str_eq(info->name, "test");
	ck_assert_str_eq(info->backend, "none");
	ck_assert_int_eq(info->pid, getpid());
	ck_assert_uint_eq(info->shards, 3);
	ck_assert_uint_eq(info->runtime, peal_stats_page_runtime(page));
	ck_assert_uint_eq(info->state, PEAL_RT_BOOTING);
	ck_assert(info->age >= 0 && info->age < INT64_C(60) * 1000000000);
	peal_stats_page_set_state(page, PEAL_RT_RUNNING);
	ck_assert_int_eq(peal_stats_refresh(stats), 0);
	ck_assert_uint_eq(peal_stats_info(stats)->state, PEAL_RT_RUNNING);
	peal_stats_free(stats);
	peal_stats_page_destroy(page);
}
END_TEST

#define EXPECT(name_, kind_, unit_, group_, length_, help_) \
	{ .name = #name_,                                   \
		.kind = kind_,                              \
		.unit = unit_,                              \
		.group = group_,                            \
		.length = length_,                          \
		.help = help_ },

START_TEST(the_page_describes_every_counter_of_the_table)
{
	static const struct peal_counter expected[] = { PEAL_COUNTERS_EACH(EXPECT) };
	struct peal_stats_page *page = make_page(1);
	struct peal_stats *stats = snapshot(page);

	ck_assert_uint_eq(peal_stats_count(stats), PEAL_COUNTERS);
	for (unsigned int i = 0; i < PEAL_COUNTERS; i++) {
		const struct peal_counter *counter = peal_stats_counter(stats, i);

		ck_assert_str_eq(counter->name, expected[i].name);
		ck_assert_str_eq(counter->unit, expected[i].unit);
		ck_assert_str_eq(counter->group, expected[i].group);
		ck_assert_str_eq(counter->help, expected[i].help);
		ck_assert_uint_eq(counter->kind, expected[i].kind);
		ck_assert_uint_eq(counter->length, expected[i].length);
		ck_assert_int_eq(peal_stats_find(stats, counter->name), (int)i);
	}
	ck_assert_ptr_null(peal_stats_counter(stats, PEAL_COUNTERS));
	ck_assert_int_eq(peal_stats_find(stats, "nothing"), -ENOENT);
	peal_stats_free(stats);
	peal_stats_page_destroy(page);
}
END_TEST

#define COUNT_UP(name_, kind_, unit_, group_, length_, help_) \
	peal_counter_add((PEAL_ATOMIC(uint64_t) *)(void *)&counters->name_, ++n);

/* What is counted under one name is found under that name alone. */
START_TEST(every_counter_has_a_place_of_its_own)
{
	struct peal_stats_page *page = make_page(2);
	struct peal_counters *counters = peal_stats_page_block(page, 1);
	struct peal_stats *stats;
	uint64_t n = 0;

	PEAL_COUNTERS_EACH(COUNT_UP)
	stats = snapshot(page);
	for (unsigned int i = 0; i < PEAL_COUNTERS; i++) {
		ck_assert_uint_eq(peal_stats_shard(stats, i, 0), 0);
		ck_assert_uint_eq(peal_stats_shard(stats, i, 1), i + 1);
		ck_assert_uint_eq(peal_stats_shard(stats, i, PEAL_OUTSIDE), 0);
	}
	peal_stats_free(stats);
	peal_stats_page_destroy(page);
}
END_TEST

START_TEST(totals_follow_the_kind)
{
	struct peal_stats_page *page = make_page(2);
	struct peal_counters *first = peal_stats_page_block(page, 0);
	struct peal_counters *second = peal_stats_page_block(page, 1);

	peal_count(first, tasks_spawned);
	peal_count_add(second, tasks_spawned, 41);
	peal_count_add_outside(page, tasks_spawned, 100);
	ck_assert_uint_eq(total(page, "tasks_spawned"), 142);

	peal_gauge_add(first, stacks, 5);
	peal_gauge_add(second, stacks, -7);
	peal_gauge_add_outside(page, stacks, 1);
	ck_assert_int_eq((int64_t)total(page, "stacks"), -1);

	peal_gauge_set(first, queue_depth, 9);
	peal_gauge_set(first, queue_depth, 4);
	ck_assert_uint_eq(total(page, "queue_depth"), 4);

	peal_max(first, queue_depth_max, 8);
	peal_max(first, queue_depth_max, 3);
	peal_max(second, queue_depth_max, 6);
	ck_assert_uint_eq(total(page, "queue_depth_max"), 8);
	peal_max_outside(page, queue_depth_max, 11);
	peal_max_outside(page, queue_depth_max, 10);
	ck_assert_uint_eq(total(page, "queue_depth_max"), 11);

	peal_gauge_set(first, thread, 4242);
	peal_gauge_set(first, shard_state, PEAL_SHARD_STATE_PARKED);
	ck_assert_uint_eq(total(page, "thread"), 0);
	ck_assert_uint_eq(total(page, "shard_state"), 0);
	ck_assert_uint_eq(total(page, "nothing"), 0);
	peal_stats_page_destroy(page);
}
END_TEST

#define ROUNDS 2000000

static void *count_alone(void *arg)
{
	struct peal_counters *counters = arg;

	for (int i = 0; i < ROUNDS; i++) {
		peal_count(counters, turns);
		peal_count_add(counters, park_ns, 1000);
	}
	return NULL;
}

START_TEST(a_reader_sees_a_writer_go_on)
{
	struct peal_stats_page *page = make_page(1);
	struct peal_stats *stats = snapshot(page);
	uint64_t turns = 0, slept = 0, now;
	pthread_t thread;

	ck_assert_int_eq(
		pthread_create(&thread, NULL, count_alone, peal_stats_page_block(page, 0)), 0);
	while (turns < ROUNDS) {
		ck_assert_int_eq(peal_stats_refresh(stats), 0);
		now = peal_stats_value(stats, "turns");
		ck_assert_uint_ge(now, turns);
		turns = now;
		now = peal_stats_value(stats, "park_ns");
		ck_assert_uint_ge(now, slept);
		ck_assert_uint_eq(now % 1000, 0);
		slept = now;
	}
	pthread_join(thread, NULL);
	ck_assert_uint_eq(total(page, "turns"), ROUNDS);
	ck_assert_uint_eq(total(page, "park_ns"), 1000 * (uint64_t)ROUNDS);
	peal_stats_free(stats);
	peal_stats_page_destroy(page);
}
END_TEST

#define THREADS 4
#define TIMES   100000

static void *count_outside(void *arg)
{
	for (uint64_t i = 0; i < TIMES; i++) {
		peal_count_outside(arg, wakes_sent);
		peal_max_outside(arg, queue_depth_max, i);
	}
	return NULL;
}

START_TEST(threads_outside_lose_no_count)
{
	struct peal_stats_page *page = make_page(1);
	pthread_t threads[THREADS];
	struct peal_stats *stats;
	unsigned int sent;

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, count_outside, page), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	stats = snapshot(page);
	sent = (unsigned int)peal_stats_find(stats, "wakes_sent");
	ck_assert_uint_eq(peal_stats_shard(stats, sent, PEAL_OUTSIDE), THREADS * TIMES);
	ck_assert_uint_eq(peal_stats_shard(stats, sent, 0), 0);
	ck_assert_uint_eq(peal_stats_value(stats, "queue_depth_max"), TIMES - 1);
	peal_stats_free(stats);
	peal_stats_page_destroy(page);
}
END_TEST

START_TEST(a_plugins_counter_stands_beside_the_others)
{
	struct peal_stats_page *page = make_page(2);
	struct peal_stats *stats = snapshot(page);
	struct peal_counter bytes = plugin_counter("hello.bytes");
	struct peal_counter sizes = plugin_counter("hello.sizes");
	const struct peal_counter *shown;
	int slot = peal_stats_page_register(page, &bytes, NULL), array, index;

	ck_assert_int_gt(slot, 0);
	sizes.length = 3;
	array = peal_stats_page_register(page, &sizes, NULL);
	ck_assert_int_eq(array, slot + 1);
	peal_count_slot(peal_stats_page_block(page, 0), slot, 7);
	peal_count_slot(peal_stats_page_block(page, 1), slot, 8);
	peal_count_slot_outside(page, slot, 9);
	peal_count_slot(peal_stats_page_block(page, 1), array + 2, 10);

	ck_assert_int_eq(peal_stats_find(stats, "hello.bytes"), -ENOENT);
	ck_assert_int_eq(peal_stats_refresh(stats), 0);
	index = peal_stats_find(stats, "hello.bytes");
	ck_assert_int_eq(index, PEAL_COUNTERS);
	shown = peal_stats_counter(stats, (unsigned int)index);
	ck_assert_str_eq(shown->group, "hello");
	ck_assert_str_eq(shown->unit, "bytes");
	ck_assert_str_eq(shown->help, "Bytes greeted.");
	ck_assert_uint_eq(peal_stats_shard(stats, (unsigned int)index, 1), 8);
	ck_assert_uint_eq(peal_stats_total(stats, (unsigned int)index), 24);
	index = peal_stats_find(stats, "hello.sizes");
	ck_assert_uint_eq(peal_stats_element(stats, (unsigned int)index, 1, 2), 10);
	ck_assert_uint_eq(peal_stats_element(stats, (unsigned int)index, 1, 1), 0);
	ck_assert_uint_eq(peal_stats_element(stats, (unsigned int)index, 1, 3), 0);
	ck_assert_uint_eq(peal_stats_total(stats, (unsigned int)index), 10);
	peal_stats_free(stats);
	peal_stats_page_destroy(page);
}
END_TEST

START_TEST(registering_again_gives_the_same_slot)
{
	struct peal_stats_page *page = make_page(1);
	struct peal_counter counter = plugin_counter("hello.bytes");
	int slot = peal_stats_page_register(page, &counter, NULL);

	ck_assert_int_gt(slot, 0);
	ck_assert_int_eq(peal_stats_page_register(page, &counter, NULL), slot);
	counter.kind = PEAL_KIND_GAUGE;
	ck_assert_int_eq(peal_stats_page_register(page, &counter, NULL), -EEXIST);
	peal_stats_page_destroy(page);
}
END_TEST

START_TEST(a_counter_that_cannot_be_is_refused_with_a_reason)
{
	static const char *const bad[] = { "", "hello bytes", "hello.\033[2J", "Hello.bytes",
		"a-name-of-thirty-two-bytes-is-2-" };
	struct peal_stats_page *page = make_page(1);
	struct peal_counter counter = plugin_counter("tasks_spawned");
	struct peal_reason reason;

	/* A counter of the core, even of the very same shape, is not the plugin's. */
	ck_assert_int_eq(peal_stats_page_register(page, &counter, &reason), -EEXIST);
	ck_assert_ptr_nonnull(strstr(reason.text, "tasks_spawned"));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		counter = plugin_counter(bad[i]);
		ck_assert_int_eq(peal_stats_page_register(page, &counter, &reason), -EINVAL);
		ck_assert_ptr_nonnull(strstr(reason.text, "cannot be a counter's name"));
	}
	counter = plugin_counter("hello.bytes");
	counter.length = 0;
	ck_assert_int_eq(peal_stats_page_register(page, &counter, &reason), -EINVAL);
	counter = plugin_counter("hello.bytes");
	counter.group = "a group";
	ck_assert_int_eq(peal_stats_page_register(page, &counter, &reason), -EINVAL);
	peal_stats_page_destroy(page);
}
END_TEST

/* Registers as many as there is room for. Returns NULL, or arg if one was refused. */
static void *register_many(void *arg)
{
	for (int i = 0; i < PEAL_STATS_PLUGIN_WORDS; i++) {
		char name[32];
		struct peal_counter counter = plugin_counter(name);

		snprintf(name, sizeof name, "many.%d", i);
		if (peal_stats_page_register(arg, &counter, NULL) < 0)
			return arg;
	}
	return NULL;
}

START_TEST(plugins_counters_are_bounded)
{
	struct peal_counter counter = plugin_counter("one.more");
	struct peal_stats_page *page = make_page(1);
	struct peal_reason reason;
	struct peal_stats *stats;
	int slot;

	ck_assert_ptr_null(register_many(page));
	ck_assert_int_eq(peal_stats_page_register(page, &counter, &reason), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(reason.text, "256 are taken"));
	counter = plugin_counter("many.255");
	slot = peal_stats_page_register(page, &counter, NULL);
	peal_count_slot(peal_stats_page_block(page, 0), slot, 6);
	peal_count_slot_outside(page, slot, 7);
	stats = snapshot(page);
	ck_assert_uint_eq(peal_stats_count(stats), PEAL_COUNTERS + PEAL_STATS_PLUGIN_WORDS);
	ck_assert_uint_eq(peal_stats_value(stats, "many.255"), 13);
	ck_assert_uint_eq(peal_stats_value(stats, "many.254"), 0);
	peal_stats_free(stats);
	peal_stats_page_destroy(page);
}
END_TEST

START_TEST(counters_may_appear_while_others_read)
{
	struct peal_stats_page *page = make_page(1);
	struct peal_stats *stats = snapshot(page);
	pthread_t thread;
	void *failed;

	ck_assert_int_eq(pthread_create(&thread, NULL, register_many, page), 0);
	while (peal_stats_count(stats) < PEAL_COUNTERS + PEAL_STATS_PLUGIN_WORDS) {
		ck_assert_int_eq(peal_stats_refresh(stats), 0);
		for (unsigned int i = PEAL_COUNTERS; i < peal_stats_count(stats); i++) {
			char name[32];

			snprintf(name, sizeof name, "many.%u", i - PEAL_COUNTERS);
			ck_assert_str_eq(peal_stats_counter(stats, i)->name, name);
			ck_assert_str_eq(peal_stats_counter(stats, i)->help, "Bytes greeted.");
		}
	}
	pthread_join(thread, &failed);
	ck_assert_ptr_null(failed);
	peal_stats_free(stats);
	peal_stats_page_destroy(page);
}
END_TEST

START_TEST(runtimes_have_numbers_and_names)
{
	struct peal_stats_setup setup = { .backend = "none", .shards = 1 };
	struct peal_stats_page *first = make_page(1), *second;
	struct peal_stats *stats;

	ck_assert_int_eq(peal_stats_page_create(&second, &setup), 0);
	ck_assert_uint_gt(peal_stats_page_runtime(first), 0);
	ck_assert_uint_gt(peal_stats_page_runtime(second), peal_stats_page_runtime(first));
	stats = snapshot(second);
	ck_assert_ptr_nonnull(strstr(peal_stats_info(stats)->name, "test_stats"));
	peal_stats_free(stats);
	peal_stats_page_destroy(first);
	peal_stats_page_destroy(second);
}
END_TEST

static Suite *stats_suite(void)
{
	Suite *suite = suite_create("stats");
	TCase *count = tcase_create("counting"), *plugin = tcase_create("plugins");

	tcase_add_test(count, the_page_tells_whose_it_is);
	tcase_add_test(count, the_page_describes_every_counter_of_the_table);
	tcase_add_test(count, every_counter_has_a_place_of_its_own);
	tcase_add_test(count, totals_follow_the_kind);
	tcase_add_test(count, a_reader_sees_a_writer_go_on);
	tcase_add_test(count, threads_outside_lose_no_count);
	tcase_add_test(count, runtimes_have_numbers_and_names);
	tcase_set_timeout(count, 20);
	suite_add_tcase(suite, count);

	tcase_add_test(plugin, a_plugins_counter_stands_beside_the_others);
	tcase_add_test(plugin, registering_again_gives_the_same_slot);
	tcase_add_test(plugin, a_counter_that_cannot_be_is_refused_with_a_reason);
	tcase_add_test(plugin, plugins_counters_are_bounded);
	tcase_add_test(plugin, counters_may_appear_while_others_read);
	tcase_set_timeout(plugin, 20);
	suite_add_tcase(suite, plugin);
	return suite;
}

int main(void)
{
	return peal_check_main(stats_suite());
}
