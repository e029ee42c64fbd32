/* SPDX-License-Identifier: MIT */
/*
 * The one seam to the kernel. Core and backends make every system call through this header, plugins
 * through host->syscall() (plugin.h), so that a test can make any call fail at its n-th use, and the
 * simulator can answer in the kernel's place.
 *
 * Every wrapper returns what the call returns, or the negative errno; errno itself may change. Calls
 * that libc wraps go through libc, because the sanitizers watch its entry points.
 */
#ifndef PEAL_CORE_SYS_H
#define PEAL_CORE_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/compiler.h"

/* The newer architectures (aarch64, riscv64) have only the general forms of these. */
#ifndef SYS_poll
#define SYS_poll SYS_ppoll
#endif
#ifndef SYS_epoll_wait
#define SYS_epoll_wait SYS_epoll_pwait
#endif

/*
 * Installed by tests before the runtime starts and taken away after it stopped. `number` is the
 * system call's (SYS_recvfrom, ...; ring operations come as SYS_io_uring_enter and so on). Returns
 * true when it has answered, with the answer (negative errno for a failure) in *result; false lets
 * the call go to the kernel. Called on any thread.
 */
struct peal_sys_hook {
	bool (*call)(struct peal_sys_hook *hook, long number, long *result);
};

extern struct peal_sys_hook *peal_sys_hook;

static inline bool peal_sys_hooked(long number, long *result)
{
	return PEAL_UNLIKELY(peal_sys_hook != NULL) &&
		peal_sys_hook->call(peal_sys_hook, number, result);
}

/* What a libc wrapper returned, as a negative errno. */
static inline long peal_sys_result(long result)
{
	return result < 0 ? -errno : result;
}

/*
 * The body of a wrapper: the hook first, then the call. A macro because the call must not be
 * evaluated when the hook has answered.
 */
#define PEAL_SYS(number, call)                        \
	do {                                          \
		long hooked;                          \
		if (peal_sys_hooked(number, &hooked)) \
			return hooked;                \
		return peal_sys_result((long)(call)); \
	} while (0)

/* Any call by number: for what has no wrapper of its own here. */
static inline long peal_sys_any(long number, long a, long b, long c, long d, long e, long f)
{
	PEAL_SYS(number, syscall(number, a, b, c, d, e, f));
}

/* Descriptors */

static inline long peal_sys_openat(int dir, const char *path, int flags, int mode)
{
	PEAL_SYS(SYS_openat, openat(dir, path, flags, mode));
}

/* Never retried: on Linux the descriptor is gone also after EINTR (close(2)). */
static inline long peal_sys_close(int fd)
{
	PEAL_SYS(SYS_close, close(fd));
}

static inline long peal_sys_read(int fd, void *buf, size_t size)
{
	PEAL_SYS(SYS_read, read(fd, buf, size));
}

static inline long peal_sys_write(int fd, const void *buf, size_t size)
{
	PEAL_SYS(SYS_write, write(fd, buf, size));
}

static inline long peal_sys_fcntl(int fd, int command, long arg)
{
	PEAL_SYS(SYS_fcntl, fcntl(fd, command, arg));
}

static inline long peal_sys_eventfd(unsigned int initial, int flags)
{
	PEAL_SYS(SYS_eventfd2, eventfd(initial, flags));
}

static inline long peal_sys_memfd_create(const char *name, unsigned int flags)
{
	PEAL_SYS(SYS_memfd_create, memfd_create(name, flags));
}

static inline long peal_sys_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	PEAL_SYS(SYS_poll, poll(fds, count, timeout_ms));
}

/* epoll */

static inline long peal_sys_epoll_create(int flags)
{
	PEAL_SYS(SYS_epoll_create1, epoll_create1(flags));
}

static inline long peal_sys_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	PEAL_SYS(SYS_epoll_ctl, epoll_ctl(epoll, op, fd, event));
}

static inline long peal_sys_epoll_wait(
	int epoll, struct epoll_event *events, int count, int timeout_ms)
{
	PEAL_SYS(SYS_epoll_wait, epoll_wait(epoll, events, count, timeout_ms));
}

/* Timers that are descriptors */

static inline long peal_sys_timerfd_create(clockid_t clock, int flags)
{
	PEAL_SYS(SYS_timerfd_create, timerfd_create(clock, flags));
}

static inline long peal_sys_timerfd_settime(int fd, int flags, const struct itimerspec *when)
{
	PEAL_SYS(SYS_timerfd_settime, timerfd_settime(fd, flags, when, NULL));
}

/* io_uring. The structs are those of linux/io_uring.h; libc has no wrappers. */

static inline long peal_sys_io_uring_setup(unsigned int entries, void *params)
{
	PEAL_SYS(SYS_io_uring_setup, syscall(SYS_io_uring_setup, entries, params));
}

static inline long peal_sys_io_uring_enter(int fd, unsigned int submit, unsigned int wait,
	unsigned int flags, const void *arg, size_t size)
{
	PEAL_SYS(SYS_io_uring_enter,
		syscall(SYS_io_uring_enter, fd, submit, wait, flags, arg, size));
}

static inline long peal_sys_io_uring_register(
	int fd, unsigned int opcode, const void *arg, unsigned int count)
{
	PEAL_SYS(SYS_io_uring_register, syscall(SYS_io_uring_register, fd, opcode, arg, count));
}

/* Sockets */

static inline long peal_sys_socket(int domain, int type, int protocol)
{
	PEAL_SYS(SYS_socket, socket(domain, type, protocol));
}

static inline long peal_sys_socketpair(int domain, int type, int protocol, int fds[2])
{
	PEAL_SYS(SYS_socketpair, socketpair(domain, type, protocol, fds));
}

static inline long peal_sys_bind(int fd, const struct sockaddr *address, socklen_t size)
{
	PEAL_SYS(SYS_bind, bind(fd, address, size));
}

static inline long peal_sys_listen(int fd, int backlog)
{
	PEAL_SYS(SYS_listen, listen(fd, backlog));
}

static inline long peal_sys_accept(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	PEAL_SYS(SYS_accept4, accept4(fd, address, size, flags));
}

static inline long peal_sys_connect(int fd, const struct sockaddr *address, socklen_t size)
{
	PEAL_SYS(SYS_connect, connect(fd, address, size));
}

static inline long peal_sys_shutdown(int fd, int how)
{
	PEAL_SYS(SYS_shutdown, shutdown(fd, how));
}

static inline long peal_sys_recv(int fd, void *buf, size_t size, int flags)
{
	PEAL_SYS(SYS_recvfrom, recv(fd, buf, size, flags));
}

static inline long peal_sys_send(int fd, const void *buf, size_t size, int flags)
{
	PEAL_SYS(SYS_sendto, send(fd, buf, size, flags));
}

static inline long peal_sys_recvmsg(int fd, struct msghdr *message, int flags)
{
	PEAL_SYS(SYS_recvmsg, recvmsg(fd, message, flags));
}

static inline long peal_sys_sendmsg(int fd, const struct msghdr *message, int flags)
{
	PEAL_SYS(SYS_sendmsg, sendmsg(fd, message, flags));
}

static inline long peal_sys_getsockname(int fd, struct sockaddr *address, socklen_t *size)
{
	PEAL_SYS(SYS_getsockname, getsockname(fd, address, size));
}

static inline long peal_sys_getpeername(int fd, struct sockaddr *address, socklen_t *size)
{
	PEAL_SYS(SYS_getpeername, getpeername(fd, address, size));
}

static inline long peal_sys_getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
	PEAL_SYS(SYS_getsockopt, getsockopt(fd, level, option, value, size));
}

static inline long peal_sys_setsockopt(
	int fd, int level, int option, const void *value, socklen_t size)
{
	PEAL_SYS(SYS_setsockopt, setsockopt(fd, level, option, value, size));
}

/* The machine */

/* Cheap: libc reads the clock without entering the kernel. */
static inline long peal_sys_clock_gettime(clockid_t clock, struct timespec *now)
{
	PEAL_SYS(SYS_clock_gettime, clock_gettime(clock, now));
}

static inline long peal_sys_getrlimit(int resource, struct rlimit *limit)
{
	PEAL_SYS(SYS_prlimit64, getrlimit(resource, limit));
}

static inline long peal_sys_uname(struct utsname *name)
{
	PEAL_SYS(SYS_uname, uname(name));
}

/* Threads */

static inline long peal_sys_gettid(void)
{
	PEAL_SYS(SYS_gettid, syscall(SYS_gettid));
}

/* Signals */

static inline long peal_sys_sigaction(
	int number, const struct sigaction *action, struct sigaction *before)
{
	PEAL_SYS(SYS_rt_sigaction, sigaction(number, action, before));
}

static inline long peal_sys_sigmask(int how, const sigset_t *set, sigset_t *before)
{
	long hooked;

	if (peal_sys_hooked(SYS_rt_sigprocmask, &hooked))
		return hooked;
	return -pthread_sigmask(how, set, before);
}

static inline long peal_sys_sigtimedwait(const sigset_t *set, const struct timespec *timeout)
{
	PEAL_SYS(SYS_rt_sigtimedwait, sigtimedwait(set, NULL, timeout));
}

static inline long peal_sys_sigaltstack(const stack_t *stack, stack_t *before)
{
	PEAL_SYS(SYS_sigaltstack, sigaltstack(stack, before));
}

/* Memory */

/* A pointer, or NULL with the negative errno in *err. */
static inline void *peal_sys_mmap(
	void *hint, size_t size, int protection, int flags, int fd, off_t offset, int *err)
{
	long hooked;
	void *memory;

	if (peal_sys_hooked(SYS_mmap, &hooked)) {
		*err = (int)hooked;
		return NULL;
	}
	memory = mmap(hint, size, protection, flags, fd, offset);
	if (memory != MAP_FAILED)
		return memory;
	*err = -errno;
	return NULL;
}

static inline long peal_sys_munmap(void *memory, size_t size)
{
	PEAL_SYS(SYS_munmap, munmap(memory, size));
}

static inline long peal_sys_mprotect(void *memory, size_t size, int protection)
{
	PEAL_SYS(SYS_mprotect, mprotect(memory, size, protection));
}

static inline long peal_sys_madvise(void *memory, size_t size, int advice)
{
	PEAL_SYS(SYS_madvise, madvise(memory, size, advice));
}

#include "core/sys_files.h"

#endif
