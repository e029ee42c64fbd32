/* SPDX-License-Identifier: MIT */
/* What the tests of overflows share: fibers that overflow, in processes that die of it. */
#ifndef PEAL_TESTS_OVERFLOW_HELP_H
#define PEAL_TESTS_OVERFLOW_HELP_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fiber/fiber.h"
#include "core/fiber/overflow.h"
#include "tests/check_main.h"

static struct peal_fiber thread;

/* A child's end: what it wrote to stderr, and wait(2)'s status. */
static struct {
	char text[4096];
	int status;
} fate;

/* Sanitizers have a handler for SIGSEGV; the tests want the kernel's default below ours. */
static inline void become_plain(void)
{
	const struct rlimit none = { 0 };

	setrlimit(RLIMIT_CORE, &none);
	signal(SIGSEGV, SIG_DFL);
	signal(SIGABRT, SIG_DFL);
}

static inline void read_all(int fd)
{
	size_t used = 0;
	ssize_t n;

	memset(&fate, 0, sizeof(fate));
	while ((n = read(fd, fate.text + used, sizeof(fate.text) - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
}

static inline void in_child(void (*fn)(void))
{
	int fd[2];
	pid_t child;

	ck_assert_int_eq(pipe(fd), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		close(fd[1]);
		become_plain();
		fn();
		_exit(0);
	}
	close(fd[1]);
	read_all(fd[0]);
	ck_assert_int_eq(waitpid(child, &fate.status, 0), child);
}

static inline void check_killed(int signal_number)
{
	ck_assert_msg(WIFSIGNALED(fate.status), "status %x: %s", fate.status, fate.text);
	ck_assert_int_eq(WTERMSIG(fate.status), signal_number);
}

static inline size_t smallest_kib(void)
{
	const struct peal_stack_limits limits = { .size = PEAL_STACK_MIN };
	struct peal_stack_pool *pool;
	struct peal_stack *stack;
	size_t kib;

	ck_assert_int_eq(peal_stack_pool_create(&pool, &limits), 0);
	stack = peal_stack_get(pool);
	kib = peal_stack_kib(stack);
	peal_stack_put(pool, stack);
	peal_stack_pool_destroy(pool);
	return kib;
}

/* "fiber NAME overflowed its N KiB stack (address 0x...)", once, and nothing else. */
static inline void check_report(const char *name)
{
	char expected[256];

	snprintf(expected, sizeof(expected), "fiber %s overflowed its %zu KiB stack (address 0x",
		name, smallest_kib());
	ck_assert_msg(!strncmp(fate.text, expected, strlen(expected)), "%s", fate.text);
	ck_assert_int_eq(fate.text[strlen(fate.text) - 1], '\n');
	ck_assert_ptr_eq(strchr(fate.text, '\n'), fate.text + strlen(fate.text) - 1);
}

/* Without end, in frames smaller than the guard; the compiler must believe that it might return. */
static PEAL_NOINLINE int recurse(volatile int *depth)
{
	volatile char block[512];

	block[0] = (char)++*depth;
	if (*depth < 0)
		return block[0];
	return recurse(depth) + block[0];
}

static inline struct peal_fiber *overflow(void *arg)
{
	volatile int depth = 0;

	(void)arg;
	recurse(&depth);
	return &thread;
}

static inline void run_fiber(const char *name, peal_fiber_entry *entry)
{
	const struct peal_stack_limits limits = { .size = PEAL_STACK_MIN };
	struct peal_stack_pool *pool;
	struct peal_fiber fiber;

	if (peal_stack_pool_create(&pool, &limits) || peal_fiber_adopt_thread(&thread))
		abort();
	peal_fiber_init(&fiber, peal_stack_get(pool), name, entry, NULL);
	peal_fiber_switch(&thread, &fiber);
	peal_stack_put(pool, fiber.stack);
	peal_fiber_release_thread(&thread);
	peal_stack_pool_destroy(pool);
}

static inline void hold_and_overflow(void)
{
	if (peal_overflow_hold() || peal_overflow_enter_thread())
		abort();
	run_fiber("glutton", overflow);
}

/* Nobody's address. */
static inline void touch_nowhere(void)
{
	static volatile char *volatile nowhere = (volatile char *)16;

	*nowhere = 1;
}

#endif
