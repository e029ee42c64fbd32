/* SPDX-License-Identifier: MIT */
/*
 * One value of a parameter: numbers, sizes, durations, yes and no; and how to say what was
 * expected.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/plugin/param.h"

struct unit {
	const char *name;
	int64_t factor;
};

/* The smallest first; a number alone is in the unit without a name. */
static const struct unit no_units[] = { { "", 1 }, { NULL, 0 } };
static const struct unit size_units[] = { { "", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 },
	{ "G", 1 << 30 }, { NULL, 0 } };
static const struct unit time_units[] = { { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 },
	{ "s", 1000000000 }, { NULL, 0 } };

static const char *const type_names[] = {
	[PEAL_PARAM_STRING] = "text",
	[PEAL_PARAM_INT] = "number",
	[PEAL_PARAM_SIZE] = "size",
	[PEAL_PARAM_TIME] = "time",
	[PEAL_PARAM_BOOL] = "yes or no",
};

const char *peal_param_type_name(uint32_t type)
{
	return type < sizeof(type_names) / sizeof(type_names[0]) ? type_names[type] : NULL;
}

static const struct unit *units_of(const struct peal_param *param)
{
	if (param->type == PEAL_PARAM_SIZE)
		return size_units;
	if (param->type == PEAL_PARAM_TIME)
		return time_units;
	return no_units;
}

/* Decimal digits, at least one, as a number of that sign. Moves *text behind them. */
static int read_digits(const char **text, bool negative, int64_t *number)
{
	const char *digit = *text;
	int64_t n = 0;

	for (; *digit >= '0' && *digit <= '9'; digit++) {
		int value = *digit - '0';

		if (__builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, negative ? -value : value, &n))
			return -EINVAL;
	}
	if (digit == *text)
		return -EINVAL;
	*text = digit;
	*number = n;
	return 0;
}

static const struct unit *find_unit(const struct unit *unit, const char *name)
{
	while (unit->name && strcmp(unit->name, name) != 0)
		unit++;
	return unit->name ? unit : NULL;
}

static int read_number(const struct peal_param *param, const char *text, int64_t *number)
{
	/* Only plain numbers have a sign: no size or duration is less than nothing. */
	bool negative = param->type == PEAL_PARAM_INT && *text == '-';
	const struct unit *unit;
	int64_t n;

	text += negative;
	if (read_digits(&text, negative, &n))
		return -EINVAL;
	unit = find_unit(units_of(param), text);
	if (!unit && n == 0 && !*text)
		unit = units_of(param); /* nothing is nothing, also without a unit */
	if (!unit || __builtin_mul_overflow(n, unit->factor, &n))
		return -EINVAL;
	if ((param->low || param->high) && (n < param->low || n > param->high))
		return -EINVAL;
	*number = n;
	return 0;
}

static int read_bool(const char *text, int64_t *number)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(text, words[i])) {
			*number = i % 2;
			return 0;
		}
	}
	return -EINVAL;
}

int peal_param_value(const struct peal_param *param, const char *text, int64_t *number)
{
	switch (param->type) {
	case PEAL_PARAM_STRING:
		return 0;
	case PEAL_PARAM_BOOL:
		return read_bool(text, number);
	default:
		return read_number(param, text, number);
	}
}

/* A bound as one would write it: in the largest unit that leaves no remainder. */
static void write_number(char *text, size_t size, const struct peal_param *param, int64_t number)
{
	const struct unit *unit = units_of(param);

	while (number && unit[1].name && number % unit[1].factor == 0)
		unit++;
	snprintf(text, size, "%" PRId64 "%s", number / unit->factor, unit->name);
}

static const char *kind(const struct peal_param *param)
{
	switch (param->type) {
	case PEAL_PARAM_STRING:
		return "any text";
	case PEAL_PARAM_BOOL:
		return "yes or no";
	case PEAL_PARAM_SIZE:
		return "a size in bytes, K, M or G";
	case PEAL_PARAM_TIME:
		return "a time in ns, us, ms or s";
	default:
		return "a whole number";
	}
}

static bool is_bounded(const struct peal_param *param)
{
	return param->type != PEAL_PARAM_STRING && param->type != PEAL_PARAM_BOOL &&
		(param->low || param->high);
}

struct peal_param_text peal_param_expected(const struct peal_param *param)
{
	struct peal_param_text expected;
	size_t size = sizeof(expected.text);
	char low[32], high[32];

	if (!is_bounded(param)) {
		snprintf(expected.text, size, "%s", kind(param));
		return expected;
	}
	write_number(low, sizeof(low), param, param->low);
	write_number(high, sizeof(high), param, param->high);
	if (param->high == INT64_MAX)
		snprintf(expected.text, size, "%s, at least %s", kind(param), low);
	else if (param->low == INT64_MIN)
		snprintf(expected.text, size, "%s, at most %s", kind(param), high);
	else
		snprintf(expected.text, size, "%s, from %s to %s", kind(param), low, high);
	return expected;
}
