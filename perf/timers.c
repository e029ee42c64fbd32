/* SPDX-License-Identifier: MIT */
/*
 * timer_storm: 1024 rounds; in each 8 sleeps of 200 us are created and dropped, then one of 1 us is
 * awaited. Below that is the microsecond alone, 1024 times, spun on the clock.
 *
 * timers_resident: a million timers that are armed at a time, and what one costs to start, to put off,
 * to stop, to expire.
 *
 * timers_start_1m, timers_stop_1m: the first and the third of these, held against a wheel of the core's with
 * as many nodes of its own, and nothing around it. A node is smaller than a timer; neither fits into caches.
 */
#include <stdlib.h>

#include "core/time/wheel.h"
#include "perf/runtime.h"

enum { ROUNDS = 1024, DROPPED = 8 };

static void nothing(struct peal_timer *timer)
{
	(void)timer;
}

static void storm(uint64_t times)
{
	struct peal_timer timers[DROPPED] = { 0 };

	for (uint64_t i = 0; i < ROUNDS * times; i++) {
		int64_t deadline = peal_in(200 * PEAL_US);

		for (int j = 0; j < DROPPED; j++)
			peal_timer_start(&timers[j], deadline, nothing);
		for (int j = 0; j < DROPPED; j++)
			peal_timer_stop(&timers[j]);
		peal_sleep(PEAL_US);
	}
}

static int storms(void *arg)
{
	struct perf_run *run = arg;

	storm(run->warm_up);
	perf_start(run);
	storm(run->count);
	perf_stop(run);
	return 0;
}

static void run_storm(struct perf_run *run)
{
	perf_in_runtime(run, storms);
}

static void run_clock(struct perf_run *run)
{
	perf_start(run);
	for (uint64_t i = 0; i < ROUNDS * run->count; i++) {
		int64_t until = perf_now() + 1000;

		while (perf_now() < until)
			perf_relax();
	}
	perf_stop(run);
}

static uint64_t expired;

static void expire(struct peal_timer *timer)
{
	(void)timer;
	expired++;
}

/* Spread over an hour, in no order. */
static int64_t far(int64_t now, uint64_t i)
{
	return now + PEAL_S + (int64_t)(i * 2654435761 % (3600ULL * 1000000000));
}

enum step { START, TOUCH, STOP, EXPIRE };

static void start_all(struct peal_timer *timers, uint64_t n, int64_t now)
{
	for (uint64_t i = 0; i < n; i++)
		peal_timer_start(&timers[i], far(now, i), expire);
}

static void stop_all(struct peal_timer *timers, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		peal_timer_stop(&timers[i]);
}

static void expire_all(struct perf_run *run, struct peal_timer *timers)
{
	int64_t now = peal_now();

	for (uint64_t i = 0; i < run->count; i++)
		peal_timer_start(&timers[i], now, expire);
	expired = 0;
	perf_start(run);
	while (expired < run->count)
		peal_yield();
	perf_stop(run);
}

/* The same step is timed in every sample; the others make it possible. */
static int resident(void *arg)
{
	struct perf_run *run = arg;
	struct peal_timer *timers = calloc(run->count, sizeof(*timers));
	int64_t now = peal_now();

	perf_expect(timers, "there is memory");
	start_all(timers, run->count, now);
	if (run->variant->with == TOUCH) {
		perf_start(run);
		for (uint64_t i = 0; i < run->count; i++)
			peal_timer_touch(&timers[i], far(now, i) + PEAL_S);
		perf_stop(run);
	}
	if (run->variant->with == STOP)
		perf_start(run);
	stop_all(timers, run->count);
	if (run->variant->with == STOP)
		perf_stop(run);
	if (run->variant->with == START) {
		perf_start(run);
		start_all(timers, run->count, now);
		perf_stop(run);
		stop_all(timers, run->count);
	}
	if (run->variant->with == EXPIRE)
		expire_all(run, timers);
	free(timers);
	return 0;
}

static void run_resident(struct perf_run *run)
{
	perf_in_runtime(run, resident);
}

static void insert_all(
	struct peal_wheel *wheel, struct peal_wheel_node *nodes, uint64_t n, int64_t now)
{
	for (uint64_t i = 0; i < n; i++)
		peal_wheel_insert(wheel, &nodes[i], far(now, i));
}

static void remove_all(struct peal_wheel *wheel, struct peal_wheel_node *nodes, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		peal_wheel_remove(wheel, &nodes[i]);
}

/* In the same order as above: memory is touched for the first time before the clock runs. */
static void run_wheel(struct perf_run *run)
{
	struct peal_wheel *wheel = calloc(1, sizeof(*wheel));
	struct peal_wheel_node *nodes = calloc(run->count, sizeof(*nodes));
	int64_t now = peal_now();

	perf_expect(wheel && nodes, "there is memory");
	peal_wheel_advance(wheel, now);
	insert_all(wheel, nodes, run->count, now);
	if (run->variant->with == STOP)
		perf_start(run);
	remove_all(wheel, nodes, run->count);
	if (run->variant->with == STOP)
		perf_stop(run);
	if (run->variant->with == START) {
		perf_start(run);
		insert_all(wheel, nodes, run->count, now);
		perf_stop(run);
		remove_all(wheel, nodes, run->count);
	}
	free(nodes);
	free(wheel);
}

PERF_ROW(.name = "timer_storm", .what = "1024 rounds of 8 sleeps dropped and one of 1 us awaited",
	.unit = "us", .scale = 1000, .count = 10,
	.variants = { { "peal", run_storm }, { "clock", run_clock, .floor = true } })

PERF_ROW(.name = "timers_resident_1m", .what = "one of a million timers", .count = 1000000,
	.variants = { { "peal/start", run_resident, .with = START },
		{ "peal/touch", run_resident, .with = TOUCH },
		{ "peal/stop", run_resident, .with = STOP },
		{ "peal/expire", run_resident, .with = EXPIRE } })

PERF_ROW(.name = "timers_start_1m", .what = "one of a million timers is started", .count = 1000000,
	.variants = { { "peal", run_resident, .with = START },
		{ "wheel", run_wheel, .floor = true, .with = START } })

PERF_ROW(.name = "timers_stop_1m", .what = "one of a million timers is stopped", .count = 1000000,
	.variants = { { "peal", run_resident, .with = STOP },
		{ "wheel", run_wheel, .floor = true, .with = STOP } })
