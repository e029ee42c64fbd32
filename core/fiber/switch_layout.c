/* SPDX-License-Identifier: MIT */
/*
 * The contexts of the switches that are written by hand, for debuggers: switch-*.S tell the same in words.
 * (The portable one has its own, switch-ucontext.c.)
 */
#include "core/fiber/switch.h"

#define WORD(name, n)                             \
	{                                         \
		name, 8 * (n), PEAL_REGISTER_WORD \
	}

const struct peal_switch_register peal_switch_registers[] = {
#if defined(__x86_64__)
	WORD("r15", 0),
	WORD("r14", 1),
	WORD("r13", 2),
	WORD("r12", 3),
	WORD("rbx", 4),
	WORD("rbp", 5),
	WORD("rip", 6),
	{ "rsp", 8 * 7, PEAL_REGISTER_ADDRESS },
#elif defined(__aarch64__)
	WORD("x19", 0),
	WORD("x20", 1),
	WORD("x21", 2),
	WORD("x22", 3),
	WORD("x23", 4),
	WORD("x24", 5),
	WORD("x25", 6),
	WORD("x26", 7),
	WORD("x27", 8),
	WORD("x28", 9),
	WORD("x29", 10),
	WORD("pc", 11),
	{ "sp", 8 * 20, PEAL_REGISTER_ADDRESS },
#endif
	{ "", 0, 0 },
};
