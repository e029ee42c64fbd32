/* SPDX-License-Identifier: MIT */
/*
 * The SIGSEGV handler that names the fiber whose stack overflowed.
 *
 * What runs in the handler keeps to signal-safety(7): it reads what peal_stack_by_guard() finds, formats
 * by hand (printf(3) is not safe) and writes once.
 */
#include "core/fiber/overflow.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/compiler.h"
#include "core/fiber/sanitizer.h"
#include "core/fiber/stack.h"
#include "core/sys.h"

#define NAME_MOST       128

/* For our handler, and for one that was there before and did not expect to be called on it. */
#define ALTERNATE_BYTES ((size_t)64 * 1024 * PEAL_STACK_GROWTH)

struct line {
	size_t used;
	char text[NAME_MOST + 128];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int holders;
static bool covered;            /* somebody's handler was put over ours and may still call it */
static struct sigaction before; /* who is called next */

static PEAL_THREAD_LOCAL struct {
	void *memory; /* NULL: not ours */
	size_t bytes;
	unsigned int users;
} alternate;

static void append(struct line *line, const char *text, size_t most)
{
	for (size_t i = 0; i < most && text[i] && line->used < sizeof(line->text); i++)
		line->text[line->used++] = text[i];
}

static void append_number(struct line *line, uintptr_t number, unsigned int base)
{
	char digits[24];
	size_t at = sizeof(digits);

	digits[--at] = '\0';
	do {
		digits[--at] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	append(line, digits + at, sizeof(digits));
}

static void report(const struct peal_stack *stack, const void *address)
{
	struct line line = { 0 };

	append(&line, "fiber ", SIZE_MAX);
	append(&line, *stack->owner ? stack->owner : "(no name)", NAME_MOST);
	append(&line, " overflowed its ", SIZE_MAX);
	append_number(&line, peal_stack_kib(stack), 10);
	append(&line, " KiB stack (address 0x", SIZE_MAX);
	append_number(&line, (uintptr_t)address, 16);
	append(&line, ")\n", SIZE_MAX);
	(void)peal_sys_write(STDERR_FILENO, line.text, line.used);
}

/*
 * Nobody else is there: the kernel's default, a core dump. A fault happens again when the handler
 * returns; a signal that somebody sent must be sent again, and waits until then.
 */
static void do_default(int number, const siginfo_t *info)
{
	const struct sigaction action = { .sa_handler = SIG_DFL };

	peal_sys_sigaction(number, &action, NULL);
	if (info->si_code <= 0)
		peal_sys_any(SYS_tgkill, getpid(), peal_sys_gettid(), number, 0, 0, 0);
}

/* The earlier handler, with the signals blocked that it wants blocked. */
static void chain(int number, siginfo_t *info, void *context)
{
	sigset_t self;

	if (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN) {
		do_default(number, info);
		return;
	}
	peal_sys_sigmask(SIG_BLOCK, &before.sa_mask, NULL);
	if (before.sa_flags & SA_NODEFER) {
		sigemptyset(&self);
		sigaddset(&self, number);
		peal_sys_sigmask(SIG_UNBLOCK, &self, NULL);
	}
	if (before.sa_flags & SA_SIGINFO)
		before.sa_sigaction(number, info, context);
	else
		before.sa_handler(number);
}

/* si_code is SEGV_MAPERR for a guard of MADV_GUARD_INSTALL and SEGV_ACCERR for one of mprotect; that of
 * a signal that was sent is not positive. */
static void on_fault(int number, siginfo_t *info, void *context)
{
	int saved_errno = errno;
	const struct peal_stack *stack = NULL;

	if (info->si_code > 0)
		stack = peal_stack_by_guard(info->si_addr);
	if (stack && stack->owner)
		report(stack, info->si_addr);
	chain(number, info, context);
	errno = saved_errno;
}

static bool is_ours(const struct sigaction *action)
{
	return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_fault;
}

/* `before` is filled in first: the fault may come at once. */
static int install(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	long err = peal_sys_sigaction(SIGSEGV, NULL, &before);

	if (err < 0)
		return (int)err;
	sigemptyset(&action.sa_mask);
	return (int)peal_sys_sigaction(SIGSEGV, &action, NULL);
}

/* A handler that was put over ours calls ours next, if it is as polite as ours is; to put ours over it
 * once more would make a circle. */
static bool is_reached(void)
{
	struct sigaction now;

	return covered && peal_sys_sigaction(SIGSEGV, NULL, &now) == 0 &&
		now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN;
}

int peal_overflow_hold(void)
{
	int err = 0;

	pthread_mutex_lock(&lock);
	if (!holders && !is_reached())
		err = install();
	if (!err)
		holders++;
	pthread_mutex_unlock(&lock);
	return err;
}

void peal_overflow_release(void)
{
	struct sigaction now;

	pthread_mutex_lock(&lock);
	if (--holders == 0 && peal_sys_sigaction(SIGSEGV, NULL, &now) == 0) {
		covered = !is_ours(&now);
		if (!covered)
			peal_sys_sigaction(SIGSEGV, &before, NULL);
	}
	pthread_mutex_unlock(&lock);
}

void peal_overflow_after_fork(void)
{
	pthread_mutex_init(&lock, NULL);
}

static size_t alternate_bytes(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	long frame = sysconf(_SC_MINSIGSTKSZ); /* the kernel's part: 11 KiB where there is AMX */
	size_t bytes = ALTERNATE_BYTES + (frame > 0 ? (size_t)frame : 0);

	return (bytes + page - 1) / page * page;
}

int peal_overflow_enter_thread(void)
{
	stack_t stack;
	int err = 0;

	if (alternate.memory) {
		alternate.users++;
		return 0;
	}
	if (peal_sys_sigaltstack(NULL, &stack) == 0 && !(stack.ss_flags & SS_DISABLE))
		return 0;
	alternate.bytes = alternate_bytes();
	alternate.memory = peal_sys_mmap(NULL, alternate.bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0, &err);
	if (!alternate.memory)
		return err;
	alternate.users = 1;
	stack = (stack_t){ .ss_sp = alternate.memory, .ss_size = alternate.bytes };
	err = (int)peal_sys_sigaltstack(&stack, NULL);
	if (err)
		peal_overflow_leave_thread();
	return err;
}

void peal_overflow_leave_thread(void)
{
	const stack_t none = { .ss_flags = SS_DISABLE };
	stack_t now;

	if (!alternate.memory || --alternate.users)
		return;
	/* Whoever has given the thread another one meanwhile keeps it. */
	if (peal_sys_sigaltstack(NULL, &now) == 0 && now.ss_sp == alternate.memory)
		peal_sys_sigaltstack(&none, NULL);
	peal_sys_munmap(alternate.memory, alternate.bytes);
	alternate.memory = NULL;
}
