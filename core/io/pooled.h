/* SPDX-License-Identifier: MIT */
/*
 * Ops that a backend cannot do without blocking a thread: the blocking pool does them.
 */
#ifndef PEAL_CORE_POOLED_H
#define PEAL_CORE_POOLED_H

#include <peal/op.h>

struct peal_shard;

/* 0: it will come back to peal_ops_returned(); or why not. */
int peal_pooled_submit(struct peal_shard *shard, struct peal_op *op);

/* One that has not begun comes back with -ECANCELED; one that has is waited for. */
void peal_pooled_cancel(struct peal_shard *shard, struct peal_op *op);

/* Has it come back when the shard's inbox was closed already? */
bool peal_pooled_is_back(const struct peal_op *op);

/* ops.c: it has come back, with its result. */
void peal_ops_returned(struct peal_shard *shard, struct peal_op *op);

#endif
