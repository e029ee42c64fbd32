/* SPDX-License-Identifier: MIT */
/* What /proc says of a process, as far as stats pages need it to tell one process from another. */
#ifndef PEAL_CORE_STATS_PROC_H
#define PEAL_CORE_STATS_PROC_H

#include <stdint.h>
#include <sys/types.h>

/* /proc/PID as a descriptor, which goes on to mean that process when the pid is used again. A negative
 * errno when it cannot be opened. */
int peal_proc_open(pid_t pid);

/*
 * When the process was started, in the clock ticks of /proc/PID/stat: the same in all pid namespaces.
 * `proc` is from peal_proc_open(), or -1 for the calling process. 0, -ESRCH when it has ended (also
 * when it only waits to be reaped), or what reading gives.
 */
int peal_proc_start(int proc, uint64_t *start);

/* Its pid in its own, innermost pid namespace (0: the kernel does not say), and its user. 0 or a
 * negative errno. */
int peal_proc_identity(int proc, pid_t *inner, uid_t *user);

#endif
