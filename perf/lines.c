/* SPDX-License-Identifier: MIT */
#include "perf/lines.h"

#include <sched.h>
#include <stdatomic.h>

#include "perf/runtime.h"

enum { SLOTS = 2048 };

static struct {
	_Alignas(128) _Atomic(uint64_t) ping;
	_Alignas(128) _Atomic(uint64_t) pong;
	_Alignas(128) _Atomic(uint64_t) slots[SLOTS][2];
} line;

/* Wait until a line has this value. Whoever else needs the CPU gets it after a while. */
static void watch(_Atomic(uint64_t) *word, uint64_t value)
{
	for (unsigned int i = 0; atomic_load_explicit(word, memory_order_acquire) != value; i++)
		if (i < 10000)
			perf_relax();
		else
			sched_yield();
}

static uint64_t trips_in_an_operation(const struct perf_run *run)
{
	return run->variant->with ? run->variant->with : 1;
}

static void *ping(void *arg)
{
	struct perf_run *run = arg;
	uint64_t each = trips_in_an_operation(run), warm_up = run->warm_up * each;

	for (uint64_t i = 1; i <= warm_up + run->count * each; i++) {
		if (i == warm_up + 1)
			perf_start(run);
		atomic_store_explicit(&line.ping, i, memory_order_release);
		watch(&line.pong, i);
	}
	perf_stop(run);
	return NULL;
}

static void *pong(void *arg)
{
	const struct perf_run *run = arg;

	for (uint64_t i = 1; i <= (run->warm_up + run->count) * trips_in_an_operation(run); i++) {
		watch(&line.ping, i);
		atomic_store_explicit(&line.pong, i, memory_order_release);
	}
	return NULL;
}

void perf_run_line(struct perf_run *run)
{
	line.ping = line.pong = 0;
	perf_two_threads(ping, pong, run);
}

static uint64_t window_of(const struct perf_run *run)
{
	return run->variant->with ? run->variant->with : PERF_WINDOW;
}

/* How many windows `operations` are. */
static uint64_t windows(const struct perf_run *run, uint64_t operations)
{
	return run->variant->with ? operations : operations / PERF_WINDOW;
}

static void *produce(void *arg)
{
	struct perf_run *run = arg;
	uint64_t window = window_of(run), warm_up = windows(run, run->warm_up);

	for (uint64_t i = 1; i <= warm_up + windows(run, run->count); i++) {
		if (i == warm_up + 1)
			perf_start(run);
		for (uint64_t j = 0; j < window; j++) {
			atomic_store_explicit(&line.slots[j][0], i, memory_order_relaxed);
			atomic_store_explicit(&line.slots[j][1], j, memory_order_relaxed);
		}
		atomic_store_explicit(&line.ping, i, memory_order_release);
		watch(&line.pong, i);
	}
	perf_stop(run);
	return NULL;
}

static void *consume(void *arg)
{
	const struct perf_run *run = arg;
	uint64_t window = window_of(run), n = windows(run, run->warm_up) + windows(run, run->count);
	uint64_t sum = 0;

	for (uint64_t i = 1; i <= n; i++) {
		watch(&line.ping, i);
		for (uint64_t j = 0; j < window; j++) {
			sum += atomic_load_explicit(&line.slots[j][0], memory_order_relaxed) - i;
			sum += atomic_load_explicit(&line.slots[j][1], memory_order_relaxed);
		}
		atomic_store_explicit(&line.pong, i, memory_order_release);
	}
	perf_expect(sum == n * (window * (window - 1) / 2), "what was sent is what came");
	return NULL;
}

void perf_run_ring(struct perf_run *run)
{
	line.ping = line.pong = 0;
	perf_two_threads(produce, consume, run);
}
