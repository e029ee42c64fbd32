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

struct iovec;
struct sockaddr;

/* accept4(2). The new descriptor, close-on-exec. address and size may be NULL. */
PEAL_API int peal_accept(int fd, struct sockaddr *address, uint32_t *size, int flags);

/* connect(2). 0, or -ECONNREFUSED and so on. */
PEAL_API int peal_connect(int fd, const struct sockaddr *address, uint32_t size);

/* recv(2). The number of bytes, 0 at the end of a stream. */
PEAL_API ssize_t peal_recv(int fd, void *buf, size_t size, int flags);

/* send(2). The number of bytes, which may be fewer than size. A broken pipe is -EPIPE. */
PEAL_API ssize_t peal_send(int fd, const void *buf, size_t size, int flags);

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
