/* SPDX-License-Identifier: MIT */
/* What we ask of the compiler beyond C11. */
#ifndef PEAL_CORE_COMPILER_H
#define PEAL_CORE_COMPILER_H

#define PEAL_LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define PEAL_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define PEAL_NOINLINE            __attribute__((noinline))
#define PEAL_COLD                __attribute__((cold, noinline))
/* What one thread writes and others read gets lines of its own: two, because the adjacent line is
 * prefetched with it. */
#define PEAL_ALIGNED_LINE        __attribute__((aligned(128)))
/* The library is loaded at program start or takes eight bytes of the reserve: one move per access. */
#define PEAL_THREAD_LOCAL        _Thread_local __attribute__((tls_model("initial-exec")))

/*
 * Another CPU has written this line, and we are going to: fetch it, for us alone. (__builtin_prefetch()
 * makes x86-64 fetch it to be shared, and the write then has to ask once more. PREFETCHW does nothing on
 * CPUs that do not have it: Intel before Broadwell.)
 */
static inline void peal_fetch_to_write(const void *address)
{
#ifdef __x86_64__
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
	__builtin_prefetch(address, 1, 3);
#endif
}

#endif
