/* SPDX-License-Identifier: MIT */
/* The side of a port that asks, and waits for the reply. */
#include <errno.h>
#include <string.h>

#include "core/runtime/fork.h"
#include "core/port/port.h"
#include "core/runtime/rt.h"

bool peal_port_is_stale(const struct peal_port *port)
{
	return port->generation != peal_fork_generation();
}

static int wait_for_place(
	struct peal_port_client *client, int64_t deadline, struct peal_place **place)
{
	struct peal_port *port = client->port;
	struct peal_port_sleeper sleeper;
	int err;

	peal_port_sleeper_init(&sleeper, port);
	sleeper.client = client;
	peal_list_append(&port->callers, &sleeper.link);
	err = peal_port_sleep(&sleeper, deadline);
	if (err == -ETIMEDOUT)
		PEAL_PORT_COUNT(port, timeouts, port_timeouts);
	*place = sleeper.place;
	return err;
}

int peal_port_get_place(
	struct peal_port_client *client, int64_t deadline, bool wait, struct peal_place **place)
{
	struct peal_port *port = client->port;

	if (port->closed)
		return -ESHUTDOWN;
	if (deadline != PEAL_NEVER && deadline <= peal_now()) {
		PEAL_PORT_COUNT(port, timeouts, port_timeouts);
		return -ETIMEDOUT;
	}
	if (peal_list_empty(&port->free)) {
		if (wait)
			return wait_for_place(client, deadline, place);
		PEAL_PORT_COUNT(port, overloads, port_overloads);
		return -EAGAIN;
	}
	*place = PEAL_CONTAINER_OF(port->free.next, struct peal_place, link);
	peal_list_remove(&(*place)->link);
	(*place)->state = PEAL_PLACE_FILLED;
	return 0;
}

static void note_waiting(struct peal_port *port, uint32_t waiting)
{
	if (waiting > port->stats.waiting_most)
		port->stats.waiting_most = waiting;
	if (port->rt)
		peal_max_outside(port->rt->stats, port_waiting_max, waiting);
}

static void hand_over(struct peal_port *port, struct peal_place *place)
{
	struct peal_port_sleeper *receiver;

	if (peal_list_empty(&port->receivers)) {
		place->state = PEAL_PLACE_WAITING;
		peal_list_append(&port->waiting, &place->link);
		note_waiting(port, ++port->stats.waiting);
		return;
	}
	receiver = PEAL_CONTAINER_OF(port->receivers.next, struct peal_port_sleeper, link);
	place->state = PEAL_PLACE_WORKING;
	port->stats.working++;
	peal_list_append(&port->working, &place->link);
	peal_port_wake(receiver, place, 0);
}

int peal_port_enqueue(struct peal_place *place, struct peal_port_client *client, int64_t deadline)
{
	struct peal_port *port = place->port;
	int err = port->closed ? -ESHUTDOWN : client->closed ? -ECANCELED : 0;

	if (err) {
		peal_port_free_place(port, place);
		return err;
	}
	place->client = client;
	place->request.deadline = deadline;
	place->request.abandoned = 0;
	PEAL_PORT_COUNT(port, calls, port_calls);
	hand_over(port, place);
	return 0;
}

void peal_port_abandon(struct peal_place *place, int err)
{
	struct peal_port *port = place->port;

	if (err == -ETIMEDOUT)
		PEAL_PORT_COUNT(port, timeouts, port_timeouts);
	else
		PEAL_PORT_COUNT(port, cancels, port_cancels);
	if (place->state == PEAL_PLACE_WAITING) {
		port->stats.waiting--;
		peal_port_free_place(port, place);
		return;
	}
	place->state = PEAL_PLACE_ABANDONED;
	place->client = NULL;
	place->sleeper = NULL;
	peal_list_remove(&place->member);
	/* Its reader has no lock: a hint. */
	__atomic_store_n(&place->request.abandoned, 1, __ATOMIC_RELAXED);
}

/* Ask in a place that is ours; it is given back. The lock is held, but not while bytes are copied. */
static ssize_t ask(struct peal_port_client *client, struct peal_place *place, void *reply,
	size_t room, int64_t deadline)
{
	struct peal_port *port = place->port;
	struct peal_port_sleeper sleeper;
	ssize_t result;
	int err = 0;

	peal_port_sleeper_init(&sleeper, port);
	sleeper.client = client;
	sleeper.waits_for = place;
	place->sleeper = &sleeper;
	err = peal_port_enqueue(place, client, deadline);
	if (!err)
		err = peal_port_sleep(&sleeper, deadline);
	if (err)
		return err;
	result = place->result;
	if (result > 0 && room) {
		pthread_mutex_unlock(&port->lock);
		memcpy(reply, place->reply, (size_t)result < room ? (size_t)result : room);
		pthread_mutex_lock(&port->lock);
	}
	peal_port_free_place(port, place);
	return result;
}

static ssize_t call(struct peal_port_client *client, const void *request, size_t size, void *reply,
	size_t room, int64_t deadline, bool wait)
{
	struct peal_port *port = client->port;
	struct peal_place *place = NULL;
	ssize_t n;

	pthread_mutex_lock(&port->lock);
	client->callers++;
	n = client->closed ? -ECANCELED : peal_port_get_place(client, deadline, wait, &place);
	if (!n) {
		pthread_mutex_unlock(&port->lock);
		if (size)
			memcpy(place->bytes, request, size);
		place->request.size = size;
		pthread_mutex_lock(&port->lock);
		n = ask(client, place, reply, room, deadline);
	}
	if (--client->callers == 0 && client->closed)
		peal_port_free_client(client);
	else
		pthread_mutex_unlock(&port->lock);
	return n;
}

static int check(struct peal_port_client *client, const void *request, size_t size,
	const void *reply, size_t room)
{
	struct peal_task *task = peal_task_current();

	if (!client || (size && !request) || (room && !reply))
		return -EINVAL;
	if (peal_port_is_stale(client->port))
		return -ESTALE;
	if (size > client->port->bytes)
		return -EMSGSIZE;
	/* On a shard's loop neither a fiber nor a thread may wait. */
	if (!task)
		return peal_shard_current() ? -EPERM : 0;
	return peal_wait_check(task);
}

ssize_t peal_port_call(struct peal_port_client *client, const void *request, size_t size,
	void *reply, size_t room, int64_t deadline)
{
	int err = check(client, request, size, reply, room);

	return err ? err : call(client, request, size, reply, room, deadline, true);
}

ssize_t peal_port_try_call(struct peal_port_client *client, const void *request, size_t size,
	void *reply, size_t room, int64_t deadline)
{
	int err = check(client, request, size, reply, room);

	return err ? err : call(client, request, size, reply, room, deadline, false);
}
