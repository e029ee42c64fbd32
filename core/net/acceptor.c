/* SPDX-License-Identifier: MIT */
/*
 * Standing accepts: one entry in the kernel, a descriptor for each connection that comes.
 */
#include <errno.h>
#include <sys/socket.h>

#include <peal/io.h>
#include <peal/lease.h>

#include "core/base/alloc.h"
#include "core/io/ops.h"
#include "core/io/standing.h"
#include "core/runtime/rt.h"
#include "core/sys.h"
#include "core/task/wait.h"

/* Connections that may wait for somebody to take them; the others wait in the listener's backlog. */
#define AHEAD 64

struct peal_acceptor {
	struct peal_standing standing;
	int flags;
	int *fds;             /* those from `taken` to taken + standing.queued wait */
	uint32_t taken, room; /* what comes before it is held back may be more than AHEAD */
};

static int make_room(struct peal_acceptor *acceptor)
{
	uint32_t room = acceptor->room ? 2 * acceptor->room : AHEAD;
	int *fds;

	if (acceptor->taken + acceptor->standing.queued < acceptor->room)
		return 0;
	fds = peal_realloc(
		acceptor->fds, acceptor->room * sizeof(*fds), room * sizeof(*acceptor->fds));
	if (!fds)
		return -ENOMEM;
	acceptor->fds = fds;
	acceptor->room = room;
	return 0;
}

/* Without memory for a number there is none for a connection: its peer sees it end. */
static void queue_connection(struct peal_op *op, int64_t fd, uint32_t buffer)
{
	struct peal_acceptor *acceptor = PEAL_CONTAINER_OF(op, struct peal_acceptor, standing.op);

	(void)buffer;
	if (make_room(acceptor)) {
		peal_sys_close((int)fd);
		return;
	}
	acceptor->fds[acceptor->taken + acceptor->standing.queued] = (int)fd;
	peal_standing_note(&acceptor->standing);
}

static int take_connection(struct peal_acceptor *acceptor)
{
	int fd = acceptor->fds[acceptor->taken++];

	if (!--acceptor->standing.queued)
		acceptor->taken = 0;
	return fd;
}

static void arm(struct peal_standing *standing, struct peal_shard *shard)
{
	const struct peal_acceptor *acceptor = PEAL_CONTAINER_OF(
		standing, struct peal_acceptor, standing);
	struct peal_op *op = &standing->op;

	peal_ops_begin(op, PEAL_OP_ACCEPT_MANY, standing->fd);
	op->args.many.more = queue_connection;
	op->args.many.buffers = NULL;
	op->args.many.flags = acceptor->flags | SOCK_CLOEXEC;
	peal_ops_start(shard, op, peal_standing_ended);
}

int peal_acceptor_open(struct peal_acceptor **made, int listener, int flags)
{
	struct peal_acceptor *acceptor;

	if (!peal_task_current())
		return -EPERM;
	if (!made || listener < 0 || flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return -EINVAL;
	acceptor = peal_alloc(1, sizeof(*acceptor));
	if (!acceptor)
		return -ENOMEM;
	acceptor->flags = flags;
	peal_standing_init(&acceptor->standing, listener, AHEAD, "a standing accept", arm);
	*made = acceptor;
	return 0;
}

int peal_acceptor_next(struct peal_acceptor *acceptor)
{
	struct peal_task *self = peal_task_current();
	int64_t n;

	if (!self)
		return -EPERM;
	if (!peal_standing_known(self->shard))
		return peal_accept(acceptor->standing.fd, NULL, NULL, acceptor->flags);
	n = peal_standing_wait(&acceptor->standing);
	return n == 1 ? take_connection(acceptor) : (int)n;
}

int peal_acceptor_close(struct peal_acceptor *acceptor)
{
	int err;

	if (!acceptor)
		return 0;
	err = peal_standing_stop(&acceptor->standing);
	if (err)
		return err;
	while (acceptor->standing.queued)
		peal_close(take_connection(acceptor));
	peal_free(acceptor->fds);
	peal_free(acceptor);
	return 0;
}
