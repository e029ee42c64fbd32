/* SPDX-License-Identifier: MIT */
/*
 * What the Check programs share: main, and how a case skips.
 *
 *	int main(void) { return peal_check_main(list_suite()); }
 *
 * Under `make check` the environment asks for TAP on stdout, one line per case (tests/module.mk). By
 * hand Check's own report appears, and CK_RUN_CASE, CK_FORK=no and CK_TIMEOUT_MULTIPLIER choose what
 * runs and how. Each case runs in a process of its own unless CK_FORK=no: make rings and threads in the
 * case or in a checked fixture, never in an unchecked one, which runs before the fork.
 */
#ifndef PEAL_TESTS_CHECK_MAIN_H
#define PEAL_TESTS_CHECK_MAIN_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define PEAL_SKIP_PREFIX "SKIP: "

/* Leave a case that cannot run here; why is shown. A literal. */
#define peal_skip(why)   ck_abort_msg(PEAL_SKIP_PREFIX why)

/* Check knows no skipped cases: they are failures with a certain message, which tests/run rewrites. */
static inline int peal_check_failures(SRunner *runner)
{
	TestResult **results = srunner_failures(runner);
	int failures = srunner_ntests_failed(runner);
	int skipped = 0;

	for (int i = 0; i < failures; i++)
		skipped += !strncmp(tr_msg(results[i]), PEAL_SKIP_PREFIX, strlen(PEAL_SKIP_PREFIX));
	free(results);
	return failures - skipped;
}

/*
 * Run the suite. The status to leave main with: 1 when a case failed; under TAP 0 even then, because
 * the harness counts the lines, and takes another status for a failure of its own (a leak that is
 * found at exit, say).
 */
static inline int peal_check_main(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failures;

	srunner_run_all(runner, CK_ENV);
	failures = peal_check_failures(runner);
	srunner_free(runner);
	return failures && !getenv("CK_TAP_LOG_FILE_NAME");
}

#endif
