/* SPDX-License-Identifier: MIT */
/* What the makers of sockets have in common (socket.c). */
#ifndef PEAL_CORE_SOCKETS_H
#define PEAL_CORE_SOCKETS_H

#include <netinet/in.h>

struct peal_sockaddr;

int peal_socket_option(int fd, int level, int option, int value);

/* fd, or, after an error, that, and fd is closed. */
int peal_socket_made(int fd, int err);

/* A path, or "@name" in the abstract namespace. 0, -EINVAL, -ENAMETOOLONG. */
int peal_sockaddr_unix(struct peal_sockaddr *address, const char *path);

#endif
