/* SPDX-License-Identifier: MIT */
/* Finding the C++ runtime that comes later, as with a plugin: this program is C. */
#include <dlfcn.h>
#include <string.h>

#include "core/fiber/exceptions.h"
#include "core/fiber/fiber.h"

#include "tests/check_main.h"

static struct peal_exceptions *(*load_runtime(void))(void)
{
	void *library = dlopen("libstdc++.so.6", RTLD_NOW | RTLD_LOCAL);
	void *symbol = library ? dlsym(library, "__cxa_get_globals") : NULL;
	struct peal_exceptions *(*get)(void) = NULL;

	memcpy(&get, &symbol, sizeof(get));
	return get;
}

START_TEST(a_runtime_that_comes_later_is_found)
{
	struct peal_exceptions *(*get)(void);
	bool early = peal_exceptions_of_thread() != NULL;

	get = load_runtime();
	if (!get)
		peal_skip("there is no libstdc++.so.6");
	ck_assert_ptr_nonnull(peal_exceptions_of_thread());
	if (!early)
		ck_assert_ptr_eq(peal_exceptions_of_thread(), get());
}
END_TEST

static struct peal_fiber thread;

struct handler {
	struct peal_fiber fiber;
	unsigned int at_start, after;
};

static struct peal_fiber *handle(void *arg)
{
	struct handler *handler = arg;
	struct peal_exceptions *mine = peal_exceptions_of_thread();

	handler->at_start = mine->uncaught;
	mine->caught = handler;
	mine->uncaught = 5;
	peal_fiber_switch(&handler->fiber, &thread);
	handler->after = mine->caught == handler ? mine->uncaught : 0;
	return &thread;
}

static struct peal_fiber *wait_once(void *arg)
{
	peal_fiber_switch(arg, &thread);
	return &thread;
}

/* One fiber that waits since before there was a runtime, and one that uses it. */
START_TEST(its_state_travels_from_then_on)
{
	struct peal_stack_pool *pool;
	struct peal_fiber early;
	struct handler late = { 0 };
	struct peal_exceptions *mine;

	ck_assert_int_eq(peal_stack_pool_create(&pool, &(struct peal_stack_limits){ 0 }), 0);
	ck_assert_int_eq(peal_fiber_adopt_thread(&thread), 0);
	peal_fiber_init(&early, peal_stack_get(pool), "early", wait_once, &early);
	peal_fiber_switch(&thread, &early);
	if (!load_runtime())
		peal_skip("there is no libstdc++.so.6");
	peal_fiber_find_exceptions();
	mine = peal_exceptions_of_thread();
	ck_assert_ptr_nonnull(mine);
	mine->uncaught = 2;

	peal_fiber_init(&late.fiber, peal_stack_get(pool), "late", handle, &late);
	peal_fiber_switch(&thread, &late.fiber);
	ck_assert_uint_eq(mine->uncaught, 2);
	ck_assert_ptr_null(mine->caught);
	peal_fiber_switch(&thread, &early);
	ck_assert_uint_eq(mine->uncaught, 2);
	peal_fiber_switch(&thread, &late.fiber);
	ck_assert_uint_eq(mine->uncaught, 2);
	ck_assert_uint_eq(late.at_start, 0);
	ck_assert_uint_eq(late.after, 5);

	mine->uncaught = 0;
	peal_stack_put(pool, early.stack);
	peal_stack_put(pool, late.fiber.stack);
	peal_fiber_release_thread(&thread);
	ck_assert_uint_eq(peal_stack_pool_destroy(pool), 0);
}
END_TEST

static Suite *exceptions_suite(void)
{
	Suite *suite = suite_create("exceptions");
	TCase *tcase = tcase_create("exceptions");

	tcase_add_test(tcase, a_runtime_that_comes_later_is_found);
	tcase_add_test(tcase, its_state_travels_from_then_on);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(exceptions_suite());
}
