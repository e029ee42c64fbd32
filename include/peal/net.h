/* SPDX-License-Identifier: MIT */
/*
 * Listening and serving.
 */
#ifndef PEAL_NET_H
#define PEAL_NET_H

#include <peal/base.h>
#include <peal/task.h>

PEAL_BEGIN_DECLS

struct peal_listen_opts {
	size_t size;        /* of this struct; PEAL_LISTEN() sets it */
	uint32_t backlog;   /* of listen(2); 0: as much as the kernel allows (net.core.somaxconn) */
	uint8_t reuse_port; /* SO_REUSEPORT: several listeners on one address */
	uint8_t reserved[3];
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

/* The port a socket is bound to, or a negative errno. Any thread. */
PEAL_API int peal_tcp_port(int fd);

/*
 * Serves one connection, as a task of its own. fd is the handler's: it closes it with peal_close().
 * A negative result counts as a failed connection and disturbs no other.
 */
typedef int peal_serve_fn(int fd, void *arg);

struct peal_serve_opts {
	size_t size;              /* of this struct; PEAL_SERVE() sets it */
	uint64_t place;           /* of the connections' tasks (task.h); 0: PEAL_ROUND_ROBIN */
	const char *name;         /* of the connections' tasks */
	uint32_t max_connections; /* at a time; further ones wait in the backlog. 0: no limit */
	uint32_t reserved;
};

#define PEAL_SERVE(...) \
	(&(const struct peal_serve_opts){ .size = sizeof(struct peal_serve_opts), __VA_ARGS__ })

/*
 * Accept connections on listener until the runtime drains, and give each to handler(fd, arg) in a
 * task. Errors that pass (ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, a refused spawn) are ridden
 * out with a pause that grows from 1 ms to 1 s; nothing is printed, counters tell. The listener
 * stays open and yours. Connections still open when it returns go on.
 *
 * Returns 0 when the runtime drains, -EINVAL, -E2BIG, -ENOTSOCK, -EBADF and so on for a descriptor
 * that cannot be accepted from. In a fiber. Suspends.
 */
PEAL_API int peal_serve(
	int listener, peal_serve_fn *handler, void *arg, const struct peal_serve_opts *opts);

PEAL_END_DECLS

#endif
