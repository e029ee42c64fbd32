/* SPDX-License-Identifier: MIT */
/*
 * What the public headers say of who suspends, held against the entries here. A comment is about the
 * declarations that follow it up to the next comment or empty line, and a call suspends when the comment
 * has the word "Suspends" or the words "May suspend" (or "may suspend").
 */
#include <glob.h>
#include <stdio.h>

#include "tests/contract/cancel/cancel.h"

/* Not tried here, and why. */
static const char *const others[][2] = {
	{ "move", "never waits; refused in a scope, cancelled between two: test_call" },
	{ "rt_plugin_load",
		"for threads, which nobody cancels; refused on shards: test_plugin_load" },
	{ "writer_vprintf", "what writer_printf() is made of" },
	{ "receiver_stop", "takes no part in cancelling: test_lease" },
	{ "receiver_close", "the same" },
	{ "acceptor_close", "the same" },
	{ "stream_close", "takes no part in cancelling: test_stream" },
};

static bool is_excused(const char *name)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strcmp(name, others[i][0]))
			return true;
	return false;
}

static bool suspends(const char *comment)
{
	return strstr(comment, "Suspends") || strstr(comment, "May suspend") ||
		strstr(comment, "may suspend");
}

/* A line of a comment, without what makes it one: its words follow those of the line before. */
static void append(char *text, size_t size, const char *line)
{
	size_t length = strlen(text), skipped = strspn(line, " /*");

	snprintf(text + length, size - length, " %.*s", (int)strcspn(line + skipped, "\n"),
		line + skipped);
}

static bool ends_comment(const char *line)
{
	return strstr(line, "*/") != NULL;
}

/* The call that a line declares, without peal_; "" for none. */
static void name_of(const char *line, char *name, size_t size)
{
	const char *at = strncmp(line, "PEAL_API", 8) ? NULL : strstr(line, "peal_");
	size_t length = 0;

	for (; at; at = strstr(at + length, "peal_")) {
		length = strcspn(at, " ,;()*\n");
		if (at[length] == '(')
			break;
	}
	name[0] = '\0';
	if (at)
		snprintf(name, size, "%.*s", (int)length - 5, at + 5);
}

/* Counts those that suspend. */
static int check_call(
	const char *file, const char *name, const char *comment, bool (*tried)(const char *name))
{
	if (!suspends(comment)) {
		ck_assert_msg(!tried(name), "%s does not say that peal_%s() suspends, but it does",
			file, name);
		return 0;
	}
	ck_assert_msg(tried(name) || is_excused(name),
		"tests/contract/cancel has no entry for peal_%s() of %s, which suspends", name,
		file);
	return 1;
}

static int check_header(const char *path, bool (*tried)(const char *name))
{
	FILE *file = fopen(path, "r");
	char line[1024], name[128], comment[16384] = "";
	bool inside = false;
	int n = 0;

	ck_assert_msg(file, "%s can be read", path);
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "/*", 2)) {
			inside = true;
			comment[0] = '\0';
		}
		if (inside) {
			append(comment, sizeof(comment), line);
			inside = !ends_comment(line);
			continue;
		}
		if (line[0] == '\n')
			comment[0] = '\0';
		name_of(line, name, sizeof(name));
		if (name[0])
			n += check_call(path, name, comment, tried);
	}
	fclose(file);
	return n;
}

/* The calls of io.tbl are held against the table (test_cancel.c), and their twins do not suspend. */
static bool is_generated(const char *path)
{
	const char *name = strrchr(path, '/');

	return !strcmp(name, "/io.h");
}

void check_headers(bool (*tried)(const char *name))
{
	const char *folder = getenv("PEAL_SRCDIR");
	char pattern[4096];
	glob_t headers;
	int n = 0;

	ck_assert_msg(folder, "PEAL_SRCDIR is set");
	snprintf(pattern, sizeof(pattern), "%s/include/peal/*.h", folder);
	ck_assert_int_eq(glob(pattern, 0, NULL, &headers), 0);
	for (size_t i = 0; i < headers.gl_pathc; i++)
		if (!is_generated(headers.gl_pathv[i]))
			n += check_header(headers.gl_pathv[i], tried);
	globfree(&headers);
	ck_assert_int_ge(n, 30); /* they were found */
}
