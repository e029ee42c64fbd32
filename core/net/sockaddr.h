/* SPDX-License-Identifier: MIT */
/* Addresses of sockets, from text. */
#ifndef PEAL_CORE_SOCKADDR_H
#define PEAL_CORE_SOCKADDR_H

#include <stdbool.h>
#include <sys/socket.h>

struct peal_sockaddr {
	struct sockaddr_storage storage;
	socklen_t size;
	bool both; /* an IPv6 wildcard that stands for IPv4 as well */
};

/*
 * "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", "*:80" and ":80". Numbers only, no names. 0 or
 * -EINVAL.
 */
int peal_sockaddr_parse(struct peal_sockaddr *address, const char *text);

/* Of one that stands for both: IPv4 alone. */
void peal_sockaddr_only_ipv4(struct peal_sockaddr *address);

#endif
