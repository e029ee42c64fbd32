/* SPDX-License-Identifier: MIT */
/*
 * Sockets: making them, listening, connecting, serving. What is made is a plain descriptor, blocking and
 * close-on-exec, for the calls of io.h.
 */
#ifndef PEAL_NET_H
#define PEAL_NET_H

#include <sys/socket.h>

#include <peal/base.h>
#include <peal/task.h>

PEAL_BEGIN_DECLS

struct ucred;

struct peal_listen_opts {
	size_t size;        /* of this struct; PEAL_LISTEN() sets it */
	uint32_t backlog;   /* of listen(2); 0: as much as the kernel allows (net.core.somaxconn) */
	uint8_t reuse_port; /* SO_REUSEPORT: several listeners on one address */
	uint8_t seqpacket;  /* of a Unix socket: messages with borders, SOCK_SEQPACKET */
	uint8_t reserved[2];
};

#define PEAL_LISTEN(...) \
	(&(const struct peal_listen_opts){ .size = sizeof(struct peal_listen_opts), __VA_ARGS__ })

/*
 * A listening TCP socket on "ADDRESS:PORT": "127.0.0.1:7000", "[::1]:7000", "*:7000" (all IPv6 and
 * IPv4 addresses), ":0" (the same, the kernel chooses the port). Addresses are numeric; SO_REUSEADDR
 * is set. Returns the descriptor, close-on-exec; -EINVAL for text that is no address, -E2BIG, or
 * what socket(2), bind(2) and listen(2) give. Any thread. Does not suspend.
 */
PEAL_API int peal_tcp_listen(const char *address, const struct peal_listen_opts *opts);

/*
 * A listening Unix socket at a path, or at "@name" in the abstract namespace, which has no file. A socket
 * file that is left over, so that connecting to it is refused, is replaced. -EINVAL, -ENAMETOOLONG,
 * -E2BIG, or what socket(2), bind(2) and listen(2) give. Any thread. Does not suspend.
 */
PEAL_API int peal_unix_listen(const char *path, const struct peal_listen_opts *opts);

/*
 * Of the sockets that a service manager has passed, the one with that index, from 0, by the protocol of
 * sd_listen_fds(3): its descriptor, made close-on-exec, or -ENOENT when there are not so many.
 * Not looked at in set-user-ID programs. Any thread. Does not suspend.
 */
PEAL_API int peal_activated(unsigned int index);

struct peal_udp_opts {
	size_t size;        /* of this struct; PEAL_UDP() sets it */
	uint8_t reuse_port; /* SO_REUSEPORT: several sockets on one address */
	uint8_t reserved[7];
};

#define PEAL_UDP(...) \
	(&(const struct peal_udp_opts){ .size = sizeof(struct peal_udp_opts), __VA_ARGS__ })

/*
 * A UDP socket bound to "ADDRESS:PORT", as in peal_tcp_listen(). It is connected to a peer by
 * peal_connect(), or its peers are in the messages of peal_sendmsg() and peal_recvmsg(). -EINVAL, -E2BIG,
 * or what socket(2) and bind(2) give. Any thread. Does not suspend.
 */
PEAL_API int peal_udp_open(const char *address, const struct peal_udp_opts *opts);

/* A Unix datagram socket, bound as in peal_unix_listen(), or, for NULL, without a name. Any thread. */
PEAL_API int peal_unix_open(const char *path);

/* Two connected Unix sockets of type SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET. Any thread. */
PEAL_API int peal_socketpair(int type, int fds[2]);

/* pipe2(2): fds[0] is for reading. Any thread. */
PEAL_API int peal_pipe(int fds[2]);

/* An address as bind(2) and connect(2) take it. */
struct peal_address {
	uint32_t size; /* of what is in use of storage */
	uint32_t reserved;
	struct sockaddr_storage storage;
};

/*
 * The addresses of "HOST:PORT", as many as there is room for, the best first. HOST is a name or an address
 * (IPv6 in brackets), PORT a number or the name of a service. Names are looked up by getaddrinfo(3) on
 * the blocking pool. Returns how many; -EINVAL for text that is neither, -ENOENT for a name that does
 * not exist, -EAGAIN when no server answers just now, -EIO when one fails; and what peal_blocking()
 * gives. In a fiber. Suspends.
 */
PEAL_API int peal_resolve(const char *address, struct peal_address *found, unsigned int count);

/*
 * A connected TCP socket: to the first address of "HOST:PORT" that takes the connection. What
 * peal_resolve() gives, or the error of the last address. In a fiber. Suspends.
 */
PEAL_API int peal_tcp_connect(const char *address);

/* A Unix socket of a type, connected to a path or to "@name". In a fiber. Suspends. */
PEAL_API int peal_unix_connect(const char *path, int type);

/*
 * Options, as socket(7) and tcp(7) tell: 0 or a negative errno (-ENOTSOCK, -EOPNOTSUPP, -EINVAL). Any
 * thread. Times are in nanoseconds, and rounded up to the seconds or milliseconds that the kernel has.
 */
PEAL_API int peal_set_nodelay(int fd, bool on);
PEAL_API int peal_set_cork(int fd, bool on);
PEAL_API int peal_set_broadcast(int fd, bool on);
PEAL_API int peal_set_send_buffer(int fd, size_t size);
PEAL_API int peal_set_receive_buffer(int fd, size_t size);
/* Probes after `idle`, `count` of them at `interval`; 0 in the last two: as the system has it. idle 0
 * switches them off. */
PEAL_API int peal_set_keepalive(int fd, int64_t idle, int64_t interval, unsigned int count);
/* How long sent data may go without an answer before the connection is given up; 0: the system's. */
PEAL_API int peal_set_user_timeout(int fd, int64_t ns);
/* A close resets the connection instead of sending what is queued (SO_LINGER with no time). */
PEAL_API int peal_set_reset_on_close(int fd, bool on);

/* Who has connected a Unix socket, as of then. -ENOTCONN for others. Any thread. */
PEAL_API int peal_peer_credentials(int fd, struct ucred *credentials);

/* The port a socket is bound to, or a negative errno. Any thread. */
PEAL_API int peal_tcp_port(int fd);

/*
 * Serves one connection, as a task of its own. fd is the handler's: it closes it with peal_close().
 * A negative result counts as a failed connection and disturbs no other.
 */
typedef int peal_serve_fn(int fd, void *arg);

struct peal_serve_opts {
	size_t size;              /* of this struct; PEAL_SERVE() sets it */
	uint64_t place;           /* of the connections' tasks (task.h); 0: see below */
	const char *name;         /* of the connections' tasks */
	uint32_t max_connections; /* at a time; further ones wait in the backlog. 0: no limit */
	uint8_t here; /* accept, and keep the tasks, where peal_serve() runs; no place */
	uint8_t reserved[3];
};

#define PEAL_SERVE(...) \
	(&(const struct peal_serve_opts){ .size = sizeof(struct peal_serve_opts), __VA_ARGS__ })

/*
 * Accept connections on listener until the runtime drains, and give each to handler(fd, arg) in a
 * task. The listener stays open and yours. Connections still open when it returns go on; what a handler
 * may wait for for ever, such as the next request, belongs into a scope that ends with the draining
 * (`until_drain`, scope.h).
 *
 * Where connections go. Without a place every shard accepts, and a connection stays where it was accepted
 * unless another shard has fewer of this server's (by more than an eighth): then it is started there. With
 * a place, or `here`, the calling shard accepts, and connections go to that place: PEAL_ROUND_ROBIN,
 * PEAL_LEAST_LOADED, PEAL_PINNED(shard), .... Whoever accepts, a connection can be handed on later: its
 * handler goes to another shard by peal_move(), or gives fd to a task there.
 *
 * For a listener on each shard, of which the kernel chooses one for each connection, run this on each
 * (peal_spawn_each()) with a listener of its own, made with reuse_port, and with `here`. The kernel does
 * not know which shards are busy, so that connections may wait there while others have time.
 *
 * Errors that pass (ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, a refused spawn) are ridden out: with a
 * pause that grows from 1 ms to 1 s and ends early when one of the connections does. Nothing is printed,
 * counters tell (accept_pauses). A connection beyond max_connections is not accepted: it waits in the
 * backlog of the listener, and beyond that with its client.
 *
 * Returns 0 when the runtime drains; -EINVAL, -E2BIG, -ENOTSOCK, -EBADF and so on for a descriptor that
 * cannot be accepted from; -EAGAIN or -ENOMEM when the other shards' acceptors could not be started;
 * -ECANCELED, -ETIMEDOUT (scope.h). In a fiber. Suspends.
 */
PEAL_API int peal_serve(
	int listener, peal_serve_fn *handler, void *arg, const struct peal_serve_opts *opts);

PEAL_END_DECLS

#endif
