/* SPDX-License-Identifier: MIT */
/*
 * core/sched/wake.c and core/sched/steal.c, their very text, with the ring and the inbox, in every order: one shard
 * publishes tasks, offers them, and then never gives way; another, which was about to sleep, runs them.
 * Loops go round a few times at most. (The counts of idle shards and searchers: wake.pml.)
 */
#define PEAL_ATOMIC_HOOK "tests/model/interleave.h"
#define PEAL_FRESH_SLOTS 4
#include <pthread.h>

#include <peal/base.h>

#include "core/base/compiler.h"
#include "core/sched/fresh.h"
#include "core/sched/inbox.h"
#include "core/base/list.h"
#include "tests/check_main.h"
#include "tests/model/explore.h"

/* In place of core/runtime/rt.h and what it includes: what the two files use of it. */
#define PEAL_CORE_RT_H
#define PEAL_CORE_FATAL_H

enum { SHARDS = 2, TASKS = 2, ROUNDS = 3 };

struct peal_shard;
struct peal_node {
	struct peal_inbox_node link;
};
struct peal_task {
	struct peal_link link;
	int made, ran; /* plain, handed over with the task */
};
struct peal_choice {
	int unused;
};
enum peal_choice_kind { PEAL_CHOICE_VICTIM, PEAL_CHOICE_WAKE };
enum peal_idleness { PEAL_IDLE_NOT, PEAL_IDLE_ASLEEP, PEAL_IDLE_SPINNING };
struct peal_rt {
	struct {
		bool no_stealing;
		uint32_t steal_batch;
	} opts;
	struct peal_shard **shards;
	uint32_t shard_count;
	pthread_mutex_t overflow_lock;
	struct peal_queue overflow;
	PEAL_ATOMIC(uint32_t) overflow_count;
	PEAL_ATOMIC(uint32_t) idle;
	PEAL_ATOMIC(uint32_t) searchers;
	PEAL_ATOMIC(uint32_t) spinners;
	PEAL_ATOMIC(uint32_t) watcher;
	PEAL_ATOMIC(uint32_t) next_shard;
};
struct peal_shard {
	struct peal_rt *rt;
	uint32_t index;
	struct peal_choice choice;
	bool searching, search_due, resting, flush;
	struct peal_inbox inbox, near;
	PEAL_ATOMIC(uint32_t) idle;
	struct peal_node search;
	struct peal_fresh fresh;
	struct peal_task *kept;
	uint32_t bell;
};
#define PEAL_STEAL_MOST                  2
#define PEAL_STEAL_ROUNDS                1
#define PEAL_STEAL_PAUSES                0
#define PEAL_COUNT(shard, name)          ((void)0)
#define PEAL_COUNT_ADD(shard, n, m)      ((void)0)
#define peal_gauge_set(counters, ...)    ((void)0)
#define peal_choose(choice, kind, among) ((void)(choice), 0)

bool peal_steal_overflow(struct peal_shard *shard);
bool peal_steal_others_idle(struct peal_shard *shard);
bool peal_steal_visible(struct peal_shard *shard);
bool peal_steal_anything(struct peal_rt *rt);
bool peal_steal_search(struct peal_shard *shard);
void peal_wake_one(struct peal_shard *shard);
void peal_wake_for_stuck(struct peal_rt *rt, struct peal_shard *shard);
void peal_idle_enter(struct peal_shard *shard);
void peal_idle_leave(struct peal_shard *shard);
void peal_idle_spins(struct peal_shard *shard, bool spins);
void peal_search_arrived(struct peal_shard *shard, struct peal_node *node);

static int peal_shard_deliver(struct peal_shard *to, struct peal_node *node)
{
	il_write(node); /* there is one, and it must not be in use */
	if (peal_inbox_push(&to->inbox, &node->link) == PEAL_INBOX_RING)
		il_bell_ring(&to->bell);
	return 0;
}

/* Bells are rung at once here. */
static bool peal_shard_poll(struct peal_shard *shard)
{
	return !shard;
}

static void peal_sched_fresh(struct peal_shard *shard, struct peal_task *task)
{
	il_check(peal_fresh_push(&shard->fresh, task));
}

static void peal_sched_first(struct peal_shard *shard, struct peal_task *task)
{
	il_check(!shard->kept);
	shard->kept = task;
}

static unsigned int peal_near_take(struct peal_shard *shard, struct peal_shard *from)
{
	return 0;
}

#include "core/sched/steal.c"
#include "core/sched/wake.c"

static struct peal_shard shards[SHARDS], *all[SHARDS] = { &shards[0], &shards[1] };
static struct peal_rt rt;
static struct peal_task tasks[TASKS];

static void setup(void)
{
	memset(shards, 0, sizeof(shards));
	memset(tasks, 0, sizeof(tasks));
	memset(&rt, 0, sizeof(rt));
	rt.shards = all;
	rt.shard_count = SHARDS;
	rt.opts.steal_batch = PEAL_STEAL_MOST;
	for (uint32_t i = 0; i < SHARDS; i++) {
		shards[i].rt = &rt;
		shards[i].index = i;
	}
}

static void run_task(struct peal_task *task)
{
	il_read(&task->made);
	il_check(task->made);
	il_write(&task->ran);
	il_check(++task->ran == 1);
}

/* As sched.c does between two tasks. */
static void offer(struct peal_shard *shard)
{
	if (!peal_load_seq_cst(&rt.idle) || peal_load_seq_cst(&rt.searchers))
		return;
	if (peal_fresh_count(&shard->fresh) >= 2) {
		peal_wake_one(shard);
		return;
	}
	/* A single one is not offered; so it is run. */
	struct peal_task *task = peal_fresh_pop(&shard->fresh);

	if (task)
		run_task(task);
}

static void publish(void)
{
	for (int i = 0; i < TASKS; i++) {
		il_write(&tasks[i].made);
		tasks[i].made = 1;
		peal_sched_fresh(&shards[0], &tasks[i]);
	}
	offer(&shards[0]);
}

static void receive(struct peal_shard *shard, struct peal_inbox_node *link)
{
	if (!link)
		return;
	il_check(link == &shard->search.link && !link->next);
	il_write(&shard->search);
	peal_search_arrived(shard, &shard->search);
}

static void run_own(struct peal_shard *shard)
{
	struct peal_task *task = shard->kept;

	shard->kept = NULL;
	if (task)
		run_task(task);
	while ((task = peal_fresh_pop(&shard->fresh)))
		run_task(task);
}

/* As park.c does, without spinning. */
static void park(struct peal_shard *shard)
{
	struct peal_inbox_node *link;

	if (peal_steal_visible(shard) && peal_steal_search(shard))
		return;
	peal_idle_enter(shard);
	if (peal_steal_visible(shard) || !peal_inbox_park(&shard->inbox)) {
		peal_idle_leave(shard);
		return;
	}
	il_bell_wait(&shard->bell);
	link = peal_inbox_unpark(&shard->inbox);
	peal_idle_leave(shard);
	receive(shard, link);
}

static void loop(void)
{
	struct peal_shard *shard = &shards[1];

	for (int round = 0; round < ROUNDS; round++) {
		receive(shard, peal_inbox_take(&shard->inbox));
		if (shard->searching)
			peal_steal_search(shard);
		run_own(shard);
		park(shard);
	}
	il_cut();
}

static void all_have_run(void)
{
	for (int i = 0; i < TASKS; i++)
		il_check(tasks[i].ran == 1);
	il_check(peal_load_relaxed(&rt.searchers) == 0);
	il_check(peal_load_relaxed(&rt.idle) == 1);
}

static const struct il_scenario waking = { "waking one", setup, { publish, loop }, all_have_run,
	.may_sleep = true };

START_TEST(no_task_is_left_to_one_who_does_not_give_way)
{
	check_holds(&waking);
}
END_TEST

START_TEST(the_orders_that_waking_relies_on_are_needed)
{
	static const struct il_mutation mutations[] = { { "offer", IL_LOAD, IL_SEQ_CST, IL_RELAXED,
								false },
		{ "peal_idle_enter", IL_STORE, IL_SEQ_CST, IL_RELEASE, false },
		{ "peal_idle_enter", IL_ADD, IL_SEQ_CST, IL_ACQ_REL, false },
		{ "peal_fresh_push", IL_STORE, IL_SEQ_CST, IL_RELEASE, false },
		{ "peal_fresh_count", IL_LOAD, IL_SEQ_CST, IL_ACQUIRE, false }, { 0 } };

	check_each_fails(&waking, mutations);
}
END_TEST

static Suite *wake_suite(void)
{
	Suite *suite = suite_create("orders_wake");
	TCase *tcase = explore_tcase("wake");

	tcase_add_test(tcase, no_task_is_left_to_one_who_does_not_give_way);
	tcase_add_test(tcase, the_orders_that_waking_relies_on_are_needed);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(wake_suite());
}
