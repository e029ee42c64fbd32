/* SPDX-License-Identifier: MIT */
/*
 * Parsing "key=value,key=value". A backslash takes the next character as it is, so that values can
 * hold commas and backslashes; white space and everything else stands for itself.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/fatal.h"
#include "core/base/log.h"
#include "core/plugin/param.h"

struct entry {
	struct peal_param param;
	const char *text; /* NULL until it is known */
	int64_t number;
};

struct peal_params {
	char *text; /* what the values of strings point into */
	char who[48];
	size_t count;
	struct entry entries[];
};

/* What a parse carries around. */
struct parser {
	struct peal_params *params;
	const char *who;
	struct peal_reason *reason;
	char *in, *out; /* unescaping happens in place: out never overtakes in */
};

/* Other people's text within a reason: short, and nothing that plays tricks with a terminal. */
struct shown {
	char text[40];
};

static struct shown show(const char *text)
{
	struct shown shown;
	size_t room = sizeof(shown.text) - 4;
	size_t length = strnlen(text, room + 1);
	bool cut = length > room;

	length = cut ? room : length;
	while (cut && length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--; /* not in the middle of a UTF-8 character */
	for (size_t i = 0; i < length; i++)
		shown.text[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
	memcpy(shown.text + length, cut ? "..." : "", cut ? 4 : 1);
	return shown;
}

static struct entry *find(const struct peal_params *params, const char *name)
{
	for (size_t i = 0; i < params->count; i++)
		if (!strcmp(params->entries[i].param.name, name))
			return (struct entry *)&params->entries[i];
	return NULL;
}

/* "a, b, c", as much as fits. */
static void list_names(const struct peal_params *params, char *text, size_t size)
{
	size_t length = 0;

	snprintf(text, size, "none");
	for (size_t i = 0; i < params->count && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, "%s%s", i ? ", " : "",
			params->entries[i].param.name);
}

static int refuse_name(const struct parser *parser, const char *name)
{
	char names[128];

	list_names(parser->params, names, sizeof(names));
	return peal_refuse(parser->reason, -EINVAL, "%s: it has no parameter \"%s\"; it takes: %s",
		parser->who, show(name).text, names);
}

static int set_value(const struct parser *parser, struct entry *entry, const char *text)
{
	if (peal_param_value(&entry->param, text, &entry->number))
		return peal_refuse(parser->reason, -EINVAL, "%s: %s=%s: expected %s", parser->who,
			entry->param.name, show(text).text,
			peal_param_expected(&entry->param).text);
	entry->text = text;
	return 0;
}

/*
 * Copy up to an unescaped character of `stops`, or the end, and terminate the copy. Returns where
 * it stopped, or -1 when a backslash has nothing to take.
 */
static int take_until(struct parser *parser, const char *stops)
{
	int stop;

	while (*parser->in && !strchr(stops, *parser->in)) {
		if (*parser->in == '\\' && !*++parser->in)
			return -1;
		*parser->out++ = *parser->in++;
	}
	stop = (unsigned char)*parser->in;
	if (stop)
		parser->in++;
	*parser->out++ = '\0';
	return stop;
}

static int refuse_backslash(const struct parser *parser)
{
	return peal_refuse(parser->reason, -EINVAL,
		"%s: its parameters end with a single backslash; \\\\ stands for one", parser->who);
}

/* One "key=value". 1 when a comma follows it, 0 at the end. */
static int parse_pair(struct parser *parser)
{
	const char *name = parser->out;
	const char *value;
	struct entry *entry;
	int stop = take_until(parser, "=,");
	int err;

	if (stop < 0)
		return refuse_backslash(parser);
	if (stop != '=')
		return peal_refuse(parser->reason, -EINVAL,
			"%s: expected key=value, found \"%s\"; a comma within a value is written \\,",
			parser->who, show(name).text);
	value = parser->out;
	stop = take_until(parser, ",");
	if (stop < 0)
		return refuse_backslash(parser);
	entry = find(parser->params, name);
	if (!entry)
		return refuse_name(parser, name);
	if (entry->text)
		return peal_refuse(
			parser->reason, -EINVAL, "%s: %s is given twice", parser->who, name);
	err = set_value(parser, entry, value);
	return err ? err : stop == ',';
}

static int parse_text(struct parser *parser, const char *text)
{
	int n;

	if (strnlen(text, PEAL_PARAMS_TEXT_MAX + 1) > PEAL_PARAMS_TEXT_MAX)
		return peal_refuse(parser->reason, -EINVAL,
			"%s: its parameters are longer than %d bytes", parser->who,
			PEAL_PARAMS_TEXT_MAX);
	parser->params->text = peal_strdup(text);
	if (!parser->params->text)
		return peal_refuse(parser->reason, -ENOMEM, "%s: no memory", parser->who);
	parser->in = parser->out = parser->params->text;
	do
		n = parse_pair(parser);
	while (n > 0);
	return n;
}

static int fill_defaults(struct parser *parser)
{
	struct peal_params *params = parser->params;
	int err;

	for (size_t i = 0; i < params->count; i++) {
		struct entry *entry = &params->entries[i];

		if (entry->text)
			continue;
		if (!entry->param.initial)
			return peal_refuse(parser->reason, -EINVAL,
				"%s: the parameter %s must be given: %s", parser->who,
				entry->param.name, entry->param.help ? entry->param.help : "");
		err = set_value(parser, entry, entry->param.initial);
		if (err)
			return err;
	}
	return 0;
}

static int read_table(struct parser *parser, const struct peal_param *table, size_t stride)
{
	int count = peal_params_check(table, stride, parser->who, parser->reason);

	if (count < 0)
		return count;
	parser->params = peal_alloc(
		1, sizeof(*parser->params) + (size_t)count * sizeof(struct entry));
	if (!parser->params)
		return peal_refuse(parser->reason, -ENOMEM, "%s: no memory", parser->who);
	parser->params->count = (size_t)count;
	snprintf(parser->params->who, sizeof(parser->params->who), "%s", parser->who);
	for (size_t i = 0; i < (size_t)count; i++)
		peal_param_read(&parser->params->entries[i].param, table, stride, i);
	return 0;
}

int peal_params_parse(struct peal_params **params, const struct peal_param *table, size_t stride,
	const char *text, const char *who, struct peal_reason *reason)
{
	struct parser parser = { .who = who, .reason = reason };
	int err;

	err = read_table(&parser, table, stride);
	if (!err && text && *text)
		err = parse_text(&parser, text);
	if (!err)
		err = fill_defaults(&parser);
	if (err) {
		peal_params_free(parser.params);
		return err;
	}
	*params = parser.params;
	return 0;
}

void peal_params_free(struct peal_params *params)
{
	if (!params)
		return;
	peal_free(params->text);
	peal_free(params);
}

bool peal_params_equal(const struct peal_params *a, const struct peal_params *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct entry *one = &a->entries[i], *other = &b->entries[i];

		/* 1000ms is 1s, but of a text every byte counts. */
		if (one->param.type == PEAL_PARAM_STRING ? strcmp(one->text, other->text) != 0
							 : one->number != other->number)
			return false;
	}
	return true;
}

static const struct entry *require(const struct peal_params *params, const char *name, bool string)
{
	const struct entry *entry = find(params, name);

	if (!entry)
		peal_fatal("%s asks for its parameter %s, which is not in its table", params->who,
			name);
	if ((entry->param.type == PEAL_PARAM_STRING) != string)
		peal_fatal("%s asks for its parameter %s as %s, but its table says: %s",
			params->who, name, string ? "a text" : "a number",
			peal_param_type_name(entry->param.type));
	return entry;
}

const char *peal_params_string(const struct peal_params *params, const char *name)
{
	return require(params, name, true)->text;
}

int64_t peal_params_number(const struct peal_params *params, const char *name)
{
	return require(params, name, false)->number;
}
