/* SPDX-License-Identifier: MIT */
/*
 * A fiber: a stack that is executing, and what must travel with it (errno, C++ exception state, what
 * sanitizers and Valgrind need to be told). Knows nothing of tasks or scheduling; task.h embeds one.
 *
 * All fibers of a thread switch to and from the thread's own context, one struct peal_fiber made by
 * peal_fiber_adopt_thread(). A fiber never leaves the thread that started it.
 */
#ifndef PEAL_CORE_FIBER_H
#define PEAL_CORE_FIBER_H

#include "core/stack.h"

/* __cxa_eh_globals of the C++ ABI: the caught exceptions and how many are in flight. */
struct peal_exceptions {
	void *caught;
	unsigned int uncaught;
};

struct peal_fiber {
	void *context; /* of switch.h, while it does not run */
	struct peal_stack *stack;
	struct peal_exceptions exceptions;
	int saved_errno;
	void *sanitizer;       /* ASan's fake stack, or TSan's fiber */
	const void *stack_low; /* of the thread's own stack, for ASan; fibers have `stack` */
	size_t stack_size;
};

/* Make the calling thread's own context a fiber to switch from. Undone by peal_fiber_release_thread
 * on the same thread. */
void peal_fiber_adopt_thread(struct peal_fiber *thread);
void peal_fiber_release_thread(struct peal_fiber *thread);

/* Get a fiber ready to run entry(arg) on stack; it starts at the first switch to it. Entry ends with
 * peal_fiber_exit(), never by returning. name is kept by reference until then. */
void peal_fiber_init(struct peal_fiber *fiber, struct peal_stack *stack, const char *name,
	void (*entry)(void *arg), void *arg);

/* From the running fiber to another; returns when somebody switches back. */
void peal_fiber_switch(struct peal_fiber *from, struct peal_fiber *to);

/* Leave a fiber for ever. The other side may put the stack back once it runs. */
void peal_fiber_exit(struct peal_fiber *from, struct peal_fiber *to) __attribute__((noreturn));

#endif
