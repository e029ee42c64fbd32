/* SPDX-License-Identifier: MIT */
/*
 * The end of the road: our own invariants do not hold, or the caller's misuse cannot be answered with
 * an error. The application's fatal hook is told first (runtime.h); if it returns, we abort.
 */
#ifndef PEAL_CORE_FATAL_H
#define PEAL_CORE_FATAL_H

#include <peal/base.h>

PEAL_NORETURN void peal_fatal(const char *fmt, ...) PEAL_PRINTF(1, 2);
PEAL_NORETURN void peal_assert_failed(const char *what, const char *file, int line);

/* Stays in release builds: it guards memory, and a wrong answer is worse than none. */
#define peal_assert(condition)                        \
	(__builtin_expect(!!(condition), 1) ? (void)0 \
					    : peal_assert_failed(#condition, __FILE__, __LINE__))

#endif
