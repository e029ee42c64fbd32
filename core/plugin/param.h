/* SPDX-License-Identifier: MIT */
/*
 * Parameters of plugins: from "key=value,key=value" and a plugin's table (plugin.h) to checked
 * values.
 *
 * The text may come from anybody, the table from a plugin that was built with an older or a newer
 * struct peal_param: its stride says how much of each entry there is.
 */
#ifndef PEAL_CORE_PARAM_H
#define PEAL_CORE_PARAM_H

#include <peal/plugin.h>

#define PEAL_PARAM_NAME_MAX   31    /* bytes of a name */
#define PEAL_PARAMS_MAX       64    /* entries of a table */
#define PEAL_PARAMS_TEXT_MAX  65535 /* bytes of a text */

/* A stride holds at least the first version's struct, and no more than anybody will ever need. */
#define PEAL_PARAM_STRIDE_MIN (offsetof(struct peal_param, reserved) + sizeof(uint32_t))
#define PEAL_PARAM_STRIDE_MAX 1024

/*
 * Parse and check. text may be NULL or "": the defaults; table may be NULL: no parameters. The
 * table must stay. `who` starts the reasons ("plugin hello").
 *
 * 0 and *params; -EINVAL for a text that the table does not take; -ENOEXEC for a table that makes
 * no sense; -ENOMEM.
 */
int peal_params_parse(struct peal_params **params, const struct peal_param *table, size_t stride,
	const char *text, const char *who, struct peal_reason *reason);

/* Accepts NULL. */
void peal_params_free(struct peal_params *params);

/* Of two that were parsed with the same table: the same values? */
bool peal_params_equal(const struct peal_params *a, const struct peal_params *b);

/*
 * A value by name. A name that is not in the table, or of the other kind, ends the program: the
 * plugin's code does not fit its own table.
 */
const char *peal_params_string(const struct peal_params *params, const char *name);
int64_t peal_params_number(const struct peal_params *params, const char *name);

/*
 * param_table.c: entry number `index` of a table, as this library knows the struct. False at the
 * end of the table.
 */
bool peal_param_read(
	struct peal_param *param, const struct peal_param *table, size_t stride, size_t index);

/* Does the table make sense? How many entries it has, or -ENOEXEC. */
int peal_params_check(
	const struct peal_param *table, size_t stride, const char *who, struct peal_reason *reason);

/*
 * param_value.c: is text what the parameter takes? 0, and *number unless it is a string; or
 * -EINVAL.
 */
int peal_param_value(const struct peal_param *param, const char *text, int64_t *number);

/* "a number between 1 and 9", for reasons. */
struct peal_param_text {
	char text[112];
};
struct peal_param_text peal_param_expected(const struct peal_param *param);

/* A word for the type; NULL for a type that this library does not know. */
const char *peal_param_type_name(uint32_t type);

#endif
