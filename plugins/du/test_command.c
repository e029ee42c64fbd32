/* SPDX-License-Identifier: MIT */
/* The parts of `peal du` that need no walk: numbers, units, quoting, options. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check_main.h"
#include "tools/peal/du.h"

static const struct {
	const char *text;
	int err;
	uint64_t value;
} numbers[] = {
	{ "0", DU_NUMBER_OK, 0 },
	{ "12", DU_NUMBER_OK, 12 },
	{ "0x10", DU_NUMBER_OK, 16 },
	{ "010", DU_NUMBER_OK, 8 },
	{ " 7", DU_NUMBER_OK, 7 },
	{ "+7", DU_NUMBER_OK, 7 },
	{ "1K", DU_NUMBER_OK, 1024 },
	{ "1KB", DU_NUMBER_OK, 1000 },
	{ "1kB", DU_NUMBER_OK, 1000 },
	{ "1KiB", DU_NUMBER_OK, 1024 },
	{ "3M", DU_NUMBER_OK, 3 << 20 },
	{ "G", DU_NUMBER_OK, 1 << 30 },
	{ "15E", DU_NUMBER_OK, 15ULL << 60 },
	{ "18446744073709551615", DU_NUMBER_OK, UINT64_MAX },
	{ "18446744073709551616", DU_NUMBER_TOO_LARGE, UINT64_MAX },
	{ "16E", DU_NUMBER_TOO_LARGE, UINT64_MAX },
	{ "1Q", DU_NUMBER_TOO_LARGE, UINT64_MAX },
	{ "0Q", DU_NUMBER_OK, 0 },
	{ "5x", DU_NUMBER_SUFFIX, 5 },
	{ "1Kx", DU_NUMBER_SUFFIX, 1024 },
	{ "1KBx", DU_NUMBER_SUFFIX, 1000 },
	{ "1B", DU_NUMBER_SUFFIX, 1 },
	{ "99999999999999999999x", DU_NUMBER_TOO_LARGE | DU_NUMBER_SUFFIX, UINT64_MAX },
	{ "", DU_NUMBER_INVALID, 77 },
	{ "x", DU_NUMBER_INVALID, 77 },
	{ "-1", DU_NUMBER_INVALID, 77 },
	{ " -1", DU_NUMBER_INVALID, 77 },
};

START_TEST(numbers_have_suffixes)
{
	const char *end;
	uint64_t value = 77;

	ck_assert_int_eq(
		du_number(numbers[_i].text, "EGgkKMmPQRTtYZ", &value, &end), numbers[_i].err);
	ck_assert_uint_eq(value, numbers[_i].value);
}
END_TEST

START_TEST(numbers_have_signs)
{
	int64_t value = 0;

	ck_assert_int_eq(du_number_signed("-2K", "K", &value), DU_NUMBER_OK);
	ck_assert_int_eq(value, -2048);
	ck_assert_int_eq(du_number_signed("+2K", "K", &value), DU_NUMBER_OK);
	ck_assert_int_eq(value, 2048);
	ck_assert_int_eq(du_number_signed("-9223372036854775808", "K", &value), DU_NUMBER_OK);
	ck_assert_int_eq(value, INT64_MIN);
	ck_assert_int_eq(du_number_signed("9223372036854775808", "K", &value), DU_NUMBER_TOO_LARGE);
	ck_assert_int_eq(
		du_number_signed("-9223372036854775809", "K", &value), DU_NUMBER_TOO_LARGE);
	ck_assert_int_eq(du_number_signed("-K", "K", &value), DU_NUMBER_INVALID);
	ck_assert_int_eq(du_number_signed("--1", "K", &value), DU_NUMBER_INVALID);
	ck_assert_int_eq(value, INT64_MIN);
}
END_TEST

static const struct {
	const char *spec;
	uint64_t n;
	const char *text;
} formats[] = {
	{ "1024", 0, "0" },
	{ "1024", 1, "1" },
	{ "1024", 1024, "1" },
	{ "1024", 1025, "2" },
	{ "1K", 10239, "10" },
	{ "K", 12288, "12K" },
	{ "KB", 12288, "13kB" },
	{ "KiB", 12288, "12KiB" },
	{ "M", 1048577, "2M" },
	{ "MB", 1, "1MB" },
	{ "1", 123456789, "123456789" },
	{ "h", 0, "0" },
	{ "h", 1023, "1023" },
	{ "h", 1024, "1.0K" },
	{ "h", 1025, "1.1K" },
	{ "human-readable", 10188, "10K" },
	{ "human-readable", 10240, "10K" },
	{ "human-readable", 10241, "11K" },
	{ "human-readable", 99999, "98K" },
	{ "human-readable", 1048575, "1.0M" },
	{ "human-readable", 1048577, "1.1M" },
	{ "human-readable", 1073741823, "1.0G" },
	{ "human-readable", UINT64_MAX - 1, "16E" },
	{ "si", 999, "999" },
	{ "si", 1000, "1.0k" },
	{ "si", 1023, "1.1k" },
	{ "si", 9900, "9.9k" },
	{ "si", 9901, "10k" },
	{ "si", 99999, "100k" },
	{ "si", 999001, "1.0M" },
	{ "si", 1048575, "1.1M" },
	{ "si", 1073741823, "1.1G" },
	{ "1", UINT64_MAX, "Infinity" },
};

START_TEST(sizes_are_rounded_up)
{
	struct du_units units;
	char buf[DU_NUMBER_SIZE];

	ck_assert_int_eq(du_units_parse(&units, formats[_i].spec), DU_NUMBER_OK);
	ck_assert_str_eq(du_units_format(&units, formats[_i].n, buf), formats[_i].text);
}
END_TEST

START_TEST(bad_units_leave_usable_ones)
{
	static const struct {
		const char *spec;
		int err;
		uint64_t block;
	} all[] = {
		{ "", DU_NUMBER_INVALID, 1024 },
		{ "x", DU_NUMBER_INVALID, 1024 },
		{ "0", DU_NUMBER_INVALID, 1024 },
		{ "5x", DU_NUMBER_SUFFIX, 5 },
		{ "e", DU_NUMBER_SUFFIX, 1 },
		{ "hx", DU_NUMBER_INVALID, 1024 },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct du_units units;

		ck_assert_int_eq(du_units_parse(&units, all[i].spec), all[i].err);
		ck_assert_uint_eq(units.block, all[i].block);
		ck_assert(!units.letter);
	}
}
END_TEST

START_TEST(the_environment_has_an_order)
{
	struct du_units units;

	setenv("POSIXLY_CORRECT", "1", 1);
	du_units_environment(&units);
	ck_assert_uint_eq(units.block, 512);
	setenv("BLOCKSIZE", "1", 1);
	du_units_environment(&units);
	ck_assert_uint_eq(units.block, 1);
	setenv("BLOCK_SIZE", "2", 1);
	du_units_environment(&units);
	ck_assert_uint_eq(units.block, 2);
	setenv("DU_BLOCK_SIZE", "x", 1);
	du_units_environment(&units);
	ck_assert_uint_eq(units.block, 512);
}
END_TEST

static const struct {
	const char *name, *always, *if_needed;
} names[] = {
	{ "plain", "'plain'", "plain" },
	{ "a b", "'a b'", "'a b'" },
	{ "it's", "\"it's\"", "\"it's\"" },
	{ "it's $x", "'it'\\''s $x'", "'it'\\''s $x'" },
	{ "#'y", "\"#'y\"", "\"#'y\"" },
	{ "x'#", "'x'\\''#'", "'x'\\''#'" },
	{ "{'", "'{'\\'''", "'{'\\'''" },
	{ "new\nline", "'new'$'\\n''line'", "'new'$'\\n''line'" },
	{ "\x01\x02"
	  "a",
		"''$'\\001\\002''a'", "''$'\\001\\002''a'" },
	{ "end\t", "'end'$'\\t'", "'end'$'\\t'" },
	{ "bad\xff\xfe"
	  "b",
		"'bad'$'\\377\\376''b'", "'bad'$'\\377\\376''b'" },
	{ "\xc3\xa4", "'\xc3\xa4'", "\xc3\xa4" },
	{ "\xc2\x85", "''$'\\302\\205'", "''$'\\302\\205'" },
	{ "back\\slash", "'back\\slash'", "'back\\slash'" },
	{ "~", "'~'", "'~'" },
	{ "a~#", "'a~#'", "a~#" },
	{ "{", "'{'", "'{'" },
	{ "{a", "'{a'", "{a" },
	{ "x=y", "'x=y'", "'x=y'" },
	{ "-a,b:c@%+", "'-a,b:c@%+'", "-a,b:c@%+" },
	{ "", "''", "''" },
};

static bool utf8(void)
{
	return setlocale(LC_CTYPE, "C.UTF-8") || setlocale(LC_CTYPE, "C.utf8");
}

START_TEST(names_are_quoted_as_gnu_does)
{
	char *text;

	if (!utf8())
		peal_skip("there is no UTF-8 locale");
	text = du_quote(names[_i].name, strlen(names[_i].name), DU_QUOTE_ALWAYS);
	ck_assert_str_eq(text, names[_i].always);
	free(text);
	text = du_quote(names[_i].name, strlen(names[_i].name), DU_QUOTE_IF_NEEDED);
	ck_assert_str_eq(text, names[_i].if_needed);
	free(text);
}
END_TEST

START_TEST(in_the_c_locale_letters_are_ascii)
{
	char *text;

	setlocale(LC_CTYPE, "C");
	text = du_quote("\xc3\xa4", 2, DU_QUOTE_ALWAYS);
	ck_assert_str_eq(text, "''$'\\303\\244'");
	free(text);
	text = du_quote("a:b", 3, DU_QUOTE_IF_NEEDED_OR_COLON);
	ck_assert_str_eq(text, "'a:b'");
	free(text);
	text = du_quote_value("no'x\n");
	ck_assert_str_eq(text, "'no\\'x\\n'");
	free(text);
	if (!utf8())
		peal_skip("there is no UTF-8 locale");
	text = du_quote_value("no'x");
	ck_assert_str_eq(text, "\xe2\x80\x98no'x\xe2\x80\x99");
	free(text);
}
END_TEST

/* Read options from a line; what is said goes nowhere. */
static int options(struct du_command *command, const char *line)
{
	static char text[256], *argv[32];
	int argc = 1;
	static char name[] = "du";

	argv[0] = name;
	snprintf(text, sizeof(text), "%s", line);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	return du_options(command, argc, argv);
}

START_TEST(options_are_understood)
{
	struct du_command command;

	ck_assert_int_eq(options(&command, "-axlc --max=3 one -S two -- -b"), DU_GO_ON);
	ck_assert(command.opts.files && command.opts.one_filesystem && command.opts.count_links);
	ck_assert(command.opts.separate && command.total && !command.apparent);
	ck_assert_uint_eq(command.opts.depth_limit, 4);
	ck_assert_uint_eq(command.path_count, 3);
	ck_assert_str_eq(command.paths[0], "one");
	ck_assert_str_eq(command.paths[2], "-b");
	du_options_free(&command);

	ck_assert_int_eq(
		options(&command, "-sb -LDP --th=-4K --jobs=3 --exclude=x --exclude y z// a///"),
		DU_GO_ON);
	ck_assert_uint_eq(command.opts.depth_limit, 1);
	ck_assert(command.apparent && command.opts.follow == PEAL_DU_FOLLOW_NONE);
	ck_assert_int_eq(command.threshold, -4096);
	ck_assert_uint_eq(command.jobs, 3);
	ck_assert_str_eq(command.opts.exclude[1], "y");
	ck_assert_ptr_null(command.opts.exclude[2]);
	ck_assert_str_eq(command.paths[0], "z/");
	ck_assert_str_eq(command.paths[1], "a/");
	du_options_free(&command);

	ck_assert_int_eq(options(&command, "-h -k --inodes"), DU_GO_ON);
	ck_assert(!command.units.scale && command.units.block == 1 && command.inodes);
	ck_assert_str_eq(command.paths[0], ".");
	du_options_free(&command);
}
END_TEST

START_TEST(wrong_options_end_it)
{
	static const char *const all[] = { "-sa", "-s -d1", "-d x", "-d -1", "-t -0", "-t 1w",
		"-B 0", "-B x", "--nosuch", "-Q", "-X /nosuch/file", "--jobs=0", "--jobs=x",
		"--jobs=9999999", "--t", "--si=3" };
	struct du_command command;

	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		ck_assert_int_eq(options(&command, all[i]), -1);
		du_options_free(&command);
	}
	ck_assert_int_eq(options(&command, "-s -d0"), DU_GO_ON);
	du_options_free(&command);
}
END_TEST

static Suite *command_suite(void)
{
	Suite *suite = suite_create("du_command");
	TCase *tcase = tcase_create("command");

	tcase_add_loop_test(tcase, numbers_have_suffixes, 0, sizeof(numbers) / sizeof(numbers[0]));
	tcase_add_test(tcase, numbers_have_signs);
	tcase_add_loop_test(tcase, sizes_are_rounded_up, 0, sizeof(formats) / sizeof(formats[0]));
	tcase_add_test(tcase, bad_units_leave_usable_ones);
	tcase_add_test(tcase, the_environment_has_an_order);
	tcase_add_loop_test(
		tcase, names_are_quoted_as_gnu_does, 0, sizeof(names) / sizeof(names[0]));
	tcase_add_test(tcase, in_the_c_locale_letters_are_ascii);
	tcase_add_test(tcase, options_are_understood);
	tcase_add_test(tcase, wrong_options_end_it);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(command_suite());
}
