/* SPDX-License-Identifier: MIT */
/*
 * The context switch where nobody has written one by hand: makecontext(3) to begin, setjmp and longjmp
 * to go on. swapcontext(3) would do for both but asks the kernel for the signal mask at every switch,
 * twice; this way only the first switch to a fiber does.
 *
 * ThreadSanitizer keeps a list of its own of what setjmp returned to, for each fiber, and aborts when
 * longjmp leaves one, so for it we go on with setcontext(3). What runs between two stacks is not
 * instrumented (sanitizer.h).
 */

/* The checking longjmp takes a jump to another stack for a mistake. */
#undef _FORTIFY_SOURCE

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#include "core/base/compiler.h"
#include "core/base/fatal.h"
#include "core/fiber/sanitizer.h"
#include "core/fiber/switch.h"
#include "core/sys.h"

/* At the top of a fiber's stack before it starts, in the frame of peal_switch() later. */
struct context {
	ucontext_t *start; /* NULL once it has started */
#if PEAL_TSAN
	ucontext_t here;
#else
	jmp_buf here;
#endif
};

/* glibc's order in a jmp_buf of x86-64 (sysdeps/x86_64/jmpbuf-offsets.h), which has not changed in twenty
 * years; what others do we do not know. */
#if defined(__x86_64__) && PEAL_TSAN
#define GREG(name, reg)                                                                         \
	{                                                                                       \
		name, offsetof(struct context, here.uc_mcontext.gregs[reg]), PEAL_REGISTER_WORD \
	}
const struct peal_switch_register peal_switch_registers[] = {
	GREG("rbx", REG_RBX),
	GREG("rbp", REG_RBP),
	GREG("r12", REG_R12),
	GREG("r13", REG_R13),
	GREG("r14", REG_R14),
	GREG("r15", REG_R15),
	GREG("rsp", REG_RSP),
	GREG("rip", REG_RIP),
	{ "", 0, 0 },
};
#elif defined(__x86_64__) && defined(__GLIBC__)
#define JUMP(name, n, kind)                                                          \
	{                                                                            \
		name, offsetof(struct context, here) + 8 * (n), PEAL_REGISTER_##kind \
	}
const struct peal_switch_register peal_switch_registers[] = {
	JUMP("rbx", 0, WORD),
	JUMP("rbp", 1, MANGLED),
	JUMP("r12", 2, WORD),
	JUMP("r13", 3, WORD),
	JUMP("r14", 4, WORD),
	JUMP("r15", 5, WORD),
	JUMP("rsp", 6, MANGLED),
	JUMP("rip", 7, MANGLED),
	{ "", 0, 0 },
};
#else
const struct peal_switch_register peal_switch_registers[] = { { "", 0, 0 } };
#endif

struct fresh {
	struct context context;
	ucontext_t ucontext;
	void (*entry)(void *arg);
	void *arg;
};

/* makecontext(3) passes ints only. */
PEAL_BARE static void start(unsigned int high, unsigned int low)
{
	struct fresh *fresh = (struct fresh *)(((uintptr_t)high << 16 << 16) | low);

	fresh->entry(fresh->arg);
	peal_fatal("the entry of a fiber returned");
}

/* Backtraces by frame pointer end here; those by unwind tables end in libc's part of the context. */
static void end_frames(ucontext_t *ucontext)
{
#if defined(__x86_64__)
	ucontext->uc_mcontext.gregs[REG_RBP] = 0;
#elif defined(__aarch64__)
	ucontext->uc_mcontext.regs[29] = 0;
#else
	(void)ucontext;
#endif
}

void *peal_switch_make(void *low, size_t size, void (*entry)(void *arg), void *arg)
{
	uintptr_t top = ((uintptr_t)low + size - sizeof(struct fresh)) & ~(uintptr_t)63;
	struct fresh *fresh = (struct fresh *)top;
	ucontext_t *ucontext = &fresh->ucontext;

	getcontext(ucontext);
	ucontext->uc_stack.ss_sp = low;
	ucontext->uc_stack.ss_size = top - (uintptr_t)low;
	ucontext->uc_link = NULL;
	fresh->entry = entry;
	fresh->arg = arg;
	fresh->context.start = ucontext;
	makecontext(ucontext, (void (*)(void))start, 2, (unsigned int)(top >> 16 >> 16),
		(unsigned int)top);
	end_frames(ucontext);
	return &fresh->context;
}

/* The signal mask belongs to the thread, not to the context, and may have changed since. */
PEAL_BARE static PEAL_NORETURN void begin(ucontext_t *ucontext)
{
	peal_sys_sigmask(SIG_SETMASK, NULL, &ucontext->uc_sigmask);
	setcontext(ucontext);
	peal_fatal("setcontext failed");
}

#if PEAL_TSAN
/* getcontext(3) returns for the second time when somebody switches back. */
PEAL_BARE static void leave(struct context *here, struct context *next)
{
	volatile bool back = false;

	getcontext(&here->here);
	if (back)
		return;
	back = true;
	begin(next->start ? next->start : &next->here);
}
#else
PEAL_BARE static void leave(struct context *here, struct context *next)
{
	if (_setjmp(here->here))
		return;
	if (next->start)
		begin(next->start);
	_longjmp(next->here, 1);
}
#endif

PEAL_BARE PEAL_NOINLINE void peal_switch(void **from, void *to)
{
	struct context here;

	here.start = NULL;
	*from = &here;
	leave(&here, to);
}
