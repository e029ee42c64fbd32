/* SPDX-License-Identifier: MIT */
/*
 * parked: what test_gdb.sh looks at: a runtime whose fibers wait in different ways, on two shards, for
 * long. When all do all_parked() is called; `parked dump` aborts there.
 */
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <peal/peal.h>

static struct peal_mutex mutex;
static int ends[2];
static int ready;

/* Frames, with locals, to be found on the stacks. */
static __attribute__((noinline)) int nest(int depth, int (*fn)(void *), void *arg)
{
	volatile int marker = 1000 + depth;
	int result = depth ? nest(depth - 1, fn, arg) : fn(arg);

	return result + marker - marker;
}

static int sleep_long(void *arg)
{
	(void)arg;
	return peal_sleep(1000 * PEAL_S);
}

static int sleeper(void *arg)
{
	__atomic_add_fetch(&ready, 1, __ATOMIC_RELAXED);
	return nest(3, sleep_long, arg);
}

static int reader(void *arg)
{
	char byte;

	(void)arg;
	__atomic_add_fetch(&ready, 1, __ATOMIC_RELAXED);
	return (int)peal_read(ends[0], &byte, 1);
}

static int locker(void *arg)
{
	(void)arg;
	__atomic_add_fetch(&ready, 1, __ATOMIC_RELAXED);
	return peal_mutex_lock(&mutex);
}

static int parent(void *arg)
{
	(void)arg;
	PEAL_SCOPE (scope, .name = "family") {
		peal_scope_spawn(&scope, sleeper, NULL, PEAL_SPAWN(.name = "child"));
		__atomic_add_fetch(&ready, 1, __ATOMIC_RELAXED);
	}
	return 0;
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* A breakpoint stops here. */
static __attribute__((noinline)) void all_parked(const void *dump)
{
	__asm__ volatile("" ::: "memory");
	if (dump)
		abort();
}

static int main_task(void *arg)
{
	peal_mutex_lock(&mutex);
	peal_spawn(sleeper, NULL, PEAL_SPAWN(.name = "sleeper", .place = PEAL_PINNED(1)));
	peal_spawn(reader, NULL, PEAL_SPAWN(.name = "reader", .place = PEAL_PINNED(0)));
	peal_spawn(locker, NULL, PEAL_SPAWN(.name = "locker", .place = PEAL_PINNED(1)));
	peal_spawn(parent, NULL, PEAL_SPAWN(.name = "parent", .place = PEAL_PINNED(0)));
	while (__atomic_load_n(&ready, __ATOMIC_RELAXED) < 5)
		peal_sleep(PEAL_MS);
	peal_call(1, nothing, NULL, NULL); /* who was there before has given way */
	peal_sleep(50 * PEAL_MS);
	all_parked(arg);
	return peal_mutex_unlock(&mutex);
}

/* As much as we may; 77 when that is nothing. */
static void allow_dump(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_CORE, &limit);
	if (!limit.rlim_max)
		exit(77);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_CORE, &limit);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		allow_dump();
	return pipe(ends) ||
		peal_run(main_task, argc > 1 ? &ready : NULL,
			PEAL_RT(.shards = 2, .name = "parked", .drain_timeout = PEAL_MS)) < 0;
}
