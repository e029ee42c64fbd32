/* SPDX-License-Identifier: MIT */
/*
 * Datagrams with what belongs to them, by name and with types instead of control messages: who sends, at
 * which of our addresses it came in, congestion marks, and many datagrams in one call (segmentation
 * offload). Also descriptors that are passed over Unix sockets.
 */
#ifndef PEAL_DATAGRAM_H
#define PEAL_DATAGRAM_H

#include <peal/base.h>
#include <peal/net.h>

PEAL_BEGIN_DECLS

/* The ECN field of the IP header (RFC 3168). */
#define PEAL_ECN_NONE       0 /* not capable */
#define PEAL_ECN_ECT1       1
#define PEAL_ECN_ECT0       2
#define PEAL_ECN_CE         3 /* congestion was experienced */

/* The most that goes, or comes, in one call. */
#define PEAL_DATAGRAM_BYTES 65507

/*
 * What belongs to a datagram. For sending, zero in a field is the kernel's choice; of what was received it
 * means that the socket was not asked to tell (below).
 */
struct peal_datagram {
	struct peal_address
		peer; /* where it goes or comes from; size 0: where the socket is connected to */
	struct peal_address
		local; /* from which of our addresses it goes, at which it came; without a port */
	uint32_t interface; /* the index of the network interface for that (if_nametoindex(3)) */
	uint16_t
		segment; /* several datagrams of so many bytes each, the last may be shorter; 0: one */
	uint8_t ecn;     /* PEAL_ECN_* */
	uint8_t truncated; /* it was longer than the buffer */
};

/*
 * What a UDP socket is to tell of what it receives: at which address and interface it came in, its ECN
 * field, and whether it may hand over several datagrams of one sender as one (UDP_GRO, Linux 5.0; then
 * `segment` is set, and buffers should have room for 64 KiB). ip(7), ipv6(7), udp(7). 0 or a negative
 * errno: -ENOTSOCK, -ENOPROTOOPT for other sockets. Any thread. Do not suspend.
 */
PEAL_API int peal_set_packet_info(int fd, bool on);
PEAL_API int peal_set_receive_ecn(int fd, bool on);
PEAL_API int peal_set_gro(int fd, bool on);

/*
 * Receive one datagram, or with peal_set_gro() several of the same size from the same peer: the number of
 * bytes, which may be 0. datagram may be NULL, and is written on success only. flags as in recv(2). In a
 * fiber. Suspends.
 */
PEAL_API ssize_t peal_datagram_recv(
	int fd, void *buf, size_t size, struct peal_datagram *datagram, int flags);

/*
 * Send one datagram, or with `segment` as many as buf holds of that size, at most 64 (UDP_SEGMENT, Linux
 * 4.18): the number of bytes, all of them. datagram may be NULL on a connected socket. -EMSGSIZE for more
 * than the path (of segments: the interface) lets through, -EINVAL for a segment that is longer than that,
 * for more than 64 of them, and for addresses of no family of the socket's; -EIO where the interface
 * cannot compute checksums, which segments need. In a fiber. Suspends.
 */
PEAL_API ssize_t peal_datagram_send(
	int fd, const void *buf, size_t size, const struct peal_datagram *datagram, int flags);

/* As many descriptors as one message can carry (SCM_MAX_FD). */
#define PEAL_PASSED_MOST 253

/*
 * Send bytes (at least one) over a Unix socket, and descriptors with them: unix(7), SCM_RIGHTS. The
 * receiver gets duplicates; ours stay open. The number of bytes; the descriptors went with the first of
 * them. -EINVAL for no bytes, for none or more than PEAL_PASSED_MOST descriptors. In a fiber. Suspends.
 */
PEAL_API ssize_t peal_send_fds(
	int fd, const void *buf, size_t size, const int *fds, unsigned int count);

/*
 * Receive bytes, and the descriptors that were sent with them: the number of bytes, 0 at the end of a
 * stream. *count is the room in fds, and then how many came, perhaps none; they are yours, and
 * close-on-exec. When more came than there is room for, or than this process may have open, all are closed, and the
 * result is -EMSGSIZE: the bytes are lost, so that nobody takes a part for the whole. -EINVAL for no room
 * or more than PEAL_PASSED_MOST. In a fiber. Suspends.
 */
PEAL_API ssize_t peal_recv_fds(int fd, void *buf, size_t size, int *fds, unsigned int *count);

PEAL_END_DECLS

#endif
