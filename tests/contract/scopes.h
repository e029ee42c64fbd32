/* SPDX-License-Identifier: MIT */
/* What the tests of scopes share. */
#ifndef PEAL_TESTS_CONTRACT_SCOPES_H
#define PEAL_TESTS_CONTRACT_SCOPES_H

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/contract/runtime.h"

#define LONG \
	(100 * PEAL_S) /* nobody waits so long: it is cancelled, or the case runs out of time */

/* Open a scope, options as of PEAL_SCOPE_OPTS(). */
#define OPEN(scope, ...) ck_assert_int_eq(peal_scope_open(scope, PEAL_SCOPE_OPTS(__VA_ARGS__)), 0)

static inline void spawn_in(struct peal_scope *scope, peal_task_fn *fn, void *arg, uint64_t place)
{
	ck_assert_int_eq(peal_scope_spawn(scope, fn, arg, PEAL_SPAWN(.place = place)), 0);
}

static const uint64_t places[] = { PEAL_HERE, PEAL_PINNED(1), PEAL_ROUND_ROBIN, PEAL_STEALABLE };
#define PLACES ((int)(sizeof(places) / sizeof(places[0])))

static inline int give_back(void *arg)
{
	return (int)(intptr_t)arg;
}

static inline int sleep_long(void *arg)
{
	(void)arg;
	return peal_sleep(LONG);
}

static inline int sleep_a_little(void *arg)
{
	(void)arg;
	return peal_sleep(2 * PEAL_MS);
}

/* Sleeps whatever happens, and counts. */
static inline int count_up(void *arg)
{
	peal_sleep(PEAL_MS);
	atomic_fetch_add((atomic_int *)arg, 1);
	return 0;
}

#endif
