/* SPDX-License-Identifier: MIT */
/*
 * Runtimes in a loop that is not theirs: the descriptor tells of everything and of nothing else, turns
 * are bounded, and the thread is its owner's in between.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/sys.h"

#include "tests/contract/runtime.h"
#include "tests/sys_fail.h"

static struct peal_rt *embed(int backend, unsigned int shards)
{
	struct peal_reason reason = { "" };
	struct peal_rt *rt = NULL;
	int err = peal_rt_start(&rt,
		PEAL_RT(.shards = shards, .backend = backend_names[backend], .embedded = true),
		&reason);

	ck_assert_msg(!err, "%s", reason.text);
	return rt;
}

static bool readable(const struct peal_rt *rt, int64_t duration)
{
	struct pollfd fd = { .fd = peal_rt_fd(rt), .events = POLLIN };

	return poll(&fd, 1, (int)(duration / PEAL_MS)) == 1;
}

/* As a program would, until *done. Every turn but the first follows the descriptor. */
static void turn_until(struct peal_rt *rt, atomic_int *done, int wanted)
{
	while (atomic_load(done) < wanted) {
		ck_assert_msg(readable(rt, 10 * PEAL_S), "the descriptor stays silent");
		ck_assert_int_ge(peal_rt_turn(rt, NULL), 0);
	}
}

/* Until there is nothing to do, for some time. */
static void settle(struct peal_rt *rt)
{
	do
		ck_assert_int_ge(peal_rt_turn(rt, NULL), 0);
	while (readable(rt, 30 * PEAL_MS));
}

static int count_up(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
	return 0;
}

static uint64_t counted(struct peal_rt *rt, const char *name)
{
	struct peal_stats *stats;
	uint64_t value;

	ck_assert_int_eq(peal_stats(&stats, rt), 0);
	value = peal_stats_value(stats, name);
	peal_stats_free(stats);
	return value;
}

START_TEST(tasks_run_in_the_turns)
{
	struct peal_rt *rt = embed(_i, 1);
	atomic_int runs = 0;

	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(peal_rt_spawn(rt, count_up, &runs, NULL), 0);
	usleep(10000);
	ck_assert_int_eq(atomic_load(&runs), 0);
	turn_until(rt, &runs, 100);
	ck_assert_int_eq(peal_rt_state(rt), PEAL_RT_RUNNING);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

static int where_am_i(void *arg)
{
	ck_assert_int_eq(peal_shard(), 0);
	ck_assert_int_eq(peal_rt_turn(peal_rt_current(), NULL), -EDEADLK);
	ck_assert_int_eq(peal_rt_stop(peal_rt_current()), -EDEADLK);
	return count_up(arg);
}

static void *turn_elsewhere(void *arg)
{
	ck_assert_int_eq(peal_rt_turn(arg, NULL), -EPERM);
	ck_assert_int_eq(peal_rt_stop(arg), -EPERM);
	return NULL;
}

START_TEST(misuse_is_refused)
{
	const struct peal_rt_opts *with_threads =
		PEAL_RT(.shards = 1, .backend = backend_names[_i]);
	struct peal_rt *rt = embed(_i, 1), *threaded;
	atomic_int runs = 0;
	pthread_t thread;

	ck_assert_int_eq(peal_shard(), -EPERM); /* between turns it is our thread */
	ck_assert_int_eq(peal_rt_turn(rt, PEAL_TURN(.budget = -1)), -EINVAL);
	ck_assert_int_eq(peal_rt_turn(NULL, NULL), -EINVAL);
	ck_assert_int_eq(peal_rt_fd(NULL), -EINVAL);
	ck_assert_int_eq(pthread_create(&thread, NULL, turn_elsewhere, rt), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(peal_rt_spawn(rt, where_am_i, &runs, NULL), 0);
	turn_until(rt, &runs, 1);
	ck_assert_int_eq(peal_shard(), -EPERM);
	ck_assert_int_eq(peal_rt_start(&threaded, with_threads, NULL), 0);
	ck_assert_int_eq(peal_rt_turn(threaded, NULL), -EINVAL);
	ck_assert_int_eq(peal_rt_fd(threaded), -EINVAL);
	peal_rt_stop(threaded);
	peal_rt_stop(rt);
	ck_assert_int_eq(peal_run(count_up, &runs, PEAL_RT(.embedded = true)), -EINVAL);
}
END_TEST

static int yield_until(void *arg)
{
	while (!atomic_load((atomic_int *)arg))
		peal_yield();
	return 0;
}

START_TEST(a_turn_is_bounded_and_the_descriptor_tells_of_the_rest)
{
	struct peal_rt *rt = embed(_i, 1);
	atomic_int stop = 0, runs = 0;
	int64_t begin, longest = 0;

	settle(rt);
	ck_assert_int_eq(peal_rt_spawn(rt, yield_until, &stop, NULL), 0);
	for (int i = 0; i < 20; i++) {
		ck_assert(readable(rt, PEAL_S));
		begin = peal_now();
		ck_assert_int_eq(peal_rt_turn(rt, PEAL_TURN(.budget = PEAL_MS)), 1);
		if (peal_now() - begin > longest)
			longest = peal_now() - begin;
	}
	ck_assert_int_lt(longest, 500 * PEAL_MS);
	ck_assert_int_eq(peal_rt_spawn(rt, count_up, &runs, NULL), 0);
	turn_until(rt, &runs, 1);
	atomic_store(&stop, 1);
	settle(rt);
	ck_assert_int_eq(peal_rt_turn(rt, NULL), 0);
	peal_rt_stop(rt);
}
END_TEST

static int sleep_a_while(void *arg)
{
	int64_t begin = peal_now();

	ck_assert_int_eq(peal_sleep(50 * PEAL_MS), 0);
	ck_assert_int_ge(peal_now() - begin, 50 * PEAL_MS);
	return count_up(arg);
}

/* Nothing moves before the timer does, and no bell is rung for it. */
START_TEST(timers_make_the_descriptor_readable)
{
	struct peal_rt *rt = embed(_i, 1);
	atomic_int runs = 0;
	uint64_t turns;

	settle(rt);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(peal_rt_spawn(rt, sleep_a_while, &runs, NULL), 0);
		turns = counted(rt, "turns");
		turn_until(rt, &runs, i + 1);
		ck_assert_uint_le(counted(rt, "turns") - turns, 40);
	}
	settle(rt);
	peal_rt_stop(rt);
}
END_TEST

struct pair {
	int ends[2];
	atomic_int received;
};

static int receive(void *arg)
{
	struct pair *pair = arg;
	char byte;

	while (peal_recv(pair->ends[0], &byte, 1, 0) == 1)
		atomic_fetch_add(&pair->received, 1);
	return 0;
}

START_TEST(completions_make_the_descriptor_readable)
{
	struct peal_rt *rt = embed(_i, 1);
	struct pair pair = { .received = 0 };

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair.ends), 0);
	ck_assert_int_eq(peal_rt_spawn(rt, receive, &pair, NULL), 0);
	for (int i = 0; i < 200; i++) {
		if (i % 50 == 0)
			settle(rt);
		ck_assert_int_eq(write(pair.ends[1], "x", 1), 1);
		turn_until(rt, &pair.received, i + 1);
	}
	settle(rt);
	ck_assert(!readable(rt, 50 * PEAL_MS));
	close(pair.ends[1]);
	settle(rt);
	peal_rt_stop(rt);
	close(pair.ends[0]);
}
END_TEST

struct note {
	struct peal_post post;
	atomic_int runs;
};

static void on_post(struct peal_post *post)
{
	atomic_fetch_add(&PEAL_CONTAINER_OF(post, struct note, post)->runs, 1);
}

static void *post_twice(void *arg)
{
	static struct note second;

	usleep(20000);
	ck_assert_int_eq(peal_rt_post(arg, 0, &second.post, on_post), 0);
	return NULL;
}

/* Two posts while it is parked, from here and from another thread: one bell. */
START_TEST(a_parked_shard_is_rung_once)
{
	struct peal_rt *rt = embed(_i, 1);
	struct note note = { 0 };
	pthread_t thread;

	settle(rt);
	for (int i = 0; i < 20; i++) {
		uint64_t bells = counted(rt, "wakes_sent");

		ck_assert(!readable(rt, 0));
		ck_assert_int_eq(pthread_create(&thread, NULL, post_twice, rt), 0);
		ck_assert_int_eq(peal_rt_post(rt, 0, &note.post, on_post), 0);
		pthread_join(thread, NULL);
		ck_assert_uint_eq(counted(rt, "wakes_sent") - bells, 1);
		turn_until(rt, &note.runs, i + 1);
		settle(rt);
	}
	peal_rt_stop(rt);
}
END_TEST

/* Work between the embedded shard and others, which have threads: many wakes, in both directions. */

enum { HOPS = 2000 };

static int hop(void *arg)
{
	atomic_int *hops = arg;
	int n = atomic_fetch_add(hops, 1) + 1;

	if (n % 5 == 0)
		peal_sleep(20 * PEAL_US);
	return n < HOPS ? peal_spawn(hop, arg, PEAL_SPAWN(.place = PEAL_ROUND_ROBIN)) : 0;
}

START_TEST(it_works_with_shards_that_have_threads)
{
	struct peal_rt *rt = embed(_i, 3);
	atomic_int hops = 0, stolen = 0;

	ck_assert_int_eq(peal_rt_spawn(rt, hop, &hops, NULL), 0);
	turn_until(rt, &hops, HOPS - 1);
	for (int i = 0; i < 300; i++)
		ck_assert_int_eq(
			peal_rt_spawn(rt, count_up, &stolen, PEAL_SPAWN(.place = PEAL_STEALABLE)),
			0);
	/* Not turned only when the descriptor says so: the others may do all of it. */
	while (atomic_load(&stolen) < 300)
		ck_assert_int_ge(peal_rt_turn(rt, NULL), 0);
	ck_assert_uint_eq(counted(rt, "parks_rescued"), 0);
	peal_rt_stop(rt);
}
END_TEST

START_TEST(one_thread_embeds_several)
{
	struct peal_rt *rts[3];
	atomic_int runs[3] = { 0 };

	for (int i = 0; i < 3; i++)
		rts[i] = embed(_i, 1 + i % 2);
	for (int n = 1; n <= 50; n++) {
		for (int i = 0; i < 3; i++)
			ck_assert_int_eq(peal_rt_spawn(rts[i], count_up, &runs[i],
						 PEAL_SPAWN(.place = PEAL_PINNED(0))),
				0);
		for (int i = 0; i < 3; i++)
			turn_until(rts[i], &runs[i], n);
	}
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(peal_rt_stop(rts[i]), 0);
}
END_TEST

static int wait_for_ever(void *arg)
{
	atomic_store((atomic_int *)arg, peal_sleep(3600 * PEAL_S));
	return 0;
}

/* A drain that somebody else asks for reaches the loop, which ends by itself. */
START_TEST(it_drains_in_the_turns_and_says_when_it_has_stopped)
{
	struct peal_reason reason = { "" };
	atomic_int result = 0;
	struct pair pair = { .received = 0 };
	struct peal_rt *rt;
	int n;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair.ends), 0);
	ck_assert_int_eq(peal_rt_start(&rt,
				 PEAL_RT(.shards = 2, .backend = backend_names[_i],
					 .embedded = true, .drain_timeout = 20 * PEAL_MS),
				 &reason),
		0);
	ck_assert_int_eq(
		peal_rt_spawn(rt, wait_for_ever, &result, PEAL_SPAWN(.place = PEAL_PINNED(0))), 0);
	ck_assert_int_eq(peal_rt_spawn(rt, receive, &pair, PEAL_SPAWN(.place = PEAL_PINNED(0))), 0);
	settle(rt);
	peal_rt_drain(rt);
	while (readable(rt, 10 * PEAL_S) && (n = peal_rt_turn(rt, NULL)) >= 0)
		;
	ck_assert_int_eq(n, -ESHUTDOWN);
	ck_assert_int_eq(atomic_load(&result), -ECANCELED);
	ck_assert_int_eq(peal_rt_turn(rt, NULL), -ESHUTDOWN);
	for (int i = 0; i < 1000 && peal_rt_state(rt) != PEAL_RT_STOPPED; i++)
		usleep(1000);
	ck_assert_int_eq(peal_rt_state(rt), PEAL_RT_STOPPED);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	close(pair.ends[0]);
	close(pair.ends[1]);
}
END_TEST

/* What its descriptor is made of may be refused; then it does not start, and says why. */
START_TEST(what_is_refused_is_named)
{
	static const struct {
		long number, answer;
	} calls[] = { { SYS_timerfd_create, -EMFILE }, { SYS_epoll_create1, -EMFILE },
		{ SYS_epoll_ctl, -ENOSPC } };

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct sys_fail fail = { .number = calls[i].number,
			.times = SYS_FAIL_ALWAYS,
			.answer = calls[i].answer };
		struct peal_reason reason = { "" };
		struct peal_rt *rt = NULL;
		int err;

		sys_fail_begin(&fail);
		err = peal_rt_start(&rt,
			PEAL_RT(.shards = 1, .backend = backend_names[_i], .embedded = true),
			&reason);
		sys_fail_end();
		ck_assert_int_eq(err, (int)calls[i].answer);
		ck_assert_ptr_null(rt);
		ck_assert_ptr_nonnull(strstr(reason.text, strerror((int)-calls[i].answer)));
		ck_assert_int_eq(peal_shard(), -EPERM);
	}
}
END_TEST

static Suite *embed_suite(void)
{
	Suite *suite = suite_create("embed");
	TCase *tcase = tcase_create("embed");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, tasks_run_in_the_turns);
	ADD_TASK_TEST(tcase, misuse_is_refused);
	ADD_TASK_TEST(tcase, a_turn_is_bounded_and_the_descriptor_tells_of_the_rest);
	ADD_TASK_TEST(tcase, timers_make_the_descriptor_readable);
	ADD_TASK_TEST(tcase, completions_make_the_descriptor_readable);
	ADD_TASK_TEST(tcase, a_parked_shard_is_rung_once);
	ADD_TASK_TEST(tcase, it_works_with_shards_that_have_threads);
	ADD_TASK_TEST(tcase, one_thread_embeds_several);
	ADD_TASK_TEST(tcase, it_drains_in_the_turns_and_says_when_it_has_stopped);
	ADD_TASK_TEST(tcase, what_is_refused_is_named);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(embed_suite());
}
