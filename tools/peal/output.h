/* SPDX-License-Identifier: MIT */
/* How the subcommands write: numbers for people, strings for programs, tables. */
#ifndef PEAL_TOOLS_OUTPUT_H
#define PEAL_TOOLS_OUTPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Room for any number in words. */
struct output_text {
	char text[48];
};

/* "1,234,567" */
struct output_text output_count(uint64_t n);
struct output_text output_signed(int64_t n);
/* Three digits and a unit: "35.2 ms", "1.20 s", "812 ns", "3.40 h". */
struct output_text output_duration(uint64_t ns);
/* "812 B", "1.50 KiB", "35.2 MiB" */
struct output_text output_bytes(uint64_t bytes);

/* A JSON string with its quotes (RFC 8259). What is not ASCII passes as it is. */
void output_json_string(FILE *to, const char *text);

/* The columns of the terminal that `to` is, or 0 when it is none. */
unsigned int output_width(FILE *to);

/* Did everything arrive? Says so on stderr if not; for the end of a command. 0 or -1. */
int output_finish(const char *command);

/*
 * Cells are added one after another, row by row, and printed with every column as wide as it needs to
 * be, aligned right; columns with their bit in `left` are aligned left.
 */
struct output_table {
	unsigned int columns;
	uint64_t left;
	char **cells;
	size_t count, room;
};

void output_table_init(struct output_table *table, unsigned int columns, uint64_t left);
void output_table_add(struct output_table *table, const char *text);
/* Ends the row with empty cells. */
void output_table_end_row(struct output_table *table);
unsigned int output_table_width(const struct output_table *table);
void output_table_print(const struct output_table *table, FILE *to);
void output_table_free(struct output_table *table);

#endif
