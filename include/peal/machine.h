/* SPDX-License-Identifier: MIT */
/*
 * What the library finds on this machine before any runtime exists: for programs that tell people
 * (`peal doctor`) or that size something of their own by it.
 */
#ifndef PEAL_MACHINE_H
#define PEAL_MACHINE_H

#include <peal/base.h>

PEAL_BEGIN_DECLS

/* How the overflow of a fiber's stack is caught. */
enum peal_stack_guard {
	PEAL_STACK_GUARD_ADVICE = 1, /* guard pages without a cost (Linux 6.13), any number */
	PEAL_STACK_GUARD_PROTECT,    /* guard pages of mprotect(2), as long as mappings last */
	PEAL_STACK_GUARD_CANARY      /* none: it is seen when the fiber next waits */
};

struct peal_machine {
	size_t size;       /* of this struct: the caller sets it, the library says what it knows */
	uint32_t cpus;     /* that this process may run on */
	uint32_t shards;   /* that a runtime has by default */
	int64_t cpu_quota; /* thousandths of a CPU that control groups allow; INT64_MAX: all */
	size_t stack_size; /* usable bytes of a fiber's stack by default */
	uint32_t stack_guard; /* enum peal_stack_guard; 0 when there is no memory for a stack */
	uint32_t reserved;
};

/*
 * Look, now: CPU sets and quotas may change while a program runs. Set machine->size first; of a struct
 * that is longer than what the library knows the rest stays as it is. 0, or -EINVAL for a size that is
 * too small. Any thread. Blocks for as long as reading a few files takes.
 */
PEAL_API int peal_machine(struct peal_machine *machine);

PEAL_END_DECLS

#endif
