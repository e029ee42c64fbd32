/* SPDX-License-Identifier: MIT */
/*
 * Ports: requests from threads that are no shard (a GUI, Python, another runtime), answered by fibers.
 *
 * A port belongs to a runtime, where fibers take requests from it and reply:
 *
 *	while (!peal_port_recv(port, &request))
 *		peal_port_reply(request, 0, answer, size);
 *
 * Everybody else talks to it as a client:
 *
 *	peal_port_connect(&client, port);
 *	n = peal_port_call(client, question, size, answer, sizeof(answer), peal_in(PEAL_S));
 *
 * Requests and replies are copied, so nobody writes to anybody's memory after a deadline. A port has a
 * fixed number of places, each for one request from its being sent until its reply was taken: when all are
 * taken a call waits for one, in turn, or says that there is too much (-EAGAIN). Nothing is allocated once
 * the port is open and its clients are connected.
 *
 * Nobody hangs: when the port is closed, requests that nobody has taken fail with -ESHUTDOWN; when the
 * runtime ends, those that were taken and not replied to with -ECONNRESET. A reply to a client that has
 * left is dropped, and the replier is told.
 */
#ifndef PEAL_PORT_H
#define PEAL_PORT_H

#include <peal/base.h>
#include <peal/runtime.h>
#include <peal/time.h>

PEAL_BEGIN_DECLS

struct peal_port;
struct peal_port_client;

struct peal_port_opts {
	size_t size;     /* of this struct; PEAL_PORT() sets it */
	uint32_t places; /* requests at a time; 64, at most 65,536 */
	uint32_t bytes;  /* that a request or a reply may have; 4096, at most 1 MiB */
};

#define PEAL_PORT(...) \
	(&(const struct peal_port_opts){ .size = sizeof(struct peal_port_opts), __VA_ARGS__ })

/* A request that was taken. Valid, with its data, until it is replied to. */
struct peal_request {
	const void *data;
	size_t size;
	int64_t deadline;   /* when nobody will wait for the reply any more; PEAL_NEVER: never */
	uint32_t abandoned; /* 1: nobody waits already. Changes at any time: a hint */
	uint32_t reserved;
};

struct peal_port_stats {
	size_t size;           /* of this struct, set by the caller */
	uint64_t calls;        /* requests that got a place */
	uint64_t replies;      /* that somebody still waited for */
	uint64_t overloads;    /* calls refused with -EAGAIN */
	uint64_t timeouts;     /* deadlines that passed first */
	uint64_t cancels;      /* requests that their client gave up otherwise */
	uint32_t places;       /* that the port has, */
	uint32_t waiting;      /* requests that nobody has taken yet, */
	uint32_t working;      /* and those that were taken and not replied to */
	uint32_t waiting_most; /* the most that have waited at a time */
};

/*
 * Open a port of a runtime. It is the runtime's: closed by peal_port_close(), at the latest when the
 * runtime drains, and gone when that ends, for all but its clients. -EINVAL, -E2BIG, -ENOMEM; -ESHUTDOWN
 * for a runtime that drains, -ESTALE in the child of a fork. Any thread.
 */
PEAL_API int peal_port_open(
	struct peal_port **port, struct peal_rt *rt, const struct peal_port_opts *opts);

/*
 * No more requests: those that nobody has taken, and those who wait in peal_port_recv(), get -ESHUTDOWN.
 * Requests that were taken may still be replied to. The port may not be used after this. Accepts NULL. Any
 * thread, while the runtime exists.
 */
PEAL_API void peal_port_close(struct peal_port *port);

/*
 * Take the oldest request, waiting for one if need be; several fibers may, and are served in turn. 0;
 * -ESHUTDOWN when the port is closed; -ECANCELED, -ETIMEDOUT when the fiber's scope is cancelled; -EPERM
 * for a thread that is no fiber of the runtime. Suspends.
 */
PEAL_API int peal_port_recv(struct peal_port *port, struct peal_request **request);

/*
 * Reply, exactly once. The call returns `result` if that is negative, otherwise the number of bytes. 0;
 * -ECANCELED when nobody waits any more; -EMSGSIZE for more bytes than the port was opened for (the
 * request is still to be replied to). On any thread while the runtime exists: the request may have been
 * handed on.
 */
PEAL_API int peal_port_reply(
	struct peal_request *request, int result, const void *data, size_t size);

/* What a port has seen; the counters port_* have the sums over all ports of the runtime. 0; -EINVAL. Any
 * thread. */
PEAL_API int peal_port_stats(struct peal_port *port, struct peal_port_stats *stats);

/*
 * Become a client of a port that is open, and stay so after it is closed, when calls give -ESHUTDOWN.
 * Threads may share a client. Closing it gives up what is under way: calls of others return -ECANCELED.
 * Connect: -EINVAL, -ENOMEM, -ESHUTDOWN, -EMFILE; close accepts NULL. Any thread.
 */
PEAL_API int peal_port_connect(struct peal_port_client **client, struct peal_port *port);
PEAL_API void peal_port_disconnect(struct peal_port_client *client);

/*
 * Send a request and wait for its reply, up to `deadline` (an instant of peal_now(); PEAL_NEVER). Returns
 * what the reply has, of which as much as there is room for is written to `reply`; a negative result of
 * the replier's; or -ETIMEDOUT, -ESHUTDOWN, -ECONNRESET (see above), -ECANCELED, -EMSGSIZE for a request
 * of more bytes than the port was opened for, -ESTALE in the child of a fork. `reply` is untouched then.
 * A deadline that has passed already is -ETIMEDOUT, and nobody is asked; a reply that is there before the
 * caller has given up counts, even if that is a moment after the deadline.
 *
 * Waits for a place as well; the second form does not: -EAGAIN at once, and the overload is counted. Any
 * thread, which blocks; in a fiber (of another runtime, or of the same if another one replies) it suspends,
 * and takes part in cancelling. -EPERM in a callback, where neither may be. May suspend.
 */
PEAL_API ssize_t peal_port_call(struct peal_port_client *client, const void *request, size_t size,
	void *reply, size_t room, int64_t deadline);
PEAL_API ssize_t peal_port_try_call(struct peal_port_client *client, const void *request,
	size_t size, void *reply, size_t room, int64_t deadline);

/*
 * The same in two steps, for loops: send, which never waits (-EAGAIN; -ETIMEDOUT for a deadline that has
 * passed already), and take when the client's descriptor is readable. *ticket tells them apart; it is not 0. Take returns what peal_port_call() would,
 * and the ticket of the request that it is about; -EAGAIN and ticket 0 when there is none yet. A request
 * whose deadline has passed is taken as -ETIMEDOUT, one that was cancelled as -ECANCELED: each that was
 * sent is taken once. Until then it keeps its place. The descriptor stays the client's: do not read it.
 */
PEAL_API int peal_port_send(struct peal_port_client *client, const void *request, size_t size,
	int64_t deadline, uint64_t *ticket);
PEAL_API ssize_t peal_port_take(
	struct peal_port_client *client, uint64_t *ticket, void *reply, size_t room);
PEAL_API int peal_port_fd(const struct peal_port_client *client);

/* Give up a request that was sent. 0; -ENOENT when there is a reply already, or it was taken. */
PEAL_API int peal_port_cancel(struct peal_port_client *client, uint64_t ticket);

PEAL_END_DECLS

#endif
