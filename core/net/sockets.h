/* SPDX-License-Identifier: MIT */
/* What the makers of sockets have in common (socket.c). */
#ifndef PEAL_CORE_SOCKETS_H
#define PEAL_CORE_SOCKETS_H

#include <netinet/in.h>
#include <stdbool.h>

struct peal_sockaddr;

int peal_socket_option(int fd, int level, int option, int value);

/* Give it its address. One of all addresses takes IPv4 as well if `both` says so. */
int peal_socket_bind(int fd, const struct peal_sockaddr *address, bool reuse_port);

/* Make one at what `text` says; where a kernel has no IPv6, at all addresses of IPv4 if it said all. */
int peal_socket_make_at(const char *text,
	int (*make)(const struct peal_sockaddr *address, const void *opts), const void *opts);

/* fd, or, after an error, that, and fd is closed. */
int peal_socket_made(int fd, int err);

/* A path, or "@name" in the abstract namespace. 0, -EINVAL, -ENAMETOOLONG. */
int peal_sockaddr_unix(struct peal_sockaddr *address, const char *path);

#endif
