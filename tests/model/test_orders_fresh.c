/* SPDX-License-Identifier: MIT */
/*
 * core/sched/fresh.h in every order, with a ring of two so that its indices wrap: each task is taken once, by
 * the owner or a thief, and whoever takes it sees what its maker wrote.
 */
#define PEAL_ATOMIC_HOOK "tests/model/interleave.h"
#define PEAL_FRESH_SLOTS 2
#include "core/sched/fresh.h"
#include "tests/check_main.h"
#include "tests/model/explore.h"

enum { TASKS = 4 };

static struct peal_fresh fresh;
static struct task {
	int made, taken; /* plain, handed over with the task */
} tasks[TASKS];
static int pushed;

static void setup(void)
{
	peal_fresh_init(&fresh);
	memset(fresh.slots, 0, sizeof(fresh.slots));
	memset(tasks, 0, sizeof(tasks));
	pushed = 0;
}

static void take(struct task *task)
{
	il_read(&task->made);
	il_check(task->made == 1);
	il_write(&task->taken); /* twice would be a race, if not by the same */
	il_check(++task->taken == 1);
}

static bool push(void)
{
	struct task *task = &tasks[pushed];

	il_write(&task->made);
	task->made = 1;
	if (!peal_fresh_push(&fresh, task))
		return false;
	pushed++;
	return true;
}

static bool pop(void)
{
	struct task *task = peal_fresh_pop(&fresh);

	if (task)
		take(task);
	return task != NULL;
}

static void steal(void)
{
	void *stolen[2];
	unsigned int n = peal_fresh_steal(&fresh, stolen, 2);

	for (unsigned int i = 0; i < n; i++)
		take(stolen[i]);
}

static void steal_twice(void)
{
	steal();
	steal();
}

static void push_two_pop_one(void)
{
	push();
	push();
	pop();
}

/* The third and fourth use the slots of the first two again. */
static void push_round(void)
{
	push();
	push();
	pop();
	push();
	push();
	pop();
}

static void push_and_pop_three(void)
{
	for (int i = 0; i < 3; i++) {
		push();
		pop();
	}
}

static void nothing_is_lost(void)
{
	while (pop())
		;
	for (int i = 0; i < pushed; i++)
		il_check(tasks[i].taken == 1);
}

static const struct il_scenario two_thieves = { "two thieves", setup,
	{ push_two_pop_one, steal, steal }, nothing_is_lost };
static const struct il_scenario wrap = { "a thief, and indices that wrap", setup,
	{ push_round, steal_twice }, nothing_is_lost };
static const struct il_scenario wrap_two = { "two thieves, and indices that wrap", setup,
	{ push_and_pop_three, steal, steal }, nothing_is_lost };

START_TEST(two_thieves_and_the_owner_share)
{
	check_holds(&two_thieves);
}
END_TEST

START_TEST(slots_are_used_again)
{
	check_holds(&wrap);
	check_holds(&wrap_two);
}
END_TEST

/*
 * That a slot is not written before it was read in the round before (the acquire loads of head, and the
 * release of a thief's swap) cannot be broken here: a load would have to see a store that comes later.
 * fresh.h argues it.
 */
START_TEST(what_the_ring_relies_on_is_needed)
{
	static const struct il_mutation mutations[] = {
		/* The task is published by tail, and seen by it. */
		{ "peal_fresh_push", IL_STORE, IL_SEQ_CST, IL_RELAXED, false },
		{ "peal_fresh_steal", IL_LOAD, IL_SEQ_CST, IL_RELAXED, false },
		/* Whoever moves head owns what lies between. */
		{ "peal_fresh_pop", IL_CAS, IL_ACQ_REL, IL_ACQ_REL, true },
		{ "peal_fresh_steal", IL_CAS, IL_ACQ_REL, IL_ACQ_REL, true }, { 0 }
	};
	check_each_fails(&two_thieves, mutations);
	check_each_fails(&wrap, mutations);
	check_each_fails(&wrap_two, mutations);
}
END_TEST

/*
 * As wake.c has it: who publishes a task and then looks for idle shards, and who marks itself idle and
 * then looks for tasks, do not miss each other (tokio #1768).
 */

static PEAL_ATOMIC(uint32_t) idle;
static bool saw_idle, saw_task;

static void setup_mark(void)
{
	setup();
	idle = 0;
	saw_idle = saw_task = false;
}

static void publish_and_look(void)
{
	push();
	saw_idle = peal_load_seq_cst(&idle);
}

static void mark_and_look(void)
{
	peal_store_seq_cst(&idle, 1);
	saw_task = peal_fresh_count(&fresh);
}

static void one_saw_the_other(void)
{
	il_check(saw_idle || saw_task);
}

START_TEST(a_task_and_an_idle_mark_do_not_miss_each_other)
{
	static const struct il_scenario mark = { "a task and a mark", setup_mark,
		{ publish_and_look, mark_and_look }, one_saw_the_other };
	static const struct il_mutation mutations[] = { { "peal_fresh_push", IL_STORE, IL_SEQ_CST,
								IL_RELEASE, false },
		{ "peal_fresh_count", IL_LOAD, IL_SEQ_CST, IL_ACQUIRE, false },
		{ "publish_and_look", IL_LOAD, IL_SEQ_CST, IL_ACQUIRE, false },
		{ "mark_and_look", IL_STORE, IL_SEQ_CST, IL_RELEASE, false }, { 0 } };

	check_holds(&mark);
	check_each_fails(&mark, mutations);
}
END_TEST

static Suite *fresh_suite(void)
{
	Suite *suite = suite_create("orders_fresh");
	TCase *tcase = explore_tcase("fresh");

	tcase_add_test(tcase, two_thieves_and_the_owner_share);
	tcase_add_test(tcase, slots_are_used_again);
	tcase_add_test(tcase, what_the_ring_relies_on_is_needed);
	tcase_add_test(tcase, a_task_and_an_idle_mark_do_not_miss_each_other);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(fresh_suite());
}
