/* SPDX-License-Identifier: MIT */
/* Pools of stacks: guards of each kind, reuse, memory that goes back, and refusals of the kernel. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/sanitizer.h"
#include "core/stack.h"

#include "tests/check_main.h"
#include "tests/sys_fail.h"

#define KIB ((size_t)1024)

static const struct peal_stack_limits defaults;

static struct peal_stack_pool *pool_with(size_t size, size_t max_cached)
{
	const struct peal_stack_limits limits = { .size = size, .max_cached = max_cached };
	struct peal_stack_pool *pool = NULL;

	ck_assert_int_eq(peal_stack_pool_create(&pool, &limits), 0);
	return pool;
}

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Bytes of [memory, memory + size) that are resident. */
static size_t resident(const void *memory, size_t size)
{
	size_t page = page_size(), n = 0;
	uintptr_t start = (uintptr_t)memory / page * page;
	size_t pages = ((uintptr_t)memory + size - start + page - 1) / page;
	unsigned char map[pages];

	ck_assert_int_eq(mincore((void *)start, pages * page, map), 0);
	for (size_t i = 0; i < pages; i++)
		n += map[i] & 1;
	return n * page;
}

/* From /proc/self/status, in KiB. */
static long status_value(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	long value = -1;

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = strtol(line + strlen(name) + 1, NULL, 10);
	fclose(file);
	return value;
}

static size_t count_mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	size_t n = 0;

	ck_assert_ptr_nonnull(file);
	for (int c; (c = getc(file)) != EOF;)
		n += c == '\n';
	fclose(file);
	return n;
}

/* Until there are no more; linked by next. */
static struct peal_stack *get_all(struct peal_stack_pool *pool)
{
	struct peal_stack *all = NULL, *stack;

	while ((stack = peal_stack_get(pool))) {
		stack->next = all;
		all = stack;
	}
	return all;
}

static void put_all(struct peal_stack_pool *pool, struct peal_stack *all)
{
	for (struct peal_stack *next; all; all = next) {
		next = all->next;
		peal_stack_put(pool, all);
	}
}

/* How a process ends that writes there: 0, or the signal. */
static int write_kills(volatile char *address)
{
	int status;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (!child) {
		signal(SIGSEGV, SIG_DFL);
		*address = 1;
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* Shape */

START_TEST(a_stack_is_what_was_asked_for)
{
	struct peal_stack_pool *pool = pool_with(0, 0);
	struct peal_stack *stack = peal_stack_get(pool);

	ck_assert_ptr_nonnull(stack);
	ck_assert_ptr_eq(stack->low + stack->size, (char *)stack);
	/* A page more where that makes the slot odd: with the large guard of aarch64. */
	ck_assert_uint_ge(peal_stack_kib(stack), 64 * PEAL_STACK_GROWTH);
	ck_assert_uint_le(peal_stack_kib(stack), 64 * PEAL_STACK_GROWTH + page_size() / KIB);
	memset(stack->low, 0x5a, stack->size);
	peal_stack_put(pool, stack);
	ck_assert_uint_eq(peal_stack_pool_destroy(pool), 0);
}
END_TEST

START_TEST(slots_are_an_odd_number_of_pages)
{
	const size_t sizes[] = { 16 * KIB, 20 * KIB, 64 * KIB, 68 * KIB, 256 * KIB, 300001 };
	struct peal_stack_pool *pool = pool_with(sizes[_i], 0);
	struct peal_stack *first = peal_stack_get(pool), *second = peal_stack_get(pool);

	ck_assert_ptr_nonnull(second);
	ck_assert_uint_eq((size_t)(second->low - first->low) / page_size() % 2, 1);
	ck_assert_uint_eq((size_t)(second->low - first->low) % page_size(), 0);
	ck_assert_uint_ge(first->size + sizeof(*first), sizes[_i]);
	peal_stack_put(pool, first);
	peal_stack_put(pool, second);
	peal_stack_pool_destroy(pool);
}
END_TEST

START_TEST(senseless_sizes_are_refused)
{
	const size_t sizes[] = { 1, PEAL_STACK_MIN - 1, (size_t)PEAL_STACK_MAX + 1, SIZE_MAX };
	const struct peal_stack_limits limits = { .size = sizes[_i] };
	struct peal_stack_pool *pool = (struct peal_stack_pool *)&limits;

	ck_assert_int_eq(peal_stack_pool_create(&pool, &limits), -EINVAL);
	ck_assert_ptr_eq(pool, &limits);
}
END_TEST

START_TEST(no_pool_is_destroyed_quietly)
{
	ck_assert_uint_eq(peal_stack_pool_destroy(NULL), 0);
}
END_TEST

/* Guards */

static void check_guard(struct peal_stack *stack)
{
	ck_assert_int_eq(write_kills(stack->low), 0);
	ck_assert_int_eq(write_kills(stack->low - 1), SIGSEGV);
	ck_assert_int_eq(write_kills(stack->low - page_size()), SIGSEGV);
	ck_assert_ptr_eq(peal_stack_by_guard(stack->low - 1), stack);
	ck_assert_ptr_eq(peal_stack_by_guard(stack->low - page_size()), stack);
	ck_assert_ptr_null(peal_stack_by_guard(stack->low));
	ck_assert_ptr_null(peal_stack_by_guard(stack));
}

static bool kernel_guards(void)
{
	struct peal_stack_pool *pool = pool_with(0, 0);
	bool advice = peal_stack_pool_guard(pool) == PEAL_GUARD_ADVICE;

	peal_stack_pool_destroy(pool);
	return advice;
}

START_TEST(guards_by_advice_stop_a_write)
{
	struct peal_stack_pool *pool;
	struct peal_stack *stack[3];

	if (!kernel_guards())
		peal_skip("this kernel has no MADV_GUARD_INSTALL");
	pool = pool_with(0, 0);
	for (int i = 0; i < 3; i++)
		stack[i] = peal_stack_get(pool);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(stack[i]->guard, PEAL_GUARD_ADVICE);
		check_guard(stack[i]);
		peal_stack_put(pool, stack[i]);
	}
	peal_stack_pool_destroy(pool);
}
END_TEST

static void check_protected(struct peal_stack_pool *pool)
{
	struct peal_stack *stack = peal_stack_get(pool);

	ck_assert_int_eq(peal_stack_pool_guard(pool), PEAL_GUARD_PROTECT);
	ck_assert_int_eq(stack->guard, PEAL_GUARD_PROTECT);
	check_guard(stack);
	peal_stack_put(pool, stack);
	peal_stack_pool_destroy(pool);
}

START_TEST(an_older_kernel_gets_mprotect)
{
	struct sys_fail fail = {
		.number = SYS_madvise, .times = SYS_FAIL_ALWAYS, .answer = -EINVAL
	};

	sys_fail_begin(&fail);
	check_protected(pool_with(0, 0));
	sys_fail_end();
}
END_TEST

/* As emulators do: the advice is taken, and nothing happens. */
START_TEST(advice_that_guards_nothing_is_seen_through)
{
	struct sys_fail fail = { .number = SYS_madvise, .times = SYS_FAIL_ALWAYS, .answer = 0 };

	sys_fail_begin(&fail);
	check_protected(pool_with(0, 0));
	sys_fail_end();
}
END_TEST

/* The process has locked its memory, and from then on the advice is refused. */
START_TEST(advice_that_ends_later_is_replaced)
{
	struct sys_fail fail = {
		.number = SYS_madvise, .times = SYS_FAIL_ALWAYS, .answer = -EINVAL
	};
	struct peal_stack_pool *pool;
	struct peal_stack *first, *second;

	if (!kernel_guards())
		peal_skip("this kernel has no MADV_GUARD_INSTALL");
	pool = pool_with(0, 0);
	first = peal_stack_get(pool);
	sys_fail_begin(&fail);
	second = peal_stack_get(pool);
	sys_fail_end();
	ck_assert_int_eq(first->guard, PEAL_GUARD_ADVICE);
	ck_assert_int_eq(second->guard, PEAL_GUARD_PROTECT);
	ck_assert_int_eq(peal_stack_pool_guard(pool), PEAL_GUARD_PROTECT);
	check_guard(first);
	check_guard(second);
	peal_stack_put(pool, first);
	peal_stack_put(pool, second);
	peal_stack_pool_destroy(pool);
}
END_TEST

START_TEST(one_failed_advice_does_not_end_it)
{
	struct sys_fail fail = { .number = SYS_madvise, .times = 1, .answer = -ENOMEM };
	struct peal_stack_pool *pool;
	struct peal_stack *first, *second;

	if (!kernel_guards())
		peal_skip("this kernel has no MADV_GUARD_INSTALL");
	pool = pool_with(0, 0);
	sys_fail_begin(&fail);
	first = peal_stack_get(pool);
	second = peal_stack_get(pool);
	sys_fail_end();
	ck_assert_int_eq(first->guard, PEAL_GUARD_PROTECT);
	ck_assert_int_eq(second->guard, PEAL_GUARD_ADVICE);
	check_guard(first);
	check_guard(second);
	peal_stack_put(pool, first);
	peal_stack_put(pool, second);
	peal_stack_pool_destroy(pool);
}
END_TEST

/* Neither advice nor mprotect. */
static bool no_guards(struct peal_sys_hook *hook, long number, long *result)
{
	(void)hook;
	*result = number == SYS_madvise ? -EINVAL : -ENOMEM;
	return number == SYS_madvise || number == SYS_mprotect;
}

static struct peal_sys_hook without_guards = { .call = no_guards };

START_TEST(without_guards_a_canary_watches)
{
	struct peal_stack_pool *pool;
	struct peal_stack *stack;

	peal_sys_hook = &without_guards;
	pool = pool_with(0, 0);
	stack = peal_stack_get(pool);
	ck_assert_int_eq(stack->guard, PEAL_GUARD_CANARY);
	ck_assert(!peal_stack_overrun(stack));
	memset(stack->low, 0xff, stack->size);
	ck_assert(!peal_stack_overrun(stack));
	stack->low[-1] = 1;
	ck_assert(peal_stack_overrun(stack));
	stack->low[-1] = 0;
	stack->low[-500] = 1;
	ck_assert(peal_stack_overrun(stack));
	stack->low[-500] = 0;
	peal_stack_put(pool, stack);
	peal_stack_pool_destroy(pool);
}
END_TEST

START_TEST(a_stack_that_was_overrun_is_not_taken_back)
{
	struct peal_stack_pool *pool;
	struct peal_stack *stack;

	peal_sys_hook = &without_guards;
	pool = pool_with(0, 0);
	stack = peal_stack_get(pool);
	stack->owner = "deep";
	stack->low[-8] = 1;
	peal_stack_put(pool, stack);
}
END_TEST

/* Watching costs no memory: the kernel's page of zeroes is nobody's. */
START_TEST(a_canary_is_not_resident)
{
	enum { COUNT = 2000 };
	struct peal_stack_pool *pool;
	long before, after;

	if (PEAL_ASAN || PEAL_TSAN || peal_on_valgrind())
		peal_skip("sanitizers use memory of their own");
	peal_sys_hook = &without_guards;
	pool = pool_with(0, 0);
	before = status_value("VmRSS");
	for (int i = 0; i < COUNT; i++)
		ck_assert(!peal_stack_overrun(peal_stack_get(pool)));
	after = status_value("VmRSS");
	ck_assert_int_le(after - before, COUNT * 9 / 2); /* 4.5 KiB */
}
END_TEST

/* A quarter of max_map_count; above it canaries, and the memory of the rest of the process goes on. */
START_TEST(mprotect_keeps_to_its_budget)
{
	struct sys_fail fail = {
		.number = SYS_madvise, .times = SYS_FAIL_ALWAYS, .answer = -EINVAL
	};
	struct peal_stack_pool *pool;
	struct peal_stack *stack;
	long protect = 0, canary = 0, most;
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");

	if (PEAL_TSAN || PEAL_ASAN || peal_on_valgrind())
		peal_skip("sanitizers cannot have that many mappings");
	if (!file || fscanf(file, "%ld", &most) != 1 || most > 200000)
		peal_skip("too many mappings are allowed to try them all");
	fclose(file);
	sys_fail_begin(&fail);
	pool = pool_with(PEAL_STACK_MIN, 0);
	while (canary < 10) {
		stack = peal_stack_get(pool);
		ck_assert_ptr_nonnull(stack);
		if (stack->guard == PEAL_GUARD_CANARY)
			canary++;
		else
			protect++;
	}
	sys_fail_end();
	ck_assert_int_eq(protect, most / 4);
}
END_TEST

/* What a pool used of the budget is there again when it is gone. */
START_TEST(the_budget_comes_back)
{
	struct sys_fail fail = {
		.number = SYS_madvise, .times = SYS_FAIL_ALWAYS, .answer = -EINVAL
	};

	sys_fail_begin(&fail);
	for (int round = 0; round < 200; round++) {
		struct peal_stack_pool *pool = pool_with(PEAL_STACK_MIN, 1);
		struct peal_stack *all = NULL;

		for (int i = 0; i < 200; i++) {
			struct peal_stack *stack = peal_stack_get(pool);

			ck_assert_int_eq(stack->guard, PEAL_GUARD_PROTECT);
			stack->next = all;
			all = stack;
		}
		put_all(pool, all);
		ck_assert_uint_eq(peal_stack_pool_destroy(pool), 0);
	}
	sys_fail_end();
}
END_TEST

/* Reuse */

START_TEST(the_last_stack_put_is_the_next_one_got)
{
	struct peal_stack_pool *pool = pool_with(0, 0);
	struct peal_stack *a = peal_stack_get(pool), *b = peal_stack_get(pool);

	ck_assert_ptr_ne(a, b);
	ck_assert_uint_eq(peal_stack_pool_count(pool), 2);
	peal_stack_put(pool, a);
	peal_stack_put(pool, b);
	ck_assert_uint_eq(peal_stack_pool_count(pool), 2);
	ck_assert_ptr_eq(peal_stack_get(pool), b);
	ck_assert_ptr_eq(peal_stack_get(pool), a);
	ck_assert_uint_eq(peal_stack_pool_count(pool), 2);
	peal_stack_put(pool, a);
	peal_stack_put(pool, b);
	peal_stack_pool_destroy(pool);
}
END_TEST

/* No system call at all, so that reuse costs a few nanoseconds. */
static bool no_calls(struct peal_sys_hook *hook, long number, long *result)
{
	(void)hook;
	(void)result;
	ck_abort_msg("system call %ld", number);
	return false;
}

START_TEST(reuse_does_not_ask_the_kernel)
{
	struct peal_sys_hook hook = { .call = no_calls };
	struct peal_stack_pool *pool = pool_with(0, 8);
	struct peal_stack *stack[100];

	for (int i = 0; i < 100; i++)
		stack[i] = peal_stack_get(pool);
	peal_sys_hook = &hook;
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 100; i++)
			peal_stack_put(pool, stack[i]);
		for (int i = 0; i < 100; i++)
			stack[i] = peal_stack_get(pool);
	}
	peal_sys_hook = NULL;
	for (int i = 0; i < 100; i++)
		peal_stack_put(pool, stack[i]);
	peal_stack_pool_destroy(pool);
}
END_TEST

/* As a fiber does that goes deep and comes back. */
static void use_deep(struct peal_stack *stack)
{
	memset(stack->low, 0x77, stack->size);
}

START_TEST(deep_stacks_beyond_the_bound_keep_8_kib)
{
	struct peal_stack_pool *pool = pool_with(64 * KIB, 2);
	struct peal_stack *stack[4];

	for (int i = 0; i < 4; i++) {
		stack[i] = peal_stack_get(pool);
		use_deep(stack[i]);
	}
	for (int i = 0; i < 4; i++)
		peal_stack_put(pool, stack[i]);
	for (int i = 0; i < 4; i++) {
		size_t kept = resident(stack[i]->low, stack[i]->size + sizeof(*stack[i]));

		if (i < 2)
			ck_assert_uint_eq(kept, peal_stack_kib(stack[i]) * KIB);
		else
			ck_assert_uint_le(kept, 2 * page_size());
	}
	peal_stack_pool_destroy(pool);
}
END_TEST

/* One that was not used below is not worth a system call. */
START_TEST(shallow_stacks_are_left_alone)
{
	struct sys_fail fail = { .number = SYS_madvise };
	struct peal_stack_pool *pool = pool_with(64 * KIB, 1);
	struct peal_stack *stack[4];

	for (int i = 0; i < 4; i++) {
		stack[i] = peal_stack_get(pool);
		memset((char *)stack[i] - 2 * KIB, 0x77, 2 * KIB);
	}
	sys_fail_begin(&fail);
	for (int i = 0; i < 4; i++)
		peal_stack_put(pool, stack[i]);
	sys_fail_end();
	ck_assert_int_eq(fail.seen, 0);
	peal_stack_pool_destroy(pool);
}
END_TEST

/* Trim */

static void get_and_put(struct peal_stack_pool *pool, size_t count)
{
	struct peal_stack **stack = calloc(count, sizeof(struct peal_stack *));

	for (size_t i = 0; i < count; i++) {
		stack[i] = peal_stack_get(pool);
		ck_assert_ptr_nonnull(stack[i]);
		stack[i]->owner = "somebody";
	}
	for (size_t i = 0; i < count; i++)
		peal_stack_put(pool, stack[i]);
	free(stack);
}

START_TEST(what_was_needed_since_the_last_trim_stays)
{
	struct peal_stack_pool *pool = pool_with(0, 10);

	get_and_put(pool, 100);
	ck_assert_uint_eq(peal_stack_pool_trim(pool, 1000), 0);
	get_and_put(pool, 60);
	ck_assert_uint_eq(peal_stack_pool_trim(pool, 1000), 30);
	ck_assert_uint_eq(peal_stack_pool_count(pool), 70);
	peal_stack_pool_destroy(pool);
}
END_TEST

START_TEST(trim_goes_down_to_the_bound_in_steps)
{
	struct peal_stack_pool *pool = pool_with(0, 10);

	get_and_put(pool, 100);
	peal_stack_pool_trim(pool, 0);
	ck_assert_uint_eq(peal_stack_pool_trim(pool, 50), 50);
	ck_assert_uint_eq(peal_stack_pool_trim(pool, 50), 40);
	ck_assert_uint_eq(peal_stack_pool_trim(pool, 50), 0);
	ck_assert_uint_eq(peal_stack_pool_count(pool), 10);
	get_and_put(pool, 100); /* and up again */
	ck_assert_uint_eq(peal_stack_pool_count(pool), 100);
	peal_stack_pool_destroy(pool);
}
END_TEST

/* The memory is gone, the guard is not, and the stack comes back as good as new. */
START_TEST(a_trimmed_stack_comes_back_clean)
{
	struct peal_stack_pool *pool = pool_with(64 * KIB, 1);
	struct peal_stack *first = peal_stack_get(pool), *second = peal_stack_get(pool);

	use_deep(first);
	use_deep(second);
	peal_stack_put(pool, first);
	peal_stack_put(pool, second);
	peal_stack_pool_trim(pool, 0);
	ck_assert_uint_eq(peal_stack_pool_trim(pool, 10), 1);
	ck_assert_uint_eq(resident((char *)(second + 1) - 64 * KIB, 64 * KIB), 0);
	ck_assert_ptr_eq(peal_stack_get(pool), first);
	ck_assert_ptr_eq(peal_stack_get(pool), second);
	ck_assert_uint_eq(peal_stack_pool_count(pool), 2);
	for (size_t i = 0; i < second->size; i++)
		ck_assert_int_eq(second->low[i], 0);
	ck_assert_int_eq(write_kills(second->low - 1), SIGSEGV);
	peal_stack_put(pool, first);
	peal_stack_put(pool, second);
	peal_stack_pool_destroy(pool);
}
END_TEST

START_TEST(locked_memory_stays)
{
	struct sys_fail fail = {
		.number = SYS_madvise, .times = SYS_FAIL_ALWAYS, .answer = -EINVAL
	};
	struct peal_stack_pool *pool = pool_with(0, 10);

	get_and_put(pool, 100);
	peal_stack_pool_trim(pool, 0);
	sys_fail_begin(&fail);
	ck_assert_uint_eq(peal_stack_pool_trim(pool, 1000), 0);
	sys_fail_end();
	ck_assert_uint_eq(peal_stack_pool_count(pool), 100);
	get_and_put(pool, 100);
	peal_stack_pool_destroy(pool);
}
END_TEST

/* Address space as well, when a chunk is empty: a burst of 20,000 is forgotten in the end. */
START_TEST(empty_chunks_go_back)
{
	enum { COUNT = PEAL_TSAN ? 200 : 20000 };
	struct peal_stack_pool *pool = pool_with(PEAL_STACK_MIN, 1);
	long before = status_value("VmSize"), burst, after;

	get_and_put(pool, COUNT);
	burst = status_value("VmSize");
	peal_stack_pool_trim(pool, 0);
	while (peal_stack_pool_trim(pool, 1000))
		;
	after = status_value("VmSize");
	ck_assert_uint_eq(peal_stack_pool_count(pool), 1);
	if (!PEAL_ASAN && !PEAL_TSAN) {
		ck_assert_int_ge(burst - before, 20 * COUNT / 2);
		ck_assert_int_le(after - before, 128 * 1024); /* at most two chunks */
	}
	get_and_put(pool, COUNT);
	peal_stack_pool_destroy(pool);
}
END_TEST

/* Ends */

START_TEST(nothing_stays_behind)
{
	size_t before = 0;

	for (int round = 0; round < 20; round++) {
		struct peal_stack_pool *pool = pool_with(0, 0);

		get_and_put(pool, 300);
		ck_assert_uint_eq(peal_stack_pool_destroy(pool), 0);
		if (round == 2)
			before = count_mappings();
	}
	if (!PEAL_ASAN && !PEAL_TSAN && !peal_on_valgrind()) /* they map as they like */
		ck_assert_uint_le(count_mappings(), before);
}
END_TEST

START_TEST(stacks_in_use_outlive_their_pool)
{
	struct peal_stack_pool *pool = pool_with(0, 0);
	struct peal_stack *used = peal_stack_get(pool), *idle = peal_stack_get(pool);
	char *low = used->low;

	peal_stack_put(pool, idle);
	ck_assert_uint_eq(peal_stack_pool_destroy(pool), 1);
	memset(low, 1, used->size);
	ck_assert_ptr_eq(peal_stack_by_guard(low - 1), used);
}
END_TEST

START_TEST(a_destroyed_pool_is_not_found)
{
	struct peal_stack_pool *pool = pool_with(0, 0);
	struct peal_stack *stack = peal_stack_get(pool);
	char *guard = stack->low - 1;

	ck_assert_ptr_eq(peal_stack_by_guard(guard), stack);
	peal_stack_put(pool, stack);
	ck_assert_ptr_eq(peal_stack_by_guard(guard), stack);
	peal_stack_pool_destroy(pool);
	ck_assert_ptr_null(peal_stack_by_guard(guard));
	ck_assert_ptr_null(peal_stack_by_guard(NULL));
	ck_assert_ptr_null(peal_stack_by_guard(&pool));
	ck_assert_ptr_null(peal_stack_by_guard((void *)UINTPTR_MAX));
}
END_TEST

/* Pools come and go on other threads while somebody searches. */
static void *come_and_go(void *arg)
{
	for (int i = 0; i < 300; i++) {
		struct peal_stack_pool *pool = pool_with((size_t)(i % 5 + 1) * 16 * KIB, 0);

		get_and_put(pool, 10);
		peal_stack_pool_destroy(pool);
	}
	return arg;
}

START_TEST(searching_goes_on_beside_changes)
{
	struct peal_stack_pool *pool = pool_with(0, 0);
	struct peal_stack *stack = peal_stack_get(pool);
	pthread_t thread[2];

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, come_and_go, NULL), 0);
	for (int i = 0; i < 5000; i++) {
		ck_assert_ptr_eq(peal_stack_by_guard(stack->low - 1), stack);
		ck_assert_ptr_null(peal_stack_by_guard(&pool));
	}
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	peal_stack_put(pool, stack);
	peal_stack_pool_destroy(pool);
}
END_TEST

/* Refusals */

START_TEST(a_refused_reservation_is_halved)
{
	/* 4 MiB, 2, 1, and half of it is given. */
	struct sys_fail fail = { .number = SYS_mmap, .times = 3, .answer = -ENOMEM };
	struct peal_stack_pool *pool;

	sys_fail_begin(&fail);
	pool = pool_with(0, 0);
	ck_assert_int_eq(fail.seen, 4);
	sys_fail_end();
	get_and_put(pool, 100);
	peal_stack_pool_destroy(pool);
}
END_TEST

START_TEST(without_memory_there_is_no_pool)
{
	struct sys_fail fail = { .number = SYS_mmap, .times = SYS_FAIL_ALWAYS, .answer = -ENOMEM };
	struct peal_stack_pool *pool = (struct peal_stack_pool *)&fail;

	sys_fail_begin(&fail);
	ck_assert_int_eq(peal_stack_pool_create(&pool, &defaults), -ENOMEM);
	sys_fail_end();
	ck_assert_ptr_eq(pool, &fail);
	ck_assert_int_ge(fail.seen, 4); /* down to a single slot */
}
END_TEST

/* What is there still works while the kernel gives nothing, and then it goes on. */
START_TEST(without_memory_there_is_no_stack)
{
	struct sys_fail fail = { .number = SYS_mmap, .times = SYS_FAIL_ALWAYS, .answer = -EAGAIN };
	struct peal_stack_pool *pool = pool_with(0, 0);
	struct peal_stack *all, *last;
	size_t count;

	sys_fail_begin(&fail);
	all = get_all(pool);
	count = peal_stack_pool_count(pool);
	ck_assert_uint_gt(count, 1);
	ck_assert_ptr_null(peal_stack_get(pool));
	last = all;
	all = all->next;
	peal_stack_put(pool, last);
	ck_assert_ptr_eq(peal_stack_get(pool), last);
	ck_assert_uint_eq(peal_stack_pool_count(pool), count);
	peal_stack_put(pool, last);
	sys_fail_end();
	put_all(pool, all);
	get_and_put(pool, count + 1);
	ck_assert_uint_eq(peal_stack_pool_count(pool), count + 1);
	peal_stack_pool_destroy(pool);
}
END_TEST

/* Each call in its turn, so that no path is left out. */
START_TEST(any_failing_call_is_survived)
{
	const long numbers[] = { SYS_mmap, SYS_madvise, SYS_mprotect, SYS_munmap, SYS_openat,
		SYS_read, SYS_uname };
	struct sys_fail fail = {
		.number = numbers[_i % 7], .from = _i / 7, .times = 1, .answer = -ENOMEM
	};
	struct peal_stack_pool *pool = NULL;

	sys_fail_begin(&fail);
	if (peal_stack_pool_create(&pool, &(struct peal_stack_limits){ .max_cached = 1 }) == 0) {
		get_and_put(pool, 200);
		peal_stack_pool_trim(pool, 0);
		peal_stack_pool_trim(pool, 1000);
		get_and_put(pool, 10);
	}
	ck_assert_uint_eq(peal_stack_pool_destroy(pool), 0);
	sys_fail_end();
}
END_TEST

START_TEST(limited_address_space_is_used_up_and_no_more)
{
	struct peal_stack_pool *pool = pool_with(0, 1);
	struct rlimit limit;
	struct peal_stack *all;
	size_t count, more = 32;

	if (PEAL_ASAN || PEAL_TSAN || peal_on_valgrind())
		peal_skip("sanitizers need the address space");
	limit.rlim_cur = limit.rlim_max = ((size_t)status_value("VmSize") + more * 1024) * KIB;
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
	all = get_all(pool);
	count = peal_stack_pool_count(pool);
	/* Most of what was left was found in smaller pieces. */
	ck_assert_uint_ge(count * 68, (more - 2) * 1024);
	put_all(pool, all);
	peal_stack_pool_trim(pool, 0);
	peal_stack_pool_trim(pool, count);
	ck_assert_uint_eq(peal_stack_pool_count(pool), 1);
	get_and_put(pool, count);
	peal_stack_pool_destroy(pool);
}
END_TEST

static TCase *guards(void)
{
	TCase *tcase = tcase_create("guards");

	tcase_add_test(tcase, guards_by_advice_stop_a_write);
	tcase_add_test(tcase, an_older_kernel_gets_mprotect);
	tcase_add_test(tcase, advice_that_guards_nothing_is_seen_through);
	tcase_add_test(tcase, advice_that_ends_later_is_replaced);
	tcase_add_test(tcase, one_failed_advice_does_not_end_it);
	tcase_add_test(tcase, without_guards_a_canary_watches);
	tcase_add_test_raise_signal(tcase, a_stack_that_was_overrun_is_not_taken_back, SIGABRT);
	tcase_add_test(tcase, a_canary_is_not_resident);
	tcase_add_test(tcase, mprotect_keeps_to_its_budget);
	tcase_add_test(tcase, the_budget_comes_back);
	return tcase;
}

static TCase *reuse(void)
{
	TCase *tcase = tcase_create("reuse");

	tcase_add_test(tcase, the_last_stack_put_is_the_next_one_got);
	tcase_add_test(tcase, reuse_does_not_ask_the_kernel);
	tcase_add_test(tcase, deep_stacks_beyond_the_bound_keep_8_kib);
	tcase_add_test(tcase, shallow_stacks_are_left_alone);
	tcase_add_test(tcase, what_was_needed_since_the_last_trim_stays);
	tcase_add_test(tcase, trim_goes_down_to_the_bound_in_steps);
	tcase_add_test(tcase, a_trimmed_stack_comes_back_clean);
	tcase_add_test(tcase, locked_memory_stays);
	tcase_add_test(tcase, empty_chunks_go_back);
	return tcase;
}

static TCase *ends(void)
{
	TCase *tcase = tcase_create("ends");

	tcase_add_test(tcase, nothing_stays_behind);
	tcase_add_test(tcase, stacks_in_use_outlive_their_pool);
	tcase_add_test(tcase, a_destroyed_pool_is_not_found);
	tcase_add_test(tcase, searching_goes_on_beside_changes);
	return tcase;
}

static TCase *refusals(void)
{
	TCase *tcase = tcase_create("refusals");

	tcase_add_test(tcase, a_refused_reservation_is_halved);
	tcase_add_test(tcase, without_memory_there_is_no_pool);
	tcase_add_test(tcase, without_memory_there_is_no_stack);
	tcase_add_loop_test(tcase, any_failing_call_is_survived, 0, 7 * 6);
	tcase_add_test(tcase, limited_address_space_is_used_up_and_no_more);
	return tcase;
}

static Suite *stack_suite(void)
{
	Suite *suite = suite_create("stack");
	TCase *shape = tcase_create("shape");

	tcase_add_test(shape, a_stack_is_what_was_asked_for);
	tcase_add_loop_test(shape, slots_are_an_odd_number_of_pages, 0, 6);
	tcase_add_loop_test(shape, senseless_sizes_are_refused, 0, 4);
	tcase_add_test(shape, no_pool_is_destroyed_quietly);
	suite_add_tcase(suite, shape);
	suite_add_tcase(suite, guards());
	suite_add_tcase(suite, reuse());
	suite_add_tcase(suite, ends());
	suite_add_tcase(suite, refusals());
	return suite;
}

int main(void)
{
	return peal_check_main(stack_suite());
}
