/* SPDX-License-Identifier: MIT */
/* How the command writes numbers, strings and tables (tools/peal/output.c), and `--stats`. */
#include <errno.h>
#include <stdlib.h>

#include <peal/peal.h>

#include "tests/check_main.h"
#include "tools/peal/output.h"
#include "tools/peal/stats_print.h"

static const struct {
	uint64_t n;
	const char *count, *duration, *bytes;
} numbers[] = {
	{ 0, "0", "0 ns", "0 B" },
	{ 7, "7", "7 ns", "7 B" },
	{ 999, "999", "999 ns", "999 B" },
	{ 1000, "1,000", "1.00 us", "1000 B" },
	{ 1023, "1,023", "1.02 us", "1023 B" },
	{ 1024, "1,024", "1.02 us", "1.00 KiB" },
	{ 10239, "10,239", "10.2 us", "10.0 KiB" },
	{ 999499, "999,499", "999 us", "976 KiB" },
	{ 999500, "999,500", "1.00 ms", "976 KiB" },
	{ 1048575, "1,048,575", "1.05 ms", "1.00 MiB" },
	{ 1234567, "1,234,567", "1.23 ms", "1.18 MiB" },
	{ 999499999, "999,499,999", "999 ms", "953 MiB" },
	{ 999500000, "999,500,000", "1.00 s", "953 MiB" },
	{ 35200000000, "35,200,000,000", "35.2 s", "32.8 GiB" },
	{ 599000000000, "599,000,000,000", "599 s", "558 GiB" },
	{ 600000000000, "600,000,000,000", "10.0 min", "559 GiB" },
	{ 36000000000000, "36,000,000,000,000", "10.0 h", "32.7 TiB" },
	{ UINT64_MAX, "18,446,744,073,709,551,615", "5124096 h", "16.0 EiB" },
};

START_TEST(numbers_have_three_digits)
{
	ck_assert_str_eq(output_count(numbers[_i].n).text, numbers[_i].count);
	ck_assert_str_eq(output_duration(numbers[_i].n).text, numbers[_i].duration);
	ck_assert_str_eq(output_bytes(numbers[_i].n).text, numbers[_i].bytes);
}
END_TEST

START_TEST(signed_numbers_keep_their_sign)
{
	ck_assert_str_eq(output_signed(0).text, "0");
	ck_assert_str_eq(output_signed(-1).text, "-1");
	ck_assert_str_eq(output_signed(-123456).text, "-123,456");
	ck_assert_str_eq(output_signed(INT64_MIN).text, "-9,223,372,036,854,775,808");
	ck_assert_str_eq(output_signed(INT64_MAX).text, "9,223,372,036,854,775,807");
}
END_TEST

START_TEST(json_strings_are_escaped)
{
	size_t size;
	char *text;
	FILE *to = open_memstream(&text, &size);

	output_json_string(to, "a\"b\\c\n\x01\x7f\xc3\xa4");
	fclose(to);
	ck_assert_str_eq(text, "\"a\\\"b\\\\c\\u000a\\u0001\\u007f\xc3\xa4\"");
	free(text);
}
END_TEST

START_TEST(tables_align_their_columns)
{
	static const char *const cells[] = { "name", "n", "what", "a", "1,000", "first", "longer",
		"", "", "b", "2", "" };
	struct output_table table;
	size_t size;
	char *text;
	FILE *to = open_memstream(&text, &size);

	output_table_init(&table, 3, 1 << 0 | 1 << 2);
	for (size_t i = 0; i < 11; i++)
		output_table_add(&table, cells[i]);
	output_table_end_row(&table);
	ck_assert_uint_eq(output_table_width(&table), 6 + 2 + 5 + 2 + 5);
	output_table_print(&table, to);
	fclose(to);
	ck_assert_str_eq(text,
		"name        n  what\n"
		"a       1,000  first\n"
		"longer\n"
		"b           2\n");
	output_table_free(&table);
	free(text);
}
END_TEST

START_TEST(a_table_may_be_large)
{
	struct output_table table;

	output_table_init(&table, 100, 0);
	for (int i = 0; i < 10000; i++)
		output_table_add(&table, "x");
	ck_assert_uint_eq(output_table_width(&table), 100 + 2 * 99);
	output_table_free(&table);
}
END_TEST

START_TEST(what_is_no_terminal_has_no_width)
{
	FILE *file = tmpfile();

	ck_assert_uint_eq(output_width(file), 0);
	fclose(file);
}
END_TEST

static int nothing(void *arg)
{
	return 0;
}

/* On a shard: its own runtime is meant. */
static int print_here(void *arg)
{
	for (int i = 0; i < 20; i++)
		peal_spawn(nothing, NULL, NULL);
	peal_sleep(PEAL_MS);
	return peal_print_stats(NULL, arg);
}

START_TEST(what_a_runtime_did_is_printed)
{
	size_t size;
	char *text;
	FILE *to = open_memstream(&text, &size);
	int err = peal_run(print_here, to, PEAL_RT(.shards = 2, .name = "printed"));

	fclose(to);
	ck_assert_int_eq(err, 0);
	ck_assert_ptr_nonnull(strstr(text, "printed: 2 shards on "));
	ck_assert_ptr_nonnull(strstr(text, "\n  tasks  "));
	ck_assert_ptr_nonnull(strstr(text, "  21 tasks_spawned, 20 tasks_finished"));
	ck_assert_ptr_nonnull(strstr(text, "\n  timers  "));
	ck_assert_ptr_nonnull(strstr(text, "  1 timers_armed, 1 timers_fired\n"));
	ck_assert_ptr_null(strstr(text, "tasks_failed"));
	ck_assert_ptr_null(strstr(text, " 0 "));
	free(text);
}
END_TEST

START_TEST(without_a_runtime_nothing_is_printed)
{
	FILE *to = tmpfile();

	ck_assert_int_eq(peal_print_stats(NULL, to), -EPERM);
	ck_assert_int_eq(ftell(to), 0);
	fclose(to);
}
END_TEST

static Suite *output_suite(void)
{
	Suite *suite = suite_create("output");
	TCase *text = tcase_create("text"), *stats = tcase_create("stats");

	tcase_add_loop_test(
		text, numbers_have_three_digits, 0, sizeof(numbers) / sizeof(numbers[0]));
	tcase_add_test(text, signed_numbers_keep_their_sign);
	tcase_add_test(text, json_strings_are_escaped);
	tcase_add_test(text, tables_align_their_columns);
	tcase_add_test(text, a_table_may_be_large);
	tcase_add_test(text, what_is_no_terminal_has_no_width);
	suite_add_tcase(suite, text);

	tcase_add_test(stats, what_a_runtime_did_is_printed);
	tcase_add_test(stats, without_a_runtime_nothing_is_printed);
	suite_add_tcase(suite, stats);
	return suite;
}

int main(void)
{
	return peal_check_main(output_suite());
}
