/* SPDX-License-Identifier: MIT */
/*
 * Accumulators inside the core: one for each sender, receiver and tag, made at the first addition, kept
 * until the runtime is freed. Its node is in the receiver's inbox while its shared sum is not 0, so
 * that however much is added, nothing has to be queued and nothing can be full.
 */
#ifndef PEAL_CORE_ACCUM_H
#define PEAL_CORE_ACCUM_H

#include <peal/msg.h>

#include "core/base/compiler.h"
#include "core/base/list.h"
#include "core/base/node.h"
#include "core/msg/sum.h"
#include "core/base/table.h"

struct peal_shard;

struct peal_accum {
	struct peal_shard *from, *to;
	uint32_t tag;
	struct peal_accum *older; /* of peal_accums.newest */
	/* The sender's */
	PEAL_ALIGNED_LINE uint64_t pending; /* added here and not to the shared sum yet */
	uint64_t threshold;
	struct peal_link due; /* in peal_accums.due */
	bool is_due;
	/* Both have to do with these */
	PEAL_ALIGNED_LINE struct peal_sum sum;
	struct peal_node node;
	/* The receiver's, while the sum is not 0 */
	struct peal_link kept; /* in peal_accums.kept */
};

struct peal_accum_handler {
	uint32_t tag;
	peal_msg_fn *fn; /* NULL: it was taken away */
	void *arg;
	struct peal_accum_handler *older;
};

struct peal_accums {
	/* As a sender */
	struct peal_table table; /* by receiver and tag */
	struct peal_accum *newest;
	struct peal_accum *last; /* that was added to: the next will often be the same */
	struct peal_queue due;   /* to be published when the sender gives way */
	/* As a receiver */
	struct peal_table handlers; /* by tag */
	struct peal_accum_handler *newest_handler;
	struct peal_queue kept; /* sums that nobody has asked for */
};

void peal_accums_init(struct peal_accums *accums);
/* Let sums that have reached their threshold be seen. */
void peal_accums_publish(struct peal_shard *shard);
/* All of them are to be published, whatever their thresholds. */
void peal_accums_all_due(struct peal_shard *shard);
/* All loops have ended: count and report what was added here and not handled. */
void peal_accums_report(struct peal_shard *shard);
/* No shard runs any more. */
void peal_accums_free(struct peal_accums *accums);

#endif
