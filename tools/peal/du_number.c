/* SPDX-License-Identifier: MIT */
/* Numbers with suffixes, as GNU's tools read them: 12, 0x10, 4K, 1MB, 2GiB, M. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "tools/peal/du.h"

/* The power that a letter stands for; 0: none. */
static int power_of(char letter)
{
	static const char letters[] = "KMGTPEZYRQ";
	static const char small[] = "kmgt";
	const char *at = strchr(letters, letter);

	if (!at && (at = strchr(small, letter)))
		return (int)(at - small) + 1;
	return at && *at ? (int)(at - letters) + 1 : 0;
}

static bool scale(uint64_t *value, uint32_t base, int power)
{
	bool fits = true;

	while (power--)
		fits &= !__builtin_mul_overflow(*value, (uint64_t)base, value);
	if (!fits)
		*value = UINT64_MAX;
	return fits;
}

/* Apply the suffix at *end and step over it. */
static int apply_suffix(const char *suffixes, uint64_t *value, const char **end)
{
	const char *at = *end;
	int power = power_of(*at), err;
	uint32_t base = 1024;

	if (!strchr(suffixes, *at) || !power)
		return DU_NUMBER_SUFFIX;
	if (at[1] == 'i' && at[2] == 'B') {
		at += 2;
	} else if (at[1] == 'B' || at[1] == 'D') {
		base = 1000;
		at++;
	}
	err = scale(value, base, power) ? DU_NUMBER_OK : DU_NUMBER_TOO_LARGE;
	*end = at + 1;
	return **end ? err | DU_NUMBER_SUFFIX : err;
}

/* The digits without the sign; *end after them. A suffix alone is one of it. */
static int digits(const char *text, const char *suffixes, uint64_t *value, const char **end)
{
	char *after;
	uint64_t n;

	errno = 0;
	n = strtoumax(text, &after, 0);
	if (after == text) {
		if (!*text || !strchr(suffixes, *text))
			return DU_NUMBER_INVALID;
		n = 1;
	} else if (errno && errno != ERANGE) {
		return DU_NUMBER_INVALID;
	}
	*value = n;
	*end = after;
	return after != text && errno ? DU_NUMBER_TOO_LARGE : DU_NUMBER_OK;
}

/*
 * A number without a sign. suffixes are the letters that are known. *value is also written when the
 * suffix is wrong, but not for DU_NUMBER_INVALID; *end is where reading stopped.
 */
int du_number(const char *text, const char *suffixes, uint64_t *value, const char **end)
{
	const char *at = text;
	int err;

	*end = text;
	while (isspace((unsigned char)*at))
		at++;
	if (*at == '-')
		return DU_NUMBER_INVALID;
	err = digits(text, suffixes, value, end);
	if (err == DU_NUMBER_INVALID || !**end)
		return err;
	return err | apply_suffix(suffixes, value, end);
}

/* A number that may be negative. */
int du_number_signed(const char *text, const char *suffixes, int64_t *value)
{
	const char *at = text, *end;
	bool negative;
	uint64_t n = 0;
	int err;

	while (isspace((unsigned char)*at))
		at++;
	negative = *at == '-';
	if ((*at == '-' || *at == '+') && !isdigit((unsigned char)at[1]))
		return DU_NUMBER_INVALID;
	err = du_number(negative ? at + 1 : text, suffixes, &n, &end);
	if (err != DU_NUMBER_OK)
		return err;
	if (n > (uint64_t)INT64_MAX + negative)
		return DU_NUMBER_TOO_LARGE;
	*value = negative ? (int64_t)(0 - n) : (int64_t)n;
	return DU_NUMBER_OK;
}
