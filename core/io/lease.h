/* SPDX-License-Identifier: MIT */
/*
 * The buffers of a shard that ops pick from when there is something to receive. Made at the first use.
 */
#ifndef PEAL_CORE_LEASE_H
#define PEAL_CORE_LEASE_H

#include <peal/backend.h>
#include <peal/lease.h>

struct peal_shard;
struct peal_task;

/* Who has a buffer. Between its receipt and its lease it stands in a receiver's queue. */
struct peal_lease_slot {
	struct peal_task *holder; /* which cannot move; NULL: nobody in particular */
	uint32_t next;            /* PEAL_NO_BUFFER at the end of the queue */
	uint32_t size;
};

struct peal_leases {
	struct peal_buffers buffers; /* count 0: not made yet */
	struct peal_lease_slot *slots;
};

/* Make them, unless they are there. 0 or a negative errno. */
int peal_leases_open(struct peal_shard *shard);
/* After the ring was closed. */
void peal_leases_close(struct peal_shard *shard);

/* A buffer with `size` bytes becomes the lease of a task, NULL for none in particular. */
void peal_lease_fill(struct peal_shard *shard, struct peal_lease *lease, uint32_t buffer,
	size_t size, struct peal_task *holder);
/* Nobody wants it. */
void peal_lease_drop(struct peal_shard *shard, uint32_t buffer);

/* ops.c: a PEAL_OP_RECV_LEASE that succeeded, still with its owner. */
void peal_lease_received(struct peal_shard *shard, struct peal_op *op);

/* The task has ended; its leases are nobody's in particular. */
void peal_leases_disown(struct peal_shard *shard, struct peal_task *task);

#endif
