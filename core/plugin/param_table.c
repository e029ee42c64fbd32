/* SPDX-License-Identifier: MIT */
/* A plugin's table of parameters: reading it by its stride, and checking it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/plugin/param.h"

bool peal_param_read(
	struct peal_param *param, const struct peal_param *table, size_t stride, size_t index)
{
	size_t known = stride < sizeof(*param) ? stride : sizeof(*param);

	if (!table)
		return false;
	/* Byte by byte, because entries of another size are aligned as their author pleased. */
	memset(param, 0, sizeof(*param));
	memcpy(param, (const char *)table + index * stride, known);
	return param->name != NULL;
}

static bool is_name(const char *name)
{
	size_t length = strnlen(name, PEAL_PARAM_NAME_MAX + 1);

	return length > 0 && length <= PEAL_PARAM_NAME_MAX &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

static bool is_repeated(
	const struct peal_param *table, size_t stride, size_t index, const char *name)
{
	struct peal_param earlier;

	for (size_t i = 0; i < index && peal_param_read(&earlier, table, stride, i); i++)
		if (!strcmp(earlier.name, name))
			return true;
	return false;
}

static int check_entry(const struct peal_param *param, const char *who, struct peal_reason *reason)
{
	int64_t number;

	if (!is_name(param->name))
		return peal_refuse(reason, -ENOEXEC,
			"%s: its parameter \"%.40s\" has a name that nobody could write: "
			"a to z, 0 to 9, _ and -, at most %d",
			who, param->name, PEAL_PARAM_NAME_MAX);
	if (!peal_param_type_name(param->type))
		return peal_refuse(reason, -ENOEXEC,
			"%s: its parameter %s has type %u, which this libpeal does not know", who,
			param->name, param->type);
	if (param->low > param->high)
		return peal_refuse(reason, -ENOEXEC,
			"%s: its parameter %s has a lower bound above the upper one", who,
			param->name);
	if (param->initial && peal_param_value(param, param->initial, &number))
		return peal_refuse(reason, -ENOEXEC,
			"%s: the default %.40s of its parameter %s is not %s", who, param->initial,
			param->name, peal_param_expected(param).text);
	return 0;
}

int peal_params_check(
	const struct peal_param *table, size_t stride, const char *who, struct peal_reason *reason)
{
	struct peal_param param;
	int count = 0;
	int err;

	if (!table)
		return 0;
	if (stride < PEAL_PARAM_STRIDE_MIN || stride > PEAL_PARAM_STRIDE_MAX)
		return peal_refuse(reason, -ENOEXEC,
			"%s: its parameters are of %zu bytes each, expected %zu: was param_size set "
			"by PEAL_PLUGIN_HEADER?",
			who, stride, sizeof(param));
	for (; peal_param_read(&param, table, stride, (size_t)count); count++) {
		if (count == PEAL_PARAMS_MAX)
			return peal_refuse(reason, -ENOEXEC,
				"%s: its table of parameters has no end after %d entries", who,
				count);
		err = check_entry(&param, who, reason);
		if (err)
			return err;
		if (is_repeated(table, stride, (size_t)count, param.name))
			return peal_refuse(reason, -ENOEXEC,
				"%s: its parameter %s stands in the table twice", who, param.name);
	}
	return count;
}
