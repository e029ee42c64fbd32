/* SPDX-License-Identifier: MIT */
/* The explorer: interleave.h tells what it does. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/interleave_memory.h"

#include "core/fiber/sanitizer.h"
#include "core/fiber/switch.h"

enum {
	STEPS = 400,    /* of a run */
	CHOICES = 2,    /* that a step may make, besides who makes it */
	STACK = 1 << 16 /* bytes */
};
#define RUNS_MOST 20000000

struct thread {
	void *context;
	bool ended;
	struct il_clock steps; /* that lead to its last one, see struct step */
	struct il_access next;
	int place; /* of next */
};

struct choice {
	int taken, count;
};

struct step {
	int thread;
	uint32_t enabled, backtrack, done, asleep; /* sets of threads */
	struct choice choices[CHOICES];
	int choice_count;
	int place;
	bool writes;
	struct il_clock
		order; /* which steps lead to it: of each thread, the last one's number + 1 */
};

static struct thread threads[IL_THREADS];
static struct il_clock wrote[IL_PLACES],
	touched[IL_PLACES]; /* the last write there, all accesses */
static struct step steps[STEPS];
static struct il_access told[STEPS]; /* and what they did */
static uint64_t told_values[STEPS];
static int thread_count;
static int planned, at;  /* steps that are repeated from the run before; the current one */
static int choices_made; /* in it */
static int running;      /* a thread, or -1 */
static void *explorer;   /* its context */
static const char *failure;
static const struct il_scenario *scenario;
static const struct il_mutation *mutation;
static jmp_buf finish_failed;
static bool finishing, cut_short;
static char stacks[IL_THREADS][STACK] __attribute__((aligned(64)));

void il_broken(const char *what)
{
	fprintf(stderr, "interleave: %s: %s\n", scenario->name, what);
	abort();
}

void il_fail(const char *why)
{
	void *lost;

	if (!failure)
		failure = why;
	if (finishing)
		longjmp(finish_failed, 1);
	if (running < 0)
		il_broken(why); /* setup: the scenario itself is wrong */
	peal_switch(&lost, explorer);
}

void il_cut(void)
{
	void *lost;

	cut_short = true;
	peal_switch(&lost, explorer);
}

void il_read(const void *p)
{
	const char *wrong = running < 0 ? NULL : il_memory_read(running, p);

	if (wrong)
		il_fail(wrong);
}

void il_write(const void *p)
{
	const char *wrong = running < 0 ? NULL : il_memory_write(running, p);

	if (wrong)
		il_fail(wrong);
}

/* One of n ways to go on. The first run takes 0 everywhere. */
int il_choose(int n)
{
	struct step *step = &steps[at];
	struct choice *choice;

	if (n == 1)
		return 0;
	if (choices_made == CHOICES)
		il_broken("too many choices in a step");
	choice = &step->choices[choices_made++];
	if (choices_made > step->choice_count) {
		step->choice_count = choices_made;
		*choice = (struct choice){ 0, n };
	}
	return choice->taken;
}

/* Let the explorer decide when. */
static uint64_t stop_before(const struct il_access *access, bool *done)
{
	struct thread *thread = &threads[running];
	uint64_t old;

	thread->next = *access;
	thread->place = il_memory_place(access);
	peal_switch(&thread->context, explorer);
	old = il_memory_do(running, access, done);
	told_values[at] = access->kind == IL_STORE ? access->value : old;
	return old;
}

static bool hit(const struct il_access *access)
{
	return mutation && mutation->kind == access->kind && mutation->order == access->order &&
		!strcmp(mutation->function, access->function);
}

static uint64_t torn(struct il_access access, bool *done)
{
	struct il_access part = access;
	uint64_t old;

	part.kind = IL_LOAD;
	old = stop_before(&part, done);
	*done = access.kind != IL_CAS || old == access.expected;
	if (!*done)
		return old;
	part.kind = IL_STORE;
	part.value = il_result_of(&access, old);
	stop_before(&part, done);
	*done = true;
	return old;
}

uint64_t il_access(const struct il_access *access, bool *done)
{
	struct il_access changed = *access;

	if (running < 0)
		return il_memory_alone(access, done);
	if (!hit(access))
		return stop_before(access, done);
	if (mutation->torn)
		return torn(changed, done);
	changed.order = mutation->becomes;
	return stop_before(&changed, done);
}

void il_bell_ring(uint32_t *bell)
{
	bool done;

	(void)il_access(
		&(struct il_access){ __func__, bell, sizeof(*bell), IL_ADD, IL_RELAXED, 1, 0 },
		&done);
}

void il_bell_wait(uint32_t *bell)
{
	bool done;

	(void)il_access(
		&(struct il_access){ __func__, bell, sizeof(*bell), IL_AWAIT, IL_RELAXED, 0, 0 },
		&done);
	(void)il_access(
		&(struct il_access){ __func__, bell, sizeof(*bell), IL_SUB, IL_RELAXED, 1, 0 },
		&done);
}

/* Which steps depend on each other */

static bool writes(const struct il_access *access)
{
	return access->kind != IL_LOAD && access->kind != IL_AWAIT;
}

static bool depends(const struct thread *thread, const struct step *step)
{
	return thread->place == step->place && (writes(&thread->next) || step->writes);
}

static bool can_go_on(struct thread *thread)
{
	if (thread->ended)
		return false;
	return thread->next.kind != IL_AWAIT || il_memory_newest(thread->place);
}

/* Must step i come before step j (i < j), as steps that depend on each other were made so far? */
static bool leads_to(int i, int j)
{
	return steps[j].order.time[steps[i].thread] > (uint32_t)i;
}

/* Is that so for no other reason than that the two depend on each other? */
static bool is_race(int i, int j)
{
	if (steps[i].thread == steps[j].thread || steps[i].place != steps[j].place ||
		!(steps[i].writes || steps[j].writes))
		return false;
	for (int k = i + 1; k < j; k++)
		if (leads_to(i, k) && leads_to(k, j))
			return false;
	return true;
}

/* Who could have gone before step i on the way to a run that has step j before it. */
static uint32_t ways_to_reverse(int i, int j)
{
	uint32_t ways = 0, seen = 0;

	for (int k = i + 1; k <= j; k++) {
		uint32_t who = 1u << steps[k].thread;
		bool first = !(seen & who);

		if (k != j && leads_to(i, k))
			continue;
		seen |= who;
		for (int m = i + 1; first && m < k; m++)
			first = leads_to(i, m) || !leads_to(m, k);
		if (first)
			ways |= who;
	}
	return ways & steps[i].enabled;
}

/* Have every run tried in which the current step comes before one that it depends on. */
static void look_back(void)
{
	for (int i = at - 1; i >= 0; i--) {
		uint32_t ways;

		if (!is_race(i, at))
			continue;
		ways = ways_to_reverse(i, at);
		if (!(ways & steps[i].backtrack))
			steps[i].backtrack |= ways & -ways;
	}
}

/* The order of steps that depend on each other, after the current one. */
static void note_order(struct thread *thread, struct step *step)
{
	il_join_clock(&thread->steps, step->writes ? &touched[step->place] : &wrote[step->place]);
	thread->steps.time[step->thread] = (uint32_t)at + 1;
	step->order = thread->steps;
	il_join_clock(&touched[step->place], &thread->steps);
	if (step->writes)
		wrote[step->place] = thread->steps;
}

/* Who need not go next, because that was tried from an equal state: those who slept or were tried, and
 * whom the step does not concern. */
static uint32_t still_asleep(const struct step *step)
{
	uint32_t asleep = (step->asleep | step->done) & ~(1u << step->thread), left = 0;

	for (int i = 0; i < thread_count; i++)
		if (asleep & 1u << i && !depends(&threads[i], step))
			left |= 1u << i;
	return left;
}

/* Runs */

static void run_thread(void *arg)
{
	void *lost;

	scenario->threads[(intptr_t)arg]();
	threads[running].ended = true;
	peal_switch(&lost, explorer);
	abort();
}

static void resume(int thread)
{
	running = thread;
	peal_switch(&explorer, threads[thread].context);
	running = -1;
}

static void begin_run(void)
{
	il_memory_reset();
	memset(wrote, 0, sizeof(wrote));
	memset(touched, 0, sizeof(touched));
	running = -1;
	failure = NULL;
	cut_short = false;
	scenario->setup();
	for (int i = 0; i < thread_count; i++) {
		memset(&threads[i], 0, sizeof(threads[i]));
		peal_sanitizer_reuse_stack(stacks[i], STACK);
		threads[i].context = peal_switch_make(
			stacks[i], STACK, run_thread, (void *)(intptr_t)i);
	}
	at = 0;
	/* Up to their first accesses: nothing that others could see. */
	for (int i = 0; i < thread_count && !failure; i++)
		resume(i);
}

static uint32_t enabled(void)
{
	uint32_t set = 0;

	for (int i = 0; i < thread_count; i++)
		if (can_go_on(&threads[i]))
			set |= 1u << i;
	return set;
}

static bool all_ended(void)
{
	for (int i = 0; i < thread_count; i++)
		if (!threads[i].ended)
			return false;
	return true;
}

/* A step that no run before has made. False when nobody need make it. */
static bool plan(uint32_t set, uint32_t asleep)
{
	struct step *step = &steps[at];
	uint32_t awake = set & ~asleep;

	if (!awake)
		return false;
	memset(step, 0, sizeof(*step));
	step->enabled = set;
	step->asleep = asleep;
	step->thread = __builtin_ctz(awake);
	step->backtrack = 1u << step->thread;
	return true;
}

static void make_step(struct step *step)
{
	struct thread *thread = &threads[step->thread];

	step->place = thread->place;
	step->writes = writes(&thread->next);
	told[at] = thread->next;
	choices_made = 0;
	note_order(thread, step);
	if (at >= planned - 1)
		look_back();
	resume(step->thread);
}

/* False when it was cut short. */
static bool run(void)
{
	uint32_t asleep = 0, set;

	for (begin_run(); !failure && !cut_short; at++) {
		if (at == STEPS)
			il_broken("it goes on for ever");
		set = enabled();
		if (!set) {
			if (!all_ended() && !scenario->may_sleep)
				failure = "stuck: whoever waits is never woken";
			return true;
		}
		if (at >= planned && !plan(set, asleep))
			return false;
		/* Before the step changes what the thread is about to do. */
		steps[at].place = threads[steps[at].thread].place;
		steps[at].writes = writes(&threads[steps[at].thread].next);
		asleep = still_asleep(&steps[at]);
		make_step(&steps[at]);
	}
	return !cut_short;
}

/* Another value for the last choice of a step, or for the one before. */
static bool next_choice(struct step *step)
{
	while (step->choice_count) {
		struct choice *choice = &step->choices[step->choice_count - 1];

		if (++choice->taken < choice->count)
			return true;
		step->choice_count--;
	}
	return false;
}

static bool next_thread(struct step *step)
{
	uint32_t left;

	step->done |= 1u << step->thread;
	left = step->backtrack & ~step->done & ~step->asleep;
	if (!left)
		return false;
	step->thread = __builtin_ctz(left);
	return true;
}

/* What the next run repeats, with something else at its end. False when there is nothing left. */
static bool advance(void)
{
	for (int i = at - 1; i >= 0; i--) {
		if (next_choice(&steps[i]) || next_thread(&steps[i])) {
			planned = i + 1;
			return true;
		}
	}
	return false;
}

static const char *const kind_names[] = { "load", "store", "exchange", "add", "sub", "or", "and",
	"cas", "wait" };

static void tell_failure(void)
{
	fprintf(stderr, "# %s: %s\n", scenario->name, failure);
	for (int i = 0; i <= at && i < STEPS; i++)
		fprintf(stderr, "#   %d: %s: %s of location %d: %#llx\n", steps[i].thread,
			told[i].function, kind_names[told[i].kind], steps[i].place,
			(unsigned long long)told_values[i]);
}

static void finish_run(struct il_result *result)
{
	result->runs++;
	if (failure || !scenario->finish)
		return;
	finishing = true;
	if (!setjmp(finish_failed))
		scenario->finish();
	finishing = false;
}

struct il_result il_explore(
	const struct il_scenario *what, const struct il_mutation *how, bool tell)
{
	struct il_result result = { 0 };

	scenario = what;
	mutation = how;
	planned = 0;
	for (thread_count = 0; thread_count < IL_THREADS && what->threads[thread_count];)
		thread_count++;
	do {
		if (run())
			finish_run(&result);
		else
			result.cut++;
		if (failure && tell)
			tell_failure();
	} while (!failure && result.runs + result.cut < RUNS_MOST && advance());
	result.failure = failure;
	result.complete = failure || result.runs + result.cut < RUNS_MOST;
	return result;
}
