/* SPDX-License-Identifier: MIT */
/* A seccomp filter that refuses io_uring, as containers have it. seccomp(2). */
#ifndef PEAL_TESTS_SECCOMP_H
#define PEAL_TESTS_SECCOMP_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* io_uring_setup, _enter and _register have these numbers on all machines but alpha. */
#define FIRST_IO_URING_CALL 425
#define LAST_IO_URING_CALL  427

/*
 * Answer the three calls with an error from now on, in this thread and whatever it starts. 0, or the
 * negative errno of who does not let us.
 */
static inline int refuse_io_uring(int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FIRST_IO_URING_CALL, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, LAST_IO_URING_CALL, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return -errno;
	if (syscall(FIRST_IO_URING_CALL, 1, NULL) != -1 || errno != error)
		return -EPROTO;
	return 0;
}

#endif
