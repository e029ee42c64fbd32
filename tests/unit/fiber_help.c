/* SPDX-License-Identifier: MIT */
/* Fibers for a test in C++. */
#include "tests/unit/fiber_help.h"

#include <stdlib.h>

#include "core/fiber/fiber.h"

static struct peal_stack_pool *pool;
static struct peal_fiber thread;
static struct help {
	struct peal_fiber fiber;
	void (*fn)(void *arg);
	void *arg;
	bool ended;
} helps[HELP_FIBERS], *running;
static int made;

void help_begin(void)
{
	const struct peal_stack_limits limits = { 0 };

	if (peal_stack_pool_create(&pool, &limits) || peal_fiber_adopt_thread(&thread))
		abort();
}

void help_end(void)
{
	peal_fiber_release_thread(&thread);
	if (peal_stack_pool_destroy(pool))
		abort();
}

static struct peal_fiber *run(void *arg)
{
	struct help *help = arg;

	help->fn(help->arg);
	help->ended = true;
	return &thread;
}

int help_make(void (*fn)(void *arg), void *arg)
{
	struct help *help = &helps[made];
	struct peal_stack *stack = made < HELP_FIBERS ? peal_stack_get(pool) : NULL;

	if (!stack)
		abort();
	help->fn = fn;
	help->arg = arg;
	peal_fiber_init(&help->fiber, stack, "help", run, help);
	return made++;
}

int help_resume(int number)
{
	struct help *help = &helps[number];

	running = help;
	peal_fiber_switch(&thread, &help->fiber);
	if (help->ended)
		peal_stack_put(pool, help->fiber.stack);
	return !help->ended;
}

void help_suspend(void)
{
	struct help *help = running;

	peal_fiber_switch(&help->fiber, &thread);
}
