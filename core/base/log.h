/* SPDX-License-Identifier: MIT */
/*
 * What the library has to say goes to the application's log hook (runtime.h), nowhere else. Without a
 * hook it is silent.
 */
#ifndef PEAL_CORE_LOG_H
#define PEAL_CORE_LOG_H

#include <peal/runtime.h>

/* Level is one of enum peal_log_level; a sentence without newline, at most 511 bytes are kept. */
void peal_log(int level, const char *fmt, ...) PEAL_PRINTF(2, 3);

/* Fill a reason (base.h); NULL is accepted. Returns err, so that a refusal is one statement. */
int peal_refuse(struct peal_reason *reason, int err, const char *fmt, ...) PEAL_PRINTF(3, 4);

#endif
