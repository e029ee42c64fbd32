/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <peal/net.h>

#include "core/base/opts.h"
#include "core/net/sockaddr.h"
#include "core/net/sockets.h"
#include "core/sys.h"

static int start_listening(int fd, const struct peal_listen_opts *opts)
{
	return (int)peal_sys_listen(
		fd, opts->backlog && opts->backlog < INT32_MAX ? (int)opts->backlog : INT32_MAX);
}

static int set_up(int fd, const struct peal_sockaddr *address, const struct peal_listen_opts *opts)
{
	int err = peal_socket_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (!err)
		err = peal_socket_bind(fd, address, opts->reuse_port);
	return err ? err : start_listening(fd, opts);
}

static int listen_on(const struct peal_sockaddr *address, const void *opts)
{
	long fd = peal_sys_socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? (int)fd : peal_socket_made((int)fd, set_up((int)fd, address, opts));
}

int peal_tcp_listen(const char *text, const struct peal_listen_opts *given)
{
	struct peal_listen_opts opts;
	int err = PEAL_OPTS_READ(&opts, given);

	return err ? err : peal_socket_make_at(text, listen_on, &opts);
}

/* Is it a socket that nobody listens at any more? Whatever else is there refuses connections, too. */
static bool is_abandoned(const struct peal_sockaddr *address, int type, const char *path)
{
	struct statx st;
	long fd = peal_sys_socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	long err;

	if (fd < 0)
		return false;
	err = peal_sys_statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st);
	if (!err && !S_ISSOCK(st.stx_mode))
		err = -ENOTSOCK;
	if (!err)
		err = peal_sys_connect(
			(int)fd, (const struct sockaddr *)&address->storage, address->size);
	peal_sys_close((int)fd);
	return err == -ECONNREFUSED;
}

static int bind_path(int fd, const struct peal_sockaddr *address, int type, const char *path)
{
	const struct sockaddr *name = (const struct sockaddr *)&address->storage;
	int err = (int)peal_sys_bind(fd, name, address->size);

	if (err == -EADDRINUSE && path[0] != '@' && is_abandoned(address, type, path) &&
		!peal_sys_unlinkat(AT_FDCWD, path, 0))
		err = (int)peal_sys_bind(fd, name, address->size);
	return err;
}

int peal_unix_listen(const char *path, const struct peal_listen_opts *given)
{
	struct peal_sockaddr address;
	struct peal_listen_opts opts;
	int err = PEAL_OPTS_READ(&opts, given);
	int type, fd;

	if (!err)
		err = peal_sockaddr_unix(&address, path);
	if (err)
		return err;
	type = opts.seqpacket ? SOCK_SEQPACKET : SOCK_STREAM;
	fd = (int)peal_sys_socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	err = bind_path(fd, &address, type, path);
	return peal_socket_made(fd, err ? err : start_listening(fd, &opts));
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
