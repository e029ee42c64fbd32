/* SPDX-License-Identifier: MIT */
/*
 * Trying what the kernel offers beyond the ring itself. Nothing is inferred from its version: each
 * thing is used once, in a way that does no harm, and counts as there when that worked.
 */
#include <errno.h>
#include <string.h>

#include "backends/uring/uring.h"
#include "core/base/log.h"
#include "core/sys.h"

/* Kernel threads for what cannot be done without blocking. Ours rarely need one; without a cap a ring
 * may start as many as the user may have processes. */
static const unsigned int workers[2] = { 4, 16 }; /* for files, for everything else */

#define OPS 256

static const uint8_t needed_ops[] = { IORING_OP_NOP, IORING_OP_POLL_ADD, IORING_OP_ACCEPT,
	IORING_OP_ASYNC_CANCEL, IORING_OP_CONNECT, IORING_OP_READ, IORING_OP_SEND, IORING_OP_RECV,
	IORING_OP_MSG_RING };

/* Sends that tell whether they saved a copy. Flags of operations cannot be tried without one. */
static void look_for_zero_copy(
	struct peal_ring *ring, const struct io_uring_probe *probe, unsigned int tier)
{
	if (tier >= PEAL_LINUX(6, 2) && probe->ops[IORING_OP_SEND_ZC].flags & IO_URING_OP_SUPPORTED)
		ring->has |= PEAL_URING_ZERO_COPY;
}

static int check_ops(struct peal_ring *ring, unsigned int tier, struct peal_reason *reason)
{
	union {
		struct io_uring_probe probe;
		uint8_t room[sizeof(struct io_uring_probe) +
			OPS * sizeof(struct io_uring_probe_op)];
	} list = { .room = { 0 } };
	int err = (int)peal_sys_io_uring_register(ring->fd, IORING_REGISTER_PROBE, &list, OPS);

	if (err < 0)
		return peal_refuse(reason, err, "io_uring_register: %s", strerror(-err));
	for (size_t i = 0; i < sizeof(needed_ops); i++)
		if (!(list.probe.ops[needed_ops[i]].flags & IO_URING_OP_SUPPORTED))
			return peal_refuse(reason, -EOPNOTSUPP,
				"io_uring lacks its operation number %u here", needed_ops[i]);
	look_for_zero_copy(ring, &list.probe, tier);
	return 0;
}

/* Linux forgets the maps in a child, which could otherwise submit to its parent's ring. */
static int keep_from_children(struct io_uring *uring)
{
	long hooked;

	if (peal_sys_hooked(SYS_madvise, &hooked))
		return (int)hooked;
	return io_uring_ring_dontfork(uring);
}

/* Saves the kernel a look-up and a reference at each entering. Only where SINGLE_ISSUER is: there are
 * 5.15 kernels that accept this and then hang when it is undone. */
static void register_itself(struct peal_ring *ring)
{
	struct io_uring_rsrc_update update = { .offset = -1U, .data = (uint64_t)ring->fd };

	if (!(ring->has & PEAL_URING_SINGLE) ||
		peal_sys_io_uring_register(ring->fd, IORING_REGISTER_RING_FDS, &update, 1) != 1)
		return;
	ring->enter_fd = (int)update.offset;
	ring->enter_flags = IORING_ENTER_REGISTERED_RING;
	ring->has |= PEAL_URING_REGISTERED;
}

static int enter_once(const struct peal_ring *ring, unsigned int flags)
{
	return (int)peal_sys_io_uring_enter(
		ring->enter_fd, 0, 0, IORING_ENTER_GETEVENTS | ring->enter_flags | flags, NULL, 0);
}

/* Enter for the first time, with the flags that sleeping would like to have. */
static int try_entering(struct peal_ring *ring, unsigned int tier, struct peal_reason *reason)
{
	int err = -EINVAL;

	if (tier >= PEAL_LINUX(6, 12))
		err = enter_once(ring, PEAL_IORING_ENTER_ABS_TIMER);
	if (!err)
		ring->has |= PEAL_URING_ABS_TIMER;
	else if (err == -EINVAL)
		err = enter_once(ring, 0);
	if (err < 0 && err != -EINTR)
		return peal_refuse(reason, err, "io_uring_enter: %s", strerror(-err));
	if (tier >= PEAL_LINUX(6, 15) && (ring->uring.features & PEAL_IORING_FEAT_NO_IOWAIT)) {
		ring->has |= PEAL_URING_NO_IOWAIT;
		ring->sleep_flags = PEAL_IORING_ENTER_NO_IOWAIT;
	}
	return 0;
}

static void limit_workers(struct peal_ring *ring)
{
	unsigned int most[2] = { workers[0], workers[1] }; /* the kernel writes the old ones here */
	int err = (int)peal_sys_io_uring_register(
		ring->fd, IORING_REGISTER_IOWQ_MAX_WORKERS, most, 2);

	if (!err)
		ring->has |= PEAL_URING_FEW_WORKERS;
	else
		peal_log(PEAL_LOG_WARNING,
			"io_uring: the number of kernel workers could not be limited: %s",
			strerror(-err));
}

/* Ring our own bell as a foreign thread would, and listen. */
static bool hears_itself(struct peal_ring *ring)
{
	if (peal_uring_bell_from_outside(ring) || enter_once(ring, 0) ||
		!io_uring_cq_ready(&ring->uring))
		return false;
	io_uring_cq_advance(&ring->uring, 1);
	return true;
}

static int equip_bell(struct peal_ring *ring, unsigned int tier, struct peal_reason *reason)
{
	int fd;

	if (tier >= PEAL_LINUX(6, 13) && hears_itself(ring)) {
		ring->has |= PEAL_URING_SEND_MSG;
		return 0;
	}
	fd = (int)peal_sys_eventfd(0, EFD_CLOEXEC);
	if (fd < 0)
		return peal_refuse(reason, fd, "eventfd for the doorbell: %s", strerror(-fd));
	ring->bell_fd = fd;
	peal_uring_arm_bell(ring);
	return 0;
}

int peal_uring_equip(struct peal_ring *ring, unsigned int tier, struct peal_reason *reason)
{
	int err = check_ops(ring, tier, reason);

	if (err)
		return err;
	ring->dontfork = !keep_from_children(&ring->uring);
	register_itself(ring);
	err = try_entering(ring, tier, reason);
	if (err)
		return err;
	limit_workers(ring);
	return equip_bell(ring, tier, reason);
}
