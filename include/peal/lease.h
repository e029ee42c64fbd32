/* SPDX-License-Identifier: MIT */
/*
 * Receiving without a buffer of one's own, and accepting and receiving without asking each time.
 *
 * A shard has a number of buffers (leases.h of the core: peal_rt_opts.lease_buffers of lease_size bytes)
 * that are picked from when there is something to put into them. So ten thousand connections that wait
 * need ten thousand fibers and no buffer. What was received is read where it lies, and given back: a
 * lease. Where the kernel has provided buffer rings (io_uring_register_buf_ring(3)), it picks.
 *
 *	struct peal_lease lease;
 *
 *	while ((n = peal_recv_lease(fd, &lease, 0)) > 0) {
 *		consume(lease.data, n);
 *		peal_lease_return(&lease);
 *	}
 *
 * A standing receive (accept) stays with the kernel: one entry, as many completions as there are
 * messages (connections). Backends that cannot do that receive (accept) at each call; results, errors
 * and their order are the same.
 *
 * A fiber that holds a lease, or has a standing receive or accept under way, cannot peal_move(): they are
 * its shard's.
 */
#ifndef PEAL_LEASE_H
#define PEAL_LEASE_H

#include <peal/base.h>
#include <peal/op.h>

PEAL_BEGIN_DECLS

/* Bytes that were received, in a buffer of the shard. Fill nothing in; `data` and `size` are to be read, and
 * the bytes may be changed. */
struct peal_lease {
	char *data;
	size_t size;
	void *owner; /* the core's */
	uint32_t buffer;
	uint32_t reserved;
};

/*
 * recv(2) into a buffer of the shard: the number of bytes, which are at lease->data until
 * peal_lease_return(); 0 at the end of a stream, or a negative errno: then there is no lease. A message
 * that is longer than a buffer is cut (datagrams). MSG_PEEK and MSG_WAITALL are refused (-EINVAL).
 *
 * -ENOBUFS when all buffers of the shard are on lease: give some back, or receive into one of your own.
 * -ENOMEM and so on when they could not be made, at the first use on a shard. In a fiber. Suspends. The
 * lease is the fiber's, which may hand it to another one of the same shard.
 */
PEAL_API ssize_t peal_recv_lease(int fd, struct peal_lease *lease, int flags);

/* The op twin (op.h): lease must stay valid until completion, and is filled in just before it. */
PEAL_API void peal_op_recv_lease(
	struct peal_op *op, int fd, struct peal_lease *lease, int flags, peal_op_fn *done);

/*
 * Give it back. Accepts NULL, and one that was returned already. 0, or -EPERM on another shard than the one
 * that it came from. On that shard, from fibers and callbacks. Does not suspend.
 */
PEAL_API int peal_lease_return(struct peal_lease *lease);

struct peal_receiver;

/*
 * A standing receive on a connected socket, which stays yours, and which nobody else receives from
 * meanwhile. It begins at the first peal_receiver_next(). 0; -EINVAL, -EPERM, -ENOMEM, or the errors of
 * making the buffers. In a fiber. Does not suspend.
 */
PEAL_API int peal_receiver_open(struct peal_receiver **receiver, int fd);

/*
 * The next piece of what was received, as peal_recv_lease(). What has come before an error or the end is
 * given first. A receiver runs ahead of its reader by a few buffers; beyond that the data waits in the
 * kernel, so a slow reader slows its peer and takes no buffers from others (a burst that comes all at once
 * may take more, once). After an error it may be
 * called again, and tries anew. One fiber at a time (-EBUSY), on the shard where the receiver runs
 * (-EXDEV; see peal_receiver_stop()). In a fiber. Suspends.
 */
PEAL_API ssize_t peal_receiver_next(struct peal_receiver *receiver, struct peal_lease *lease);

/*
 * Stop receiving, so that the connection may go to another shard: the number of bytes that have been
 * received and not taken, which peal_receiver_next() still gives here. When they have been taken, and the
 * leases returned, nothing is left of it on this shard, and the next peal_receiver_next() begins anew
 * wherever it is called:
 *
 *	struct peal_lease lease;
 *
 *	for (left = peal_receiver_stop(receiver); left > 0; left -= n, peal_lease_return(&lease)) {
 *		n = peal_receiver_next(receiver, &lease);
 *		consume(lease.data, n);
 *	}
 *	peal_move(shard);
 *
 * -EXDEV on another shard. In a fiber. Suspends, and is not cancelled: it is over in a moment.
 */
PEAL_API ssize_t peal_receiver_stop(struct peal_receiver *receiver);

/*
 * Stop it, drop what was not taken, and free it. The socket stays open: close it afterwards. Accepts NULL.
 * 0, or -EXDEV and -EBUSY as above, and nothing happened. In a fiber. Suspends, and is not cancelled.
 */
PEAL_API int peal_receiver_close(struct peal_receiver *receiver);

struct peal_acceptor;

/*
 * A standing accept on a listener, which stays yours. It begins at the first peal_acceptor_next(). flags
 * are accept4(2)'s; SOCK_CLOEXEC is added. 0; -EINVAL, -EPERM, -ENOMEM. In a fiber. Does not suspend.
 *
 * Connections are accepted as they come, also when nobody asks just now: where several shards share a
 * listener, peal_accept() shares them out more evenly.
 */
PEAL_API int peal_acceptor_open(struct peal_acceptor **acceptor, int listener, int flags);

/*
 * The next connection, or the error of accept(2) (-EMFILE and so on), after which it may be called again.
 * -ECANCELED when the runtime drains. Otherwise as peal_receiver_next(). In a fiber. Suspends.
 */
PEAL_API int peal_acceptor_next(struct peal_acceptor *acceptor);

/* Stop it, close the connections that were not taken, and free it. As peal_receiver_close(). */
PEAL_API int peal_acceptor_close(struct peal_acceptor *acceptor);

PEAL_END_DECLS

#endif
