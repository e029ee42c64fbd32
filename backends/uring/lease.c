/* SPDX-License-Identifier: MIT */
/*
 * Buffers that the kernel picks from when there is something to receive: a ring of those that are free,
 * io_uring_register_buf_ring(3), Linux 5.19. Giving one back is a store, no system call.
 */
#include <errno.h>
#include <sys/mman.h>

#include "backends/uring/uring.h"
#include "core/sys.h"

/* One that nobody uses for entries of their own (peal_raw()). */
#define GROUP UINT16_MAX

static size_t ring_bytes(const struct peal_buffers *buffers)
{
	return buffers->count * sizeof(struct io_uring_buf);
}

static void add(struct peal_ring *ring, uint32_t buffer, int place)
{
	const struct peal_buffers *buffers = ring->buffers;

	io_uring_buf_ring_add(ring->free_buffers, buffers->memory + (size_t)buffer * buffers->size,
		buffers->size, (unsigned short)buffer, io_uring_buf_ring_mask(buffers->count),
		place);
}

int peal_uring_lend(struct peal_ring *ring, struct peal_buffers *buffers)
{
	struct io_uring_buf_reg what = { .ring_entries = buffers->count, .bgid = GROUP };
	struct io_uring_buf_ring *memory;
	int err = 0;

	memory = peal_sys_mmap(NULL, ring_bytes(buffers), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, &err);
	if (err)
		return err;
	what.ring_addr = (uint64_t)(uintptr_t)memory;
	err = (int)peal_sys_io_uring_register(ring->fd, IORING_REGISTER_PBUF_RING, &what, 1);
	if (err < 0) {
		peal_sys_munmap(memory, ring_bytes(buffers));
		return err;
	}
	io_uring_buf_ring_init(memory);
	ring->free_buffers = memory;
	ring->buffers = buffers;
	for (uint32_t i = 0; i < buffers->count; i++)
		add(ring, i, (int)i);
	io_uring_buf_ring_advance(memory, (int)buffers->count);
	return 0;
}

void peal_uring_give(struct peal_ring *ring, struct peal_buffers *buffers, uint32_t buffer)
{
	add(ring, buffer, 0);
	io_uring_buf_ring_advance(ring->free_buffers, 1);
	buffers->free_count++;
}

void peal_uring_take_back(struct peal_ring *ring)
{
	if (ring->free_buffers)
		peal_sys_munmap(ring->free_buffers, ring_bytes(ring->buffers));
	ring->free_buffers = NULL;
}

static void pick_a_buffer(struct io_uring_sqe *sqe)
{
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = GROUP;
}

void peal_uring_prepare_recv_lease(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_recv(sqe, op->fd, NULL, 0, op->args.lease.flags);
	pick_a_buffer(sqe);
}

void peal_uring_prepare_recv_many(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_recv_multishot(sqe, op->fd, NULL, 0, op->args.many.flags);
	pick_a_buffer(sqe);
}

void peal_uring_prepare_accept_many(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op)
{
	(void)ring;
	io_uring_prep_multishot_accept(sqe, op->fd, NULL, NULL, op->args.many.flags);
}

void peal_uring_take_buffer(
	struct peal_ring *ring, struct peal_op *op, const struct io_uring_cqe *cqe)
{
	uint32_t buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;

	if (!(cqe->flags & IORING_CQE_F_BUFFER) || op->opcode == PEAL_OP_RAW)
		return;
	ring->buffers->free_count--;
	if (cqe->res <= 0)
		peal_uring_give(ring, ring->buffers, buffer);
	else if (op->opcode == PEAL_OP_RECV_LEASE)
		op->args.lease.buffer = buffer;
}

bool peal_uring_deliver(struct peal_ring *ring, struct peal_op *op, const struct io_uring_cqe *cqe)
{
	if (cqe->res > 0 || (cqe->res == 0 && op->opcode == PEAL_OP_ACCEPT_MANY)) {
		peal_uring_learn(ring, op, cqe);
		op->args.many.more(op, cqe->res, cqe->flags >> IORING_CQE_BUFFER_SHIFT);
	}
	return cqe->flags & IORING_CQE_F_MORE;
}
