/* SPDX-License-Identifier: MIT */
/*
 * Ops that stay with the kernel and complete again and again: what standing receives and accepts have in
 * common.
 *
 * The backend hands over each thing that has come through op->args.many.more(), within a reap; that
 * queues it, and no more. When the reap is over, peal_standing_tell() wakes whoever waits, and ends those
 * that run too far ahead of their reader. The op itself completes once, like any other, when the kernel
 * has ended it for whatever reason: an error, a full queue, no buffer, a cancel. It is started again when
 * the reader has taken everything and asks for more.
 */
#ifndef PEAL_CORE_STANDING_H
#define PEAL_CORE_STANDING_H

#include <stdbool.h>

#include <peal/op.h>

struct peal_shard;
struct peal_standing;
struct peal_task;

/* Fill in op->args and begin. */
typedef void peal_standing_arm_fn(struct peal_standing *standing, struct peal_shard *shard);

struct peal_standing {
	struct peal_op op;
	peal_standing_arm_fn *arm;
	const char *what;           /* for reports of waits */
	struct peal_shard *shard;   /* where it is under way, or has something left */
	struct peal_task *waiter;   /* sleeps until there is news */
	struct peal_standing *next; /* in shard->news */
	int fd;
	uint32_t queued; /* things that have come and were not taken */
	uint32_t most;   /* beyond that it is ended, until they have been */
	int64_t end;     /* how it ended, to be told once; PEAL_STANDING_NO_END */
	bool armed;
	bool held_back; /* we have ended it ourselves: nothing to tell */
	bool in_news;
	bool busy; /* a fiber is in a call with it */
};

#define PEAL_STANDING_NO_END 1

void peal_standing_init(struct peal_standing *standing, int fd, uint32_t most, const char *what,
	peal_standing_arm_fn *arm);

/* Does this shard's backend know such ops? */
bool peal_standing_known(const struct peal_shard *shard);

/* Until something is queued: 1. Or how it has ended: 0 or a negative errno, also that of the wait. */
int64_t peal_standing_wait(struct peal_standing *standing);

/* End it, and wait for that. What has come stays queued. 0, -EPERM, -EXDEV, -EBUSY. */
int peal_standing_stop(struct peal_standing *standing);

/* Something was queued. Within a reap. */
void peal_standing_note(struct peal_standing *standing);
/* The callback of its op. */
void peal_standing_ended(struct peal_op *op);
/* After a reap. */
void peal_standing_tell(struct peal_shard *shard);

/* Ops of which the backend may deliver several. */
static inline bool peal_op_stands(const struct peal_op *op)
{
	return op->opcode == PEAL_OP_RECV_MANY || op->opcode == PEAL_OP_ACCEPT_MANY;
}

#endif
