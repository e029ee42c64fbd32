/* SPDX-License-Identifier: MIT */
/*
 * Ops inside the core: starting them, for the table of calls (io.c), and waiting for them (op_wait.c).
 */
#ifndef PEAL_CORE_OPS_H
#define PEAL_CORE_OPS_H

#include <peal/op.h>

struct peal_shard;
struct peal_task;

/* Check that an op may be started here, and set it up: then fill op->args, then start. Does not return
 * for a misuse. */
struct peal_shard *peal_ops_begin(struct peal_op *op, enum peal_opcode opcode, int fd);
void peal_ops_start(struct peal_shard *shard, struct peal_op *op, peal_op_fn *done);
/* Call done from the loop, when the fiber that runs has suspended; the op has done nothing. */
void peal_ops_defer(struct peal_op *op, peal_op_fn *done);

/* It fails before it begins. */
void peal_ops_fail(struct peal_shard *shard, struct peal_op *op, int err, peal_op_fn *done);

/* op_wait.c: a fiber got something without waiting. Now and then it gives way, to let the shard see its
 * ring. */
void peal_ops_spend_budget(struct peal_task *self);

/* Cancel what this shard has in flight on a descriptor. */
void peal_ops_cancel_on(struct peal_shard *shard, int fd);

/* The task ends, and what it has in flight goes on without an owner. */
void peal_ops_disown(struct peal_shard *shard, struct peal_task *task);

/* For op_wait.c. Has it been started without a callback, and not been taken? */
bool peal_op_waitable(const struct peal_op *op);
bool peal_op_completed(const struct peal_op *op);
/* The task's wait for it is cancelled: so is the op. It still completes. */
void peal_op_cancel_wait(struct peal_shard *shard, struct peal_op *op);
/* The result of a completed one, for the task that waited; the op is the caller's again. */
int64_t peal_op_take(struct peal_task *task, struct peal_op *op);

#endif
