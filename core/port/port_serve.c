/* SPDX-License-Identifier: MIT */
/* The side of a port that takes requests and replies. */
#include <errno.h>
#include <string.h>

#include "core/port/port.h"
#include "core/runtime/rt.h"

/* With the lock held: the oldest, or NULL. */
static struct peal_place *take(struct peal_port *port)
{
	struct peal_place *place;

	if (peal_list_empty(&port->waiting))
		return NULL;
	place = PEAL_CONTAINER_OF(port->waiting.next, struct peal_place, link);
	peal_list_remove(&place->link);
	peal_list_append(&port->working, &place->link);
	place->state = PEAL_PLACE_WORKING;
	port->stats.waiting--;
	port->stats.working++;
	return place;
}

static int wait_for_one(struct peal_port *port, struct peal_place **place)
{
	struct peal_port_sleeper sleeper;
	int err;

	peal_port_sleeper_init(&sleeper, port);
	peal_list_append(&port->receivers, &sleeper.link);
	err = peal_port_sleep(&sleeper, PEAL_NEVER);
	*place = sleeper.place;
	return err;
}

int peal_port_recv(struct peal_port *port, struct peal_request **request)
{
	struct peal_task *task = peal_task_current();
	struct peal_place *place;
	int err;

	if (!port || !request)
		return -EINVAL;
	if (!task || task->rt != port->rt)
		return -EPERM;
	err = peal_wait_check(task);
	if (err)
		return err;
	pthread_mutex_lock(&port->lock);
	place = take(port);
	if (!place)
		err = port->closed ? -ESHUTDOWN : wait_for_one(port, &place);
	pthread_mutex_unlock(&port->lock);
	if (!err)
		*request = &place->request;
	return err;
}

/* The place is the replier's until the lock is let go the second time. */
int peal_port_reply(struct peal_request *request, int result, const void *data, size_t size)
{
	struct peal_place *place = PEAL_CONTAINER_OF(request, struct peal_place, request);
	struct peal_port *port = place->port;
	bool missed;

	if (size && !data)
		return -EINVAL;
	if (size > port->bytes)
		return -EMSGSIZE;
	if (size)
		memcpy(place->reply, data, size);
	pthread_mutex_lock(&port->lock);
	missed = place->state == PEAL_PLACE_ABANDONED;
	if (missed) {
		port->stats.working--;
		peal_port_free_place(port, place);
	} else {
		PEAL_PORT_COUNT(port, replies, port_replies);
		peal_port_done(place, result < 0 ? result : (ssize_t)size);
	}
	pthread_mutex_unlock(&port->lock);
	return missed ? -ECANCELED : 0;
}
