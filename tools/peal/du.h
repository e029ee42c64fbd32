/* SPDX-License-Identifier: MIT */
/* Inside `peal du`: the command around the du plugin. */
#ifndef PEAL_TOOLS_DU_H
#define PEAL_TOOLS_DU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <peal/plugins/du.h>

/* How numbers are written. */
struct du_units {
	uint64_t block; /* what is counted in; 1 with scale */
	uint32_t base;  /* of letters: 1024 or 1000 */
	bool scale;     /* choose the letter by size: 1.5M */
	bool letter;    /* write the letter of the block: 12K */
	bool letter_b;  /* and a B (or iB) behind it */
	bool grouped;   /* thousands apart, as the locale has it */
};

#define DU_NUMBER_SIZE 128 /* room for any number, grouped, with its letters */

/* What was asked for. */
struct du_command {
	struct peal_du_opts opts;
	struct du_units units;
	const char **exclude;
	size_t exclude_count;
	const char **paths;
	size_t path_count;
	int64_t threshold;
	uint32_t jobs;
	bool apparent, inodes, total, stats;
	bool summarize, has_depth;
	uint64_t depth;
	char end; /* of a line */

	/* While it runs. */
	bool quoted;   /* names may be shown on a terminal */
	bool shown;    /* there is a line of progress */
	bool progress; /* there may be one */
	int status;    /* of exit(3) */
};

/* What is wrong with a number (du_number.c). */
enum du_number_error {
	DU_NUMBER_OK,
	DU_NUMBER_TOO_LARGE, /* these two may come together */
	DU_NUMBER_SUFFIX,
	DU_NUMBER_INVALID = 4
};

/* du_number.c */
int du_number(const char *text, const char *suffixes, uint64_t *value, const char **end);
int du_number_signed(const char *text, const char *suffixes, int64_t *value);

/* du_units.c */
int du_units_parse(struct du_units *units, const char *spec);
void du_units_environment(struct du_units *units);
void du_units_set(struct du_units *units, uint64_t block);
void du_units_scale(struct du_units *units, uint32_t base);
const char *du_units_format(const struct du_units *units, uint64_t n, char buf[DU_NUMBER_SIZE]);

/* du_quote.c; what they return is to be freed, NULL: no memory */
enum du_quote { DU_QUOTE_ALWAYS, DU_QUOTE_IF_NEEDED, DU_QUOTE_IF_NEEDED_OR_COLON };
char *du_quote(const char *name, size_t size, enum du_quote when);
char *du_quote_value(const char *value);

/* du_options.c; > 0: go on; otherwise the exit status, negated */
#define DU_GO_ON 1
int du_options(struct du_command *command, int argc, char **argv);
void du_options_free(struct du_command *command);

/* du_help.c */
void du_help(FILE *to);
void du_version(void);

/* du_print.c; arg is a struct du_command */
int du_print_entry(void *arg, const struct peal_du_entry *entry);
int du_print_error(void *arg, const struct peal_du_error *error);
int du_print_tick(void *arg, const struct peal_du_counts *counts);
void du_print_line(
	struct du_command *command, const struct peal_du_sum *sum, const char *path, size_t size);
uint64_t du_print_value(const struct du_command *command, const struct peal_du_sum *sum);
int du_print_flush(struct du_command *command);
void du_print_clear(struct du_command *command);

#endif
