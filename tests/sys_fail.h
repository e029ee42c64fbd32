/* SPDX-License-Identifier: MIT */
/*
 * Answer a system call in the kernel's place, from its n-th use on.
 *
 *	struct sys_fail fail = { .number = SYS_mmap, .from = 2, .times = 1, .answer = -ENOMEM };
 *
 *	sys_fail_begin(&fail);
 *	... the third mmap fails ...
 *	sys_fail_end();
 *
 * Counts without locks: for tests of one thread.
 */
#ifndef PEAL_TESTS_SYS_FAIL_H
#define PEAL_TESTS_SYS_FAIL_H

#include "core/sys.h"

#include <peal/base.h>

#define SYS_FAIL_ALWAYS 1000000000L

struct sys_fail {
	struct peal_sys_hook hook;
	long number;
	long from, times; /* uses of the call that are answered; the first one is 0 */
	long answer;
	long seen; /* how often the call was made */
};

static inline bool sys_fail_call(struct peal_sys_hook *hook, long number, long *result)
{
	struct sys_fail *fail = PEAL_CONTAINER_OF(hook, struct sys_fail, hook);
	long use;

	if (number != fail->number)
		return false;
	use = fail->seen++;
	if (use < fail->from || use >= fail->from + fail->times)
		return false;
	*result = fail->answer;
	return true;
}

static inline void sys_fail_begin(struct sys_fail *fail)
{
	fail->hook.call = sys_fail_call;
	peal_sys_hook = &fail->hook;
}

static inline void sys_fail_end(void)
{
	peal_sys_hook = NULL;
}

#endif
