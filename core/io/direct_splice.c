/* SPDX-License-Identifier: MIT */
/*
 * splice, sendfile and waitid, tried without waiting.
 *
 * Of the two ends of a splice SPLICE_F_NONBLOCK is about pipes only; sockets and devices look at their own
 * O_NONBLOCK. That is set, and stays set: to take it off again would be a trap for another splice of the
 * same socket that runs at that moment. Where an end is a file, the call may wait for a disk, and is made
 * by the pool.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "core/io/direct.h"
#include "core/sys.h"

#define WAIT_OPTIONS (WEXITED | WNOWAIT | WNOHANG)

static void ends_of(const struct peal_op *op, int *in, int *out)
{
	if (op->opcode == PEAL_OP_SPLICE) {
		*in = op->args.splice.in;
		*out = op->args.splice.out;
	} else {
		*in = op->args.sendfile.in;
		*out = op->args.sendfile.out;
	}
}

int peal_direct_fd(const struct peal_op *op)
{
	switch (op->opcode) {
	case PEAL_OP_SPLICE:
		return op->args.splice.in;
	case PEAL_OP_SENDFILE:
		return op->args.sendfile.out;
	default:
		return op->args.waitid.pidfd;
	}
}

/* 0, or why the descriptor is no good. Files need no flag. */
static long make_nonblocking(int fd)
{
	long flags;

	if (peal_direct_is_file(fd))
		return 0;
	flags = peal_sys_fcntl(fd, F_GETFL, 0);
	if (flags >= 0 && !(flags & O_NONBLOCK))
		flags = peal_sys_fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	return flags < 0 ? flags : 0;
}

static long move(const struct peal_op *op)
{
	if (op->opcode == PEAL_OP_SENDFILE)
		return peal_sys_sendfile(op->args.sendfile.out, op->args.sendfile.in,
			op->args.sendfile.offset, op->args.sendfile.size);
	return peal_sys_splice(op->args.splice.in, op->args.splice.in_offset, op->args.splice.out,
		op->args.splice.out_offset, op->args.splice.size,
		op->args.splice.flags | SPLICE_F_NONBLOCK);
}

int64_t peal_direct_run_splice(const struct peal_op *op)
{
	int in, out;
	long err;

	ends_of(op, &in, &out);
	err = make_nonblocking(in);
	if (!err)
		err = make_nonblocking(out);
	return err ? err : move(op);
}

int64_t peal_direct_try_splice(const struct peal_op *op)
{
	int in, out;

	ends_of(op, &in, &out);
	if (peal_direct_is_file(in) || peal_direct_is_file(out))
		return PEAL_DIRECT_UNKNOWN;
	return peal_direct_run_splice(op);
}

int64_t peal_direct_try_waitid(const struct peal_op *op)
{
	int options = op->args.waitid.options;
	siginfo_t info = { 0 };
	long err;

	if (!(options & WEXITED) || options & ~WAIT_OPTIONS)
		return -EINVAL;
	err = peal_sys_waitid(P_PIDFD, (id_t)op->fd, &info, options | WNOHANG);
	if (err)
		return err;
	if (!info.si_pid && !(options & WNOHANG))
		return -EAGAIN;
	if (op->args.waitid.info)
		memcpy(op->args.waitid.info, &info, sizeof(info));
	return 0;
}

static bool is_ready(int fd, short events)
{
	struct pollfd one = { .fd = fd, .events = events };

	return peal_sys_poll(&one, 1, 0) != 0;
}

void peal_direct_unready(const struct peal_op *op, int *fd, uint32_t *events)
{
	int in, out;

	if (op->opcode == PEAL_OP_WAITID) {
		*fd = op->args.waitid.pidfd;
		*events = POLLIN;
		return;
	}
	ends_of(op, &in, &out);
	*fd = out;
	*events = POLLOUT;
	if (!is_ready(in, POLLIN)) {
		*fd = in;
		*events = POLLIN;
	}
}
