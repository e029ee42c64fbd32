/* SPDX-License-Identifier: MIT */
/*
 * Names as a shell would take them back, for messages and terminals: 'a b', "it's", 'a'$'\n''b'.
 * The form is GNU's, so that scripts which read messages see no difference.
 */
#include <ctype.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "tools/peal/du.h"

static const char escapes[] = "\a\b\f\n\r\t\v", escape_letters[] = "abfnrtv";

/* How many bytes at text make a character that can be shown as it is; 0: this byte cannot. */
static size_t printable(const char *text, size_t size)
{
	mbstate_t state = { 0 };
	wchar_t wide;
	size_t n;

	if ((unsigned char)*text < 0x80)
		return isprint((unsigned char)*text) != 0;
	n = mbrtowc(&wide, text, size, &state);
	return n && n <= size && iswprint((wint_t)wide) ? n : 0;
}

/* How many bytes of one character cannot be shown, 1 at least. */
static size_t unprintable(const char *text, size_t size)
{
	mbstate_t state = { 0 };
	wchar_t wide;
	size_t n = mbrtowc(&wide, text, size, &state);

	return n && n <= size ? n : 1;
}

static bool is_plain(const char *name, size_t size)
{
	static const char special[] = " !\"$&()*;<=>[^`|'\\?";

	if (!size || *name == '#' || *name == '~' || ((*name == '{' || *name == '}') && size == 1))
		return false;
	for (size_t i = 0; i < size;) {
		size_t n = printable(name + i, size - i);

		if (!n || strchr(special, name[i]))
			return false;
		i += n;
	}
	return true;
}

/* May it stand between double quotes, so that a single one in it needs no escape? */
static bool fits_double_quotes(const char *name, size_t size)
{
	static const char quiet[] = " '%+,-./:@]_";

	for (size_t i = 0; i < size;) {
		size_t n = printable(name + i, size - i);
		bool fits = n > 1 || isalnum((unsigned char)name[i]) || strchr(quiet, name[i]) ||
			(!i && strchr("#~", name[i]));

		if (!n || !fits)
			return false;
		i += n;
	}
	return true;
}

static char *put(char *at, const char *text)
{
	size_t size = strlen(text);

	memcpy(at, text, size);
	return at + size;
}

static char *put_escape(char *at, char c)
{
	const char *known = c ? strchr(escapes, c) : NULL;

	*at++ = '\\';
	if (known) {
		*at++ = escape_letters[known - escapes];
	} else {
		*at++ = (char)('0' + ((unsigned char)c >> 6));
		*at++ = (char)('0' + ((unsigned char)c >> 3 & 7));
		*at++ = (char)('0' + (c & 7));
	}
	return at;
}

static char *single_quoted(char *at, const char *name, size_t size)
{
	bool escaped = false;

	*at++ = '\'';
	for (size_t i = 0; i < size;) {
		size_t n = printable(name + i, size - i);

		if (!n) {
			if (!escaped)
				at = put(at, "'$'");
			escaped = true;
			for (n = unprintable(name + i, size - i); n; n--)
				at = put_escape(at, name[i++]);
			continue;
		}
		if (name[i] == '\'') {
			at = put(at, "'\\''");
		} else {
			if (escaped)
				at = put(at, "''");
			memcpy(at, name + i, n);
			at += n;
		}
		escaped = false;
		i += n;
	}
	*at++ = '\'';
	return at;
}

/* The name, quoted. To be freed; NULL: no memory. */
char *du_quote(const char *name, size_t size, enum du_quote when)
{
	bool plain = when != DU_QUOTE_ALWAYS && is_plain(name, size) &&
		(when != DU_QUOTE_IF_NEEDED_OR_COLON || !memchr(name, ':', size));
	/* Each byte takes at most an escape with its own quotes around. */
	char *text = malloc(size * 10 + 3), *at = text;

	if (!text)
		return NULL;
	if (!plain && memchr(name, '\'', size) && fits_double_quotes(name, size)) {
		*at++ = '"';
		memcpy(at, name, size);
		at += size;
		*at++ = '"';
	} else if (!plain) {
		at = single_quoted(at, name, size);
	} else {
		memcpy(at, name, size);
		at += size;
	}
	*at = '\0';
	return text;
}

/* The value of an option, between the locale's quotes. To be freed; NULL: no memory. */
char *du_quote_value(const char *value)
{
	bool utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	const char *open = utf8 ? "\xe2\x80\x98" : "'", *close = utf8 ? "\xe2\x80\x99" : "'";
	size_t size = strlen(value);
	char *text = malloc(size * 4 + 7), *at = text;

	if (!text)
		return NULL;
	at = put(at, open);
	for (size_t i = 0; i < size;) {
		size_t n = printable(value + i, size - i);

		if (!n) {
			at = put_escape(at, value[i++]);
			continue;
		}
		if (value[i] == '\\' || !strncmp(value + i, close, strlen(close)))
			*at++ = '\\';
		memcpy(at, value + i, n);
		at += n;
		i += n;
	}
	at = put(at, close);
	*at = '\0';
	return text;
}
