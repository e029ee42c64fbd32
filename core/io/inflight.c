/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "core/base/alloc.h"
#include "core/io/inflight.h"

#define FIRST_BUCKETS 64

int peal_inflight_init(struct peal_inflight *inflight)
{
	inflight->buckets = peal_alloc(FIRST_BUCKETS, sizeof(*inflight->buckets));
	inflight->mask = FIRST_BUCKETS - 1;
	inflight->count = 0;
	return inflight->buckets ? 0 : -ENOMEM;
}

void peal_inflight_free(struct peal_inflight *inflight)
{
	peal_free(inflight->buckets);
	inflight->buckets = NULL;
}

/* Descriptors are small and dense: they spread by themselves. */
static struct peal_op **bucket(const struct peal_inflight *inflight, int fd)
{
	return &inflight->buckets[(uint32_t)fd & inflight->mask];
}

static void link_in(struct peal_inflight *inflight, struct peal_op *op)
{
	struct peal_op **first = bucket(inflight, op->fd);

	op->link_prev = NULL;
	op->link_next = *first;
	if (*first)
		(*first)->link_prev = op;
	*first = op;
}

/* Without memory for more buckets the lists get longer, that is all. */
static void grow(struct peal_inflight *inflight)
{
	struct peal_op **old = inflight->buckets;
	uint32_t old_count = inflight->mask + 1;
	struct peal_op **buckets = peal_alloc(2 * (size_t)old_count, sizeof(struct peal_op *));

	if (!buckets)
		return;
	inflight->buckets = buckets;
	inflight->mask = 2 * old_count - 1;
	for (uint32_t i = 0; i < old_count; i++) {
		for (struct peal_op *op = old[i], *next; op; op = next) {
			next = op->link_next;
			link_in(inflight, op);
		}
	}
	peal_free(old);
}

void peal_inflight_add(struct peal_inflight *inflight, struct peal_op *op)
{
	if (inflight->count > 2 * inflight->mask)
		grow(inflight);
	link_in(inflight, op);
	inflight->count++;
}

void peal_inflight_remove(struct peal_inflight *inflight, struct peal_op *op)
{
	if (op->link_prev)
		op->link_prev->link_next = op->link_next;
	else
		*bucket(inflight, op->fd) = op->link_next;
	if (op->link_next)
		op->link_next->link_prev = op->link_prev;
	inflight->count--;
}

struct peal_op *peal_inflight_on(const struct peal_inflight *inflight, int fd, struct peal_op *op)
{
	for (op = op ? op->link_next : *bucket(inflight, fd); op; op = op->link_next)
		if (op->fd == fd)
			return op;
	return NULL;
}

void peal_inflight_each(const struct peal_inflight *inflight,
	void (*each)(struct peal_op *op, void *arg), void *arg)
{
	for (uint32_t i = 0; i <= inflight->mask; i++)
		for (struct peal_op *op = inflight->buckets[i]; op; op = op->link_next)
			each(op, arg);
}
