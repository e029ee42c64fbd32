/* SPDX-License-Identifier: MIT */
/* json: is the standard input one JSON text (RFC 8259)? Says where it is not. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEEPEST 64

static char text[1 << 22];
static const char *at = text;

static void fail(const char *expected)
{
	fprintf(stderr, "json: byte %ld: no %s: %.40s\n", (long)(at - text), expected, at);
	exit(1);
}

static void skip_blanks(void)
{
	at += strspn(at, " \t\r\n");
}

static bool taken(char c)
{
	skip_blanks();
	if (*at != c)
		return false;
	at++;
	return true;
}

static void string(void)
{
	if (!taken('"'))
		fail("string");
	for (; *at != '"'; at++) {
		if ((unsigned char)*at < 0x20)
			fail("end of a string");
		if (*at != '\\')
			continue;
		at++;
		if (*at == 'u' && strspn(at + 1, "0123456789abcdefABCDEF") >= 4)
			at += 4;
		else if (!*at || !strchr("\"\\/bfnrt", *at))
			fail("escape");
	}
	at++;
}

static void digits(void)
{
	size_t n = strspn(at, "0123456789");

	if (!n)
		fail("digit");
	at += n;
}

static void number(void)
{
	at += *at == '-';
	if (at[0] == '0' && at[1] >= '0' && at[1] <= '9')
		fail("number without a leading zero");
	digits();
	if (*at == '.') {
		at++;
		digits();
	}
	if (*at == 'e' || *at == 'E') {
		at++;
		at += *at == '-' || *at == '+';
		digits();
	}
}

static bool word(const char *what)
{
	if (strncmp(at, what, strlen(what)) != 0)
		return false;
	at += strlen(what);
	return true;
}

static void value(int depth);

static void members(int depth, char end, bool named)
{
	if (taken(end))
		return;
	do {
		if (named) {
			string();
			if (!taken(':'))
				fail("colon");
		}
		value(depth + 1);
	} while (taken(','));
	if (!taken(end))
		fail(named ? "closing brace" : "closing bracket");
}

static void value(int depth)
{
	if (depth > DEEPEST)
		fail("end of nesting");
	skip_blanks();
	if (taken('{'))
		members(depth, '}', true);
	else if (taken('['))
		members(depth, ']', false);
	else if (*at == '"')
		string();
	else if (!word("true") && !word("false") && !word("null"))
		number();
}

int main(void)
{
	size_t size = fread(text, 1, sizeof(text) - 1, stdin);

	if (strlen(text) != size || !feof(stdin)) {
		fprintf(stderr, "json: a zero byte in it, or too long\n");
		return 1;
	}
	value(0);
	skip_blanks();
	if (*at)
		fail("end");
	return 0;
}
