/* SPDX-License-Identifier: MIT */
/*
 * The one gateway for signals: the only place where the library installs handlers, and only while
 * somebody wants them. One of a process, shared by its runtimes.
 *
 * The handler tells every listener that wants the signal, then whoever had a handler before us. When no
 * listener has use for it any more (the second signal to a program that is draining), what was there
 * before us is put back and gets it: by default, that kills. When the last holder of a signal lets go,
 * what was there before us is put back as well, unless somebody has replaced us meanwhile.
 *
 * The handler runs on whatever thread the kernel chooses. Threads of ours block the signals that come
 * from outside (peal_signals_block()), because their stacks are small; a thread that was lent to us has a
 * stack of its own for handlers (overflow.h).
 */
#ifndef PEAL_CORE_SIGNAL_GATE_H
#define PEAL_CORE_SIGNAL_GATE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/atomic.h"

#define PEAL_SIGNALS 64 /* signals are numbered from 1 to this */

static inline uint64_t peal_signals_bit(int number)
{
	return (uint64_t)1 << (number - 1);
}

/* Signals that can be listened to: not those that mean a fault of the thread, or that libc keeps. */
bool peal_signals_valid(int number);

struct peal_signals_listener {
	PEAL_ATOMIC(struct peal_signals_listener *) next;
	/* In the handler, on any thread: async-signal-safe. False: of no use. */
	bool (*heard)(struct peal_signals_listener *listener, const siginfo_t *info);
};

void peal_signals_gate_add(struct peal_signals_listener *listener);
/* No handler looks at it any more when this returns. */
void peal_signals_gate_remove(struct peal_signals_listener *listener);

/* Have the signal's handler installed; nested. 0 or a negative errno. */
int peal_signals_gate_hold(int number);
void peal_signals_gate_release(int number);
/* Does the process ignore it, as one that was started in the background ignores SIGINT? */
bool peal_signals_ignored(int number);

/* In the child of a fork, whose parent's runtimes are none of its: as if nobody had ever listened. */
void peal_signals_gate_after_fork(void);

/*
 * Block what comes from outside on the calling thread, so that threads it makes inherit that; all but
 * faults, and SIGPROF, with which profilers look at each thread. Undone with peal_signals_unblock().
 */
void peal_signals_block(sigset_t *before);
void peal_signals_unblock(const sigset_t *before);

#endif
