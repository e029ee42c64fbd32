/* SPDX-License-Identifier: MIT */
/*
 * The context switch, and nothing else: callee-saved registers and the stack pointer. Sanitizers,
 * errno and exception state are fiber.c's business.
 *
 * switch-x86_64.S and switch-aarch64.S implement it by hand; switch-ucontext.c elsewhere, or where
 * configure was told --with-switch=ucontext. The floating point control words and the signal mask are
 * not part of a context: they are the thread's, and code that changes the rounding mode puts it back
 * before it suspends.
 */
#ifndef PEAL_CORE_SWITCH_H
#define PEAL_CORE_SWITCH_H

#include <stddef.h>
#include <stdint.h>

/*
 * Make a context that will run entry(arg) on the stack [low, low + size) when it is first switched
 * to. Entry must never return. Returns the context: an address inside the stack, valid until the
 * next switch to it. The lowest frame ends backtraces (no caller, frame pointer 0). Anything at most
 * 2 KiB below the top may be written.
 */
void *peal_switch_make(void *low, size_t size, void (*entry)(void *arg), void *arg);

/* Save the running context to *from and continue the one in `to`. Returns when somebody switches
 * back. */
void peal_switch(void **from, void *to);

/*
 * Where a context keeps the registers of who called peal_switch(), by gdb's names, for debuggers. Ended by
 * an empty name, which comes at once where nobody has written it down.
 */
struct peal_switch_register {
	char name[8];
	uint32_t offset; /* from the context */
	uint32_t kind;   /* enum peal_register_kind */
};

enum peal_register_kind {
	PEAL_REGISTER_WORD,    /* the word there */
	PEAL_REGISTER_ADDRESS, /* the address itself */
	PEAL_REGISTER_MANGLED, /* the word there, as glibc's setjmp() hides it (PTR_MANGLE) */
};

extern const struct peal_switch_register peal_switch_registers[];

/*
 * The same as peal_switch() to a context that has just been made of what follows `from`, which on x86-64
 * is not written to memory then and read again. (switch-first.c elsewhere.)
 */
void peal_switch_first(void **from, void *low, size_t size, void (*entry)(void *arg), void *arg);

#endif
