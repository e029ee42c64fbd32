/* SPDX-License-Identifier: MIT */
#include "core/runtime/signal_gate.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "core/base/compiler.h"
#include "core/sys.h"

static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* By number. The lock guards what is not atomic, except that handlers read `before` and `covered`: these
 * are written before the handler is installed. */
static struct {
	unsigned int holders;
	PEAL_ATOMIC(bool) installed;
	bool covered;            /* somebody's handler was put over ours and may still call it */
	struct sigaction before; /* who is called next */
} gate[PEAL_SIGNALS + 1];

static PEAL_ATOMIC(struct peal_signals_listener *) first;
static PEAL_ATOMIC(uint32_t) visitors; /* handlers that look at listeners */

/* Signals whose earlier handler is being called on this thread, and which might come back to us. */
static PEAL_THREAD_LOCAL uint64_t chained;

static bool is_fault(int number)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (faults[i] == number)
			return true;
	return false;
}

bool peal_signals_valid(int number)
{
	return number >= 1 && number <= PEAL_SIGNALS && !is_fault(number) && number != SIGKILL &&
		number != SIGSTOP && (number < __SIGRTMIN || number >= SIGRTMIN);
}

/* Listeners */

void peal_signals_gate_add(struct peal_signals_listener *listener)
{
	pthread_mutex_lock(&lock);
	peal_store_relaxed(&listener->next, peal_load_relaxed(&first));
	peal_store_seq_cst(&first, listener);
	pthread_mutex_unlock(&lock);
}

/* A handler that began before the listener was taken out is counted; one that began later does not see
 * it. One that runs on this very thread has ended when this goes on. */
void peal_signals_gate_remove(struct peal_signals_listener *listener)
{
	PEAL_ATOMIC(struct peal_signals_listener *) *link = &first;

	pthread_mutex_lock(&lock);
	while (peal_load_relaxed(link) != listener)
		link = &peal_load_relaxed(link)->next;
	peal_store_seq_cst(link, peal_load_relaxed(&listener->next));
	pthread_mutex_unlock(&lock);
	while (peal_load_seq_cst(&visitors))
		sched_yield();
}

/* The handler */

/* True when one of them has use for it. */
static bool tell(const siginfo_t *info)
{
	bool of_use = false;

	peal_add_seq_cst(&visitors, 1);
	for (struct peal_signals_listener *listener = peal_load_seq_cst(&first); listener;
		listener = peal_load_seq_cst(&listener->next))
		if (listener->heard(listener, info))
			of_use = true;
	peal_sub_seq_cst(&visitors, 1);
	return of_use;
}

/* The default of a signal that somebody listens to is replaced by listening. */
static void chain(int number, siginfo_t *info, void *context)
{
	const struct sigaction *before = &gate[number].before;

	if (before->sa_handler == SIG_DFL || before->sa_handler == SIG_IGN)
		return;
	if (gate[number].covered)
		chained |= peal_signals_bit(number);
	if (before->sa_flags & SA_SIGINFO)
		before->sa_sigaction(number, info, context);
	else
		before->sa_handler(number);
	chained &= ~peal_signals_bit(number);
}

/* To this thread, when the handler has returned. */
static void send_again(int number, const struct sigaction *action)
{
	peal_sys_sigaction(number, action, NULL);
	peal_sys_any(SYS_tgkill, getpid(), peal_sys_gettid(), number, 0, 0, 0);
}

/* Nobody wants it: what was there before us gets it. We may have been called by a handler that was put
 * over ours, after all of ours had let go. */
static void fall_back(int number, siginfo_t *info, void *context)
{
	const struct sigaction by_default = { .sa_handler = SIG_DFL };

	if (peal_exchange_seq_cst(&gate[number].installed, false))
		send_again(number, &gate[number].before);
	else if (gate[number].before.sa_handler == SIG_DFL)
		send_again(number, &by_default);
	else
		chain(number, info, context);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	int saved_errno = errno;

	if (!(chained & peal_signals_bit(number))) {
		if (tell(info))
			chain(number, info, context);
		else
			fall_back(number, info, context);
	}
	errno = saved_errno;
}

/* Installing */

static bool is_ours(const struct sigaction *action)
{
	return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_signal;
}

/* `before` is filled in first: the signal may come at once. (If it does so before the handler counts as
 * installed, there is a listener already, or the default is what it gets.) */
static int install(int number)
{
	struct sigaction action = { .sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
	struct sigaction now;
	int err = (int)peal_sys_sigaction(number, NULL, &now);

	if (err < 0)
		return err;
	if (!is_ours(&now)) {
		gate[number].before = now;
		sigfillset(&action.sa_mask);
		err = (int)peal_sys_sigaction(number, &action, NULL);
	}
	peal_store_seq_cst(&gate[number].installed, err == 0);
	return err;
}

static void uninstall(int number)
{
	struct sigaction now;

	if (!peal_exchange_seq_cst(&gate[number].installed, false) ||
		peal_sys_sigaction(number, NULL, &now) < 0)
		return;
	if (is_ours(&now))
		peal_sys_sigaction(number, &gate[number].before, NULL);
	else
		gate[number].covered = true; /* and stays so: it may be `before` one day */
}

int peal_signals_gate_hold(int number)
{
	int err = 0;

	pthread_mutex_lock(&lock);
	if (!peal_load_seq_cst(&gate[number].installed))
		err = install(number);
	if (!err)
		gate[number].holders++;
	pthread_mutex_unlock(&lock);
	return err;
}

void peal_signals_gate_release(int number)
{
	pthread_mutex_lock(&lock);
	if (--gate[number].holders == 0)
		uninstall(number);
	pthread_mutex_unlock(&lock);
}

bool peal_signals_ignored(int number)
{
	struct sigaction now;

	return peal_sys_sigaction(number, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
		now.sa_handler == SIG_IGN;
}

void peal_signals_gate_after_fork(void)
{
	pthread_mutex_init(&lock, NULL);
	peal_store_seq_cst(&first, NULL);
	peal_store_seq_cst(&visitors, 0);
	for (int number = 1; number <= PEAL_SIGNALS; number++) {
		uninstall(number);
		gate[number].holders = 0;
	}
}

/* Masks */

void peal_signals_block(sigset_t *before)
{
	sigset_t outside;

	sigfillset(&outside);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&outside, faults[i]);
	sigdelset(&outside, SIGPROF);
	peal_sys_sigmask(SIG_BLOCK, &outside, before);
}

void peal_signals_unblock(const sigset_t *before)
{
	peal_sys_sigmask(SIG_SETMASK, before, NULL);
}
