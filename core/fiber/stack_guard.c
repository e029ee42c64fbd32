/* SPDX-License-Identifier: MIT */
/*
 * Guards below stacks.
 *
 * madvise(2), MADV_GUARD_INSTALL: the guard is a mark in the page table, so any number of them costs
 * no mapping, and reads, writes and system calls that touch it fail. mprotect(2) instead splits the
 * mapping; a process may have vm.max_map_count of those (65,530), and the application needs some.
 */
#include "core/fiber/stack_guard.h"

#include <stdint.h>
#include <stdlib.h>

#include "core/base/atomic.h"
#include "core/sys.h"

/* Linux 6.13; older headers lack it, and whether the kernel has it is for the kernel to say. */
#define ADVICE_GUARD_INSTALL 102

/* What a guard of mprotect may use up of the process: with two mappings each, half of them. */
#define BUDGET_SHARE         4
#define DEFAULT_MAPPINGS     65530

/* Watched below the stack when there is no guard. Frames are smaller than that, so few of those that
 * run over leave all of it as it was. */
#define CANARY_BYTES         512

static PEAL_ATOMIC(size_t) protected_guards; /* of all pools in the process */
static PEAL_ATOMIC(size_t) known_budget;     /* 0: nobody has asked yet */

static long max_mappings(void)
{
	char text[32];
	long fd = peal_sys_openat(AT_FDCWD, "/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC, 0);
	long n;

	if (fd < 0)
		return DEFAULT_MAPPINGS;
	n = peal_sys_read((int)fd, text, sizeof(text) - 1);
	peal_sys_close((int)fd);
	if (n <= 0)
		return DEFAULT_MAPPINGS;
	text[n] = '\0';
	n = strtol(text, NULL, 10);
	return n > 0 ? n : DEFAULT_MAPPINGS;
}

/* Two threads that ask at once get the same answer. */
static size_t budget(void)
{
	size_t guards = peal_load_relaxed(&known_budget);

	if (!guards) {
		guards = (size_t)max_mappings() / BUDGET_SHARE;
		peal_store_relaxed(&known_budget, guards);
	}
	return guards;
}

static bool advise(enum peal_guard *best, void *start, size_t bytes)
{
	long err = peal_sys_madvise(start, bytes, ADVICE_GUARD_INSTALL);

	if (err == -EINVAL) /* an older kernel, or the process has locked its memory meanwhile */
		*best = PEAL_GUARD_PROTECT;
	return !err;
}

static bool protect(void *start, size_t bytes)
{
	if (peal_add_relaxed(&protected_guards, 1) < budget() &&
		peal_sys_mprotect(start, bytes, PROT_NONE) == 0)
		return true;
	peal_guard_forget(1);
	return false;
}

void peal_guard_forget(size_t count)
{
	peal_sub_acq_rel(&protected_guards, count);
}

bool peal_guard_probe(void *start, size_t bytes)
{
	if (peal_sys_madvise(start, bytes, ADVICE_GUARD_INSTALL) < 0)
		return false;
	/* uname(2) writes 390 bytes, and is allowed wherever a program can start. */
	if (peal_sys_any(SYS_uname, (long)start, 0, 0, 0, 0, 0) == -EFAULT)
		return true;
	peal_sys_madvise(start, bytes, MADV_DONTNEED); /* what was written */
	return false;
}

enum peal_guard peal_guard_install(enum peal_guard *best, void *start, size_t bytes)
{
	if (*best == PEAL_GUARD_ADVICE && advise(best, start, bytes))
		return PEAL_GUARD_ADVICE;
	if (*best <= PEAL_GUARD_PROTECT && protect(start, bytes))
		return PEAL_GUARD_PROTECT;
	return PEAL_GUARD_CANARY;
}

/*
 * The canary is that fresh memory is zero. A pattern would have to be written, which costs every
 * parked fiber a page; reading only maps the kernel's one page of zeroes.
 */
bool peal_guard_written(const void *end)
{
	const uint64_t *word = (const uint64_t *)((const char *)end - CANARY_BYTES);
	uint64_t any = 0;

	for (size_t i = 0; i < CANARY_BYTES / sizeof(*word); i++)
		any |= word[i];
	return any != 0;
}
