/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/peal/output.h"

#define GAP 2 /* blanks between columns */

struct output_text output_count(uint64_t n)
{
	struct output_text plain, out = { "" };
	int digits = snprintf(plain.text, sizeof(plain.text), "%llu", (unsigned long long)n);
	char *to = out.text;

	for (int i = 0; i < digits; i++) {
		if (i && (digits - i) % 3 == 0)
			*to++ = ',';
		*to++ = plain.text[i];
	}
	*to = '\0';
	return out;
}

struct output_text output_signed(int64_t n)
{
	struct output_text out = output_count(n < 0 ? 0 - (uint64_t)n : (uint64_t)n);

	if (n < 0) {
		memmove(out.text + 1, out.text, strlen(out.text) + 1);
		out.text[0] = '-';
	}
	return out;
}

static struct output_text three_digits(double value, const char *unit)
{
	struct output_text out;
	int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	snprintf(out.text, sizeof(out.text), "%.*f %s", decimals, value, unit);
	return out;
}

struct output_text output_duration(uint64_t ns)
{
	struct output_text out;

	if (ns < 1000) {
		snprintf(out.text, sizeof(out.text), "%u ns", (unsigned int)ns);
		return out;
	}
	if (ns < 999500)
		return three_digits((double)ns / 1e3, "us");
	if (ns < 999500000)
		return three_digits((double)ns / 1e6, "ms");
	if (ns < UINT64_C(600) * 1000000000)
		return three_digits((double)ns / 1e9, "s");
	if (ns < UINT64_C(36000) * 1000000000)
		return three_digits((double)ns / 6e10, "min");
	return three_digits((double)ns / 3.6e12, "h");
}

struct output_text output_bytes(uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	struct output_text out;
	double value = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(out.text, sizeof(out.text), "%u B", (unsigned int)bytes);
		return out;
	}
	/* 1,000 KiB would be four digits; as MiB it is 0.98. */
	for (; value >= 999.5 && unit < sizeof(units) / sizeof(units[0]) - 1; unit++)
		value /= 1024;
	return three_digits(value, units[unit]);
}

void output_json_string(FILE *to, const char *text)
{
	putc('"', to);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(to, "\\u%04x", c);
		else
			putc(c, to);
	}
	putc('"', to);
}

unsigned int output_width(FILE *to)
{
	struct winsize size;

	if (!isatty(fileno(to)))
		return 0;
	if (ioctl(fileno(to), TIOCGWINSZ, &size) || !size.ws_col)
		return 80;
	return size.ws_col;
}

int output_finish(const char *command)
{
	if (!ferror(stdout) && !fflush(stdout))
		return 0;
	fprintf(stderr, "%s: cannot write: %s\n", command, strerror(errno));
	return -1;
}

void output_table_init(struct output_table *table, unsigned int columns, uint64_t left)
{
	*table = (struct output_table){ .columns = columns, .left = left };
}

static void *must(void *memory)
{
	if (!memory) {
		fputs("peal: out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

void output_table_add(struct output_table *table, const char *text)
{
	if (table->count == table->room) {
		table->room = table->room ? table->room * 2 : 64;
		table->cells = must(realloc(table->cells, table->room * sizeof(*table->cells)));
	}
	table->cells[table->count++] = must(strdup(text));
}

void output_table_end_row(struct output_table *table)
{
	while (table->count % table->columns)
		output_table_add(table, "");
}

static unsigned int column_width(const struct output_table *table, unsigned int column)
{
	size_t widest = 0;

	for (size_t i = column; i < table->count; i += table->columns)
		if (strlen(table->cells[i]) > widest)
			widest = strlen(table->cells[i]);
	return (unsigned int)widest;
}

unsigned int output_table_width(const struct output_table *table)
{
	unsigned int width = (table->columns - 1) * GAP;

	for (unsigned int column = 0; column < table->columns; column++)
		width += column_width(table, column);
	return width;
}

/* One row; blanks at its end are left out. */
static void print_row(
	const struct output_table *table, const unsigned int *widths, char **cells, FILE *to)
{
	int blanks = 0;

	for (unsigned int column = 0; column < table->columns; column++) {
		int size = (int)strlen(cells[column]), pad = (int)widths[column] - size;
		int before = column < 64 && table->left >> column & 1 ? 0 : pad;

		blanks += before;
		if (size) {
			fprintf(to, "%*s%s", blanks, "", cells[column]);
			blanks = 0;
		}
		blanks += pad - before + GAP;
	}
	putc('\n', to);
}

void output_table_print(const struct output_table *table, FILE *to)
{
	unsigned int *widths = must(calloc(table->columns, sizeof(*widths)));

	for (unsigned int column = 0; column < table->columns; column++)
		widths[column] = column_width(table, column);
	for (size_t i = 0; i + table->columns <= table->count; i += table->columns)
		print_row(table, widths, table->cells + i, to);
	free(widths);
}

void output_table_free(struct output_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct output_table){ 0 };
}
