/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <peal/net.h>

#include "core/opts.h"
#include "core/sockaddr.h"
#include "core/sys.h"

static int set_option(int fd, int level, int option, int value)
{
	return (int)peal_sys_setsockopt(fd, level, option, &value, sizeof(value));
}

static int set_up(int fd, const struct peal_sockaddr *address, const struct peal_listen_opts *opts)
{
	int err = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (!err && opts->reuse_port)
		err = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (!err && address->storage.ss_family == AF_INET6)
		err = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !address->both);
	if (!err)
		err = (int)peal_sys_bind(
			fd, (const struct sockaddr *)&address->storage, address->size);
	if (!err)
		err = (int)peal_sys_listen(fd,
			opts->backlog && opts->backlog < INT32_MAX ? (int)opts->backlog
								   : INT32_MAX);
	return err;
}

static int listen_on(const struct peal_sockaddr *address, const struct peal_listen_opts *opts)
{
	long fd = peal_sys_socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return (int)fd;
	err = set_up((int)fd, address, opts);
	if (!err)
		return (int)fd;
	peal_sys_close((int)fd);
	return err;
}

int peal_tcp_listen(const char *text, const struct peal_listen_opts *given)
{
	struct peal_sockaddr address;
	struct peal_listen_opts opts;
	int err = PEAL_OPTS_READ(&opts, given);
	int fd;

	if (!err)
		err = peal_sockaddr_parse(&address, text);
	if (err)
		return err;
	fd = listen_on(&address, &opts);
	/* A kernel without IPv6 still has all of its IPv4 addresses. */
	if (fd == -EAFNOSUPPORT && address.both) {
		struct sockaddr_in *any = (struct sockaddr_in *)&address.storage;
		uint16_t port = ((struct sockaddr_in6 *)&address.storage)->sin6_port;

		*any = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port };
		address.size = sizeof(*any);
		fd = listen_on(&address, &opts);
	}
	return fd;
}

int peal_tcp_port(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address);
	long err = peal_sys_getsockname(fd, (struct sockaddr *)&address, &size);

	if (err < 0)
		return (int)err;
	if (address.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&address)->sin_port);
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return -EAFNOSUPPORT;
}
