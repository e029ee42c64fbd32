/* SPDX-License-Identifier: MIT */
/*
 * Naming the fiber whose stack overflowed, for applications that ask for it (peal_rt_opts,
 * report_overflow): one line on stderr, then whatever would have happened without us, so that a core
 * dump or the application's own handler still sees the fault where it was.
 *
 *	fiber NAME overflowed its 64 KiB stack (address 0x7f52c8e10ff8)
 */
#ifndef PEAL_CORE_OVERFLOW_H
#define PEAL_CORE_OVERFLOW_H

/*
 * The SIGSEGV handler of the process, as long as anybody holds it. The handler that was there before
 * is called by ours, and put back at the last release; one that the application has installed over
 * ours meanwhile is left alone. 0 or a negative errno. Any thread.
 */
int peal_overflow_hold(void);
void peal_overflow_release(void);

/* In the child of a fork, in which nobody holds the lock. */
void peal_overflow_after_fork(void);

/*
 * The alternate signal stack of the calling thread, without which a handler cannot run when the stack
 * is used up, and no handler should where it is small. One that the thread already has is used as it is.
 * Nested. 0, or -ENOMEM. Leaving a thread that was not entered does nothing.
 */
int peal_overflow_enter_thread(void);
void peal_overflow_leave_thread(void);

#endif
