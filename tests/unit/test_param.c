/* SPDX-License-Identifier: MIT */
/* Parameters: every type, its bounds and its mistakes; escapes; tables of other versions. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>

#include "core/plugin/param.h"
#include "tests/check_main.h"

static const struct peal_param *const table = PEAL_PARAMS(
	{ .name = "word", .type = PEAL_PARAM_STRING, .initial = "Hello", .help = "a word" },
	{ .name = "any", .type = PEAL_PARAM_INT, .initial = "0" },
	{ .name = "few", .type = PEAL_PARAM_INT, .initial = "3", .low = -2, .high = 9 },
	{ .name = "room", .type = PEAL_PARAM_SIZE, .initial = "64K", .low = 4096, .high = 1 << 30 },
	{ .name = "wait", .type = PEAL_PARAM_TIME, .initial = "1s", .low = 1, .high = INT64_MAX },
	{ .name = "loud", .type = PEAL_PARAM_BOOL, .initial = "no" });

static struct peal_reason reason;

static int parse(struct peal_params **params, const char *text)
{
	return peal_params_parse(
		params, table, sizeof(struct peal_param), text, "plugin x", &reason);
}

static void accept_number(const char *text, const char *name, int64_t expected)
{
	struct peal_params *params;

	ck_assert_msg(!parse(&params, text), "%s: %s", text, reason.text);
	ck_assert_int_eq(peal_params_number(params, name), expected);
	peal_params_free(params);
}

static void accept_string(const char *text, const char *expected)
{
	struct peal_params *params;

	ck_assert_msg(!parse(&params, text), "%s: %s", text, reason.text);
	ck_assert_str_eq(peal_params_string(params, "word"), expected);
	peal_params_free(params);
}

/* The reason, whole: it is what people see. */
static void refuse(const char *text, const char *expected)
{
	struct peal_params *params = NULL;

	ck_assert_int_eq(parse(&params, text), -EINVAL);
	ck_assert_ptr_null(params);
	ck_assert_str_eq(reason.text, expected);
}

START_TEST(defaults)
{
	struct peal_params *params;

	ck_assert_int_eq(parse(&params, NULL), 0);
	ck_assert_str_eq(peal_params_string(params, "word"), "Hello");
	ck_assert_int_eq(peal_params_number(params, "any"), 0);
	ck_assert_int_eq(peal_params_number(params, "few"), 3);
	ck_assert_int_eq(peal_params_number(params, "room"), 65536);
	ck_assert_int_eq(peal_params_number(params, "wait"), 1000000000);
	ck_assert_int_eq(peal_params_number(params, "loud"), 0);
	peal_params_free(params);
	accept_string("", "Hello");
}
END_TEST

START_TEST(numbers)
{
	accept_number("any=9223372036854775807", "any", INT64_MAX);
	accept_number("any=-9223372036854775808", "any", INT64_MIN);
	accept_number("any=007", "any", 7);
	accept_number("few=-2", "few", -2);
	accept_number("few=9", "few", 9);
	refuse("any=9223372036854775808",
		"plugin x: any=9223372036854775808: expected a whole number");
	refuse("any=-9223372036854775809",
		"plugin x: any=-9223372036854775809: expected a whole number");
	refuse("few=10", "plugin x: few=10: expected a whole number, from -2 to 9");
	refuse("few=-3", "plugin x: few=-3: expected a whole number, from -2 to 9");
	refuse("any=", "plugin x: any=: expected a whole number");
	refuse("any=-", "plugin x: any=-: expected a whole number");
	refuse("any=+1", "plugin x: any=+1: expected a whole number");
	refuse("any= 1", "plugin x: any= 1: expected a whole number");
	refuse("any=1 ", "plugin x: any=1 : expected a whole number");
	refuse("any=0x1", "plugin x: any=0x1: expected a whole number");
	refuse("any=1K", "plugin x: any=1K: expected a whole number");
	refuse("any=1.5", "plugin x: any=1.5: expected a whole number");
}
END_TEST

START_TEST(sizes)
{
	accept_number("room=4096", "room", 4096);
	accept_number("room=4K", "room", 4096);
	accept_number("room=3M", "room", 3 << 20);
	accept_number("room=1G", "room", 1 << 30);
	refuse("room=2G", "plugin x: room=2G: expected a size in bytes, K, M or G, from 4K to 1G");
	refuse("room=1", "plugin x: room=1: expected a size in bytes, K, M or G, from 4K to 1G");
	refuse("room=-4K",
		"plugin x: room=-4K: expected a size in bytes, K, M or G, from 4K to 1G");
	refuse("room=4k", "plugin x: room=4k: expected a size in bytes, K, M or G, from 4K to 1G");
	refuse("room=4KB",
		"plugin x: room=4KB: expected a size in bytes, K, M or G, from 4K to 1G");
	refuse("room=9223372036854775807K",
		"plugin x: room=9223372036854775807K: "
		"expected a size in bytes, K, M or G, from 4K to 1G");
	refuse("room=K", "plugin x: room=K: expected a size in bytes, K, M or G, from 4K to 1G");
}
END_TEST

START_TEST(times)
{
	accept_number("wait=1ns", "wait", 1);
	accept_number("wait=2us", "wait", 2000);
	accept_number("wait=3ms", "wait", 3000000);
	accept_number("wait=4s", "wait", 4000000000);
	refuse("wait=5", "plugin x: wait=5: expected a time in ns, us, ms or s, at least 1ns");
	refuse("wait=0", "plugin x: wait=0: expected a time in ns, us, ms or s, at least 1ns");
	refuse("wait=9223372037s",
		"plugin x: wait=9223372037s: expected a time in ns, us, ms or s, at least 1ns");
}
END_TEST

START_TEST(zero_needs_no_unit)
{
	const struct peal_param *free_table = PEAL_PARAMS(
		{ .name = "wait", .type = PEAL_PARAM_TIME, .initial = "1s" });
	struct peal_params *params;

	ck_assert_int_eq(peal_params_parse(&params, free_table, sizeof(struct peal_param), "wait=0",
				 "plugin x", &reason),
		0);
	ck_assert_int_eq(peal_params_number(params, "wait"), 0);
	peal_params_free(params);
}
END_TEST

START_TEST(yes_and_no)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };
	char text[16];

	for (int i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), "loud=%s", yes[i]);
		accept_number(text, "loud", 1);
		snprintf(text, sizeof(text), "loud=%s", no[i]);
		accept_number(text, "loud", 0);
	}
	refuse("loud=Yes", "plugin x: loud=Yes: expected yes or no");
	refuse("loud=", "plugin x: loud=: expected yes or no");
	refuse("loud",
		"plugin x: expected key=value, found \"loud\"; "
		"a comma within a value is written \\,");
}
END_TEST

START_TEST(text_and_escapes)
{
	accept_string("word=", "");
	accept_string("word=a b", "a b");
	accept_string("word=a=b", "a=b");
	accept_string("word=a\\,b", "a,b");
	accept_string("word=a\\\\", "a\\");
	accept_string("word=\\x", "x");
	accept_string("word=a\\,b,few=1", "a,b");
	accept_string("w\\ord=x", "x");
	accept_string("few=1,word=last", "last");
	accept_string("word=gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
	refuse("word=a\\",
		"plugin x: its parameters end with a single backslash; \\\\ stands for one");
	refuse("wo\\", "plugin x: its parameters end with a single backslash; \\\\ stands for one");
}
END_TEST

START_TEST(broken_lists)
{
	refuse(",",
		"plugin x: expected key=value, found \"\"; a comma within a value is written \\,");
	refuse("few=1,",
		"plugin x: expected key=value, found \"\"; a comma within a value is written \\,");
	refuse("word=a,b",
		"plugin x: expected key=value, found \"b\"; a comma within a value is written \\,");
	refuse("=1",
		"plugin x: it has no parameter \"\"; it takes: word, any, few, room, wait, loud");
	refuse("colour=1",
		"plugin x: it has no parameter \"colour\"; it takes: word, any, few, room, wait, loud");
	refuse("few=1,few=1", "plugin x: few is given twice");
	refuse("Few=1",
		"plugin x: it has no parameter \"Few\"; it takes: word, any, few, room, wait, loud");
}
END_TEST

START_TEST(what_is_shown)
{
	/* No escape sequences, no half characters, not the whole of it. */
	refuse("few=\x1b[2J\n", "plugin x: few=?[2J?: expected a whole number, from -2 to 9");
	refuse("few=12345678901234567890123456789012345\xc3\xbc and more",
		"plugin x: few=12345678901234567890123456789012345...: "
		"expected a whole number, from -2 to 9");
}
END_TEST

START_TEST(too_long)
{
	struct peal_params *params;
	char *text = malloc(PEAL_PARAMS_TEXT_MAX + 2);

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', PEAL_PARAMS_TEXT_MAX + 1);
	memcpy(text, "word=", 5);
	text[PEAL_PARAMS_TEXT_MAX + 1] = '\0';
	refuse(text, "plugin x: its parameters are longer than 65535 bytes");
	text[PEAL_PARAMS_TEXT_MAX] = '\0';
	ck_assert_int_eq(parse(&params, text), 0);
	ck_assert_uint_eq(strlen(peal_params_string(params, "word")), PEAL_PARAMS_TEXT_MAX - 5);
	peal_params_free(params);
	free(text);
}
END_TEST

START_TEST(no_table)
{
	struct peal_params *params;

	ck_assert_int_eq(peal_params_parse(&params, NULL, 0, NULL, "plugin x", &reason), 0);
	peal_params_free(params);
	ck_assert_int_eq(peal_params_parse(&params, NULL, 0, "a=1", "plugin x", &reason), -EINVAL);
	ck_assert_str_eq(reason.text, "plugin x: it has no parameter \"a\"; it takes: none");
	/* Nobody has to want the reason. */
	ck_assert_int_eq(peal_params_parse(&params, NULL, 0, "a=1", "plugin x", NULL), -EINVAL);
}
END_TEST

START_TEST(must_be_given)
{
	const struct peal_param *needy = PEAL_PARAMS(
		{ .name = "key", .type = PEAL_PARAM_STRING, .help = "the key's file" });
	struct peal_params *params;

	ck_assert_int_eq(peal_params_parse(&params, needy, sizeof(struct peal_param), "",
				 "plugin x", &reason),
		-EINVAL);
	ck_assert_str_eq(reason.text, "plugin x: the parameter key must be given: the key's file");
	ck_assert_int_eq(peal_params_parse(&params, needy, sizeof(struct peal_param),
				 "key=", "plugin x", &reason),
		0);
	ck_assert_str_eq(peal_params_string(params, "key"), "");
	peal_params_free(params);
}
END_TEST

/* A table whose author knew a larger struct: what we know is read, at its stride. */
START_TEST(newer_table)
{
	struct newer {
		struct peal_param known;
		char more[12]; /* not even aligned */
	} __attribute__((packed));
	static const struct newer newer[] = {
		{ { .name = "one", .type = PEAL_PARAM_INT, .initial = "1" }, "unknown" },
		{ { .name = "two", .type = PEAL_PARAM_INT, .initial = "2" }, "unknown" },
		{ { 0 }, "" },
	};
	const void *start = newer;
	struct peal_params *params;

	ck_assert_int_eq(peal_params_parse(&params, start, sizeof(struct newer), "one=7",
				 "plugin x", &reason),
		0);
	ck_assert_int_eq(peal_params_number(params, "one"), 7);
	ck_assert_int_eq(peal_params_number(params, "two"), 2);
	peal_params_free(params);
}
END_TEST

static void refuse_table(const struct peal_param *bad, size_t stride, const char *expected)
{
	struct peal_params *params = NULL;

	ck_assert_int_eq(
		peal_params_parse(&params, bad, stride, NULL, "plugin x", &reason), -ENOEXEC);
	ck_assert_ptr_null(params);
	ck_assert_str_eq(reason.text, expected);
}

START_TEST(tables_without_sense)
{
	const size_t stride = sizeof(struct peal_param);
	struct peal_param endless[PEAL_PARAMS_MAX + 1];
	char names[PEAL_PARAMS_MAX + 1][16];

	refuse_table(table, 0,
		"plugin x: its parameters are of 0 bytes each, expected 48: was param_size set by "
		"PEAL_PLUGIN_HEADER?");
	refuse_table(table, PEAL_PARAM_STRIDE_MIN - 1,
		"plugin x: its parameters are of 47 bytes each, expected 48: was param_size set by "
		"PEAL_PLUGIN_HEADER?");
	refuse_table(PEAL_PARAMS({ .name = "a b", .type = PEAL_PARAM_INT }), stride,
		"plugin x: its parameter \"a b\" has a name that nobody could write: a to z, 0 to "
		"9, _ and -, at most 31");
	refuse_table(PEAL_PARAMS({ .name = "a", .type = 17 }), stride,
		"plugin x: its parameter a has type 17, which this libpeal does not know");
	refuse_table(PEAL_PARAMS({ .name = "a" }), stride,
		"plugin x: its parameter a has type 0, which this libpeal does not know");
	refuse_table(PEAL_PARAMS({ .name = "a", .type = PEAL_PARAM_INT, .low = 2, .high = 1 }),
		stride, "plugin x: its parameter a has a lower bound above the upper one");
	refuse_table(PEAL_PARAMS({ .name = "a", .type = PEAL_PARAM_TIME, .initial = "1" }), stride,
		"plugin x: the default 1 of its parameter a is not a time in ns, us, ms or s");
	refuse_table(PEAL_PARAMS({ .name = "a", .type = PEAL_PARAM_INT },
			     { .name = "a", .type = PEAL_PARAM_INT }),
		stride, "plugin x: its parameter a stands in the table twice");
	for (int i = 0; i <= PEAL_PARAMS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "p%d", i);
		endless[i] = (struct peal_param){ .name = names[i], .type = PEAL_PARAM_INT };
	}
	refuse_table(
		endless, stride, "plugin x: its table of parameters has no end after 64 entries");
}
END_TEST

START_TEST(equal)
{
	struct peal_params *a, *b, *c, *d;

	ck_assert_int_eq(parse(&a, "wait=1000ms,word=Hello"), 0);
	ck_assert_int_eq(parse(&b, NULL), 0);
	ck_assert_int_eq(parse(&c, "word=hello"), 0);
	ck_assert_int_eq(parse(&d, "wait=2s"), 0);
	ck_assert(peal_params_equal(a, b));
	ck_assert(!peal_params_equal(a, c));
	ck_assert(!peal_params_equal(a, d));
	peal_params_free(a);
	peal_params_free(b);
	peal_params_free(c);
	peal_params_free(d);
	peal_params_free(NULL);
}
END_TEST

static jmp_buf back;
static char last_words[128];

static void go_back(const char *text)
{
	snprintf(last_words, sizeof(last_words), "%s", text);
	longjmp(back, 1);
}

struct question {
	struct peal_params *params;
	const char *name;
	bool string;
};

/* NULL when the question was the last; anything else when it survived. */
static void *ask(void *arg)
{
	const struct question *question = arg;

	if (setjmp(back))
		return NULL;
	if (question->string)
		peal_params_string(question->params, question->name);
	else
		peal_params_number(question->params, question->name);
	return last_words;
}

/* In a thread of its own: one that has said its last words once is not asked again. */
static void ask_wrongly(struct question question, const char *expected)
{
	pthread_t thread;
	void *survivor;

	ck_assert_int_eq(pthread_create(&thread, NULL, ask, &question), 0);
	ck_assert_int_eq(pthread_join(thread, &survivor), 0);
	ck_assert_ptr_null(survivor);
	ck_assert_str_eq(last_words, expected);
}

START_TEST(code_that_does_not_fit_its_table)
{
	struct peal_params *params;

	ck_assert_int_eq(parse(&params, NULL), 0);
	peal_set_fatal(go_back);
	ask_wrongly((struct question){ params, "colour", false },
		"plugin x asks for its parameter colour, which is not in its table");
	ask_wrongly((struct question){ params, "few", true },
		"plugin x asks for its parameter few as a text, but its table says: number");
	ask_wrongly((struct question){ params, "word", false },
		"plugin x asks for its parameter word as a number, but its table says: text");
	peal_set_fatal(NULL);
	peal_params_free(params);
}
END_TEST

static Suite *param_suite(void)
{
	Suite *suite = suite_create("param");
	TCase *tcase = tcase_create("param");

	tcase_add_test(tcase, defaults);
	tcase_add_test(tcase, numbers);
	tcase_add_test(tcase, sizes);
	tcase_add_test(tcase, times);
	tcase_add_test(tcase, zero_needs_no_unit);
	tcase_add_test(tcase, yes_and_no);
	tcase_add_test(tcase, text_and_escapes);
	tcase_add_test(tcase, broken_lists);
	tcase_add_test(tcase, what_is_shown);
	tcase_add_test(tcase, too_long);
	tcase_add_test(tcase, no_table);
	tcase_add_test(tcase, must_be_given);
	tcase_add_test(tcase, newer_table);
	tcase_add_test(tcase, tables_without_sense);
	tcase_add_test(tcase, equal);
	tcase_add_test(tcase, code_that_does_not_fit_its_table);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(param_suite());
}
