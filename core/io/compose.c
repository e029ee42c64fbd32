/* SPDX-License-Identifier: MIT */
/*
 * Ops that no backend waits for as such, put together from what all have: the call is tried without
 * waiting, and when it would have to wait, a poll of the descriptor that is not ready comes first.
 *
 * The op is its own poll meanwhile. What it really is stands in op->composed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "core/io/compose.h"
#include "core/io/direct.h"
#include "core/io/ops.h"

/* Does the caller want to know rather than wait? */
static bool only_tries(const struct peal_op *op)
{
	switch (op->opcode) {
	case PEAL_OP_SPLICE:
		return op->args.splice.flags & SPLICE_F_NONBLOCK;
	case PEAL_OP_WAITID:
		return op->args.waitid.options & WNOHANG;
	default:
		return false;
	}
}

static void become_poll(struct peal_op *op, int fd, uint32_t events)
{
	op->composed = op->opcode;
	op->opcode = PEAL_OP_POLL;
	op->fd = fd;
	op->args.poll.events = events;
}

static void become_itself(struct peal_op *op)
{
	op->opcode = (uint8_t)op->composed;
	op->composed = 0;
	op->fd = peal_direct_fd(op);
}

bool peal_compose(struct peal_op *op, bool cancelled)
{
	bool polled = op->composed;
	uint32_t events;
	int fd;

	if (polled)
		become_itself(op);
	if (op->result != -EAGAIN && !(polled && op->result >= 0))
		return false;
	if (cancelled) {
		op->result = -ECANCELED;
		return false;
	}
	if (polled)
		return true;
	if (only_tries(op))
		return false;
	peal_direct_unready(op, &fd, &events);
	become_poll(op, fd, events);
	return true;
}
