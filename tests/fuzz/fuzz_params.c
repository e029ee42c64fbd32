/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the parser of plugins' parameters: nothing may be read or written out of bounds, and what
 * is accepted keeps its promises: numbers within their bounds, and the same values again when they
 * are written down with escapes and parsed once more.
 *
 * make check runs it on its corpus and on variations of that (tests/fuzz/main.c). For libFuzzer:
 *	clang -g -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. -Iinclude \
 *		tests/fuzz/fuzz_params.c core/param*.c core/base/alloc.c \
 *		core/base/fatal.c core/base/log.c -o fuzz_params
 *	./fuzz_params -max_len=512 tests/fuzz/corpus/params
 */
#include <inttypes.h>
#include <string.h>

#include "core/plugin/param.h"

#include "tests/fuzz/fuzz.h"

static const struct peal_param table[] = {
	{ .name = "word", .type = PEAL_PARAM_STRING, .initial = "Hello" },
	{ .name = "any", .type = PEAL_PARAM_INT, .initial = "0" },
	{ .name = "few", .type = PEAL_PARAM_INT, .initial = "3", .low = -2, .high = 9 },
	{ .name = "room", .type = PEAL_PARAM_SIZE, .initial = "64K", .low = 4096, .high = 1 << 30 },
	{ .name = "wait", .type = PEAL_PARAM_TIME, .initial = "1s", .low = 1, .high = INT64_MAX },
	{ .name = "loud", .type = PEAL_PARAM_BOOL, .initial = "no" },
	{ 0 },
};

static void check_bounds(const struct peal_params *params)
{
	for (const struct peal_param *param = table; param->name; param++) {
		int64_t n;

		if (param->type == PEAL_PARAM_STRING)
			continue;
		n = peal_params_number(params, param->name);
		if (param->low || param->high)
			fuzz_check(n >= param->low && n <= param->high);
		if (param->type == PEAL_PARAM_BOOL)
			fuzz_check(n == 0 || n == 1);
	}
}

static char *write_down(const struct peal_params *params)
{
	const char *word = peal_params_string(params, "word");
	char *text = malloc(2 * strlen(word) + 256);
	char *end = text;

	fuzz_check(text);
	end += sprintf(end,
		"any=%" PRId64 ",few=%" PRId64 ",room=%" PRId64 ",wait=%" PRId64 "ns,loud=%d,word=",
		peal_params_number(params, "any"), peal_params_number(params, "few"),
		peal_params_number(params, "room"), peal_params_number(params, "wait"),
		(int)peal_params_number(params, "loud"));
	for (; *word; word++) {
		if (*word == ',' || *word == '\\')
			*end++ = '\\';
		*end++ = *word;
	}
	*end = '\0';
	return text;
}

static int parse(struct peal_params **params, const char *text, struct peal_reason *reason)
{
	return peal_params_parse(params, table, sizeof(table[0]), text, "plugin fuzz", reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of exactly the right size, so that a sanitizer sees one byte too many. */
	char *text = malloc(size + 1);
	struct peal_params *params, *again;
	struct peal_reason reason = { "" };
	char *written;

	fuzz_check(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (parse(&params, text, &reason)) {
		fuzz_check(!strncmp(reason.text, "plugin fuzz: ", 13));
		free(text);
		return 0;
	}
	free(text);
	check_bounds(params);
	written = write_down(params);
	if (strlen(written) <= PEAL_PARAMS_TEXT_MAX) {
		fuzz_check(!parse(&again, written, &reason));
		fuzz_check(peal_params_equal(params, again));
		peal_params_free(again);
	}
	free(written);
	peal_params_free(params);
	return 0;
}
