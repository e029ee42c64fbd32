/* SPDX-License-Identifier: MIT */
/*
 * C11 atomics behind macros, so that a model checker or an interleaver can compile the lock-free
 * headers (inbox.h, fresh.h) as they are and put its own operations underneath.
 *
 * The lock-free headers include this and nothing else of core. Publish data with acquire/release on
 * the variable itself, use seq_cst *accesses* where store-load order is needed, and no fences:
 * ThreadSanitizer does not model those.
 */
#ifndef PEAL_CORE_ATOMIC_H
#define PEAL_CORE_ATOMIC_H

#ifdef PEAL_ATOMIC_HOOK
#include PEAL_ATOMIC_HOOK
#else

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PEAL_ATOMIC(type)           _Atomic(type)

#define peal_load_relaxed(p)        atomic_load_explicit(p, memory_order_relaxed)
#define peal_load_acquire(p)        atomic_load_explicit(p, memory_order_acquire)
#define peal_load_seq_cst(p)        atomic_load_explicit(p, memory_order_seq_cst)

#define peal_store_relaxed(p, v)    atomic_store_explicit(p, v, memory_order_relaxed)
#define peal_store_release(p, v)    atomic_store_explicit(p, v, memory_order_release)
#define peal_store_seq_cst(p, v)    atomic_store_explicit(p, v, memory_order_seq_cst)

#define peal_exchange_acq_rel(p, v) atomic_exchange_explicit(p, v, memory_order_acq_rel)
#define peal_exchange_seq_cst(p, v) atomic_exchange_explicit(p, v, memory_order_seq_cst)

#define peal_add_relaxed(p, v)      atomic_fetch_add_explicit(p, v, memory_order_relaxed)
#define peal_add_acq_rel(p, v)      atomic_fetch_add_explicit(p, v, memory_order_acq_rel)
#define peal_add_seq_cst(p, v)      atomic_fetch_add_explicit(p, v, memory_order_seq_cst)
#define peal_sub_acq_rel(p, v)      atomic_fetch_sub_explicit(p, v, memory_order_acq_rel)
#define peal_sub_seq_cst(p, v)      atomic_fetch_sub_explicit(p, v, memory_order_seq_cst)
#define peal_or_acq_rel(p, v)       atomic_fetch_or_explicit(p, v, memory_order_acq_rel)
#define peal_or_seq_cst(p, v)       atomic_fetch_or_explicit(p, v, memory_order_seq_cst)
#define peal_and_seq_cst(p, v)      atomic_fetch_and_explicit(p, v, memory_order_seq_cst)

#define peal_cas_acq_rel(p, expected, v)         \
	atomic_compare_exchange_strong_explicit( \
		p, expected, v, memory_order_acq_rel, memory_order_acquire)
#define peal_cas_seq_cst(p, expected, v)         \
	atomic_compare_exchange_strong_explicit( \
		p, expected, v, memory_order_seq_cst, memory_order_seq_cst)
#define peal_cas_weak_seq_cst(p, expected, v)  \
	atomic_compare_exchange_weak_explicit( \
		p, expected, v, memory_order_seq_cst, memory_order_seq_cst)

/* Tell the CPU that this is a spin loop. */
static inline void peal_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#endif
}

#endif
#endif
