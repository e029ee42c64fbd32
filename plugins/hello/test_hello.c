/* SPDX-License-Identifier: MIT */
/* The hello plugin, as an application sees it. */
#include <errno.h>

#include <peal/peal.h>
#include <peal/plugins/hello.h>

#include "tests/check_main.h"

static struct peal_reason reason;
static char buf[32];

/* The cases run as the main task of a runtime with two shards. */
static void run(peal_task_fn *fn)
{
	ck_assert_int_eq(peal_run(fn, NULL, PEAL_RT(.shards = 2)), 0);
}

static void load(const char *params)
{
	int err = peal_plugin_load("hello", params, &reason);

	ck_assert_msg(!err, "%d: %s", err, reason.text);
}

static int greet_by_default(void *arg)
{
	load(NULL);
	ck_assert_int_eq(peal_hello_greet("world", buf, sizeof(buf)), 13);
	ck_assert_str_eq(buf, "Hello, world!");
	return 0;
}

START_TEST(it_greets)
{
	run(greet_by_default);
}
END_TEST

static int greet_otherwise(void *arg)
{
	load("greeting=Well\\, hi");
	ck_assert_int_eq(peal_hello_greet("you", buf, sizeof(buf)), 14);
	ck_assert_str_eq(buf, "Well, hi, you!");
	return 0;
}

START_TEST(the_first_word_is_a_parameter)
{
	run(greet_otherwise);
}
END_TEST

static int greet_in_little_room(void *arg)
{
	load(NULL);
	memset(buf, 'x', sizeof(buf));
	ck_assert_int_eq(peal_hello_greet("world", buf, 13), -ENOSPC);
	ck_assert_int_eq(buf[0], 'x');
	ck_assert_int_eq(peal_hello_greet("world", buf, 14), 13);
	return 0;
}

START_TEST(it_says_when_there_is_no_room)
{
	run(greet_in_little_room);
}
END_TEST

static int greet_unloaded(void *arg)
{
	ck_assert_int_eq(peal_hello_greet("world", buf, sizeof(buf)), -ENOSYS);
	return 0;
}

START_TEST(it_is_missing_until_it_is_loaded)
{
	ck_assert_int_eq(peal_hello_greet("world", buf, sizeof(buf)), -ENOSYS);
	run(greet_unloaded);
}
END_TEST

static int greet_twice(void *arg)
{
	char text[16];

	peal_hello_greet("a", text, sizeof(text));
	return peal_hello_greet("b", text, sizeof(text)) == 9 ? 0 : -EPROTO;
}

static int count_greetings(void *arg)
{
	struct peal_task *task;
	struct peal_stats *stats;
	int result = -1;

	load(NULL);
	ck_assert_int_eq(greet_twice(NULL), 0);
	ck_assert_int_eq(
		peal_task_spawn(&task, greet_twice, NULL, PEAL_SPAWN(.place = PEAL_PINNED(1))), 0);
	ck_assert_int_eq(peal_task_join(task, &result), 0);
	ck_assert_int_eq(result, 0);
	ck_assert_int_eq(peal_stats(&stats, NULL), 0);
	ck_assert_uint_eq(peal_stats_value(stats, "hello.greetings"), 4);
	peal_stats_free(stats);
	return 0;
}

START_TEST(it_counts)
{
	run(count_greetings);
}
END_TEST

static Suite *hello_suite(void)
{
	Suite *suite = suite_create("hello");
	TCase *tcase = tcase_create("hello");

	tcase_add_test(tcase, it_greets);
	tcase_add_test(tcase, the_first_word_is_a_parameter);
	tcase_add_test(tcase, it_says_when_there_is_no_room);
	tcase_add_test(tcase, it_is_missing_until_it_is_loaded);
	tcase_add_test(tcase, it_counts);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(hello_suite());
}
