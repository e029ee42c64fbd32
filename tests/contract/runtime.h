/* SPDX-License-Identifier: MIT */
/*
 * What the tests of a whole runtime share: each case runs once on every backend that works here (or
 * only on $PEAL_BACKEND), and its body runs as the main task of a runtime.
 */
#ifndef PEAL_TESTS_CONTRACT_RUNTIME_H
#define PEAL_TESTS_CONTRACT_RUNTIME_H

#include <stdbool.h>

#include <peal/backend.h>
#include <peal/peal.h>

#include "tests/check_main.h"

#define MAX_BACKENDS 8

PEAL_BEGIN_DECLS

/* Set by find_backends(), before the suite is made. */
extern const char *backend_names[MAX_BACKENDS];
extern int backend_count;

/* Those that are chosen automatically and work here. */
void find_backends(void);

/* Run `body` as the main task on backend number i, and expect it to return 0. */
void run_on(int i, peal_task_fn *body, void *arg, struct peal_rt_opts opts);

/* A case whose body is a task's function, added for every backend. */
#define ADD_TASK_TEST(tcase, name) tcase_add_loop_test(tcase, name, 0, backend_count)

#define TASK_TEST(name, ...)                                                         \
	static int name##_body(void *arg);                                           \
	START_TEST(name)                                                             \
	{                                                                            \
		run_on(_i, name##_body, NULL, (struct peal_rt_opts){ __VA_ARGS__ }); \
	}                                                                            \
	END_TEST                                                                     \
	static int name##_body(void *arg)

/* The sum of a counter over all shards of the calling task's runtime. */
uint64_t counter(const char *name);

PEAL_END_DECLS

#endif
