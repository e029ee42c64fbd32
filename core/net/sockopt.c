/* SPDX-License-Identifier: MIT */
/* Options of sockets, by name and with types. */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <peal/net.h>
#include <peal/time.h>

#include "core/net/sockets.h"
#include "core/sys.h"

int peal_set_nodelay(int fd, bool on)
{
	return peal_socket_option(fd, IPPROTO_TCP, TCP_NODELAY, on);
}

int peal_set_cork(int fd, bool on)
{
	return peal_socket_option(fd, IPPROTO_TCP, TCP_CORK, on);
}

int peal_set_broadcast(int fd, bool on)
{
	return peal_socket_option(fd, SOL_SOCKET, SO_BROADCAST, on);
}

static int set_size(int fd, int option, size_t size)
{
	return size > INT_MAX ? -EINVAL : peal_socket_option(fd, SOL_SOCKET, option, (int)size);
}

int peal_set_send_buffer(int fd, size_t size)
{
	return set_size(fd, SO_SNDBUF, size);
}

int peal_set_receive_buffer(int fd, size_t size)
{
	return set_size(fd, SO_RCVBUF, size);
}

/* In units that the kernel has, rounded up: shorter than was asked for could be never. */
static int in_units(int64_t ns, int64_t unit)
{
	int64_t units = ns / unit + (ns % unit != 0);

	return units > INT_MAX ? INT_MAX : (int)units;
}

int peal_set_keepalive(int fd, int64_t idle, int64_t interval, unsigned int count)
{
	int err;

	if (!idle)
		return peal_socket_option(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
	if (idle < 0 || interval < 0 || count > INT_MAX)
		return -EINVAL;
	err = peal_socket_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, in_units(idle, PEAL_S));
	if (!err && interval)
		err = peal_socket_option(
			fd, IPPROTO_TCP, TCP_KEEPINTVL, in_units(interval, PEAL_S));
	if (!err && count)
		err = peal_socket_option(fd, IPPROTO_TCP, TCP_KEEPCNT, (int)count);
	return err ? err : peal_socket_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

int peal_set_user_timeout(int fd, int64_t ns)
{
	if (ns < 0)
		return -EINVAL;
	return peal_socket_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, in_units(ns, PEAL_MS));
}

int peal_set_reset_on_close(int fd, bool on)
{
	const struct linger linger = { .l_onoff = on, .l_linger = 0 };

	return (int)peal_sys_setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

int peal_peer_credentials(int fd, struct ucred *credentials)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int err = (int)peal_sys_getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);

	if (!err && peer.pid == 0 && peer.uid == (uid_t)-1)
		err = -ENOTCONN; /* or no Unix socket */
	if (!err)
		*credentials = peer;
	return err;
}
