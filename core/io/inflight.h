/* SPDX-License-Identifier: MIT */
/*
 * The ops of a shard that its backend has, findable by descriptor: for closing one that is in use, and
 * for cancelling all. A hash table of lists whose links are in the ops; it grows when memory allows.
 */
#ifndef PEAL_CORE_INFLIGHT_H
#define PEAL_CORE_INFLIGHT_H

#include <peal/op.h>

struct peal_inflight {
	struct peal_op **buckets;
	uint32_t mask; /* buckets - 1, a power of two less one */
	uint32_t count;
};

/* 0 or -ENOMEM. */
int peal_inflight_init(struct peal_inflight *inflight);
void peal_inflight_free(struct peal_inflight *inflight);

void peal_inflight_add(struct peal_inflight *inflight, struct peal_op *op);
void peal_inflight_remove(struct peal_inflight *inflight, struct peal_op *op);

/* The next op on fd after `op`, the first for NULL; NULL at the end. */
struct peal_op *peal_inflight_on(const struct peal_inflight *inflight, int fd, struct peal_op *op);

/* Call each(op, arg) for every op; it may not remove any. */
void peal_inflight_each(const struct peal_inflight *inflight,
	void (*each)(struct peal_op *op, void *arg), void *arg);

#endif
