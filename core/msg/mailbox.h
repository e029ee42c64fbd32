/* SPDX-License-Identifier: MIT */
/* Messages that wait for a fiber (msg.h has the struct): in, out, and the memory for them. */
#ifndef PEAL_CORE_MAILBOX_H
#define PEAL_CORE_MAILBOX_H

#include <errno.h>

#include "core/base/alloc.h"
#include "core/msg/msg.h"

/* Allocate it, if that was not done before. 0 or -ENOMEM. */
static inline int peal_mailbox_open(struct peal_mailbox *mailbox)
{
	if (!mailbox->slots)
		mailbox->slots = peal_alloc(PEAL_MSG_ROOM, sizeof(*mailbox->slots));
	return mailbox->slots ? 0 : -ENOMEM;
}

/* False when it is full. */
static inline bool peal_mailbox_put(struct peal_mailbox *mailbox, const struct peal_msg *msg)
{
	if (mailbox->count == PEAL_MSG_ROOM)
		return false;
	mailbox->slots[(mailbox->first + mailbox->count++) % PEAL_MSG_ROOM] = *msg;
	return true;
}

/* There must be one. */
static inline struct peal_msg peal_mailbox_take(struct peal_mailbox *mailbox)
{
	struct peal_msg msg = mailbox->slots[mailbox->first];

	mailbox->first = (mailbox->first + 1) % PEAL_MSG_ROOM;
	mailbox->count--;
	return msg;
}

#endif
