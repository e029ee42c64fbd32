/* SPDX-License-Identifier: MIT */
/* Fibers for a test in C++, which cannot include the headers of core. */
#ifndef PEAL_TESTS_FIBER_HELP_H
#define PEAL_TESTS_FIBER_HELP_H

#ifdef __cplusplus
extern "C" {
#endif

#define HELP_FIBERS 8

void help_begin(void);
void help_end(void);
/* A fiber that will run fn(arg); its number. */
int help_make(void (*fn)(void *arg), void *arg);
/* From the thread: run a fiber until it suspends (true) or ends (false). */
int help_resume(int number);
/* From a fiber: back to the thread. */
void help_suspend(void);

#ifdef __cplusplus
}
#endif

#endif
