/* SPDX-License-Identifier: MIT */
/* What the tests that explore share: a scenario holds in every order, its mutations do not. */
#ifndef PEAL_TESTS_EXPLORE_H
#define PEAL_TESTS_EXPLORE_H

#include <stdio.h>

#include "core/fiber/sanitizer.h"
#include "tests/check_main.h"
#include "tests/model/interleave.h"

static inline void check_holds(const struct il_scenario *scenario)
{
	struct il_result result = il_explore(scenario, NULL, true);

	fprintf(stderr, "# %s: %llu runs, %llu cut\n", scenario->name,
		(unsigned long long)result.runs, (unsigned long long)result.cut);
	ck_assert_msg(!result.failure, "%s: %s", scenario->name, result.failure);
	ck_assert_msg(result.complete, "%s: too many orders", scenario->name);
}

/* In some order; with that very failure, if `why`. */
static inline void check_fails(const struct il_scenario *scenario, const char *why)
{
	struct il_result result = il_explore(scenario, NULL, false);

	ck_assert_msg(result.failure != NULL, "%s: nothing is found", scenario->name);
	if (why)
		ck_assert_str_eq(result.failure, why);
}

static inline void check_each_fails(
	const struct il_scenario *scenario, const struct il_mutation *mutations)
{
	for (int i = 0; mutations[i].function; i++) {
		struct il_result result = il_explore(scenario, &mutations[i], false);

		ck_assert_msg(result.failure != NULL, "%s: mutation %d, of %s, is not found",
			scenario->name, i, mutations[i].function);
	}
}

/* ThreadSanitizer and Valgrind would follow every switch, and there is one thread only. */
static inline void no_threads_here(void)
{
	if (PEAL_TSAN || peal_on_valgrind())
		peal_skip("runs on one thread: other builds test it");
}

static inline TCase *explore_tcase(const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, no_threads_here, NULL);
	return tcase;
}

#endif
