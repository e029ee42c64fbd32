/* SPDX-License-Identifier: MIT */
/* System calls that fail on demand, through the seam (core/sys.h). */
#include "tests/contract/ring/ring.h"

static PEAL_THREAD_LOCAL bool here;

/* Descriptors and memory are gone whatever close and munmap return, and nobody waits for a clock. */
static bool is_exempt(long number)
{
	return number == SYS_close || number == SYS_munmap || number == SYS_clock_gettime;
}

static bool call(struct peal_sys_hook *hook, long number, long *result)
{
	struct fault *fault = (struct fault *)hook;

	if (!here || (fault->number ? number != fault->number : is_exempt(number)))
		return false;
	if (fault->skip) {
		fault->skip--;
		return false;
	}
	if (fault->fired == fault->times)
		return false;
	fault->fired++;
	*result = -fault->err;
	return true;
}

void fault_begin(struct fault *fault)
{
	fault->hook.call = call;
	fault->fired = 0;
	if (!fault->times)
		fault->times = 1;
	here = true;
	peal_sys_hook = &fault->hook;
}

void fault_end(void)
{
	peal_sys_hook = NULL;
	here = false;
}
