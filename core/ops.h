/* SPDX-License-Identifier: MIT */
/*
 * Starting ops, for the table of calls (io.c).
 */
#ifndef PEAL_CORE_OPS_H
#define PEAL_CORE_OPS_H

#include <peal/op.h>

struct peal_shard;

/* Check that an op may be started here, and set it up: then fill op->args, then start. Does not return
 * for a misuse. */
struct peal_shard *peal_ops_begin(struct peal_op *op, enum peal_opcode opcode, int fd);
void peal_ops_start(struct peal_shard *shard, struct peal_op *op, peal_op_fn *done);

/* Cancel what this shard has in flight on a descriptor. */
void peal_ops_cancel_on(struct peal_shard *shard, int fd);

#endif
