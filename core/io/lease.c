/* SPDX-License-Identifier: MIT */
/*
 * The buffers of a shard, and leases of them.
 *
 * All of the memory is mapped at once and touched by nobody before data is in it. What is free is the
 * backend's: the kernel picks from a ring of its own, or the backend from the stack in `buffers`.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "core/base/alloc.h"
#include "core/io/lease.h"
#include "core/io/ops.h"
#include "core/runtime/rt.h"
#include "core/sys.h"
#include "core/task/wait.h"

static int make(struct peal_shard *shard, struct peal_leases *leases)
{
	struct peal_buffers *buffers = &leases->buffers;
	int err = 0;

	buffers->free = peal_alloc(buffers->count, sizeof(*buffers->free));
	leases->slots = peal_alloc(buffers->count, sizeof(*leases->slots));
	if (!buffers->free || !leases->slots)
		return -ENOMEM;
	buffers->memory = peal_sys_mmap(NULL, (size_t)buffers->count * buffers->size,
		PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, &err);
	if (err)
		return err;
	for (uint32_t i = 0; i < buffers->count; i++)
		peal_buffers_put(buffers, buffers->count - 1 - i);
	return shard->backend->lend(shard->ring, buffers);
}

static void unmake(struct peal_leases *leases)
{
	struct peal_buffers *buffers = &leases->buffers;

	if (buffers->memory)
		peal_sys_munmap(buffers->memory, (size_t)buffers->count * buffers->size);
	peal_free(buffers->free);
	peal_free(leases->slots);
	*leases = (struct peal_leases){ .slots = NULL };
}

static uint32_t power_of_two(uint32_t least)
{
	uint32_t power = 1;

	while (power < least)
		power *= 2;
	return power;
}

int peal_leases_open(struct peal_shard *shard)
{
	struct peal_leases *leases = &shard->leases;
	int err;

	if (PEAL_LIKELY(leases->buffers.count))
		return 0;
	leases->buffers.count = power_of_two(shard->rt->opts.lease_buffers);
	leases->buffers.size = shard->rt->opts.lease_size;
	err = make(shard, leases);
	if (err)
		unmake(leases);
	return err;
}

/* After an emergency the kernel may be at work on some of them. */
void peal_leases_close(struct peal_shard *shard)
{
	if (PEAL_UNLIKELY(peal_load_seq_cst(&shard->rt->emergency)))
		shard->leases.buffers.memory = NULL;
	unmake(&shard->leases);
}

void peal_lease_fill(struct peal_shard *shard, struct peal_lease *lease, uint32_t buffer,
	size_t size, struct peal_task *holder)
{
	const struct peal_buffers *buffers = &shard->leases.buffers;

	shard->leases.slots[buffer].holder = holder;
	if (holder)
		holder->holds++;
	*lease = (struct peal_lease){
		.data = buffers->memory + (size_t)buffer * buffers->size,
		.size = size,
		.owner = shard,
		.buffer = buffer,
	};
}

void peal_lease_drop(struct peal_shard *shard, uint32_t buffer)
{
	shard->backend->give(shard->ring, &shard->leases.buffers, buffer);
}

void peal_lease_received(struct peal_shard *shard, struct peal_op *op)
{
	peal_lease_fill(
		shard, op->args.lease.lease, op->args.lease.buffer, (size_t)op->result, op->owner);
}

int peal_lease_return(struct peal_lease *lease)
{
	struct peal_shard *shard = peal_shard_current();
	struct peal_lease_slot *slot;

	if (!lease || !lease->data)
		return 0;
	if (!shard || lease->owner != shard)
		return -EPERM;
	slot = &shard->leases.slots[lease->buffer];
	if (slot->holder)
		slot->holder->holds--;
	slot->holder = NULL;
	peal_lease_drop(shard, lease->buffer);
	lease->data = NULL;
	return 0;
}

void peal_leases_disown(struct peal_shard *shard, struct peal_task *task)
{
	struct peal_leases *leases = &shard->leases;

	for (uint32_t i = 0; i < leases->buffers.count; i++) {
		if (leases->slots[i].holder != task)
			continue;
		leases->slots[i].holder = NULL;
		task->holds--;
	}
}

static int check(struct peal_shard *shard, const struct peal_lease *lease, int flags)
{
	int err = !lease || flags & (MSG_PEEK | MSG_WAITALL) ? -EINVAL : peal_leases_open(shard);

	return !err && !shard->leases.buffers.free_count ? -ENOBUFS : err;
}

void peal_op_recv_lease(
	struct peal_op *op, int fd, struct peal_lease *lease, int flags, peal_op_fn *done)
{
	struct peal_shard *shard = peal_ops_begin(op, PEAL_OP_RECV_LEASE, fd);
	int err = check(shard, lease, flags);

	if (err) {
		peal_ops_fail(shard, op, err, done);
		return;
	}
	op->args.lease.lease = lease;
	op->args.lease.buffers = &shard->leases.buffers;
	op->args.lease.flags = flags;
	peal_ops_start(shard, op, done);
}

ssize_t peal_recv_lease(int fd, struct peal_lease *lease, int flags)
{
	struct peal_op op = { 0 };

	if (!peal_task_current())
		return -EPERM;
	peal_op_recv_lease(&op, fd, lease, flags, NULL);
	return (ssize_t)peal_op_wait(&op);
}
