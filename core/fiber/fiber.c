/* SPDX-License-Identifier: MIT */
/*
 * Fibers: the switch, and what travels with it.
 *
 * errno and the C++ exception globals are thread-locals. Their addresses are looked up once per
 * thread; what they hold is saved in the frame of peal_fiber_switch(), on the stack that is left.
 */
#include "core/fiber/fiber.h"

#include <errno.h>

#include "core/base/fatal.h"
#include "core/fiber/switch.h"
#include "core/sys.h"

/* ARCH_SHSTK_STATUS of Linux 6.6, PR_GET_SHADOW_STACK_STATUS of 6.13; our headers may be older. Bit 0
 * of the answer: it is on. */
#define SHSTK_STATUS        0x5005
#define SHADOW_STACK_STATUS 74

PEAL_THREAD_LOCAL struct peal_fiber_here peal_fiber_here;

#if PEAL_ASAN
static PEAL_THREAD_LOCAL struct peal_fiber *previous; /* who switched to the running fiber */
#endif

/* Immediately before a switch. ended: the stack that is left dies. */
PEAL_BARE_INLINE void announce(struct peal_fiber *from, struct peal_fiber *to, bool ended)
{
#if PEAL_ASAN
	previous = from;
	__sanitizer_start_switch_fiber(
		ended ? NULL : &from->sanitizer, to->stack_low, to->stack_size);
#elif PEAL_TSAN
	__tsan_switch_to_fiber(to->sanitizer, 0);
#endif
	(void)from;
	(void)to;
	(void)ended;
}

/* Immediately after one. ASan knows where the previous stack was: of a thread's own we learn it here. */
PEAL_BARE_INLINE void arrive(struct peal_fiber *fiber)
{
#if PEAL_ASAN
	__sanitizer_finish_switch_fiber(
		fiber->sanitizer, &previous->stack_low, &previous->stack_size);
#endif
	(void)fiber;
}

#if PEAL_ASAN || PEAL_TSAN
PEAL_BARE void peal_fiber_switch(struct peal_fiber *from, struct peal_fiber *to)
{
	struct peal_baggage baggage = { 0 };

	peal_fiber_pack(&baggage);
	announce(from, to, false);
	peal_switch(&from->context, to->context);
	arrive(from);
	peal_fiber_unpack(&baggage);
}
#endif

/* A function of its own, so that it looks for the thread-locals of the thread that it is on now. */
PEAL_BARE static PEAL_NOINLINE void arrive_anywhere(
	struct peal_fiber *fiber, const struct peal_baggage *baggage)
{
	arrive(fiber);
	peal_fiber_unpack(baggage);
}

PEAL_BARE PEAL_NOINLINE void peal_fiber_travel(struct peal_fiber *from, struct peal_fiber *to)
{
	struct peal_baggage baggage = { 0 };

	peal_fiber_pack(&baggage);
	announce(from, to, false);
	peal_switch(&from->context, to->context);
	arrive_anywhere(from, &baggage);
}

PEAL_BARE void peal_fiber_lowest(void *arg)
{
	struct peal_fiber *fiber = arg, *next;
	struct peal_baggage none = { 0 };

	arrive(fiber);
	peal_fiber_unpack(&none);
	next = fiber->entry(fiber->arg);
	announce(fiber, next, true);
	peal_switch(&fiber->context, next->context);
	peal_fatal("a fiber that had ended was continued");
}

void peal_fiber_init(struct peal_fiber *fiber, struct peal_stack *stack, const char *name,
	peal_fiber_entry *entry, void *arg)
{
	peal_assert(peal_fiber_here.error != NULL);
	peal_fiber_bind(fiber, stack, name, entry, arg);
#if PEAL_ASAN
	fiber->stack_low = stack->low;
	fiber->stack_size = stack->size;
#elif PEAL_TSAN
	fiber->sanitizer = stack->sanitizer = peal_tsan_fiber(stack->sanitizer, name);
#endif
	fiber->context = peal_switch_make(stack->low, stack->size, peal_fiber_lowest, fiber);
}

/*
 * Has this thread a shadow stack? Returning through one after a switch would kill the process with
 * nothing said. Kernels that do not know the question have no shadow stacks.
 */
static bool has_shadow_stack(void)
{
	unsigned long features = 0;
	long err;

#ifdef __x86_64__
	err = peal_sys_any(SYS_arch_prctl, SHSTK_STATUS, (long)&features, 0, 0, 0, 0);
#else
	err = peal_sys_any(SYS_prctl, SHADOW_STACK_STATUS, (long)&features, 0, 0, 0, 0);
#endif
	return !err && (features & 1);
}

void peal_fiber_find_exceptions(void)
{
	if (!peal_fiber_here.exceptions)
		peal_fiber_here.exceptions = peal_exceptions_of_thread();
}

int peal_fiber_adopt_thread(struct peal_fiber *thread)
{
	peal_assert(peal_fiber_here.error == NULL);
	if (has_shadow_stack())
		return -ENOTSUP;
	*thread = (struct peal_fiber){ 0 };
#if PEAL_TSAN
	thread->sanitizer = peal_tsan_thread();
#endif
	peal_fiber_here.error = &errno;
	peal_fiber_find_exceptions();
	return 0;
}

void peal_fiber_release_thread(struct peal_fiber *thread)
{
	*thread = (struct peal_fiber){ 0 };
	peal_fiber_here.error = NULL;
	peal_fiber_here.exceptions = NULL;
}
