/* SPDX-License-Identifier: MIT */
/* Knowing when to give way: by a clock that is the test's, so that nothing depends on how long things take. */
#include "core/runtime/rt.h"
#include "tests/contract/runtime.h"

#define SLICE (100 * PEAL_US)

/* What the shard takes for the time, and how often it has asked. */
static struct {
	struct peal_backend backend;
	const struct peal_backend *real;
	int64_t now;
	int reads;
} fake;

static int64_t tell(struct peal_ring *ring)
{
	(void)ring;
	fake.reads++;
	return fake.now;
}

/* From here on time stands still, in a slice that has just begun. */
static void stop_time(void)
{
	struct peal_shard *shard = peal_shard_current();

	fake.real = shard->backend;
	fake.backend = *fake.real;
	fake.backend.now = tell;
	fake.now = peal_shard_now(shard);
	shard->backend = &fake.backend;
	shard->flush = true;
	ck_assert_int_eq(peal_yield(), 0);
	fake.reads = 0;
}

static void restart_time(void)
{
	peal_shard_current()->backend = fake.real;
}

TASK_TEST(nobody_should_yield_before_the_slice_is_over, .shards = 1, .slice = SLICE)
{
	stop_time();
	ck_assert(!peal_should_yield());
	fake.now += SLICE - 1;
	for (int i = 0; i < 1000; i++)
		ck_assert(!peal_should_yield());
	restart_time();
	return 0;
}

TASK_TEST(everybody_should_when_it_is, .shards = 1, .slice = SLICE)
{
	stop_time();
	fake.now += SLICE;
	ck_assert(peal_should_yield());
	ck_assert(peal_should_yield()); /* and still should */
	ck_assert_int_eq(peal_yield(), 0);
	ck_assert(!peal_should_yield());
	restart_time();
	return 0;
}

/* Calls that follow each other: the clock is read at ever fewer of them, but at one in 64. */
TASK_TEST(quick_calls_seldom_read_the_clock, .shards = 1, .slice = SLICE)
{
	int calls = 0;

	stop_time();
	for (int i = 0; i < 6400; i++)
		ck_assert(!peal_should_yield());
	ck_assert_int_ge(fake.reads, 100);
	ck_assert_int_le(fake.reads, 110);
	fake.now += SLICE;
	while (!peal_should_yield())
		calls++;
	ck_assert_int_lt(calls, 64);
	restart_time();
	return 0;
}

/* Each takes a tenth of a slice: it is noticed at once when the slice is over. */
TASK_TEST(slow_calls_read_it_each_time, .shards = 1, .slice = SLICE)
{
	stop_time();
	for (int i = 1; i < 10; i++) {
		fake.now += SLICE / 10;
		ck_assert(!peal_should_yield());
		ck_assert_int_eq(fake.reads, i);
	}
	fake.now += SLICE / 10;
	ck_assert(peal_should_yield());
	restart_time();
	return 0;
}

static int ask_slowly(void *arg)
{
	(void)arg;
	fake.now += SLICE / 2;
	ck_assert(!peal_should_yield());
	fake.now += SLICE / 2;
	return peal_should_yield();
}

/* One that has asked often does not make the next one wait for its answer. */
TASK_TEST(each_fiber_is_answered_for_itself, .shards = 1, .slice = SLICE)
{
	struct peal_task *task;
	int result = -1;

	stop_time();
	ck_assert_int_eq(peal_task_spawn(&task, ask_slowly, NULL, NULL), 0);
	for (int i = 0; i < 1000; i++)
		ck_assert(!peal_should_yield());
	ck_assert_int_eq(peal_task_join(task, &result), 0);
	ck_assert_int_eq(result, 1);
	restart_time();
	return 0;
}

TASK_TEST(calls_that_did_not_wait_count_too, .shards = 1, .slice = SLICE)
{
	int calls = 0;

	stop_time();
	ck_assert(!peal_should_yield());
	for (; !peal_should_yield(); calls++) {
		struct peal_shard *shard = peal_shard_current();

		ck_assert_int_lt(calls, PEAL_OP_BUDGET);
		shard->op_budget--; /* as such a call does */
	}
	ck_assert_int_eq(calls, PEAL_OP_BUDGET - 1);
	ck_assert_int_eq(peal_yield(), 0);
	ck_assert(!peal_should_yield());
	restart_time();
	return 0;
}

START_TEST(off_the_shards_nobody_should)
{
	ck_assert(!peal_should_yield());
}
END_TEST

static Suite *yield_suite(void)
{
	Suite *suite = suite_create("yield");
	TCase *tcase = tcase_create("yield");

	find_backends();
	ADD_TASK_TEST(tcase, nobody_should_yield_before_the_slice_is_over);
	ADD_TASK_TEST(tcase, everybody_should_when_it_is);
	ADD_TASK_TEST(tcase, quick_calls_seldom_read_the_clock);
	ADD_TASK_TEST(tcase, slow_calls_read_it_each_time);
	ADD_TASK_TEST(tcase, each_fiber_is_answered_for_itself);
	ADD_TASK_TEST(tcase, calls_that_did_not_wait_count_too);
	tcase_add_test(tcase, off_the_shards_nobody_should);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(yield_suite());
}
