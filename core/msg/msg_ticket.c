/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a message to be received. A ticket is a position in the stream from this shard to another:
 * when the receiver has read that far, the message was received.
 */
#include <errno.h>

#include "core/runtime/rt.h"
#include "core/task/task_here.h"
#include "core/task/wait.h"

/* On the stack of a fiber that waits. */
struct ticket_wait {
	struct peal_wait wait;
	struct peal_list line; /* in pair->tickets */
	uint64_t position;
};

void peal_tickets_serve(struct peal_pair *pair, uint64_t head)
{
	PEAL_LIST_EACH (entry, &pair->tickets) {
		struct ticket_wait *ticket = PEAL_CONTAINER_OF(entry, struct ticket_wait, line);

		if (ticket->position > head)
			continue;
		peal_list_remove(&ticket->line);
		if (ticket->wait.task->state == PEAL_TASK_SUSPENDED)
			peal_task_resume(ticket->wait.task);
	}
}

static void cancel_ticket(struct peal_wait *wait)
{
	struct ticket_wait *ticket = PEAL_CONTAINER_OF(wait, struct ticket_wait, wait);

	if (wait->task->state != PEAL_TASK_SUSPENDED)
		return; /* it was received */
	wait->cancelled = true;
	peal_list_remove(&ticket->line);
	peal_task_resume(wait->task);
}

static int wait_for(struct peal_shard *shard, struct peal_pair *pair, uint64_t position)
{
	struct ticket_wait ticket = { .wait = { .cancel = cancel_ticket, .what = "ticket_wait" },
		.position = position };
	int err = peal_wait_begin(&ticket.wait);

	if (err)
		return err;
	peal_list_append(&pair->tickets, &ticket.line);
	peal_pair_ask(shard, pair);
	if (!peal_list_empty(&ticket.line))
		peal_task_suspend(ticket.wait.task);
	return peal_wait_end(&ticket.wait);
}

int peal_ticket_wait(const struct peal_ticket *ticket)
{
	struct peal_shard *shard = peal_shard_current();
	struct peal_pair *pair;

	if (!shard)
		return -EPERM;
	if (!ticket || ticket->from != shard->index || ticket->to >= shard->rt->shard_count ||
		!shard->msgs.out)
		return -EINVAL;
	pair = shard->msgs.out[ticket->to];
	if (!pair || ticket->position > pair->ring.written)
		return -EINVAL;
	if (ticket->position <= peal_msg_ring_head(&pair->ring))
		return 0;
	return shard->running ? wait_for(shard, pair, ticket->position) : -EAGAIN;
}
