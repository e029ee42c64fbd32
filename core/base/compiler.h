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

#endif
