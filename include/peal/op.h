/* SPDX-License-Identifier: MIT */
/*
 * Operations: asynchronous I/O without a fiber.
 *
 * An op is a struct of the caller's. Zero it before its first use, start it with one of the calls
 * below, and leave it and its buffers alone until it has completed: they belong to the kernel until
 * then, also after a cancel. It completes exactly once for each start, on the shard that started it:
 * either its callback is called, or, when it was started without one, a fiber waits for it with
 * peal_op_wait(). Errors come the same way; starting cannot fail. Starting an op that is still busy
 * is a defect in the program and ends it (peal_set_fatal() in runtime.h hears of it first).
 *
 * The callback runs from the shard's loop, never inside the call that starts the op. The core does
 * not touch the op after its callback was called: the callback may free it or start it again.
 *
 * For every fiber call in io.h there is an op twin here. All of these must be called on a shard's
 * thread (from a fiber, a callback or a post); elsewhere they end the program with a message, since
 * there is nobody who could complete them.
 */
#ifndef PEAL_OP_H
#define PEAL_OP_H

#include <peal/base.h>

PEAL_BEGIN_DECLS

struct io_uring_sqe;
struct iovec;
struct msghdr;
struct open_how;
struct sockaddr;
struct statx;
struct peal_buffers;
struct peal_lease;
struct peal_op;

/* Called on the op's shard when it has completed; op->result holds what the call returned, or a
 * negative errno. Must not suspend: it is not a fiber. */
typedef void peal_op_fn(struct peal_op *op);

enum peal_opcode {
	PEAL_OP_NOP,
	PEAL_OP_ACCEPT,
	PEAL_OP_CONNECT,
	PEAL_OP_RECV,
	PEAL_OP_SEND,
	PEAL_OP_SHUTDOWN,
	PEAL_OP_CLOSE,
	PEAL_OP_POLL,
	PEAL_OP_READ,
	PEAL_OP_WRITE,
	PEAL_OP_READV,
	PEAL_OP_WRITEV,
	PEAL_OP_RECVMSG,
	PEAL_OP_SENDMSG,
	PEAL_OP_OPENAT,
	PEAL_OP_STATX,
	PEAL_OP_FSYNC,
	PEAL_OP_FALLOCATE,
	PEAL_OP_FTRUNCATE,
	PEAL_OP_FADVISE,
	PEAL_OP_MADVISE,
	PEAL_OP_RAW,
	PEAL_OP_RECV_LEASE, /* lease.h */
	PEAL_OP_SEND_ZC,
	/* Those that may bring several things before they complete (core/io/standing.c). */
	PEAL_OP_RECV_MANY,
	PEAL_OP_ACCEPT_MANY,
	/* Those that the core composes (core/io/compose.c). */
	PEAL_OP_SPLICE,
	PEAL_OP_SENDFILE,
	PEAL_OP_WAITID,
	PEAL_OP_COUNT_
};

/*
 * Of its fields, users read `result` and nothing else. The size is fixed for the life of the SONAME;
 * backends keep their own state in `backend`.
 */
struct peal_op {
	uint8_t opcode; /* enum peal_opcode */
	uint8_t state;  /* core's: idle, queued, in flight, done */
	uint16_t flags; /* core's */
	int32_t fd;
	int64_t result;
	peal_op_fn *done;
	union {
		struct {
			struct sockaddr *address;
			uint32_t *size;
			int32_t flags;
		} accept;
		struct {
			const struct sockaddr *address;
			uint32_t size;
		} connect;
		struct {
			void *buf;
			size_t size;
			int32_t flags;
		} recv;
		struct {
			const void *buf;
			size_t size;
			int32_t flags;
		} send; /* and send_zc */
		struct {
			int32_t how;
		} shutdown;
		struct {
			uint32_t events;
		} poll;
		struct {
			void *buf;
			size_t size;
			int64_t offset; /* -1: where the file stands */
		} read;
		struct {
			const void *buf;
			size_t size;
			int64_t offset;
		} write;
		struct {
			const struct iovec *vector;
			int64_t offset;
			uint32_t count;
			int32_t flags; /* RWF_* */
		} vector;              /* readv and writev */
		struct {
			struct msghdr *message;
			int32_t flags;
		} msg; /* recvmsg and sendmsg */
		struct {
			const char *path;
			uint64_t flags, mode, resolve; /* a struct open_how */
			uint32_t added_nonblock;       /* to be taken off again */
		} openat;
		struct {
			const char *path;
			struct statx *buf;
			int32_t flags;
			uint32_t mask;
		} statx;
		struct {
			uint32_t data_only;
		} fsync;
		struct {
			int64_t offset, size;
			int32_t mode;
		} fallocate;
		struct {
			int64_t size;
		} ftruncate;
		struct {
			int64_t offset, size;
			int32_t advice;
		} fadvise;
		struct {
			void *address;
			size_t size;
			int32_t advice;
		} madvise;
		struct {
			const struct io_uring_sqe *sqe;
			uint32_t *flags;
		} raw;
		struct {
			struct peal_lease *lease;
			struct peal_buffers *buffers;
			int32_t flags;
			uint32_t buffer; /* in which it is */
		} lease;
		struct {
			/* The core's: one has come; in that buffer, if it was received. */
			void (*more)(struct peal_op *op, int64_t result, uint32_t buffer);
			struct peal_buffers *buffers;
			int32_t flags;
		} many;
		/* The first word of these is poll's at times. */
		struct {
			uint32_t events;
			int32_t in, out;
			uint32_t flags;
			int64_t *in_offset, *out_offset;
			size_t size;
		} splice;
		struct {
			uint32_t events;
			int32_t out, in, pad;
			int64_t *offset;
			size_t size;
		} sendfile;
		struct {
			uint32_t events;
			int32_t pidfd, options, pad;
			void *info;
		} waitid;
		uint64_t room[5];
	} args;
	struct peal_op *next;                  /* in the one queue it stands in */
	struct peal_op *link_next, *link_prev; /* in the shard's list of ops in flight */
	void *waiter;                          /* the task that sleeps on it */
	void *scope;                           /* reserved for scope.h */
	uint64_t backend[8];
	void *owner;       /* the fiber that started it: until it completes, that cannot move */
	uint32_t composed; /* core's: what it really is, while it is a poll */
	uint32_t pad;
	uint64_t reserved[1];
};

/* Completes at the shard's next turn with 0. */
PEAL_API void peal_op_nop(struct peal_op *op, peal_op_fn *done);

/*
 * accept4(2): result is the new descriptor. address and size may be NULL; size is both the room and
 * what was written, and both must stay valid until completion. flags are accept4's (SOCK_NONBLOCK,
 * SOCK_CLOEXEC); SOCK_CLOEXEC is always added.
 */
PEAL_API void peal_op_accept(struct peal_op *op, int fd, struct sockaddr *address, uint32_t *size,
	int flags, peal_op_fn *done);

/* connect(2): result is 0. address must stay valid until completion. */
PEAL_API void peal_op_connect(struct peal_op *op, int fd, const struct sockaddr *address,
	uint32_t size, peal_op_fn *done);

/* recv(2): result is the number of bytes, 0 at the end of a stream. */
PEAL_API void peal_op_recv(
	struct peal_op *op, int fd, void *buf, size_t size, int flags, peal_op_fn *done);

/* send(2): result is the number of bytes sent, which may be fewer than size. MSG_NOSIGNAL is always
 * added: a broken pipe is -EPIPE, not a signal. */
PEAL_API void peal_op_send(
	struct peal_op *op, int fd, const void *buf, size_t size, int flags, peal_op_fn *done);

/*
 * The same, of a large buffer that need not be copied: the network sends from where it lies. The op completes
 * when nobody reads the buffer any more, which on TCP means that the peer has acknowledged the bytes. A
 * cancel comes too late once they are on their way, and the op still completes then: for a peer that does
 * not answer when the connection is given up (peal_set_user_timeout()). It is meant for large buffers on real
 * networks: buffers below 32 KiB are sent as by peal_op_send(), and so are all on
 * sockets where the kernel was seen to copy them all the same (loopback), where it cannot (Unix
 * sockets), and on other backends and kernels (io_uring of Linux 6.2).
 */
PEAL_API void peal_op_send_zc(
	struct peal_op *op, int fd, const void *buf, size_t size, int flags, peal_op_fn *done);

/* shutdown(2): result is 0. */
PEAL_API void peal_op_shutdown(struct peal_op *op, int fd, int how, peal_op_fn *done);

/*
 * close(2), the way to close a descriptor that this shard has used: ops of this shard that are still
 * in flight on it are cancelled first (they complete with -ECANCELED). Result is 0 or close's error,
 * and the descriptor is gone in either case. Cannot itself be cancelled.
 */
PEAL_API void peal_op_close(struct peal_op *op, int fd, peal_op_fn *done);

/*
 * poll(2) for one descriptor, once: events and result are POLLIN, POLLOUT and so on. Like POLLERR and
 * POLLHUP, POLLRDHUP is reported whether it was asked for or not. -EBADF for no descriptor, -EINVAL for
 * what can never happen (POLLPRI on a regular file).
 */
PEAL_API void peal_op_poll(struct peal_op *op, int fd, uint32_t events, peal_op_fn *done);

/*
 * read(2) and write(2), of anything that has a descriptor: result is the number of bytes, 0 from a read
 * at the end. A read gives what is there, and waits only when there is nothing; from a regular file it
 * gives all that was asked for, up to the end. A write of a regular file writes all unless there is no
 * space; a socket or pipe may take fewer than size.
 *
 * pread(2) and pwrite(2) read and write at an offset, and leave the position of the file where it is.
 * -EINVAL for a negative one, -ESPIPE for what has no position.
 *
 * What is in memory already is read, and a small write is put there, in the call that starts the op;
 * other work on files is done by kernel threads or by the runtime's blocking pool. An op on a regular
 * file that has begun there cannot be cancelled: it ends with its own result.
 */
PEAL_API void peal_op_read(struct peal_op *op, int fd, void *buf, size_t size, peal_op_fn *done);
PEAL_API void peal_op_write(
	struct peal_op *op, int fd, const void *buf, size_t size, peal_op_fn *done);
PEAL_API void peal_op_pread(
	struct peal_op *op, int fd, void *buf, size_t size, int64_t offset, peal_op_fn *done);
PEAL_API void peal_op_pwrite(
	struct peal_op *op, int fd, const void *buf, size_t size, int64_t offset, peal_op_fn *done);

/*
 * The same for several buffers, as readv(2), writev(2), preadv(2) and pwritev(2). The array must stay
 * valid until completion, like the buffers. -EINVAL for a count that is negative or above 1024.
 */
PEAL_API void peal_op_readv(
	struct peal_op *op, int fd, const struct iovec *vector, int count, peal_op_fn *done);
PEAL_API void peal_op_writev(
	struct peal_op *op, int fd, const struct iovec *vector, int count, peal_op_fn *done);
PEAL_API void peal_op_preadv(struct peal_op *op, int fd, const struct iovec *vector, int count,
	int64_t offset, peal_op_fn *done);
PEAL_API void peal_op_pwritev(struct peal_op *op, int fd, const struct iovec *vector, int count,
	int64_t offset, peal_op_fn *done);

/*
 * preadv2(2) and pwritev2(2): flags are RWF_DSYNC, RWF_NOWAIT and so on, an offset of -1 is the
 * position of the file. With RWF_NOWAIT the result is -EAGAIN where it would wait; -EOPNOTSUPP for
 * flags, and for files, that the kernel cannot do this with.
 */
PEAL_API void peal_op_preadv2(struct peal_op *op, int fd, const struct iovec *vector, int count,
	int64_t offset, int flags, peal_op_fn *done);
PEAL_API void peal_op_pwritev2(struct peal_op *op, int fd, const struct iovec *vector, int count,
	int64_t offset, int flags, peal_op_fn *done);

/*
 * recvmsg(2) and sendmsg(2), with addresses and control messages: result is the number of bytes. The
 * message and all that it points to must stay valid until completion, and recvmsg writes to it.
 * MSG_CMSG_CLOEXEC is always added to recvmsg's flags, MSG_NOSIGNAL to sendmsg's.
 */
PEAL_API void peal_op_recvmsg(
	struct peal_op *op, int fd, struct msghdr *message, int flags, peal_op_fn *done);
PEAL_API void peal_op_sendmsg(
	struct peal_op *op, int fd, const struct msghdr *message, int flags, peal_op_fn *done);

/*
 * openat(2) and openat2(2): result is the new descriptor, close-on-exec in any case. path must stay valid
 * until completion, `how` is copied at once. Opening never waits for anybody: a FIFO that is opened for
 * reading has no writer yet, perhaps, and one that is opened for writing without a reader is -ENXIO;
 * -EAGAIN where a lease would have to be broken. The descriptor is blocking nevertheless, unless
 * O_NONBLOCK was asked for.
 */
PEAL_API void peal_op_openat(
	struct peal_op *op, int dir, const char *path, int flags, uint32_t mode, peal_op_fn *done);
PEAL_API void peal_op_openat2(struct peal_op *op, int dir, const char *path,
	const struct open_how *how, peal_op_fn *done);

/* statx(2): result is 0. path and buf must stay valid until completion. */
PEAL_API void peal_op_statx(struct peal_op *op, int dir, const char *path, int flags, uint32_t mask,
	struct statx *buf, peal_op_fn *done);

/* fsync(2), fdatasync(2), fallocate(2), ftruncate(2), posix_fadvise(2): result is 0. */
PEAL_API void peal_op_fsync(struct peal_op *op, int fd, peal_op_fn *done);
PEAL_API void peal_op_fdatasync(struct peal_op *op, int fd, peal_op_fn *done);
PEAL_API void peal_op_fallocate(
	struct peal_op *op, int fd, int mode, int64_t offset, int64_t size, peal_op_fn *done);
PEAL_API void peal_op_ftruncate(struct peal_op *op, int fd, int64_t size, peal_op_fn *done);
PEAL_API void peal_op_fadvise(
	struct peal_op *op, int fd, int64_t offset, int64_t size, int advice, peal_op_fn *done);

/* madvise(2): result is 0. */
PEAL_API void peal_op_madvise(
	struct peal_op *op, void *address, size_t size, int advice, peal_op_fn *done);

/*
 * splice(2): result is the number of bytes, 0 at the end of the input. One of the two is a pipe; NULL
 * offsets are positions of files, others are moved on, and must stay valid until completion. Sockets are
 * set to O_NONBLOCK, and stay so, which other calls do not mind. With SPLICE_F_NONBLOCK the result is
 * -EAGAIN where it would wait.
 */
PEAL_API void peal_op_splice(struct peal_op *op, int in, int64_t *in_offset, int out,
	int64_t *out_offset, size_t size, unsigned int flags, peal_op_fn *done);

/* sendfile(2), from a file to anything: as splice. It may send fewer bytes than there are. */
PEAL_API void peal_op_sendfile(
	struct peal_op *op, int out, int in, int64_t *offset, size_t size, peal_op_fn *done);

/*
 * waitid(2) for a child by its pidfd (pidfd_open(2), clone(2)): result is 0 when it has ended. options
 * are WEXITED, and WNOWAIT or WNOHANG; others give -EINVAL. info may be NULL. -ECHILD when it is no child
 * of this process, or was waited for before.
 */
PEAL_API void peal_op_waitid(
	struct peal_op *op, int pidfd, void *info, int options, peal_op_fn *done);

/*
 * An operation of io_uring that has no call here: the entry of linux/io_uring.h goes to the ring as it
 * is, but for user_data, and result is that of the completion. flags, unless NULL, gets the completion's
 * flags. The entry and all that it points to must stay valid until completion. It is one entry with one
 * result: -EINVAL for IOSQE_IO_LINK, IOSQE_IO_HARDLINK and IOSQE_CQE_SKIP_SUCCESS, and multishot
 * operations must not be asked for (of a zero-copy send the op completes with the notification).
 * -EOPNOTSUPP on backends without io_uring: see PEAL_CAP_RAW in backend.h.
 */
PEAL_API void peal_op_raw(
	struct peal_op *op, const struct io_uring_sqe *sqe, uint32_t *flags, peal_op_fn *done);

/*
 * Wait, in a fiber, for an op that was started without a callback. Returns its result (also in
 * op->result). One fiber at most waits for an op. Suspends unless the op has completed already.
 *
 * In a fiber that is cancelled (scope.h) the op is cancelled, too, and waited for nevertheless; its result
 * is then -ECANCELED or -ETIMEDOUT, or its own if it was faster. To start an op there gives that at once.
 */
PEAL_API ssize_t peal_op_wait(struct peal_op *op);

/*
 * Wait for the first of count ops that were started without a callback, and return its index; the
 * others go on. NULL entries and ops that were never started are passed over; -EINVAL when none is
 * left. Of several that have completed the lowest index is returned: clear what was taken
 * (ops[i] = NULL) to get the next. Suspends unless one has completed already.
 *
 * In a fiber that is cancelled all of them are cancelled, and the first that completes is returned as
 * ever: go on until none is left.
 */
PEAL_API int peal_op_wait_any(struct peal_op *const *ops, unsigned int count);

/*
 * Ask for an op to end early. It still completes, once, through its callback or peal_op_wait(): with
 * -ECANCELED, or with its own result if that was there first (nothing that was received is lost). Its
 * buffers belong to the kernel until then. Does nothing to an op that is not in flight. On the shard
 * that started the op.
 */
PEAL_API void peal_op_cancel(struct peal_op *op);

/* Has it been started and not yet completed? On the shard that started it. */
PEAL_API bool peal_op_busy(const struct peal_op *op);

PEAL_END_DECLS

#endif
