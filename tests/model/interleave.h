/* SPDX-License-Identifier: MIT */
/*
 * An explorer of everything that the lock-free headers of core can do: a program that defines
 *
 *	#define PEAL_ATOMIC_HOOK "tests/model/interleave.h"
 *
 * before it includes one compiles its very text on atomics that stop before every access and let the
 * explorer decide who goes on, and what a load sees. il_explore() runs a scenario of a few threads in
 * every order that makes a difference, and with every value that C11 allows each load to see.
 *
 * The memory: each location has its stores in their modification order, and each thread a view of how
 * far it has seen each location. A store reaches others late: a load may see any store that is not
 * older than its thread's view. That is a store buffer for each pair of threads and location, and
 * contains TSO. Release stores carry the view of their thread, acquire loads take it over, a seq_cst
 * load sees nothing older than the last seq_cst store to its location, and a plain store may be placed
 * in the modification order before stores of others that its thread has not seen. The model is that of
 * RC11 (Lahav et al., Repairing sequential consistency in C/C++11, 2017), made a little stronger in
 * mixtures of seq_cst and weaker accesses to one location; like it, it has no loads that see stores
 * which come later in execution (load buffering), and compare-and-swap never fails for nothing.
 *
 * Plain data that is handed over is announced with il_read() and il_write(): a pair of accesses that
 * is not ordered by happens-before is a data race, which is an error like any other.
 *
 * Threads are coroutines, re-run from the start for each order; orders that differ only in steps that
 * do not depend on each other are run once (source-DPOR with sleep sets: Abdulla et al., Optimal dynamic
 * partial order reduction, 2014).
 */
#ifndef PEAL_TESTS_INTERLEAVE_H
#define PEAL_TESTS_INTERLEAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits: seq_cst contains the others. */
enum il_order { IL_RELAXED, IL_ACQUIRE, IL_RELEASE, IL_ACQ_REL, IL_SEQ_CST = 7 };
enum il_kind { IL_LOAD, IL_STORE, IL_EXCHANGE, IL_ADD, IL_SUB, IL_OR, IL_AND, IL_CAS, IL_AWAIT };

/* For the macros below. */
struct il_access {
	const char *function; /* that contains it: where a mutation hits */
	void *p;
	size_t size;
	enum il_kind kind;
	enum il_order order;
	uint64_t value, expected;
};

/* What was in the location before; for CAS, *done tells whether it was swapped. */
uint64_t il_access(const struct il_access *access, bool *done);

#define PEAL_ATOMIC(type) __typeof__(type)

#define IL_BITS(p, v)     ((uint64_t)(uintptr_t)(__typeof__(*(p)))(v))
#define IL_DO(p, k, o, v)                                                                       \
	__extension__({                                                                         \
		bool il_done;                                                                   \
		__typeof__(*(p)) il_old = (__typeof__(*(p)))(uintptr_t)il_access(               \
			&(struct il_access){ __func__, (void *)(p), sizeof(*(p)), k, o, v, 0 }, \
			&il_done);                                                              \
		il_old;                                                                         \
	})
#define IL_SWAP(p, e, v, o)                                                                  \
	__extension__({                                                                      \
		bool il_done;                                                                \
		uint64_t il_old = il_access(                                                 \
			&(struct il_access){ __func__, (void *)(p), sizeof(*(p)), IL_CAS, o, \
				IL_BITS(p, v), IL_BITS(p, *(e)) },                           \
			&il_done);                                                           \
		if (!il_done)                                                                \
			*(e) = (__typeof__(*(p)))(uintptr_t)il_old;                          \
		il_done;                                                                     \
	})

#define peal_load_relaxed(p)           IL_DO(p, IL_LOAD, IL_RELAXED, 0)
#define peal_load_acquire(p)           IL_DO(p, IL_LOAD, IL_ACQUIRE, 0)
#define peal_load_seq_cst(p)           IL_DO(p, IL_LOAD, IL_SEQ_CST, 0)
#define peal_store_relaxed(p, v)       ((void)IL_DO(p, IL_STORE, IL_RELAXED, IL_BITS(p, v)))
#define peal_store_release(p, v)       ((void)IL_DO(p, IL_STORE, IL_RELEASE, IL_BITS(p, v)))
#define peal_store_seq_cst(p, v)       ((void)IL_DO(p, IL_STORE, IL_SEQ_CST, IL_BITS(p, v)))
#define peal_exchange_acq_rel(p, v)    IL_DO(p, IL_EXCHANGE, IL_ACQ_REL, IL_BITS(p, v))
#define peal_exchange_seq_cst(p, v)    IL_DO(p, IL_EXCHANGE, IL_SEQ_CST, IL_BITS(p, v))
#define peal_add_relaxed(p, v)         IL_DO(p, IL_ADD, IL_RELAXED, IL_BITS(p, v))
#define peal_add_acq_rel(p, v)         IL_DO(p, IL_ADD, IL_ACQ_REL, IL_BITS(p, v))
#define peal_add_seq_cst(p, v)         IL_DO(p, IL_ADD, IL_SEQ_CST, IL_BITS(p, v))
#define peal_sub_acq_rel(p, v)         IL_DO(p, IL_SUB, IL_ACQ_REL, IL_BITS(p, v))
#define peal_sub_seq_cst(p, v)         IL_DO(p, IL_SUB, IL_SEQ_CST, IL_BITS(p, v))
#define peal_or_acq_rel(p, v)          IL_DO(p, IL_OR, IL_ACQ_REL, IL_BITS(p, v))
#define peal_or_seq_cst(p, v)          IL_DO(p, IL_OR, IL_SEQ_CST, IL_BITS(p, v))
#define peal_and_seq_cst(p, v)         IL_DO(p, IL_AND, IL_SEQ_CST, IL_BITS(p, v))
#define peal_cas_acq_rel(p, e, v)      IL_SWAP(p, e, v, IL_ACQ_REL)
#define peal_cas_seq_cst(p, e, v)      IL_SWAP(p, e, v, IL_SEQ_CST)
#define peal_cas_weak_seq_cst(p, e, v) IL_SWAP(p, e, v, IL_SEQ_CST)

static inline void peal_cpu_relax(void)
{
}

/* For scenarios. */

#define IL_THREADS 4

struct il_scenario {
	const char *name;
	void (*setup)(void); /* before the threads; fills in everything anew */
	void (*threads[IL_THREADS])(void);
	void (*finish)(void); /* after all have ended; may be NULL */
	bool may_sleep; /* that threads still wait for bells at the end is no failure: finish judges */
};

/*
 * A defect to be found: accesses of that kind and order in that function have another order, or are
 * torn, that is, what should be one step is a load and a store.
 */
struct il_mutation {
	const char *function; /* NULL ends a list */
	enum il_kind kind;
	enum il_order order;
	enum il_order becomes;
	bool torn;
};

struct il_result {
	const char *failure; /* NULL: there is none */
	uint64_t runs;       /* complete ones */
	uint64_t cut;        /* that turned out to be like another one */
	bool complete;       /* everything was looked at, unless something failed */
};

/* Run a scenario in every way, or up to the first failure. How that came about is told on stderr if
 * `tell`. */
struct il_result il_explore(
	const struct il_scenario *scenario, const struct il_mutation *mutation, bool tell);

/* Plain data of the scenario is about to be read or written. */
void il_read(const void *p);
void il_write(const void *p);
/* Ends the run as failed. (Does not return, but is not declared so: AddressSanitizer would clear the
 * whole stack, and be puzzled by ours.) */
void il_fail(const char *why);
#define il_check(condition) ((condition) ? (void)0 : il_fail(#condition))

/* This run is of no interest: a loop has gone round often enough. */
void il_cut(void);

/*
 * What the kernel does: a bell that is sticky. It orders nothing: what is handed over must be handed
 * over by other means. A thread that waits for a bell that is never rung is stuck, which is a failure.
 */
void il_bell_ring(uint32_t *bell);
void il_bell_wait(uint32_t *bell);

#endif
