/* SPDX-License-Identifier: MIT */
/*
 * Memory and system calls that fail, at every place in the life of a runtime, one at a time: it starts
 * or says why not, what was promised is kept, and nothing is left behind.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/atomic.h"
#include "core/sys.h"

#include "tests/contract/runtime.h"

#define MOST_PLACES 2000
#define TASKS       40

/* The hook counts down to the failure; below zero it has happened. */
static struct {
	PEAL_ATOMIC(long) left;
	PEAL_ATOMIC(long) allocated;
	bool armed;
} memory;

static void *allocate(size_t alignment, size_t size)
{
	void *block;

	if (memory.armed && peal_sub_seq_cst(&memory.left, 1) == 1)
		return NULL;
	block = aligned_alloc(alignment, size);
	if (block)
		peal_add_seq_cst(&memory.allocated, 1);
	return block;
}

static void release(void *block)
{
	peal_sub_seq_cst(&memory.allocated, 1);
	free(block);
}

static struct {
	struct peal_sys_hook hook;
	PEAL_ATOMIC(long) left;
} calls;

/* Calls that make something or ask for something. Those that give back have nothing to fail with, and
 * those that wait are the backend's own affair. */
static bool may_fail(long number)
{
	static const long numbers[] = { SYS_openat, SYS_read, SYS_fcntl, SYS_ftruncate,
		SYS_eventfd2, SYS_memfd_create, SYS_epoll_create1, SYS_epoll_ctl, SYS_mmap,
		SYS_mprotect, SYS_madvise, SYS_sched_getaffinity, SYS_sched_setaffinity, 425, 427 };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (number == numbers[i])
			return true;
	return false;
}

static bool fail_one(struct peal_sys_hook *hook, long number, long *result)
{
	(void)hook;
	if (!may_fail(number) || peal_sub_seq_cst(&calls.left, 1) != 1)
		return false;
	*result = -ENOMEM;
	return true;
}

static int count_entries(const char *path)
{
	DIR *folder = opendir(path);
	int count = 0;

	ck_assert_ptr_nonnull(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static int count_up(void *arg)
{
	peal_add_seq_cst((PEAL_ATOMIC(int) *)arg, 1);
	return 0;
}

/* Start, give it work, stop. Every task that was taken has run. Returns the error of the start. */
static int live(int backend)
{
	struct peal_reason reason = { "" };
	struct peal_rt *rt = NULL;
	PEAL_ATOMIC(int) runs = 0;
	int taken = 0, err;

	err = peal_rt_start(&rt, PEAL_RT(.shards = 2, .backend = backend_names[backend]), &reason);
	if (err) {
		ck_assert_ptr_null(rt);
		ck_assert_msg(*reason.text, "error %d without a reason", err);
		return err;
	}
	for (int i = 0; i < TASKS; i++) {
		err = peal_rt_spawn(rt, count_up, (void *)&runs, NULL);
		ck_assert(!err || err == -ENOMEM || err == -EAGAIN);
		taken += !err;
	}
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_int_eq(peal_load_seq_cst(&runs), taken);
	return 0;
}

static struct {
	int fds, threads;
} before;

/* After a first life, since a sanitizer may have made itself at home in it. */
static void remember(int backend)
{
	ck_assert_int_eq(live(backend), 0);
	peal_sys_poll(NULL, 0, 100);
	before.fds = count_entries("/proc/self/fd");
	before.threads = count_entries("/proc/self/task");
}

/* A thread that was joined can still be seen for a moment. */
static void expect_nothing_left(void)
{
	for (int tries = 0; count_entries("/proc/self/task") != before.threads; tries++) {
		ck_assert_int_lt(tries, 1000);
		peal_sys_poll(NULL, 0, 1);
	}
	ck_assert_int_eq(count_entries("/proc/self/fd"), before.fds);
}

START_TEST(memory_fails)
{
	int refused = 0;
	long place = 0;

	remember(_i);
	ck_assert_int_eq(peal_set_allocator(allocate, release), 0);
	memory.armed = true;
	do {
		ck_assert_int_lt(++place, MOST_PLACES);
		peal_store_seq_cst(&memory.left, place);
		refused += live(_i) != 0;
		ck_assert_msg(!peal_load_seq_cst(&memory.allocated), "%ld leaked, failed at %ld",
			peal_load_seq_cst(&memory.allocated), place);
		expect_nothing_left();
	} while (peal_load_seq_cst(&memory.left) <= 0);
	ck_assert_int_gt(refused, 0);
}
END_TEST

START_TEST(calls_fail)
{
	int refused = 0;
	long place = 0;

	remember(_i);
	calls.hook.call = fail_one;
	peal_sys_hook = &calls.hook;
	do {
		ck_assert_int_lt(++place, MOST_PLACES);
		peal_store_seq_cst(&calls.left, place);
		refused += live(_i) != 0;
		expect_nothing_left();
	} while (peal_load_seq_cst(&calls.left) <= 0);
	peal_sys_hook = NULL;
	ck_assert_int_gt(refused, 0);
}
END_TEST

static int try_to_change(void *arg)
{
	(void)arg;
	return peal_set_allocator(NULL, NULL) == -EBUSY ? 0 : -EIO;
}

START_TEST(the_allocator_is_held)
{
	ck_assert_int_eq(peal_set_allocator(allocate, release), 0);
	run_on(_i, try_to_change, NULL, (struct peal_rt_opts){ 0 });
	ck_assert_int_eq(peal_load_seq_cst(&memory.allocated), 0);
	ck_assert_int_eq(peal_set_allocator(NULL, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("faults");
	TCase *tcase = tcase_create("faults");

	find_backends();
	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, memory_fails);
	ADD_TASK_TEST(tcase, calls_fail);
	ADD_TASK_TEST(tcase, the_allocator_is_held);
	suite_add_tcase(suite, tcase);
	return peal_check_main(suite);
}
