/* SPDX-License-Identifier: MIT */
/* What a runtime would find here, for who wants to know without starting one. */
#include <errno.h>
#include <string.h>

#include <peal/machine.h>

#include "core/base/alloc.h"
#include "core/machine/cpus.h"
#include "core/fiber/stack.h"

static uint32_t stack_guard(void)
{
	const struct peal_stack_limits limits = { .size = PEAL_STACK_DEFAULT };
	struct peal_stack_pool *pool;
	uint32_t guard = 0;

	peal_alloc_hold();
	if (!peal_stack_pool_create(&pool, &limits)) {
		switch (peal_stack_pool_guard(pool)) {
		case PEAL_GUARD_ADVICE:
			guard = PEAL_STACK_GUARD_ADVICE;
			break;
		case PEAL_GUARD_PROTECT:
			guard = PEAL_STACK_GUARD_PROTECT;
			break;
		case PEAL_GUARD_CANARY:
			guard = PEAL_STACK_GUARD_CANARY;
			break;
		}
		peal_stack_pool_destroy(pool);
	}
	peal_alloc_release();
	return guard;
}

int peal_machine(struct peal_machine *machine)
{
	struct peal_machine found = { .stack_size = PEAL_STACK_DEFAULT };
	struct peal_cpus cpus;

	if (machine->size < sizeof(found))
		return -EINVAL;
	peal_cpus_read(&cpus, "");
	found.size = sizeof(found);
	found.cpus = cpus.count;
	found.shards = cpus.shards;
	found.cpu_quota = cpus.quota;
	found.stack_guard = stack_guard();
	memcpy(machine, &found, sizeof(found));
	return 0;
}
