/* SPDX-License-Identifier: MIT */
/* Fibers that a thread resumes, on stacks of a pool: the fixture and what the cases share. */
#ifndef PEAL_TESTS_FIBER_POOL_H
#define PEAL_TESTS_FIBER_POOL_H

#include "core/fiber/fiber.h"
#include "tests/check_main.h"

static struct peal_stack_pool *pool;
static struct peal_fiber thread;

static inline void setup(void)
{
	ck_assert_int_eq(peal_stack_pool_create(&pool, &(struct peal_stack_limits){ 0 }), 0);
	ck_assert_int_eq(peal_fiber_adopt_thread(&thread), 0);
}

static inline void teardown(void)
{
	peal_fiber_release_thread(&thread);
	ck_assert_uint_eq(peal_stack_pool_destroy(pool), 0);
}

static inline void make(struct peal_fiber *fiber, peal_fiber_entry *entry, void *arg)
{
	struct peal_stack *stack = peal_stack_get(pool);

	ck_assert_ptr_nonnull(stack);
	peal_fiber_init(fiber, stack, "test", entry, arg);
}

static inline void resume(struct peal_fiber *fiber)
{
	peal_fiber_switch(&thread, fiber);
}

static inline void suspend(struct peal_fiber *fiber)
{
	peal_fiber_switch(fiber, &thread);
}

static inline void end(struct peal_fiber *fiber)
{
	peal_stack_put(pool, fiber->stack);
}

static inline struct peal_fiber *end_at_once(void *arg)
{
	*(int *)arg += 1;
	return &thread;
}

static inline struct peal_fiber *end_into(void *arg)
{
	return arg;
}

struct stepper {
	struct peal_fiber fiber;
	int steps, done;
};

static inline struct peal_fiber *step(void *arg)
{
	struct stepper *stepper = arg;

	for (; stepper->done < stepper->steps; stepper->done++)
		suspend(&stepper->fiber);
	return &thread;
}

#endif
