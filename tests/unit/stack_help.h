/* SPDX-License-Identifier: MIT */
/* What the tests of pools of stacks share: pools, use of them, and what they cost. */
#ifndef PEAL_TESTS_STACK_HELP_H
#define PEAL_TESTS_STACK_HELP_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fiber/sanitizer.h"
#include "core/fiber/stack.h"
#include "tests/check_main.h"
#include "tests/sys_fail.h"

#define KIB ((size_t)1024)

static inline struct peal_stack_pool *pool_with(size_t size, size_t max_cached)
{
	const struct peal_stack_limits limits = { .size = size, .max_cached = max_cached };
	struct peal_stack_pool *pool = NULL;

	ck_assert_int_eq(peal_stack_pool_create(&pool, &limits), 0);
	return pool;
}

static inline size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* From /proc/self/status, in KiB. */
static inline long status_value(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	long value = -1;

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = strtol(line + strlen(name) + 1, NULL, 10);
	fclose(file);
	return value;
}

static inline void get_and_put(struct peal_stack_pool *pool, size_t count)
{
	struct peal_stack **stack = calloc(count, sizeof(struct peal_stack *));

	for (size_t i = 0; i < count; i++) {
		stack[i] = peal_stack_get(pool);
		ck_assert_ptr_nonnull(stack[i]);
		stack[i]->owner = "somebody";
	}
	for (size_t i = 0; i < count; i++)
		peal_stack_put(pool, stack[i]);
	free(stack);
}

/* Linked by next. */
static inline void put_all(struct peal_stack_pool *pool, struct peal_stack *all)
{
	for (struct peal_stack *next; all; all = next) {
		next = all->next;
		peal_stack_put(pool, all);
	}
}

/* How a process ends that writes there: 0, or the signal. */
static inline int write_kills(volatile char *address)
{
	int status;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (!child) {
		signal(SIGSEGV, SIG_DFL);
		*address = 1;
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

#endif
