/* SPDX-License-Identifier: MIT */
/*
 * Standing receives: one entry in the kernel, a buffer for each piece that comes.
 */
#include <errno.h>

#include "core/base/alloc.h"
#include "core/io/lease.h"
#include "core/io/ops.h"
#include "core/io/standing.h"
#include "core/runtime/rt.h"
#include "core/task/wait.h"

/* Pieces that may wait for the reader: enough that it finds one when it comes back, not so many that one
 * connection has the shard's buffers. */
#define AHEAD 4

struct peal_receiver {
	struct peal_standing standing;
	uint32_t first, last; /* of the buffers that wait, when any is queued */
	size_t bytes;         /* in all of them */
};

static struct peal_receiver *receiver_of(struct peal_op *op)
{
	return PEAL_CONTAINER_OF(op, struct peal_receiver, standing.op);
}

static void queue_piece(struct peal_op *op, int64_t size, uint32_t buffer)
{
	struct peal_receiver *receiver = receiver_of(op);
	struct peal_lease_slot *slots = receiver->standing.shard->leases.slots;

	slots[buffer].size = (uint32_t)size;
	if (receiver->standing.queued)
		slots[receiver->last].next = buffer;
	else
		receiver->first = buffer;
	receiver->last = buffer;
	receiver->bytes += (size_t)size;
	peal_standing_note(&receiver->standing);
}

static uint32_t take_piece(struct peal_receiver *receiver, size_t *size)
{
	const struct peal_lease_slot *slots = receiver->standing.shard->leases.slots;
	uint32_t buffer = receiver->first;

	*size = slots[buffer].size;
	receiver->first = slots[buffer].next;
	receiver->bytes -= *size;
	receiver->standing.queued--;
	return buffer;
}

static void arm(struct peal_standing *standing, struct peal_shard *shard)
{
	struct peal_op *op = &standing->op;

	peal_ops_begin(op, PEAL_OP_RECV_MANY, standing->fd);
	op->args.many.more = queue_piece;
	op->args.many.buffers = &shard->leases.buffers;
	op->args.many.flags = 0;
	peal_ops_start(shard, op, peal_standing_ended);
}

int peal_receiver_open(struct peal_receiver **made, int fd)
{
	struct peal_task *self = peal_task_current();
	struct peal_receiver *receiver;
	int err;

	if (!self)
		return -EPERM;
	if (!made || fd < 0)
		return -EINVAL;
	err = peal_leases_open(self->shard);
	if (err)
		return err;
	receiver = peal_alloc(1, sizeof(*receiver));
	if (!receiver)
		return -ENOMEM;
	peal_standing_init(&receiver->standing, fd, AHEAD, "a standing receive", arm);
	*made = receiver;
	return 0;
}

ssize_t peal_receiver_next(struct peal_receiver *receiver, struct peal_lease *lease)
{
	struct peal_task *self = peal_task_current();
	struct peal_standing *standing = &receiver->standing;
	uint32_t buffer;
	size_t size;
	int64_t n;
	int err;

	if (!self)
		return -EPERM;
	if (!peal_standing_known(self->shard))
		return peal_recv_lease(standing->fd, lease, 0);
	err = peal_leases_open(self->shard); /* it may have come from another one */
	if (err)
		return err;
	if (!standing->queued && !standing->armed && !self->shard->leases.buffers.free_count)
		return -ENOBUFS;
	n = peal_standing_wait(standing);
	if (n != 1)
		return (ssize_t)n;
	buffer = take_piece(receiver, &size);
	peal_lease_fill(self->shard, lease, buffer, size, self);
	return (ssize_t)size;
}

ssize_t peal_receiver_stop(struct peal_receiver *receiver)
{
	int err = peal_standing_stop(&receiver->standing);

	return err ? err : (ssize_t)receiver->bytes;
}

int peal_receiver_close(struct peal_receiver *receiver)
{
	size_t size;
	int err;

	if (!receiver)
		return 0;
	err = peal_standing_stop(&receiver->standing);
	if (err)
		return err;
	while (receiver->standing.queued)
		peal_lease_drop(receiver->standing.shard, take_piece(receiver, &size));
	peal_free(receiver);
	return 0;
}
