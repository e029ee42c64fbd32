/* SPDX-License-Identifier: MIT */
/*
 * Everything at once, with more shards than CPUs: tasks that spawn, join, sleep, block and talk from
 * random places, posts and spawns from foreign threads. Everything must be accounted for, and no shard
 * may have slept through a bell. PEAL_SOAK=1 makes it long; PEAL_SEED repeats a run.
 *
 * Once with pauses: a signal holds up any thread at any instruction, for as long as others need to get
 * between any two steps of it.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/contract/runtime.h"

enum { SHARDS = 8, OUTSIDERS = 2 };

static unsigned long seed;
static unsigned int rounds;
static atomic_long spawned, ended, posted, posts_run;

/* One stream of numbers for each task, from its own number: repeatable whatever the schedule. */
static uint64_t next_random(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15ULL;
	uint64_t z = *state;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint64_t any_place(uint64_t *state)
{
	switch (next_random(state) % 4) {
	case 0:
		return PEAL_HERE;
	case 1:
		return PEAL_PINNED(next_random(state) % SHARDS);
	case 2:
		return PEAL_ROUND_ROBIN;
	default:
		return PEAL_STEALABLE;
	}
}

static int quick(void *arg)
{
	usleep((useconds_t)(uintptr_t)arg % 50);
	return 0;
}

static void talk_over_a_socket(void)
{
	int pair[2];
	char c = 'x';

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(peal_send(pair[0], &c, 1, 0), 1);
	ck_assert_int_eq(peal_recv(pair[1], &c, 1, 0), 1);
	ck_assert_int_eq(peal_close(pair[0]), 0);
	ck_assert_int_eq(peal_close(pair[1]), 0);
}

static void do_something(uint64_t *state)
{
	switch (next_random(state) % 8) {
	case 0:
		ck_assert_int_eq(peal_sleep((int64_t)(next_random(state) % (200 * PEAL_US))), 0);
		break;
	case 1:
		ck_assert_int_eq(
			peal_blocking(quick, (void *)(uintptr_t)next_random(state), NULL), 0);
		break;
	case 2:
		talk_over_a_socket();
		break;
	default:
		peal_yield();
	}
}

/* The low byte of a task's number is how deep its tree may still grow. */
static int branch(void *arg)
{
	uint64_t number = (uint64_t)(uintptr_t)arg, state = number ^ seed << 32;
	unsigned int depth = number & 0xff;
	struct peal_task *children[3];
	int result;

	do_something(&state);
	for (unsigned int i = 0; depth && i < 3; i++) {
		uint64_t child = (next_random(&state) & ~(uint64_t)0xff) | (depth - 1);

		atomic_fetch_add(&spawned, 1);
		ck_assert_int_eq(peal_task_spawn(&children[i], branch, (void *)(uintptr_t)child,
					 PEAL_SPAWN(.place = any_place(&state))),
			0);
	}
	do_something(&state);
	for (unsigned int i = 0; depth && i < 3; i++) {
		ck_assert_int_eq(peal_task_join(children[i], &result), 0);
		ck_assert_int_eq(result, (int)depth - 1);
	}
	atomic_fetch_add(&ended, 1);
	return (int)depth;
}

static void on_post(struct peal_post *post)
{
	atomic_fetch_add(&posts_run, 1);
}

static void *outsider(void *arg)
{
	struct peal_rt *rt = arg;
	static _Thread_local struct peal_post posts[SHARDS];
	uint64_t state = seed ^ (uint64_t)(uintptr_t)&state;

	for (unsigned int i = 0; i < rounds * 200; i++) {
		unsigned int shard = next_random(&state) % SHARDS;

		if (!peal_rt_post(rt, shard, &posts[shard], on_post))
			atomic_fetch_add(&posted, 1);
		if (next_random(&state) % 4)
			continue;
		/* Descriptors are limited, and each task may hold two. */
		while (atomic_load(&spawned) - atomic_load(&ended) > 300)
			usleep(100);
		atomic_fetch_add(&spawned, 1);
		ck_assert_int_eq(
			peal_rt_spawn(rt, branch, NULL, PEAL_SPAWN(.place = any_place(&state))), 0);
	}
	/* The posts are on this thread's memory. */
	while (atomic_load(&posts_run) < atomic_load(&posted))
		usleep(100);
	return NULL;
}

static int join_outsiders(void *arg)
{
	for (int i = 0; i < OUTSIDERS; i++)
		pthread_join(((pthread_t *)arg)[i], NULL);
	return 0;
}

static int storm(void *arg)
{
	pthread_t outsiders[OUTSIDERS];
	struct peal_task *trees[4];
	int result;

	for (int i = 0; i < OUTSIDERS; i++)
		ck_assert_int_eq(
			pthread_create(&outsiders[i], NULL, outsider, peal_rt_current()), 0);
	for (unsigned int round = 0; round < rounds; round++) {
		for (uintptr_t i = 0; i < 4; i++) {
			atomic_fetch_add(&spawned, 1);
			ck_assert_int_eq(peal_task_spawn(&trees[i], branch,
						 (void *)((round * 4 + i) << 8 | 4),
						 PEAL_SPAWN(.place = PEAL_STEALABLE)),
				0);
		}
		for (int i = 0; i < 4; i++) {
			ck_assert_int_eq(peal_task_join(trees[i], &result), 0);
			ck_assert_int_eq(result, 4);
		}
	}
	/* Not on this shard: they wait for what they have posted to it. */
	ck_assert_int_eq(peal_blocking(join_outsiders, outsiders, NULL), 0);
	while (atomic_load(&ended) < atomic_load(&spawned))
		peal_sleep(PEAL_MS);
	ck_assert_uint_eq(counter("parks_rescued"), 0);
	ck_assert_uint_ge(counter("tasks_stolen"), 1);
	return 0;
}

static void run_storm(int backend)
{
	fprintf(stderr, "# PEAL_SEED=%lu\n", seed);
	run_on(backend, storm, NULL, (struct peal_rt_opts){ .shards = SHARDS });
	ck_assert_int_eq(atomic_load(&ended), atomic_load(&spawned));
	ck_assert_int_eq(atomic_load(&posts_run), atomic_load(&posted));
}

START_TEST(everything_is_accounted_for)
{
	run_storm(_i);
}
END_TEST

/* Pauses */

static atomic_bool pausing;
static atomic_ulong pauses;

/* Mostly none, so that what the signal itself disturbs is seen as well; else up to 300 us. */
static void pause_here(int number)
{
	uint64_t state = seed ^ atomic_fetch_add(&pauses, 1), dice = next_random(&state);
	struct timespec time = { .tv_nsec = (long)(dice / 4 % 300000) };
	int error = errno;

	if (dice % 4)
		nanosleep(&time, NULL);
	errno = error;
}

static void pause_somebody(uint64_t *state, pid_t self)
{
	DIR *folder = opendir("/proc/self/task");
	struct dirent *entry;

	while ((entry = readdir(folder))) {
		pid_t thread = (pid_t)atoi(entry->d_name);

		if (thread && thread != self && next_random(state) % 4 == 0)
			syscall(SYS_tgkill, getpid(), thread, SIGURG);
	}
	closedir(folder);
}

static void *pauser(void *arg)
{
	uint64_t state = seed;

	while (atomic_load(&pausing)) {
		pause_somebody(&state, (pid_t)syscall(SYS_gettid));
		usleep((useconds_t)(next_random(&state) % 200));
	}
	return NULL;
}

START_TEST(also_when_threads_are_held_up_anywhere)
{
	struct sigaction action = { .sa_handler = pause_here, .sa_flags = SA_RESTART };
	pthread_t thread;

	ck_assert_int_eq(sigaction(SIGURG, &action, NULL), 0);
	atomic_store(&pausing, true);
	ck_assert_int_eq(pthread_create(&thread, NULL, pauser, NULL), 0);
	rounds = (rounds + 3) / 4;
	run_storm(_i);
	atomic_store(&pausing, false);
	pthread_join(thread, NULL);
	ck_assert_uint_ge(atomic_load(&pauses), 100);
}
END_TEST

static Suite *storm_suite(void)
{
	Suite *suite = suite_create("storm");
	TCase *tcase = tcase_create("storm");

	tcase_set_timeout(tcase, 120);
	ADD_TASK_TEST(tcase, everything_is_accounted_for);
	ADD_TASK_TEST(tcase, also_when_threads_are_held_up_anywhere);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	const char *given = getenv("PEAL_SEED");

	seed = given ? strtoul(given, NULL, 0) : (unsigned long)getpid();
	rounds = getenv("PEAL_SOAK") ? 1000 : 100;
	find_backends();
	return peal_check_main(storm_suite());
}
