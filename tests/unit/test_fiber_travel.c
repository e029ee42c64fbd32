/* SPDX-License-Identifier: MIT */
/* What travels with a fiber, and what stays with its thread or its stack. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/fiber_pool.h"

struct with_errno {
	struct peal_fiber fiber;
	int at_start, mine, after;
};

static struct peal_fiber *keep_errno(void *arg)
{
	struct with_errno *with = arg;

	with->at_start = errno;
	errno = with->mine;
	suspend(&with->fiber);
	with->after = errno;
	errno = 0;
	return &thread;
}

START_TEST(errno_travels)
{
	struct with_errno a = { .mine = EBADF }, b = { .mine = ENOSPC };

	make(&a.fiber, keep_errno, &a);
	make(&b.fiber, keep_errno, &b);
	errno = EXDEV;
	resume(&a.fiber);
	ck_assert_int_eq(errno, EXDEV);
	resume(&b.fiber);
	ck_assert_int_eq(errno, EXDEV);
	errno = ELOOP;
	resume(&a.fiber);
	resume(&b.fiber);
	ck_assert_int_eq(errno, ELOOP);
	ck_assert_int_eq(a.at_start, 0);
	ck_assert_int_eq(b.at_start, 0);
	ck_assert_int_eq(a.after, EBADF);
	ck_assert_int_eq(b.after, ENOSPC);
	end(&a.fiber);
	end(&b.fiber);
}
END_TEST

struct printer {
	struct peal_fiber fiber;
	double number;
	char text[64];
};

/* Uses SSE with aligned accesses to the stack. */
static struct peal_fiber *print(void *arg)
{
	struct printer *printer = arg;
	double half = printer->number / 2;

	suspend(&printer->fiber);
	snprintf(printer->text, sizeof(printer->text), "%.4f %s", half * 2, "done");
	return &thread;
}

START_TEST(floating_point_works)
{
	struct printer printer[2] = { { .number = 3.25 }, { .number = -1e6 } };

	for (int i = 0; i < 2; i++) {
		make(&printer[i].fiber, print, &printer[i]);
		resume(&printer[i].fiber);
	}
	for (int i = 0; i < 2; i++) {
		resume(&printer[i].fiber);
		end(&printer[i].fiber);
	}
	ck_assert_str_eq(printer[0].text, "3.2500 done");
	ck_assert_str_eq(printer[1].text, "-1000000.0000 done");
}
END_TEST

/* A thread of its own, with its own errno and its own fibers, next to the first one. */
static void *on_a_thread(void *arg)
{
	struct peal_stack_pool *stacks;
	struct peal_fiber self;
	struct peal_fiber fiber;

	ck_assert_int_eq(peal_stack_pool_create(&stacks, &(struct peal_stack_limits){ 0 }), 0);
	ck_assert_int_eq(peal_fiber_adopt_thread(&self), 0);
	for (int i = 0; i < 1000; i++) {
		peal_fiber_init(&fiber, peal_stack_get(stacks), "other", end_into, &self);
		errno = i;
		peal_fiber_switch(&self, &fiber);
		ck_assert_int_eq(errno, i);
		peal_stack_put(stacks, fiber.stack);
	}
	peal_fiber_release_thread(&self);
	ck_assert_uint_eq(peal_stack_pool_destroy(stacks), 0);
	return arg;
}

START_TEST(threads_do_not_mix)
{
	pthread_t other[2];
	struct peal_fiber fiber;
	int n = 0;

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&other[i], NULL, on_a_thread, NULL), 0);
	for (int i = 0; i < 1000; i++) {
		make(&fiber, end_at_once, &n);
		resume(&fiber);
		end(&fiber);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(other[i], NULL);
}
END_TEST

START_TEST(a_thread_is_adopted_again)
{
	struct peal_fiber fiber;
	int n = 0;

	for (int i = 0; i < 3; i++) {
		peal_fiber_release_thread(&thread);
		ck_assert_int_eq(peal_fiber_adopt_thread(&thread), 0);
		make(&fiber, end_at_once, &n);
		resume(&fiber);
		end(&fiber);
	}
	ck_assert_int_eq(n, 3);
}
END_TEST

struct eater {
	struct peal_fiber fiber;
	int depth;
};

/* Frames with red zones, which are never left. */
static PEAL_NOINLINE int eat(struct eater *eater, int depth)
{
	char block[100];

	memset(block, depth, sizeof(block));
	if (!depth)
		suspend(&eater->fiber);
	return depth ? eat(eater, depth - 1) + block[depth] : block[0];
}

static struct peal_fiber *eat_and_suspend(void *arg)
{
	struct eater *eater = arg;

	eat(eater, eater->depth);
	return &thread;
}

/* As a library does that is not instrumented, but whose memset(3) is. */
static PEAL_BARE struct peal_fiber *touch_stack(void *arg)
{
	void *(*volatile fill)(void *memory, int byte, size_t size) = memset;
	char block[8000];

	fill(block, 1, sizeof(block));
	*(int *)arg += block[100];
	return &thread;
}

START_TEST(a_stack_is_clean_for_the_next_fiber)
{
	struct eater eater;
	struct peal_fiber next;
	int n = 0;

	for (int i = 0; i < 40; i++) {
		eater.depth = i;
		make(&eater.fiber, eat_and_suspend, &eater);
		resume(&eater.fiber);
		end(&eater.fiber); /* in the middle of it */
		make(&next, touch_stack, &n);
		resume(&next);
		end(&next);
	}
	ck_assert_int_eq(n, 40);
}
END_TEST

static TCase *travel(void)
{
	TCase *tcase = tcase_create("travel");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, errno_travels);
	tcase_add_test(tcase, floating_point_works);
	tcase_add_test(tcase, threads_do_not_mix);
	tcase_add_test(tcase, a_thread_is_adopted_again);
	tcase_add_test(tcase, a_stack_is_clean_for_the_next_fiber);
	return tcase;
}

static Suite *fiber_travel_suite(void)
{
	Suite *suite = suite_create("fiber travel");

	suite_add_tcase(suite, travel());
	return suite;
}

int main(void)
{
	return peal_check_main(fiber_travel_suite());
}
