/* SPDX-License-Identifier: MIT */
/*
 * A fiber: a stack that is executing, and what must travel with it (errno, C++ exception state, what
 * sanitizers and Valgrind need to be told). Knows nothing of tasks or scheduling; task.h embeds one.
 *
 * The fibers of a thread switch to and from the thread's own context, a struct peal_fiber as well, made
 * by peal_fiber_adopt_thread(), and to each other. A fiber leaves the thread that initialised it only by
 * peal_fiber_travel().
 *
 * What is tied to the thread and does not travel: locale (uselocale(3)), signal mask, floating point
 * control words, pthread_getspecific(3), recursive locks, OpenSSL's error queue. Whoever changes one of
 * these puts it back, or is done with it, before the fiber suspends.
 */
#ifndef PEAL_CORE_FIBER_H
#define PEAL_CORE_FIBER_H

#include "core/base/compiler.h"
#include "core/fiber/exceptions.h"
#include "core/fiber/sanitizer.h"
#include "core/fiber/stack.h"
#include "core/fiber/switch.h"

struct peal_fiber;

/* What a fiber runs. When it returns, the fiber has ended; it returns who goes on. */
typedef struct peal_fiber *peal_fiber_entry(void *arg);

struct peal_fiber {
	void *context; /* of switch.h, while it does not run */
	struct peal_stack *stack;
	peal_fiber_entry *entry;
	void *arg;
	bool canary; /* of its stack: to be looked at without touching that */
#if PEAL_ASAN || PEAL_TSAN
	void *sanitizer;       /* ASan's fake stack, or TSan's fiber */
	const void *stack_low; /* for ASan */
	size_t stack_size;
#endif
};

/*
 * Make the calling thread's own context a fiber to switch from. -ENOTSUP where the thread has a
 * hardware shadow stack (CET, GCS), which switch.h does not switch. Undone by peal_fiber_release_thread
 * on the same thread, when none of its fibers runs any more.
 */
int peal_fiber_adopt_thread(struct peal_fiber *thread);
void peal_fiber_release_thread(struct peal_fiber *thread);

/*
 * Look once more for a C++ runtime whose exception state must travel (adopting has looked already). To
 * be called on each adopted thread after a shared object was loaded, before its code runs there: it may
 * have brought the first one.
 */
void peal_fiber_find_exceptions(void);

/*
 * Get a fiber ready to run entry(arg) on stack; it starts at the first switch to it, with errno 0. name
 * is kept by reference until it ends. An exception that leaves entry terminates the process.
 */
void peal_fiber_init(struct peal_fiber *fiber, struct peal_stack *stack, const char *name,
	peal_fiber_entry *entry, void *arg);

/* Where the calling thread has what travels; looked up when it was adopted. */
extern PEAL_THREAD_LOCAL struct peal_fiber_here {
	int *error;                         /* errno; NULL: the thread was not adopted */
	struct peal_exceptions *exceptions; /* NULL without a C++ runtime */
} peal_fiber_here;

/*
 * Between two uses by its fibers an adopted thread may serve others: leave it, and come back to it. So
 * several may have adopted one thread, of which one is in at a time.
 */
static inline void peal_fiber_leave_thread(struct peal_fiber_here *kept)
{
	*kept = peal_fiber_here;
	peal_fiber_here = (struct peal_fiber_here){ 0 };
}

static inline void peal_fiber_enter_thread(const struct peal_fiber_here *kept)
{
	peal_fiber_here = *kept;
}

/* What a fiber takes along, saved on the stack that it leaves. */
struct peal_baggage {
	int error;
	struct peal_exceptions exceptions;
};

PEAL_BARE_INLINE void peal_fiber_pack(struct peal_baggage *baggage)
{
	baggage->error = *peal_fiber_here.error;
	if (peal_fiber_here.exceptions)
		baggage->exceptions = *peal_fiber_here.exceptions;
}

/* A C++ runtime that has appeared meanwhile finds zeroes in the baggage: nothing was thrown yet. */
PEAL_BARE_INLINE void peal_fiber_unpack(const struct peal_baggage *baggage)
{
	*peal_fiber_here.error = baggage->error;
	if (peal_fiber_here.exceptions)
		*peal_fiber_here.exceptions = baggage->exceptions;
}

/*
 * From the running fiber to another; returns when somebody switches back. A fiber that has ended is
 * never switched to again; whoever goes on after it may put its stack back.
 *
 * Inline, because every return after a switch is mispredicted (the CPU expects the callers of the
 * stack that was left): 13.5 against 3.5 ns.
 */
#if PEAL_ASAN || PEAL_TSAN
void peal_fiber_switch(struct peal_fiber *from, struct peal_fiber *to);
#else
static inline void peal_fiber_switch(struct peal_fiber *from, struct peal_fiber *to)
{
	struct peal_baggage baggage = { 0 };

	peal_fiber_pack(&baggage);
	peal_switch(&from->context, to->context);
	peal_fiber_unpack(&baggage);
}
#endif

/* The lowest frame of a fiber, which is arg; not for others. Not instrumented, because it never returns. */
void peal_fiber_lowest(void *arg);

static inline void peal_fiber_bind(struct peal_fiber *fiber, struct peal_stack *stack,
	const char *name, peal_fiber_entry *entry, void *arg)
{
	stack->owner = name;
	*fiber = (struct peal_fiber){
		.stack = stack,
		.entry = entry,
		.arg = arg,
		.canary = stack->guard == PEAL_GUARD_CANARY,
	};
}

/* Initialise a fiber and switch to it at once: peal_fiber_init() and peal_fiber_switch() in one step. */
static inline void peal_fiber_launch(struct peal_fiber *from, struct peal_fiber *fiber,
	struct peal_stack *stack, const char *name, peal_fiber_entry *entry, void *arg)
{
#if PEAL_ASAN || PEAL_TSAN
	peal_fiber_init(fiber, stack, name, entry, arg);
	peal_fiber_switch(from, fiber);
#else
	struct peal_baggage baggage = { 0 };

	peal_fiber_bind(fiber, stack, name, entry, arg);
	peal_fiber_pack(&baggage);
	peal_switch_first(&from->context, stack->low, stack->size, peal_fiber_lowest, fiber);
	peal_fiber_unpack(&baggage);
#endif
}

/*
 * The same for a fiber that goes on on another thread, which has adopted its own: what must travel does.
 * What the compiler may have kept across the call does not: addresses of thread-locals, errno's among
 * them, which a caller further up must not have used.
 */
void peal_fiber_travel(struct peal_fiber *from, struct peal_fiber *to);

/*
 * For stacks without a guard page: end the process if the fiber, which has just suspended or ended, has
 * overflowed its stack. To be called from another stack.
 */
static inline void peal_fiber_check(const struct peal_fiber *fiber)
{
	if (PEAL_UNLIKELY(fiber->canary) && peal_stack_overrun(fiber->stack))
		peal_stack_overflowed(fiber->stack);
}

#endif
