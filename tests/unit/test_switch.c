/* SPDX-License-Identifier: MIT */
/* The context switch by itself: what it keeps, what it leaves alone, and how a stack begins. */
#include <signal.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unwind.h>

#include "core/base/compiler.h"
#include "core/fiber/sanitizer.h"
#include "core/fiber/switch.h"

#include "tests/check_main.h"

static alignas(64) char stack[2][256 * 1024];
static void *thread, *other[2];

static void back(int which)
{
	peal_switch(&other[which], thread);
}

/* On a stack that somebody has used. */
static void *make(int which, void (*entry)(void *arg), void *arg)
{
	memset(stack[which], 0x5a, sizeof(stack[which]));
	return other[which] = peal_switch_make(stack[which], sizeof(stack[which]), entry, arg);
}

static void go(int which)
{
	peal_switch(&thread, other[which]);
}

static struct {
	void *arg;
	uintptr_t local;
	int frames;
	char text[64];
} seen;

static bool on_stack(const void *address)
{
	return (const char *)address >= stack[0] &&
		(const char *)address < stack[0] + sizeof(stack[0]);
}

/* To the end of the chain; -1 where it leads astray. */
static int count_frame_pointers(void **frame)
{
	int n = 0;

	for (; frame && n < 5; n++) {
		if (!on_stack(frame))
			return -1;
		frame = *frame;
	}
	return frame ? -1 : n;
}

static void look(void *arg)
{
	alignas(16) char aligned[16];

	seen.arg = arg;
	seen.local = (uintptr_t)memset(aligned, 0, sizeof(aligned));
	seen.frames = count_frame_pointers(__builtin_frame_address(0));
	back(0);
	snprintf(seen.text, sizeof(seen.text), "%.3f %s", 1.0 / 3, aligned); /* uses SSE */
	back(0);
}

START_TEST(a_context_lies_in_its_stack)
{
	ck_assert(on_stack(make(0, look, NULL)));
	go(0);
	ck_assert(on_stack(other[0]));
}
END_TEST

START_TEST(entry_gets_its_argument_on_its_stack)
{
	make(0, look, &seen);
	go(0);
	ck_assert_ptr_eq(seen.arg, &seen);
	ck_assert_uint_eq(seen.local % 16, 0);
	ck_assert(on_stack((void *)seen.local));
}
END_TEST

/* One frame, or two where the lowest is C (ucontext) and keeps a frame pointer. */
START_TEST(frame_pointers_end)
{
	make(0, look, &seen);
	go(0);
	ck_assert_int_ge(seen.frames, 1);
	ck_assert_int_le(seen.frames, 2);
}
END_TEST

START_TEST(the_stack_is_aligned_for_sse)
{
	make(0, look, NULL);
	go(0);
	go(0);
	ck_assert_str_eq(seen.text, "0.333 ");
}
END_TEST

/* At odd sizes too: the top is aligned, whatever was given. */
START_TEST(any_size_is_aligned)
{
	other[0] = peal_switch_make(stack[0], sizeof(stack[0]) - 8 * (size_t)_i - 1, look, NULL);
	go(0);
	go(0);
	ck_assert_str_eq(seen.text, "0.333 ");
}
END_TEST

/* Made and switched to in one step: the same lowest frame, and the other side keeps its registers. */
static void go_first(void (*entry)(void *arg), void *arg, size_t size)
{
	/* Valgrind takes what is below the stack pointer of an abandoned stack for nobody's. */
	if (!peal_on_valgrind())
		memset(stack[0], 0x5a, sizeof(stack[0]));
	peal_switch_first(&thread, stack[0], size, entry, arg);
}

START_TEST(the_first_switch_needs_no_context)
{
	go_first(look, &seen, sizeof(stack[0]) - 8 * (size_t)_i - 1);
	ck_assert_ptr_eq(seen.arg, &seen);
	ck_assert_uint_eq(seen.local % 16, 0);
	ck_assert_int_ge(seen.frames, 1);
	ck_assert_int_le(seen.frames, 2);
	go(0);
	ck_assert_str_eq(seen.text, "0.333 ");
}
END_TEST

struct values {
	uint64_t seed;
	uint64_t expected, got;
	double expected_real, got_real;
};

static uint64_t next(uint64_t *state)
{
	return *state = *state * 6364136223846793005u + 1442695040888963407u;
}

/* More values than there are registers, all alive over each switch. */
#define LIVE 16

static PEAL_NOINLINE void hold_values(struct values *values, void (*give_way)(void))
{
	uint64_t state = values->seed, v[LIVE];
	double real[LIVE];

	values->expected = values->got = 0;
	values->expected_real = values->got_real = 0;
	for (int i = 0; i < LIVE; i++) {
		v[i] = next(&state);
		real[i] = (double)(v[i] >> 40);
		values->expected += v[i] * (uint64_t)(i + 1);
		values->expected_real += real[i] * (i + 1);
	}
	for (int i = 0; i < 3; i++)
		give_way();
	for (int i = 0; i < LIVE; i++) {
		values->got += v[i] * (uint64_t)(i + 1);
		values->got_real += real[i] * (i + 1);
	}
}

static void to_thread(void)
{
	back(0);
}

static void to_other(void)
{
	go(0);
}

static void hold(void *arg)
{
	hold_values(arg, to_thread);
	for (;;)
		back(0);
}

START_TEST(values_survive_on_both_sides)
{
	struct values mine = { .seed = (uint64_t)_i + 1 }, its = { .seed = (uint64_t)_i + 1000 };

	make(0, hold, &its);
	go(0);
	hold_values(&mine, to_other);
	ck_assert_uint_eq(mine.got, mine.expected);
	ck_assert_uint_eq(its.got, its.expected);
	ck_assert_double_eq(mine.got_real, mine.expected_real);
	ck_assert_double_eq(its.got_real, its.expected_real);
}
END_TEST

static uint64_t its_number;

static void note_number(void *arg)
{
	its_number = *(uint64_t *)arg;
	for (;;)
		back(0);
}

static void to_a_first(void)
{
	static uint64_t number = 17;

	go_first(note_number, &number, sizeof(stack[0]));
}

START_TEST(values_survive_the_first_switch)
{
	struct values mine = { .seed = (uint64_t)_i + 1 };

	hold_values(&mine, to_a_first);
	ck_assert_uint_eq(its_number, 17);
	ck_assert_uint_eq(mine.got, mine.expected);
	ck_assert_double_eq(mine.got_real, mine.expected_real);
}
END_TEST

#if defined(__x86_64__) && !defined(__clang__)
/* Every callee-saved register but rbp, which the compiler may need, holds its number over a switch. */
static PEAL_NOINLINE uint64_t registers_over(void (*give_way)(void), uint64_t salt)
{
	register uint64_t bx __asm__("rbx") = salt + 1;
	register uint64_t r12 __asm__("r12") = salt + 2;
	register uint64_t r13 __asm__("r13") = salt + 3;
	register uint64_t r14 __asm__("r14") = salt + 4;
	register uint64_t r15 __asm__("r15") = salt + 5;

	__asm__ volatile("" : "+r"(bx), "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15));
	give_way();
	__asm__ volatile("" : "+r"(bx), "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15));
	return (bx - salt) + (r12 - salt) * 10 + (r13 - salt) * 100 + (r14 - salt) * 1000 +
		(r15 - salt) * 10000;
}

static void hold_registers(void *arg)
{
	*(uint64_t *)arg = registers_over(to_thread, 7000000);
	back(0);
}

START_TEST(registers_survive)
{
	uint64_t its = 0;

	make(0, hold_registers, &its);
	go(0);
	ck_assert_uint_eq(registers_over(to_other, 3000000), 54321);
	ck_assert_uint_eq(its, 54321);
	ck_assert_uint_eq(registers_over(to_a_first, 5000000), 54321);
}
END_TEST
#endif

static void chain(void *arg)
{
	seen.local++;
	peal_switch(&other[0], other[1]);
	(void)arg;
}

static void chain_end(void *arg)
{
	seen.local++;
	back(1);
	(void)arg;
}

START_TEST(contexts_switch_to_each_other)
{
	seen.local = 0;
	make(0, chain, NULL);
	make(1, chain_end, NULL);
	go(0);
	ck_assert_uint_eq(seen.local, 2);
}
END_TEST

static sigset_t mask_in_fiber;

static void look_at_mask(void *arg)
{
	sigset_t add;

	sigprocmask(SIG_SETMASK, NULL, &mask_in_fiber);
	sigemptyset(&add);
	sigaddset(&add, SIGUSR2);
	sigprocmask(SIG_BLOCK, &add, NULL);
	for (;;)
		back(0);
	(void)arg;
}

/* It is blocked between make and the first switch: what counts is the thread's mask now. */
START_TEST(the_signal_mask_is_the_threads)
{
	sigset_t set;

	make(0, look_at_mask, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	go(0);
	ck_assert(sigismember(&mask_in_fiber, SIGUSR1));
	sigprocmask(SIG_SETMASK, NULL, &set);
	ck_assert(sigismember(&set, SIGUSR2));
	sigdelset(&set, SIGUSR2);
	sigprocmask(SIG_SETMASK, &set, NULL);
	go(0);
	sigprocmask(SIG_SETMASK, NULL, &set);
	ck_assert(!sigismember(&set, SIGUSR2));
}
END_TEST

static int frames;
static _Unwind_Reason_Code how_it_ended;

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *context, void *arg)
{
	(void)context;
	(void)arg;
	return ++frames > 100 ? _URC_FATAL_PHASE1_ERROR : _URC_NO_REASON;
}

static PEAL_NOINLINE void backtrace_deeper(int depth)
{
	if (depth)
		backtrace_deeper(depth - 1);
	else
		how_it_ended = _Unwind_Backtrace(count_frame, NULL);
	__asm__ volatile(""); /* no tail call */
}

static void backtrace_here(void *arg)
{
	backtrace_deeper(5);
	back(0);
	(void)arg;
}

/* From six frames, entry and the lowest one; a few more where a sanitizer puts its own in between. */
START_TEST(backtraces_end)
{
	make(0, backtrace_here, NULL);
	go(0);
	ck_assert_int_eq(how_it_ended, _URC_END_OF_STACK);
	ck_assert_int_ge(frames, 7);
	ck_assert_int_le(frames, 12);
	frames = 0;
	go_first(backtrace_here, NULL, sizeof(stack[0]));
	ck_assert_int_eq(how_it_ended, _URC_END_OF_STACK);
	ck_assert_int_ge(frames, 7);
	ck_assert_int_le(frames, 12);
}
END_TEST

static void count_up(void *arg)
{
	for (;;) {
		++*(uint64_t *)arg;
		back(0);
	}
}

START_TEST(a_million_switches_leave_the_stack_where_it_was)
{
	uint64_t n = 0;
	void *context;

	make(0, count_up, &n);
	go(0);
	context = other[0];
	while (n < 1000000)
		go(0);
	ck_assert_ptr_eq(other[0], context);
}
END_TEST

static Suite *switch_suite(void)
{
	Suite *suite = suite_create("switch");
	TCase *tcase = tcase_create("switch");

	tcase_add_test(tcase, a_context_lies_in_its_stack);
	tcase_add_test(tcase, entry_gets_its_argument_on_its_stack);
	tcase_add_test(tcase, frame_pointers_end);
	tcase_add_test(tcase, the_stack_is_aligned_for_sse);
	tcase_add_loop_test(tcase, any_size_is_aligned, 0, 4);
	tcase_add_loop_test(tcase, the_first_switch_needs_no_context, 0, 4);
	tcase_add_loop_test(tcase, values_survive_the_first_switch, 0, 3);
	tcase_add_loop_test(tcase, values_survive_on_both_sides, 0, 3);
#if defined(__x86_64__) && !defined(__clang__)
	tcase_add_test(tcase, registers_survive);
#endif
	tcase_add_test(tcase, contexts_switch_to_each_other);
	tcase_add_test(tcase, the_signal_mask_is_the_threads);
	tcase_add_test(tcase, backtraces_end);
	tcase_add_test(tcase, a_million_switches_leave_the_stack_where_it_was);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
#if PEAL_ASAN || PEAL_TSAN
	/* Only fiber.c tells the sanitizers about switches; here they would be misled. */
	puts("1..0 # SKIP the bare switch is not announced to sanitizers");
	return 0;
#endif
	return peal_check_main(switch_suite());
}
