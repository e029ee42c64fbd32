/* SPDX-License-Identifier: MIT */
/*
 * I/O calls for fibers. They have POSIX's names and shapes, return what the system call returns or a
 * negative errno, and suspend the calling fiber, not its thread.
 *
 * All of them: only in a fiber (-EPERM elsewhere). Buffers are yours again when the call returns, and
 * not before. -ECANCELED or -ETIMEDOUT when the calling fiber is cancelled (scope.h). Descriptors are plain ints and should be
 * blocking; non-blocking ones behave the same. The op twins are in op.h.
 */
#ifndef PEAL_IO_H
#define PEAL_IO_H

#include <peal/base.h>

PEAL_BEGIN_DECLS

struct io_uring_sqe;
struct iovec;
struct msghdr;
struct open_how;
struct sockaddr;
struct statx;

/* accept4(2). The new descriptor, close-on-exec. address and size may be NULL. */
PEAL_API int peal_accept(int fd, struct sockaddr *address, uint32_t *size, int flags);

/* connect(2). 0, or -ECONNREFUSED and so on. */
PEAL_API int peal_connect(int fd, const struct sockaddr *address, uint32_t size);

/* recv(2). The number of bytes, 0 at the end of a stream. */
PEAL_API ssize_t peal_recv(int fd, void *buf, size_t size, int flags);

/* send(2). The number of bytes, which may be fewer than size. A broken pipe is -EPIPE. */
PEAL_API ssize_t peal_send(int fd, const void *buf, size_t size, int flags);

/* The same without copying the buffer, where that pays (see op.h): returns when nobody reads it any more. */
PEAL_API ssize_t peal_send_zc(int fd, const void *buf, size_t size, int flags);

/* send(2) until everything is sent. size, or a negative errno: how much went out is not told. */
PEAL_API ssize_t peal_send_all(int fd, const void *buf, size_t size, int flags);

/*
 * read(2), write(2) and their relatives, for anything that has a descriptor. The number of bytes, 0 from
 * a read at the end. From a regular file a read gives all that was asked for up to the end; from
 * sockets, pipes and the like what is there, waiting only for the first byte. Offsets may not be
 * negative (-EINVAL), except -1 in the last two, which stands for the position of the file. A broken pipe
 * is -EPIPE: SIGPIPE is blocked on threads that are shards (programs that these start inherit that).
 */
PEAL_API ssize_t peal_read(int fd, void *buf, size_t size);
PEAL_API ssize_t peal_write(int fd, const void *buf, size_t size);
PEAL_API ssize_t peal_pread(int fd, void *buf, size_t size, int64_t offset);
PEAL_API ssize_t peal_pwrite(int fd, const void *buf, size_t size, int64_t offset);
PEAL_API ssize_t peal_readv(int fd, const struct iovec *vector, int count);
PEAL_API ssize_t peal_writev(int fd, const struct iovec *vector, int count);
PEAL_API ssize_t peal_preadv(int fd, const struct iovec *vector, int count, int64_t offset);
PEAL_API ssize_t peal_pwritev(int fd, const struct iovec *vector, int count, int64_t offset);
PEAL_API ssize_t peal_preadv2(
	int fd, const struct iovec *vector, int count, int64_t offset, int flags);
PEAL_API ssize_t peal_pwritev2(
	int fd, const struct iovec *vector, int count, int64_t offset, int flags);

/*
 * recvmsg(2) and sendmsg(2), with addresses and control messages. The number of bytes. Descriptors that
 * are received are close-on-exec.
 */
PEAL_API ssize_t peal_recvmsg(int fd, struct msghdr *message, int flags);
PEAL_API ssize_t peal_sendmsg(int fd, const struct msghdr *message, int flags);

/*
 * openat(2) and openat2(2) (how is of linux/openat2.h). The new descriptor, close-on-exec. FIFOs and
 * devices are opened without waiting for anybody (see op.h). dir may be AT_FDCWD.
 */
PEAL_API int peal_openat(int dir, const char *path, int flags, uint32_t mode);
PEAL_API int peal_openat2(int dir, const char *path, const struct open_how *how);

/* statx(2), also of a descriptor alone: path "" with AT_EMPTY_PATH. */
PEAL_API int peal_statx(int dir, const char *path, int flags, uint32_t mask, struct statx *buf);

/* fsync(2), fdatasync(2), fallocate(2), ftruncate(2), posix_fadvise(2), madvise(2). */
PEAL_API int peal_fsync(int fd);
PEAL_API int peal_fdatasync(int fd);
PEAL_API int peal_fallocate(int fd, int mode, int64_t offset, int64_t size);
PEAL_API int peal_ftruncate(int fd, int64_t size);
PEAL_API int peal_fadvise(int fd, int64_t offset, int64_t size, int advice);
PEAL_API int peal_madvise(void *address, size_t size, int advice);

/*
 * splice(2) and sendfile(2): the number of bytes, which may be fewer than size; 0 at the end of the input.
 * NULL offsets are positions of files, others are moved on. Sockets become O_NONBLOCK, and stay so, which
 * other calls here do not mind.
 */
PEAL_API ssize_t peal_splice(
	int in, int64_t *in_offset, int out, int64_t *out_offset, size_t size, unsigned int flags);
PEAL_API ssize_t peal_sendfile(int out, int in, int64_t *offset, size_t size);

/* waitid(2) for a child by its pidfd. info is a siginfo_t or NULL (strict C11 does not have the type); options
 * are WEXITED, and WNOWAIT or WNOHANG. */
PEAL_API int peal_waitid(int pidfd, void *info, int options);

/* An operation of io_uring that has no call here (see op.h). -EOPNOTSUPP on other backends. */
PEAL_API int peal_raw(const struct io_uring_sqe *sqe, uint32_t *flags);

/* shutdown(2). */
PEAL_API int peal_shutdown(int fd, int how);

/*
 * close(2). Ops of this shard that are in flight on fd complete with -ECANCELED first. The descriptor
 * is gone whatever is returned. Not cancelled by anything.
 */
PEAL_API int peal_close(int fd);

/* poll(2) for one descriptor: waits for events (POLLIN, POLLOUT, ...), returns those that came. */
PEAL_API int peal_poll(int fd, uint32_t events);

PEAL_END_DECLS

#endif
