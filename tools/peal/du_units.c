/* SPDX-License-Identifier: MIT */
/* Units of sizes: how they are asked for, and how numbers in them are written. Rounded up, always. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "tools/peal/du.h"

#define SUFFIXES "eEgGkKmMpPQRtTyYzZ"

static const char letters[] = "BKMGTPEZYRQ";

static uint64_t default_block(void)
{
	return getenv("POSIXLY_CORRECT") ? 512 : 1024;
}

/* Plain numbers of blocks. */
void du_units_set(struct du_units *units, uint64_t block)
{
	*units = (struct du_units){ .block = block, .base = 1024 };
}

/* 1.5M and so on, in powers of the base. */
void du_units_scale(struct du_units *units, uint32_t base)
{
	*units = (struct du_units){ .block = 1, .base = base, .scale = true, .letter = true };
}

static bool is_start_of(const char *text, const char *word)
{
	return *text && !strncmp(word, text, strlen(text));
}

static bool starts_with_number(const char *spec, const char *end)
{
	for (; spec < end; spec++)
		if (*spec >= '0' && *spec <= '9')
			return true;
	return false;
}

/* What follows a number's letter is written too when there was no number: K, KB, KiB. */
static void take_letters(struct du_units *units, const char *spec, const char *end)
{
	if (end == spec || starts_with_number(spec, end))
		return;
	units->letter = true;
	units->letter_b = end[-1] == 'B';
	if (units->letter_b && end[-2] != 'i')
		units->base = 1000;
}

/*
 * SIZE of the manual: ['](human-readable | si | [N][letter]). For an error the units are plain, of
 * the number as far as it was understood.
 */
int du_units_parse(struct du_units *units, const char *spec)
{
	bool grouped = *spec == '\'';
	const char *end;
	uint64_t block = 0;
	int err;

	spec += grouped;
	if (is_start_of(spec, "human-readable") || is_start_of(spec, "si")) {
		du_units_scale(units, *spec == 'h' ? 1024 : 1000);
		units->grouped = grouped;
		return DU_NUMBER_OK;
	}
	err = du_number(spec, SUFFIXES, &block, &end);
	du_units_set(units, block ? block : default_block());
	if (err == DU_NUMBER_OK) {
		units->grouped = grouped;
		take_letters(units, spec, end);
	}
	return block ? err : DU_NUMBER_INVALID;
}

void du_units_environment(struct du_units *units)
{
	const char *spec = getenv("DU_BLOCK_SIZE");

	if (!spec)
		spec = getenv("BLOCK_SIZE");
	if (!spec)
		spec = getenv("BLOCKSIZE");
	if (spec)
		du_units_parse(units, spec);
	else
		du_units_set(units, default_block());
}

static uint64_t divide_up(uint64_t n, uint64_t by)
{
	return n / by + (n % by != 0);
}

/* Write digits backwards from `at`, in the locale's groups when asked to. */
static char *write_digits(char *at, uint64_t n, bool grouped)
{
	const struct lconv *locale = localeconv();
	const char *separator = locale->thousands_sep, *group = locale->grouping;
	int left = grouped && *separator ? (unsigned char)*group : 0;

	do {
		*--at = (char)('0' + n % 10);
		n /= 10;
		if (n && left > 0 && left < 127 && !--left) {
			at -= strlen(separator);
			memcpy(at, separator, strlen(separator));
			if (group[1])
				group++;
			left = (unsigned char)*group;
		}
	} while (n);
	return at;
}

static char *write_tenths(char *at, uint64_t tenths)
{
	const char *point = localeconv()->decimal_point;

	*--at = (char)('0' + tenths % 10);
	at -= strlen(point);
	memcpy(at, point, strlen(point));
	*--at = (char)('0' + tenths / 10);
	return at;
}

/* The power at which a number has fewer than four digits before the point. */
static int power_for(uint64_t n, uint32_t base, uint64_t *unit)
{
	int power = 0;

	for (*unit = 1; n / *unit >= base; power++)
		*unit *= base;
	return power;
}

static char *write_scaled(char *at, uint64_t n, const struct du_units *units, int *power)
{
	uint64_t unit, whole;
	unsigned __int128 tenths;

	*power = power_for(n, units->base, &unit);
	if (!*power)
		return write_digits(at, n, units->grouped);
	tenths = ((unsigned __int128)n * 10 + unit - 1) / unit;
	if (tenths < 100)
		return write_tenths(at, (uint64_t)tenths);
	whole = divide_up(n, unit);
	if (whole < units->base)
		return write_digits(at, whole, units->grouped);
	++*power;
	return write_tenths(at, 10);
}

static void write_letters(char *at, const struct du_units *units, int power)
{
	if (power)
		*at++ = (char)(units->base == 1000 && power == 1 ? 'k' : letters[power]);
	if (units->letter_b) {
		if (units->base == 1024 && power)
			*at++ = 'i';
		*at++ = 'B';
	}
	*at = '\0';
}

/* The letter of the block size: the first power that reaches it. */
static int block_power(const struct du_units *units)
{
	uint64_t unit = 1;
	int power = 0;

	while (unit < units->block && power < (int)sizeof(letters) - 2) {
		power++;
		if (__builtin_mul_overflow(unit, (uint64_t)units->base, &unit))
			break;
	}
	return power;
}

/* n bytes in these units. The result points into buf. */
const char *du_units_format(const struct du_units *units, uint64_t n, char buf[DU_NUMBER_SIZE])
{
	char *end = buf + DU_NUMBER_SIZE - 8, *at;
	int power = 0;

	if (n == UINT64_MAX)
		return "Infinity";
	if (units->scale) {
		at = write_scaled(end, n, units, &power);
	} else {
		at = write_digits(end, divide_up(n, units->block), units->grouped);
		if (units->letter)
			power = block_power(units);
	}
	if (units->letter)
		write_letters(end, units, power);
	else
		*end = '\0';
	return at;
}
