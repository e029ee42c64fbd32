/* SPDX-License-Identifier: MIT */
/*
 * Doorbells. From a shard they are an entry in its own ring, which costs no system call of its own; from
 * a thread that has no ring a call of its own (SEND_MSG_RING), or, where the kernel lacks that, a write
 * to an eventfd that the ring keeps reading.
 *
 * All of them stick: a completion stays in the queue, and the eventfd keeps its count, until somebody
 * looks.
 */
#include <errno.h>

#include "backends/uring/uring.h"
#include "core/sys.h"

static void prepare_message(struct io_uring_sqe *sqe, const struct peal_ring *to)
{
	io_uring_prep_rw(IORING_OP_MSG_RING, sqe, to->fd, NULL, 0,
		peal_uring_data(NULL, 0, PEAL_URING_BELL_HEARD));
}

int peal_uring_bell(struct peal_ring *from, struct peal_ring *to)
{
	struct io_uring_sqe *sqe = peal_uring_entry(from, 0);

	if (!sqe)
		return peal_uring_bell_from_outside(to);
	prepare_message(sqe, to);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	sqe->user_data = peal_uring_data(to, 0, PEAL_URING_BELL_SENT);
	return 0;
}

static int send_message(const struct peal_ring *to)
{
	struct io_uring_sqe message = { 0 };

	prepare_message(&message, to);
	return (int)peal_sys_io_uring_register(-1, PEAL_IORING_REGISTER_SEND_MSG_RING, &message, 1);
}

/* Any thread, and signal handlers: reads nothing but what is constant since the ring was opened. */
int peal_uring_bell_from_outside(struct peal_ring *to)
{
	const uint64_t one = 1;
	int saved_errno = errno;
	long n;

	if (to->bell_fd < 0)
		n = send_message(to);
	else
		n = peal_sys_write(to->bell_fd, &one, sizeof(one));
	errno = saved_errno;
	return n < 0 ? (int)n : 0;
}

void peal_uring_arm_bell(struct peal_ring *ring)
{
	struct io_uring_sqe *sqe = peal_uring_entry(ring, 0);

	if (!sqe)
		return;
	io_uring_prep_read(sqe, ring->bell_fd, &ring->bell_count, sizeof(ring->bell_count), 0);
	sqe->user_data = peal_uring_data(NULL, 0, PEAL_URING_BELL_READ);
	ring->bell_armed = true;
	ring->inflight++;
}
