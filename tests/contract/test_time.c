/* SPDX-License-Identifier: MIT */
/*
 * Sleeps, timers and intervals: never early, in order, and stopped for good.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "tests/contract/runtime.h"

struct shot {
	struct peal_timer timer;
	int64_t at; /* when it fired; 0: not yet */
	int order;
	int shots;
};

static int fired; /* of the one shard that tests of order use */

static void shoot(struct peal_timer *timer)
{
	struct shot *shot = PEAL_CONTAINER_OF(timer, struct shot, timer);

	ck_assert(!peal_timer_armed(timer));
	shot->at = peal_now();
	shot->order = fired++;
	shot->shots++;
}

static void shoot_again(struct peal_timer *timer)
{
	struct shot *shot = PEAL_CONTAINER_OF(timer, struct shot, timer);

	shoot(timer);
	if (shot->shots < 100)
		ck_assert_int_eq(peal_timer_start(timer, peal_now() - PEAL_S, shoot_again), 0);
}

static void wait_for(const struct shot *shot)
{
	while (!shot->at)
		ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
}

TASK_TEST(sleeps_are_never_early)
{
	static const int64_t durations[] = { 0, 1, 100, PEAL_US, 3 * PEAL_US, 15 * PEAL_US,
		30 * PEAL_US, 200 * PEAL_US, PEAL_MS, 2 * PEAL_MS + 1, 20 * PEAL_MS };

	(void)arg;
	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		for (int n = 0; n < 20; n++) {
			int64_t begin = peal_now();

			ck_assert_int_eq(peal_sleep(durations[i]), 0);
			ck_assert_int_ge(peal_now() - begin, durations[i]);
			ck_assert_int_eq(peal_sleep_until(begin + durations[i]), 0);
		}
	}
	ck_assert_int_eq(peal_sleep(-PEAL_S), 0);
	ck_assert_int_eq(peal_sleep(INT64_MIN), 0);
	ck_assert_int_eq(peal_sleep_until(INT64_MIN), 0);
	return 0;
}

static int count_up(void *arg)
{
	++*(int *)arg;
	return 0;
}

/* Short ones are spun, but not while somebody else could run, and not for ever. */
TASK_TEST(short_sleeps_are_spun_and_starve_nobody, .shards = 1)
{
	struct shot shot = { .at = 0 };
	int runs = 0;

	(void)arg;
	ck_assert_int_eq(peal_sleep(500), 0);
	ck_assert_uint_gt(counter("sleeps_spun"), 0);
	ck_assert_int_eq(peal_spawn(count_up, &runs, NULL), 0);
	ck_assert_int_eq(peal_sleep(500), 0);
	ck_assert_int_eq(runs, 1);
	ck_assert_int_eq(peal_timer_start(&shot.timer, peal_in(100 * PEAL_US), shoot), 0);
	for (int64_t end = peal_in(2 * PEAL_S); !shot.at && peal_now() < end;)
		ck_assert_int_eq(peal_sleep(500), 0);
	ck_assert_int_ge(shot.at, shot.timer.deadline);
	return 0;
}

static int sleep_long(void *arg)
{
	(void)arg;
	return peal_sleep(PEAL_NEVER) == -ECANCELED ? 0 : -1;
}

static int sleep_short(void *arg)
{
	int err;

	(void)arg;
	while (!(err = peal_sleep(500)))
		;
	return err == -ECANCELED ? 0 : -1;
}

TASK_TEST(sleeps_end_with_the_runtime, .drain_timeout = PEAL_MS)
{
	(void)arg;
	for (unsigned int shard = 0; shard < 2; shard++) {
		const struct peal_spawn_opts *there = PEAL_SPAWN(.place = PEAL_PINNED(shard));

		ck_assert_int_eq(peal_spawn(sleep_long, NULL, there), 0);
		ck_assert_int_eq(peal_spawn(sleep_short, NULL, there), 0);
	}
	return 0; /* a task that fails or stays would be seen: the runtime would not come to its end */
}

TASK_TEST(timers_fire_in_the_order_of_their_deadlines)
{
	enum { MANY = 2000 };
	static struct shot shots[MANY];
	int64_t base = peal_in(5 * PEAL_MS);

	(void)arg;
	fired = 0;
	memset(shots, 0, sizeof(shots));
	for (int i = 0; i < MANY; i++) /* equal ones in the order in which they were started */
		ck_assert_int_eq(peal_timer_start(&shots[i].timer,
					 base + (i * 7919 % MANY) / 2 * 10 * PEAL_US, shoot),
			0);
	for (int i = 0; i < MANY; i++)
		wait_for(&shots[i]);
	ck_assert_int_eq(fired, MANY);
	for (int i = 0; i < MANY; i++) {
		ck_assert_int_ge(shots[i].at, shots[i].timer.deadline);
		ck_assert_int_eq(shots[i].order / 2, i * 7919 % MANY / 2);
	}
	return 0;
}

TASK_TEST(a_stopped_timer_does_not_fire)
{
	struct shot shot = { .at = 0 }, other = { .at = 0 };

	(void)arg;
	ck_assert(!peal_timer_armed(&shot.timer));
	ck_assert_int_eq(peal_timer_stop(&shot.timer), 0);
	ck_assert_int_eq(peal_timer_start(&shot.timer, peal_in(PEAL_MS), shoot), 0);
	ck_assert_int_eq(peal_timer_start(&other.timer, peal_in(3 * PEAL_MS), shoot), 0);
	ck_assert(peal_timer_armed(&shot.timer));
	ck_assert_int_eq(peal_timer_stop(&shot.timer), 1);
	ck_assert_int_eq(peal_timer_stop(&shot.timer), 0);
	ck_assert(!peal_timer_armed(&shot.timer));
	wait_for(&other);
	ck_assert_int_eq(shot.shots, 0);
	return 0;
}

/* A callback that stops the next one, which was due at the same time. */
static struct shot victim;

static void stop_victim(struct peal_timer *timer)
{
	shoot(timer);
	ck_assert_int_eq(peal_timer_stop(&victim.timer), 1);
}

TASK_TEST(a_timer_that_is_due_can_be_stopped)
{
	struct shot shot = { .at = 0 };
	int64_t deadline = peal_in(PEAL_MS);

	(void)arg;
	memset(&victim, 0, sizeof(victim));
	ck_assert_int_eq(peal_timer_start(&shot.timer, deadline, stop_victim), 0);
	ck_assert_int_eq(peal_timer_start(&victim.timer, deadline, shoot), 0);
	wait_for(&shot);
	ck_assert_int_eq(peal_sleep(2 * PEAL_MS), 0);
	ck_assert_int_eq(victim.shots, 0);
	return 0;
}

TASK_TEST(a_timer_that_is_past_fires_at_the_next_turn, .shards = 1)
{
	struct shot past = { .at = 0 }, never = { .at = 0 };

	(void)arg;
	ck_assert_int_eq(peal_timer_start(&never.timer, PEAL_NEVER, shoot), 0);
	ck_assert_int_eq(peal_timer_start(&past.timer, -1, shoot), 0);
	ck_assert_int_eq(past.shots, 0);
	wait_for(&past);
	/* One that is always past does not keep the loop: this sleep ends. */
	memset(&past, 0, sizeof(past));
	ck_assert_int_eq(peal_timer_start(&past.timer, 0, shoot_again), 0);
	ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	while (past.shots < 100)
		ck_assert_int_eq(peal_yield(), 0);
	ck_assert_int_eq(never.shots, 0);
	ck_assert(peal_timer_armed(&never.timer));
	return 0;
}

TASK_TEST(timers_are_moved)
{
	struct shot shot = { .at = 0 };
	int64_t late = peal_in(20 * PEAL_MS);

	(void)arg;
	ck_assert_int_eq(peal_timer_reset(&shot.timer, late), -EINVAL); /* never started */
	ck_assert_int_eq(peal_timer_start(&shot.timer, peal_in(PEAL_MS), shoot), 0);
	ck_assert_int_eq(peal_timer_reset(&shot.timer, late), 1);
	wait_for(&shot);
	ck_assert_int_ge(shot.at, late);
	ck_assert_int_eq(peal_timer_reset(&shot.timer, peal_in(PEAL_MS)), 0);
	shot.at = 0;
	wait_for(&shot);
	ck_assert_int_eq(shot.shots, 2);
	ck_assert_int_eq(peal_timer_reset(&shot.timer, PEAL_NEVER), 0);
	ck_assert_int_eq(peal_timer_reset(&shot.timer, peal_in(PEAL_MS)), 1);
	shot.at = 0;
	wait_for(&shot);
	return 0;
}

TASK_TEST(touched_timers_are_put_off)
{
	struct shot shot = { .at = 0 };
	int64_t late = peal_in(20 * PEAL_MS), before = (int64_t)counter("timers_postponed");

	(void)arg;
	ck_assert_int_eq(peal_timer_start(&shot.timer, peal_in(PEAL_MS), shoot), 0);
	for (int i = 10; i >= 0; i--)
		ck_assert_int_eq(peal_timer_touch(&shot.timer, late - i), 1);
	wait_for(&shot);
	ck_assert_int_ge(shot.at, late);
	ck_assert_int_eq(shot.shots, 1);
	ck_assert_int_eq((int64_t)counter("timers_postponed") - before, 1);
	/* One that is not armed is started; to an earlier time it is moved. */
	shot.at = 0;
	ck_assert_int_eq(peal_timer_touch(&shot.timer, peal_in(PEAL_S * 1000)), 0);
	ck_assert_int_eq(peal_timer_touch(&shot.timer, peal_in(PEAL_MS)), 1);
	wait_for(&shot);
	/* A touch, then an earlier time again. */
	ck_assert_int_eq(peal_timer_start(&shot.timer, peal_in(PEAL_MS), shoot), 0);
	ck_assert_int_eq(peal_timer_touch(&shot.timer, PEAL_NEVER), 1);
	ck_assert_int_eq(peal_timer_reset(&shot.timer, peal_in(2 * PEAL_MS)), 1);
	shot.at = 0;
	wait_for(&shot);
	ck_assert_int_eq(peal_timer_touch(&victim.timer, 0), -EINVAL);
	return 0;
}

TASK_TEST(slack_lets_timers_share_a_wake_up)
{
	enum { MANY = 50 };
	static struct shot shots[MANY];
	int64_t base = peal_in(5 * PEAL_MS);
	int together = 0;

	(void)arg;
	memset(shots, 0, sizeof(shots));
	fired = 0;
	for (int i = 0; i < MANY; i++) {
		shots[i].timer.slack = 50 * PEAL_MS;
		ck_assert_int_eq(
			peal_timer_start(&shots[i].timer, base + i * 100 * PEAL_US, shoot), 0);
	}
	while (fired < MANY)
		peal_sleep(PEAL_MS);
	for (int i = 0; i < MANY; i++) {
		ck_assert_int_ge(shots[i].at, shots[i].timer.deadline);
		together += i && shots[i].at - shots[i - 1].at < 50 * PEAL_US;
	}
	ck_assert_int_ge(together, MANY - 10);
	return 0;
}

static int64_t boottime(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * PEAL_S + now.tv_nsec;
}

static int shots_at_boottime;

static void shoot_at_boottime(struct peal_timer *timer)
{
	ck_assert_int_ge(boottime(), timer->deadline);
	shots_at_boottime++;
}

TASK_TEST(timers_on_the_clock_that_goes_on)
{
	struct peal_timer timers[3] = { { .flags = PEAL_TIMER_BOOTTIME },
		{ .flags = PEAL_TIMER_BOOTTIME }, { .flags = PEAL_TIMER_BOOTTIME } };
	int64_t now = peal_now_boottime();

	(void)arg;
	shots_at_boottime = 0;
	ck_assert_int_ge(boottime(), now);
	ck_assert_int_eq(peal_timer_start(&timers[0], now + 6 * PEAL_MS, shoot_at_boottime), 0);
	ck_assert_int_eq(peal_timer_start(&timers[1], now + 3 * PEAL_MS, shoot_at_boottime), 0);
	ck_assert_int_eq(peal_timer_start(&timers[2], now + 4 * PEAL_MS, shoot_at_boottime), 0);
	ck_assert_int_eq(peal_timer_stop(&timers[2]), 1);
	while (shots_at_boottime < 2)
		ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	ck_assert_int_eq(peal_timer_reset(&timers[2], 0), 0);
	ck_assert_int_eq(peal_timer_touch(&timers[2], peal_now_boottime() + 2 * PEAL_MS), 1);
	while (shots_at_boottime < 3)
		ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	/* Armed when the runtime ends. */
	ck_assert_int_eq(peal_timer_start(&timers[0], PEAL_NEVER, shoot_at_boottime), 0);
	ck_assert_int_eq(peal_timer_start(&timers[1], now + 1000 * PEAL_S, shoot_at_boottime), 0);
	return 0;
}

static int start_and_move(void *arg)
{
	struct peal_timer timer = { .flags = PEAL_TIMER_BOOTTIME };

	(void)arg;
	ck_assert_int_eq(peal_timer_start(&timer, PEAL_NEVER, shoot_at_boottime), 0);
	ck_assert_int_eq(peal_timer_stop(&timer), 1);
	return peal_move(1);
}

/* Not even the first of those, whose shard has to watch its clock from then on. */
TASK_TEST(timers_do_not_hold_their_fiber)
{
	struct peal_task *task;
	int result;

	(void)arg;
	ck_assert_int_eq(peal_task_spawn(&task, start_and_move, NULL, NULL), 0);
	ck_assert_int_eq(peal_task_join(task, &result), 0);
	ck_assert_int_eq(result, 0);
	return 0;
}

static struct peal_timer elsewhere;

static int misuse_elsewhere(void *arg)
{
	(void)arg;
	ck_assert_int_eq(peal_timer_start(&elsewhere, 0, shoot), -EPERM);
	ck_assert_int_eq(peal_timer_reset(&elsewhere, 0), -EPERM);
	ck_assert_int_eq(peal_timer_touch(&elsewhere, PEAL_NEVER), -EPERM);
	ck_assert_int_eq(peal_timer_touch(&elsewhere, 0), -EPERM);
	ck_assert_int_eq(peal_timer_stop(&elsewhere), -EPERM);
	return 0;
}

TASK_TEST(timers_belong_to_their_shard)
{
	struct peal_task *task;
	struct shot shot = { .timer.slack = -1 };

	(void)arg;
	memset(&elsewhere, 0, sizeof(elsewhere));
	ck_assert_int_eq(peal_timer_start(NULL, 0, shoot), -EINVAL);
	ck_assert_int_eq(peal_timer_start(&shot.timer, 0, shoot), -EINVAL);
	shot.timer.slack = 0;
	shot.timer.flags = 1U << 31;
	ck_assert_int_eq(peal_timer_start(&shot.timer, 0, shoot), -EINVAL);
	shot.timer.flags = 0;
	ck_assert_int_eq(peal_timer_start(&shot.timer, 0, NULL), -EINVAL);
	ck_assert_int_eq(peal_timer_stop(NULL), -EINVAL);
	ck_assert(!peal_timer_armed(NULL));
	ck_assert_int_eq(peal_timer_start(&elsewhere, peal_in(1000 * PEAL_S), shoot), 0);
	ck_assert_int_eq(
		peal_task_spawn(&task, misuse_elsewhere, NULL, PEAL_SPAWN(.place = PEAL_PINNED(1))),
		0);
	ck_assert_int_eq(peal_task_join(task, NULL), 0);
	ck_assert_int_eq(peal_timer_stop(&elsewhere), 1);
	return 0;
}

START_TEST(off_the_shards)
{
	struct peal_timer timer = { .slack = 0 };
	struct peal_interval interval;
	int64_t now = peal_now();

	ck_assert_int_eq(peal_sleep(1), -EPERM);
	ck_assert_int_eq(peal_timer_start(&timer, now, shoot), -EPERM);
	ck_assert_int_eq(peal_timer_stop(&timer), -EPERM);
	ck_assert_int_eq(peal_interval_start(&interval, PEAL_MS, PEAL_MISSED_BURST), 0);
	ck_assert_int_eq(peal_interval_wait(&interval), -EPERM);
	ck_assert_int_ge(peal_now_boottime(), 0);
	ck_assert_int_eq(peal_in(PEAL_NEVER), PEAL_NEVER);
}
END_TEST

/* Every tick stands for as many periods as it says, and however late it came the next is due on the grid;
 * none comes before it is due. Nothing here depends on how busy the machine is. */
static void keep_to_the_grid(uint32_t missed, int64_t ticks)
{
	struct peal_interval interval;
	int64_t first, before = 0, sum = 0;

	ck_assert_int_eq(peal_interval_start(&interval, PEAL_MS, missed), 0);
	first = interval.next;
	while (sum < ticks) {
		int64_t n = peal_interval_wait(&interval), now = peal_now();

		ck_assert_int_ge(n, 1);
		ck_assert(n == 1 || missed == PEAL_MISSED_SKIP);
		sum += n;
		ck_assert_int_ge(now, first + (sum - 1) * PEAL_MS);
		ck_assert_int_gt(now, before);
		ck_assert_int_eq(interval.next, first + sum * PEAL_MS);
		before = now;
	}
}

/* For a minute under PEAL_SOAK. */
TASK_TEST(an_interval_does_not_drift)
{
	(void)arg;
	keep_to_the_grid(PEAL_MISSED_BURST, getenv("PEAL_SOAK") ? 60000 : 300);
	keep_to_the_grid(PEAL_MISSED_SKIP, 100);
	return 0;
}

TASK_TEST(missed_ticks)
{
	struct peal_interval interval;
	int64_t first, now;

	(void)arg;
	ck_assert_int_eq(peal_interval_start(&interval, 2 * PEAL_MS, PEAL_MISSED_BURST), 0);
	first = interval.next;
	ck_assert_int_eq(peal_sleep_until(first + 7 * PEAL_MS), 0);
	for (int i = 1; i <= 4; i++) {
		ck_assert_int_eq(peal_interval_wait(&interval), 1);
		ck_assert_int_eq(interval.next, first + i * 2 * PEAL_MS);
	}
	ck_assert_int_eq(peal_interval_start(&interval, 2 * PEAL_MS, PEAL_MISSED_DELAY), 0);
	first = interval.next;
	ck_assert_int_eq(peal_sleep_until(first + 7 * PEAL_MS), 0);
	ck_assert_int_eq(peal_interval_wait(&interval), 1);
	ck_assert_int_ge(interval.next, first + 9 * PEAL_MS);
	now = peal_now();
	ck_assert_int_eq(peal_interval_wait(&interval), 1);
	ck_assert_int_ge(peal_now() - now, PEAL_MS);
	ck_assert_int_eq(peal_interval_start(&interval, 2 * PEAL_MS, PEAL_MISSED_SKIP), 0);
	first = interval.next;
	ck_assert_int_eq(peal_sleep_until(first + 7 * PEAL_MS), 0);
	ck_assert_int_ge(peal_interval_wait(&interval), 4);
	ck_assert_int_gt(interval.next, peal_now() - 2 * PEAL_MS);
	ck_assert_int_eq((interval.next - first) % (2 * PEAL_MS), 0);
	return 0;
}

TASK_TEST(intervals_of_any_kind)
{
	struct peal_interval interval;

	(void)arg;
	ck_assert_int_eq(peal_interval_start(NULL, 1, 0), -EINVAL);
	ck_assert_int_eq(peal_interval_start(&interval, 0, 0), -EINVAL);
	ck_assert_int_eq(peal_interval_start(&interval, 1, 3), -EINVAL);
	ck_assert_int_eq(peal_interval_wait(NULL), -EINVAL);
	/* Shorter than it takes to wait for it. */
	ck_assert_int_eq(peal_interval_start(&interval, 1, PEAL_MISSED_SKIP), 0);
	for (int i = 0; i < 100; i++)
		ck_assert_int_gt(peal_interval_wait(&interval), 0);
	/* So long that the tick after the next is beyond all time. */
	ck_assert_int_eq(peal_interval_start(&interval, PEAL_NEVER - 1, PEAL_MISSED_SKIP), 0);
	interval.next = peal_now();
	ck_assert_int_eq(peal_interval_wait(&interval), 1);
	ck_assert_int_eq(interval.next, PEAL_NEVER);
	return 0;
}

/* The workload timer_storm: sleeps that are dropped before they end cost next to nothing. */
TASK_TEST(a_storm_of_timers, .shards = 1)
{
	struct shot shots[8] = { { .at = 0 } };
	uint64_t spun = counter("sleeps_spun");

	(void)arg;
	for (int round = 0; round < 1024; round++) {
		for (int i = 0; i < 8; i++)
			ck_assert_int_eq(
				peal_timer_start(&shots[i].timer, peal_in(200 * PEAL_US), shoot),
				0);
		for (int i = 0; i < 8; i++)
			ck_assert_int_ge(peal_timer_stop(&shots[i].timer), 0);
		ck_assert_int_eq(peal_sleep(PEAL_US), 0);
	}
	ck_assert_uint_gt(counter("sleeps_spun") - spun, 512);
	return 0;
}

static Suite *time_suite(void)
{
	Suite *suite = suite_create("time");
	TCase *tcase = tcase_create("time");

	tcase_set_timeout(tcase, 240); /* one of a minute under PEAL_SOAK */
	ADD_TASK_TEST(tcase, sleeps_are_never_early);
	ADD_TASK_TEST(tcase, short_sleeps_are_spun_and_starve_nobody);
	ADD_TASK_TEST(tcase, sleeps_end_with_the_runtime);
	ADD_TASK_TEST(tcase, timers_fire_in_the_order_of_their_deadlines);
	ADD_TASK_TEST(tcase, a_stopped_timer_does_not_fire);
	ADD_TASK_TEST(tcase, a_timer_that_is_due_can_be_stopped);
	ADD_TASK_TEST(tcase, a_timer_that_is_past_fires_at_the_next_turn);
	ADD_TASK_TEST(tcase, timers_are_moved);
	ADD_TASK_TEST(tcase, touched_timers_are_put_off);
	ADD_TASK_TEST(tcase, slack_lets_timers_share_a_wake_up);
	ADD_TASK_TEST(tcase, timers_on_the_clock_that_goes_on);
	ADD_TASK_TEST(tcase, timers_do_not_hold_their_fiber);
	ADD_TASK_TEST(tcase, timers_belong_to_their_shard);
	tcase_add_test(tcase, off_the_shards);
	ADD_TASK_TEST(tcase, an_interval_does_not_drift);
	ADD_TASK_TEST(tcase, missed_ticks);
	ADD_TASK_TEST(tcase, intervals_of_any_kind);
	ADD_TASK_TEST(tcase, a_storm_of_timers);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(time_suite());
}
