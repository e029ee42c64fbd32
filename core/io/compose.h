/* SPDX-License-Identifier: MIT */
#ifndef PEAL_CORE_COMPOSE_H
#define PEAL_CORE_COMPOSE_H

#include <stdbool.h>

#include <peal/op.h>

/* Is it one of those, or a part of one? */
static inline bool peal_is_composed(const struct peal_op *op)
{
	return op->opcode >= PEAL_OP_SPLICE || op->composed;
}

/* A part of it has come to an end. True when there is another, and the op, as it is now, is to be
 * submitted; false when op->result is the result. */
bool peal_compose(struct peal_op *op, bool cancelled);

#endif
