/* SPDX-License-Identifier: MIT */
/*
 * Datagrams and their control messages. An IPv6 socket that is open for IPv4 as well gets IPv4's messages
 * with IPv4's datagrams, and wants them.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include <peal/datagram.h>
#include <peal/io.h>

#include "core/net/control.h"
#include "core/net/sockets.h"
#include "core/sys.h"
#include "core/task/task.h"

/* Linux 4.18 and 5.0; netinet/udp.h has them since glibc 2.30 or so. */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define SEGMENTS_MOST 64

/* Of an IPv6 socket both: what IPv4's datagrams are to tell, and IPv6's. */
static int set_both(int fd, int option4, int option6, bool on)
{
	int domain = 0;
	socklen_t size = sizeof(domain);
	int err = (int)peal_sys_getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);

	if (!err)
		err = peal_socket_option(fd, IPPROTO_IP, option4, on);
	if (!err && domain == AF_INET6)
		err = peal_socket_option(fd, IPPROTO_IPV6, option6, on);
	return err;
}

int peal_set_packet_info(int fd, bool on)
{
	return set_both(fd, IP_PKTINFO, IPV6_RECVPKTINFO, on);
}

int peal_set_receive_ecn(int fd, bool on)
{
	return set_both(fd, IP_RECVTOS, IPV6_RECVTCLASS, on);
}

int peal_set_gro(int fd, bool on)
{
	return peal_socket_option(fd, IPPROTO_UDP, UDP_GRO, on);
}

/* Receiving */

static void note_local(struct peal_datagram *datagram, const void *address, size_t size, int family,
	unsigned int interface)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&datagram->local.storage;
	struct sockaddr_in *in = (struct sockaddr_in *)&datagram->local.storage;

	memset(&datagram->local, 0, sizeof(datagram->local));
	datagram->interface = interface;
	datagram->local.storage.ss_family = (sa_family_t)family;
	datagram->local.size = family == AF_INET ? sizeof(*in) : sizeof(*in6);
	memcpy(family == AF_INET ? (void *)&in->sin_addr : (void *)&in6->sin6_addr, address, size);
}

static void note_ip(struct peal_datagram *datagram, struct cmsghdr *message)
{
	struct in_pktinfo info;

	if (message->cmsg_type == IP_TOS) { /* one byte */
		datagram->ecn = *CMSG_DATA(message) & IPTOS_ECN_MASK;
	} else if (message->cmsg_type == IP_PKTINFO) {
		memcpy(&info, CMSG_DATA(message), sizeof(info));
		note_local(datagram, &info.ipi_addr, sizeof(info.ipi_addr), AF_INET,
			(unsigned int)info.ipi_ifindex);
	}
}

static void note_ipv6(struct peal_datagram *datagram, struct cmsghdr *message)
{
	struct in6_pktinfo info;
	int class;

	if (message->cmsg_type == IPV6_TCLASS) {
		memcpy(&class, CMSG_DATA(message), sizeof(class));
		datagram->ecn = (uint8_t)(class & IPTOS_ECN_MASK);
	} else if (message->cmsg_type == IPV6_PKTINFO) {
		memcpy(&info, CMSG_DATA(message), sizeof(info));
		note_local(datagram, &info.ipi6_addr, sizeof(info.ipi6_addr), AF_INET6,
			info.ipi6_ifindex);
	}
}

static void note_segment(struct peal_datagram *datagram, struct cmsghdr *message)
{
	int size;

	if (message->cmsg_type != UDP_GRO)
		return;
	memcpy(&size, CMSG_DATA(message), sizeof(size));
	datagram->segment = (uint16_t)size;
}

static void note_all(struct peal_datagram *datagram, struct msghdr *header)
{
	*datagram = (struct peal_datagram){ .truncated = !!(header->msg_flags & MSG_TRUNC) };
	for (struct cmsghdr *message = CMSG_FIRSTHDR(header); message;
		message = CMSG_NXTHDR(header, message)) {
		if (message->cmsg_level == IPPROTO_IP)
			note_ip(datagram, message);
		else if (message->cmsg_level == IPPROTO_IPV6)
			note_ipv6(datagram, message);
		else if (message->cmsg_level == IPPROTO_UDP)
			note_segment(datagram, message);
	}
}

ssize_t peal_datagram_recv(
	int fd, void *buf, size_t size, struct peal_datagram *datagram, int flags)
{
	struct peal_control control;
	struct peal_address peer = { 0 };
	struct iovec part = { .iov_base = buf, .iov_len = size };
	struct msghdr header = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_name = &peer.storage,
		.msg_namelen = sizeof(peer.storage),
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n = peal_recvmsg(fd, &header, flags);

	if (n < 0 || !datagram)
		return n;
	note_all(datagram, &header);
	peer.size = header.msg_namelen;
	datagram->peer = peer;
	return n;
}

/* Sending */

static void add_local_ipv4(struct peal_control *control, const struct peal_datagram *datagram)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&datagram->local.storage;
	struct in_pktinfo info = { .ipi_ifindex = (int)datagram->interface };

	if (datagram->local.size)
		info.ipi_spec_dst = in->sin_addr;
	peal_control_add(control, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static void add_local_ipv6(struct peal_control *control, const struct peal_datagram *datagram)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&datagram->local.storage;
	struct in6_pktinfo info = { .ipi6_ifindex = datagram->interface };

	if (datagram->local.size)
		info.ipi6_addr = in6->sin6_addr;
	peal_control_add(control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

/* Does it travel by IPv4? An IPv6 socket has IPv4's addresses as a part of IPv6's. */
static bool by_ipv4(int domain, const struct peal_address *peer)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&peer->storage;

	if (domain == AF_INET)
		return true;
	return peer->storage.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
}

static int domain_of(int fd, struct peal_address *peer)
{
	int domain = 0;
	socklen_t size = sizeof(domain);
	int err = (int)peal_sys_getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);

	if (err)
		return err;
	size = sizeof(peer->storage);
	if (!peer->size && domain == AF_INET6)
		err = (int)peal_sys_getpeername(fd, (struct sockaddr *)&peer->storage, &size);
	return err && err != -ENOTCONN ? err : domain;
}

/* 0 or why they make no sense. */
static int add_all(int fd, struct peal_control *control, const struct peal_datagram *datagram)
{
	struct peal_address peer = datagram->peer;
	int class = datagram->ecn;
	int domain;

	if (datagram->ecn > PEAL_ECN_CE)
		return -EINVAL;
	if (datagram->segment)
		peal_control_add(control, IPPROTO_UDP, UDP_SEGMENT, &datagram->segment,
			sizeof(datagram->segment));
	if (!datagram->ecn && !datagram->local.size && !datagram->interface)
		return 0;
	domain = domain_of(fd, &peer);
	if (domain < 0)
		return domain;
	if (datagram->local.size &&
		datagram->local.storage.ss_family != (by_ipv4(domain, &peer) ? AF_INET : AF_INET6))
		return -EINVAL;
	if (datagram->local.size || datagram->interface)
		(by_ipv4(domain, &peer) ? add_local_ipv4 : add_local_ipv6)(control, datagram);
	if (datagram->ecn)
		peal_control_add(control, by_ipv4(domain, &peer) ? IPPROTO_IP : IPPROTO_IPV6,
			by_ipv4(domain, &peer) ? IP_TOS : IPV6_TCLASS, &class, sizeof(class));
	return 0;
}

ssize_t peal_datagram_send(
	int fd, const void *buf, size_t size, const struct peal_datagram *datagram, int flags)
{
	struct peal_control control = { .used = 0 };
	struct iovec part = { .iov_base = (void *)buf, .iov_len = size };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	int err = 0;

	if (!peal_task_current())
		return -EPERM;
	if (datagram && datagram->segment &&
		(size + datagram->segment - 1) / datagram->segment > SEGMENTS_MOST)
		return -EINVAL;
	if (datagram)
		err = add_all(fd, &control, datagram);
	if (err)
		return err;
	if (datagram && datagram->peer.size) {
		header.msg_name = (void *)&datagram->peer.storage;
		header.msg_namelen = datagram->peer.size;
	}
	header.msg_control = control.used ? control.bytes : NULL;
	header.msg_controllen = control.used;
	return peal_sendmsg(fd, &header, flags);
}
