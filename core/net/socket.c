/* SPDX-License-Identifier: MIT */
/*
 * Sockets that do not listen: UDP, Unix, pairs of them; and pipes. All of them blocking and close-on-exec.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <peal/io.h>
#include <peal/net.h>

#include "core/base/opts.h"
#include "core/net/sockaddr.h"
#include "core/net/sockets.h"
#include "core/sys.h"
#include "core/task/task.h"

int peal_socket_option(int fd, int level, int option, int value)
{
	return (int)peal_sys_setsockopt(fd, level, option, &value, sizeof(value));
}

int peal_socket_made(int fd, int err)
{
	if (!err)
		return fd;
	peal_sys_close(fd);
	return err;
}

int peal_sockaddr_unix(struct peal_sockaddr *address, const char *path)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&address->storage;
	size_t length = path ? strlen(path) : 0;

	if (!length)
		return -EINVAL;
	if (length >= sizeof(un->sun_path))
		return -ENAMETOOLONG;
	memset(address, 0, sizeof(*address));
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, length);
	/* An abstract name begins with a zero and has no end but its length. */
	if (path[0] == '@')
		un->sun_path[0] = '\0';
	address->size =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] != '@'));
	return 0;
}

int peal_socket_bind(int fd, const struct peal_sockaddr *address, bool reuse_port)
{
	int err = 0;

	if (reuse_port)
		err = peal_socket_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (!err && address->storage.ss_family == AF_INET6)
		err = peal_socket_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !address->both);
	if (err)
		return err;
	return (int)peal_sys_bind(fd, (const struct sockaddr *)&address->storage, address->size);
}

int peal_socket_make_at(const char *text,
	int (*make)(const struct peal_sockaddr *address, const void *opts), const void *opts)
{
	struct peal_sockaddr address;
	int fd = peal_sockaddr_parse(&address, text);

	if (fd)
		return fd;
	fd = make(&address, opts);
	/* A kernel without IPv6 still has all of its IPv4 addresses. */
	if (fd == -EAFNOSUPPORT && address.both) {
		peal_sockaddr_only_ipv4(&address);
		fd = make(&address, opts);
	}
	return fd;
}

static int open_udp(const struct peal_sockaddr *address, const void *given)
{
	const struct peal_udp_opts *opts = given;
	int fd = (int)peal_sys_socket(address->storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? fd : peal_socket_made(fd, peal_socket_bind(fd, address, opts->reuse_port));
}

int peal_udp_open(const char *text, const struct peal_udp_opts *given)
{
	struct peal_udp_opts opts;
	int err = PEAL_OPTS_READ(&opts, given);

	return err ? err : peal_socket_make_at(text, open_udp, &opts);
}

int peal_unix_open(const char *path)
{
	struct peal_sockaddr address;
	int err = path ? peal_sockaddr_unix(&address, path) : 0;
	int fd = err ? err : (int)peal_sys_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || !path)
		return fd;
	return peal_socket_made(fd,
		(int)peal_sys_bind(fd, (const struct sockaddr *)&address.storage, address.size));
}

int peal_unix_connect(const char *path, int type)
{
	struct peal_sockaddr address;
	int err = peal_sockaddr_unix(&address, path);
	int fd;

	if (!peal_task_current())
		return -EPERM;
	if (err)
		return err;
	fd = (int)peal_sys_socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	err = peal_connect(fd, (const struct sockaddr *)&address.storage, address.size);
	if (!err)
		return fd;
	peal_close(fd);
	return err;
}

int peal_socketpair(int type, int fds[2])
{
	int made[2];
	int err = (int)peal_sys_socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, made);

	if (!err)
		memcpy(fds, made, sizeof(made));
	return err;
}

int peal_pipe(int fds[2])
{
	int made[2];
	int err = (int)peal_sys_pipe(made, O_CLOEXEC);

	if (!err)
		memcpy(fds, made, sizeof(made));
	return err;
}

/* A number of the environment's, or 0. */
static unsigned long number(const char *text)
{
	char *end;
	unsigned long value = text ? strtoul(text, &end, 10) : 0;

	return text && *text && !*end ? value : 0;
}

/* sd_listen_fds(3) */
#define FIRST_ACTIVATED 3

int peal_activated(unsigned int index)
{
	unsigned long count = number(secure_getenv("LISTEN_FDS"));
	int fd = (int)(FIRST_ACTIVATED + index);
	long flags;

	if (number(secure_getenv("LISTEN_PID")) != (unsigned long)getpid() || index >= count ||
		count > INT32_MAX - FIRST_ACTIVATED)
		return -ENOENT;
	flags = peal_sys_fcntl(fd, F_GETFD, 0);
	if (flags >= 0)
		flags = peal_sys_fcntl(fd, F_SETFD, FD_CLOEXEC);
	return flags < 0 ? (int)flags : fd;
}
