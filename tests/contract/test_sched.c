/* SPDX-License-Identifier: MIT */
/*
 * What runs first, and how long anybody waits: counted in items, never by a clock. All on one shard, so
 * that the order is the scheduler's alone.
 */
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/sched/choice.h"
#include "core/task/task_here.h"
#include "tests/contract/runtime.h"

/* Items that have begun; tasks take the number of theirs. */
static unsigned int items;
static bool over;

static int note_turn(void *arg)
{
	*(unsigned int *)arg = ++items;
	return 0;
}

static struct peal_task *spawn_as(peal_task_fn *fn, void *arg, uint8_t priority)
{
	struct peal_task *task;

	ck_assert_int_eq(
		peal_task_spawn(&task, fn, arg, PEAL_SPAWN(.priority = priority, .name = "test")),
		0);
	return task;
}

static void join(struct peal_task *task)
{
	ck_assert_int_eq(peal_task_join(task, NULL), 0);
}

TASK_TEST(high_comes_before_normal_before_idle, .shards = 1)
{
	static const uint8_t priorities[] = { PEAL_IDLE, PEAL_NORMAL, PEAL_HIGH, PEAL_IDLE,
		PEAL_NORMAL, PEAL_HIGH };
	unsigned int turns[6];
	struct peal_task *tasks[6];

	items = 0;
	for (int i = 0; i < 6; i++)
		tasks[i] = spawn_as(note_turn, &turns[i], priorities[i]);
	for (int i = 0; i < 6; i++)
		join(tasks[i]);
	ck_assert_uint_eq(turns[2], 1);
	ck_assert_uint_eq(turns[5], 2);
	ck_assert_uint_eq(turns[1], 3);
	ck_assert_uint_eq(turns[4], 4);
	ck_assert_uint_eq(turns[0], 5);
	ck_assert_uint_eq(turns[3], 6);
	return 0;
}

static int keep_busy(void *arg)
{
	(void)arg;
	while (!over) {
		items++;
		peal_yield();
	}
	return 0;
}

/* Goes on for some turns, and keeps the longest wait for one. */
static int measure_waits(void *arg)
{
	unsigned int *longest = arg, before, wait;

	for (int i = 0; i < 50; i++) {
		before = items++;
		peal_yield();
		wait = items - before;
		if (wait > *longest)
			*longest = wait;
	}
	return 0;
}

/* Under fibers of the higher classes that always have something to do. */
static unsigned int wait_below(uint8_t priority, const uint8_t *busy, int count)
{
	unsigned int longest = 0;
	struct peal_task *tasks[8], *measured;

	over = false;
	items = 0;
	for (int i = 0; i < count; i++)
		tasks[i] = spawn_as(keep_busy, NULL, busy[i]);
	measured = spawn_as(measure_waits, &longest, priority);
	join(measured);
	over = true;
	for (int i = 0; i < count; i++)
		join(tasks[i]);
	return longest;
}

TASK_TEST(a_normal_fiber_gets_its_floor_under_high_load, .shards = 1)
{
	static const uint8_t busy[] = { PEAL_HIGH, PEAL_HIGH, PEAL_HIGH };
	unsigned int longest = wait_below(PEAL_NORMAL, busy, 3);

	ck_assert_uint_le(longest, PEAL_CLASS_FLOOR);
	ck_assert_uint_ge(longest, PEAL_CLASS_FLOOR / 2); /* the high ones were first */
	ck_assert_uint_gt(counter("items_high"), counter("items_run") / 2);
	return 0;
}

TASK_TEST(an_idle_fiber_gets_its_floor_under_all_others, .shards = 1)
{
	static const uint8_t busy[] = { PEAL_HIGH, PEAL_NORMAL, PEAL_HIGH, PEAL_NORMAL };
	unsigned int longest = wait_below(PEAL_IDLE, busy, 4);

	ck_assert_uint_le(longest, PEAL_CLASS_FLOOR);
	ck_assert_uint_ge(longest, PEAL_CLASS_FLOOR / 2);
	ck_assert_uint_ge(counter("items_idle"), 50);
	return 0;
}

TASK_TEST(an_idle_fiber_runs_at_once_when_nobody_else_does, .shards = 1)
{
	unsigned int longest = wait_below(PEAL_IDLE, NULL, 0);

	ck_assert_uint_le(longest, 2);
	return 0;
}

/* Fibers that only yield must not keep a fresh stealable task from its start. */
TASK_TEST(a_fresh_task_starts_among_busy_fibers, .shards = 1)
{
	struct peal_task *busy[3], *fresh;
	unsigned int turn = 0, before;

	over = false;
	items = 0;
	for (int i = 0; i < 3; i++)
		busy[i] = spawn_as(keep_busy, NULL, PEAL_NORMAL);
	for (int i = 0; i < 10; i++) {
		before = items;
		ck_assert_int_eq(peal_task_spawn(&fresh, note_turn, &turn,
					 PEAL_SPAWN(.place = PEAL_STEALABLE)),
			0);
		join(fresh);
		ck_assert_uint_le(turn - before, PEAL_FRESH_FLOOR + 1);
	}
	over = true;
	for (int i = 0; i < 3; i++)
		join(busy[i]);
	return 0;
}

/* Fibers that wake each other, without an end if nobody ends it */

struct pair {
	struct peal_task *task[2];
	struct peal_task *sleeper; /* who of them is suspended */
	unsigned int rounds;
};

static int hand_over(void *arg)
{
	struct pair *pair = arg;

	while (!over) {
		struct peal_task *other = pair->sleeper;

		items++;
		pair->rounds++;
		pair->sleeper = peal_task_current();
		if (other)
			peal_task_resume(other);
		peal_task_suspend(pair->sleeper);
	}
	if (pair->sleeper) {
		peal_task_resume(pair->sleeper);
		pair->sleeper = NULL;
	}
	return 0;
}

TASK_TEST(a_woken_fiber_runs_next_but_only_so_often, .shards = 1)
{
	struct pair pair = { { NULL } };
	unsigned int longest = 0;
	struct peal_task *measured;

	over = false;
	items = 0;
	for (int i = 0; i < 2; i++)
		pair.task[i] = spawn_as(hand_over, &pair, PEAL_NORMAL);
	measured = spawn_as(measure_waits, &longest, PEAL_NORMAL);
	join(measured);
	over = true;
	for (int i = 0; i < 2; i++)
		join(pair.task[i]);
	/* One that was in line itself, then so many next ones, then us. */
	ck_assert_uint_le(longest, 1 + PEAL_HANDOFFS + 1);
	ck_assert_uint_ge(longest, 1 + PEAL_HANDOFFS);
	ck_assert_uint_ge(counter("handoffs"), 100);
	return 0;
}

struct sleeper {
	struct peal_task *task;
	unsigned int turn, others_turn;
};

static int sleep_then_note(void *arg)
{
	struct sleeper *sleeper = arg;

	sleeper->task = peal_task_current();
	peal_task_suspend(sleeper->task);
	return note_turn(&sleeper->turn);
}

/* Wakes one of its own class when a higher one waits already. */
static int wake_and_spawn_high(void *arg)
{
	struct sleeper *sleeper = arg;
	struct peal_task *high = spawn_as(note_turn, &sleeper->others_turn, PEAL_HIGH);

	peal_task_resume(sleeper->task);
	peal_task_detach(high);
	return 0;
}

TASK_TEST(a_hand_over_does_not_outrank_a_higher_class, .shards = 1)
{
	struct sleeper sleeper = { .task = NULL };
	struct peal_task *tasks[2];

	items = 0;
	tasks[0] = spawn_as(sleep_then_note, &sleeper, PEAL_NORMAL);
	peal_yield();
	tasks[1] = spawn_as(wake_and_spawn_high, &sleeper, PEAL_NORMAL);
	join(tasks[0]);
	join(tasks[1]);
	ck_assert_uint_eq(sleeper.others_turn, 1);
	ck_assert_uint_eq(sleeper.turn, 2);
	return 0;
}

/* A high fiber that waited goes before normal ones that were ready first. */
TASK_TEST(what_is_woken_keeps_its_class, .shards = 1)
{
	struct sleeper sleeper = { .task = NULL };
	struct peal_task *tasks[5];
	unsigned int turns[4];

	items = 0;
	tasks[4] = spawn_as(sleep_then_note, &sleeper, PEAL_HIGH);
	peal_yield();
	for (int i = 0; i < 4; i++)
		tasks[i] = spawn_as(note_turn, &turns[i], PEAL_NORMAL);
	peal_task_resume(sleeper.task);
	for (int i = 0; i < 5; i++)
		join(tasks[i]);
	ck_assert_uint_eq(sleeper.turn, 1);
	for (int i = 0; i < 4; i++)
		ck_assert_uint_eq(turns[i], 2 + (unsigned int)i);
	return 0;
}

/* Callbacks and fibers take turns */

static unsigned int callbacks;

static void start_again(struct peal_op *op)
{
	items++;
	callbacks++;
	if (!over)
		peal_op_nop(op, start_again);
}

TASK_TEST(callbacks_that_go_on_for_ever_leave_every_other_item, .shards = 1)
{
	struct peal_op ops[3] = { { 0 } };
	unsigned int longest = 0;
	struct peal_task *measured;

	over = false;
	items = callbacks = 0;
	for (int i = 0; i < 3; i++)
		peal_op_nop(&ops[i], start_again);
	measured = spawn_as(measure_waits, &longest, PEAL_NORMAL);
	join(measured);
	over = true;
	while (peal_op_busy(&ops[0]) || peal_op_busy(&ops[1]) || peal_op_busy(&ops[2]))
		peal_yield();
	ck_assert_uint_le(longest, 2);
	ck_assert_uint_ge(callbacks, 3);
	return 0;
}

/* Ops that complete at once must not keep the shard from looking at its ring */

static int complete_at_once(void *arg)
{
	int pair[2];
	char c = 'x';

	(void)arg;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	while (!over) {
		ck_assert_int_eq(peal_send(pair[0], &c, 1, 0), 1);
		ck_assert_int_eq(peal_recv(pair[1], &c, 1, 0), 1);
		items++;
	}
	close(pair[0]);
	close(pair[1]);
	return 0;
}

TASK_TEST(ops_that_complete_at_once_leave_room_for_others, .shards = 1)
{
	struct peal_task *busy;
	unsigned int longest = 0;

	over = false;
	items = 0;
	busy = spawn_as(complete_at_once, NULL, PEAL_NORMAL);
	join(spawn_as(measure_waits, &longest, PEAL_NORMAL));
	over = true;
	join(busy);
	ck_assert_uint_le(longest, PEAL_OP_BUDGET + 1);
	return 0;
}

/* Who does not give way is named */

static atomic_bool named;

static void hear(void *arg, enum peal_log_level level, const char *text)
{
	(void)arg;
	if (level == PEAL_LOG_WARNING && strstr(text, "task \"the hog\""))
		atomic_store(&named, true);
}

/* Ends when it has been found. */
static int hold_on(void *arg)
{
	(void)arg;
	while (!atomic_load(&named))
		;
	return 0;
}

static int find_a_hog(void *arg)
{
	struct peal_task *hog, *behind;

	(void)arg;
	ck_assert_int_eq(peal_task_spawn(&hog, hold_on, NULL,
				 PEAL_SPAWN(.name = "the hog", .place = PEAL_PINNED(1))),
		0);
	ck_assert_int_eq(peal_task_spawn(&behind, hold_on, NULL,
				 PEAL_SPAWN(.name = "behind", .place = PEAL_PINNED(1))),
		0);
	join(hog);
	join(behind);
	ck_assert_uint_ge(counter("hogs"), 1);
	return 0;
}

START_TEST(a_sleeping_shard_names_who_holds_another_one)
{
	atomic_store(&named, false);
	peal_set_log(hear, NULL);
	run_on(_i, find_a_hog, NULL, (struct peal_rt_opts){ .shards = 2 });
	peal_set_log(NULL, NULL);
}
END_TEST

/* Gives way now and then, but not often enough. */
static int hold_on_and_yield(void *arg)
{
	(void)arg;
	while (!atomic_load(&named)) {
		int64_t until = peal_in(PEAL_HOG_NS + PEAL_MS);

		while (peal_now() < until)
			;
		peal_yield();
	}
	over = true;
	return 0;
}

static int be_a_hog(void *arg)
{
	struct peal_task *hog, *busy[3];

	(void)arg;
	over = false;
	for (int i = 0; i < 3; i++)
		busy[i] = spawn_as(keep_busy, NULL, PEAL_NORMAL);
	ck_assert_int_eq(
		peal_task_spawn(&hog, hold_on_and_yield, NULL, PEAL_SPAWN(.name = "the hog")), 0);
	join(hog);
	for (int i = 0; i < 3; i++)
		join(busy[i]);
	ck_assert_uint_ge(counter("hogs"), 1);
	ck_assert_uint_ge(counter("slices_overrun"), 1);
	return 0;
}

START_TEST(a_shard_alone_names_who_holds_it)
{
	atomic_store(&named, false);
	peal_set_log(hear, NULL);
	run_on(_i, be_a_hog, NULL, (struct peal_rt_opts){ .shards = 1 });
	peal_set_log(NULL, NULL);
}
END_TEST

static Suite *sched_suite(void)
{
	Suite *suite = suite_create("sched");
	TCase *tcase = tcase_create("order");

	find_backends();
	ADD_TASK_TEST(tcase, high_comes_before_normal_before_idle);
	ADD_TASK_TEST(tcase, a_normal_fiber_gets_its_floor_under_high_load);
	ADD_TASK_TEST(tcase, an_idle_fiber_gets_its_floor_under_all_others);
	ADD_TASK_TEST(tcase, an_idle_fiber_runs_at_once_when_nobody_else_does);
	ADD_TASK_TEST(tcase, a_fresh_task_starts_among_busy_fibers);
	ADD_TASK_TEST(tcase, a_woken_fiber_runs_next_but_only_so_often);
	ADD_TASK_TEST(tcase, a_hand_over_does_not_outrank_a_higher_class);
	ADD_TASK_TEST(tcase, what_is_woken_keeps_its_class);
	ADD_TASK_TEST(tcase, callbacks_that_go_on_for_ever_leave_every_other_item);
	ADD_TASK_TEST(tcase, ops_that_complete_at_once_leave_room_for_others);
	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, a_sleeping_shard_names_who_holds_another_one);
	ADD_TASK_TEST(tcase, a_shard_alone_names_who_holds_it);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(sched_suite());
}
