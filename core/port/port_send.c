/* SPDX-License-Identifier: MIT */
/*
 * Clients of a port, and asking without waiting: a client has a descriptor, an epoll of an eventfd, which
 * is written while there is something to take, and of a timer for the next deadline of what was sent.
 */
#include <errno.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/port/port.h"
#include "core/runtime/rt.h"
#include "core/sys.h"

/* Clients */

static void close_fd(int fd)
{
	if (fd >= 0)
		peal_sys_close(fd);
}

static int watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return (int)peal_sys_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int open_descriptors(struct peal_port_client *client)
{
	int err;

	client->epoll = client->event = client->timer = -1;
	client->timer_at = PEAL_NEVER;
	client->epoll = (int)peal_sys_epoll_create(EPOLL_CLOEXEC);
	if (client->epoll < 0)
		return client->epoll;
	client->event = (int)peal_sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (client->event < 0)
		return client->event;
	client->timer = (int)peal_sys_timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (client->timer < 0)
		return client->timer;
	err = watch(client->epoll, client->event);
	return err ? err : watch(client->epoll, client->timer);
}

static void free_client(struct peal_port_client *client)
{
	close_fd(client->timer);
	close_fd(client->event);
	close_fd(client->epoll);
	peal_free(client);
}

/* Unlocks the port. */
void peal_port_free_client(struct peal_port_client *client)
{
	struct peal_port *port = client->port;

	free_client(client);
	peal_port_let_go(port);
}

/* The port may be closed at any time, but as long as the runtime exists it is there. */
static int join(struct peal_port_client *client, struct peal_port *port)
{
	int err;

	pthread_mutex_lock(&port->lock);
	err = port->closed ? -ESHUTDOWN : 0;
	port->owners += !err;
	pthread_mutex_unlock(&port->lock);
	client->port = port;
	return err;
}

int peal_port_connect(struct peal_port_client **connected, struct peal_port *port)
{
	struct peal_port_client *client;
	int err;

	if (!connected || !port)
		return -EINVAL;
	if (peal_port_is_stale(port))
		return -ESTALE;
	client = peal_alloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	peal_list_init(&client->sent);
	peal_list_init(&client->done);
	err = open_descriptors(client);
	if (!err)
		err = join(client, port);
	if (err) {
		free_client(client);
		return err;
	}
	*connected = client;
	return 0;
}

static void give_up_sent(struct peal_port_client *client)
{
	PEAL_LIST_EACH (entry, &client->sent) {
		struct peal_place *place = PEAL_CONTAINER_OF(entry, struct peal_place, member);

		if (place->state == PEAL_PLACE_DONE)
			peal_port_free_place(client->port, place);
		else
			peal_port_abandon(place, -ECANCELED);
	}
}

/* Threads that share the client are in calls. */
static void wake_callers(struct peal_port_client *client)
{
	struct peal_port *port = client->port;

	PEAL_LIST_EACH (entry, &port->callers) {
		struct peal_port_sleeper *sleeper = PEAL_CONTAINER_OF(
			entry, struct peal_port_sleeper, link);

		if (sleeper->client == client)
			peal_port_give_up(sleeper, -ECANCELED);
	}
	for (uint32_t i = 0; i < port->stats.places; i++) {
		struct peal_port_sleeper *sleeper = port->places[i].sleeper;

		if (sleeper && sleeper->client == client && port->places[i].client == client)
			peal_port_give_up(sleeper, -ECANCELED);
	}
}

void peal_port_disconnect(struct peal_port_client *client)
{
	if (!client)
		return;
	if (peal_port_is_stale(client->port)) {
		free_client(client); /* of the port, another process's, nobody else knows here */
		return;
	}
	pthread_mutex_lock(&client->port->lock);
	client->closed = true;
	give_up_sent(client);
	wake_callers(client);
	if (client->callers)
		pthread_mutex_unlock(&client->port->lock);
	else
		peal_port_free_client(client);
}

int peal_port_fd(const struct peal_port_client *client)
{
	return client ? client->epoll : -EINVAL;
}

/* Telling. With the lock held. */

void peal_port_tell(struct peal_port_client *client)
{
	const uint64_t one = 1;

	(void)peal_sys_write(client->event, &one, sizeof(one));
}

static bool is_given_up(const struct peal_place *place, int64_t now)
{
	return place->state != PEAL_PLACE_DONE &&
		(place->cancelled || place->request.deadline <= now);
}

/* The descriptor is to be readable as long as there is something to take, and at the next deadline. */
static void settle(struct peal_port_client *client)
{
	struct itimerspec when = { 0 };
	int64_t next = PEAL_NEVER;
	uint64_t count;

	if (peal_list_empty(&client->done))
		(void)peal_sys_read(client->event, &count, sizeof(count));
	PEAL_LIST_EACH (entry, &client->sent) {
		struct peal_place *place = PEAL_CONTAINER_OF(entry, struct peal_place, member);
		int64_t deadline = place->cancelled ? 1 : place->request.deadline;

		if (place->state != PEAL_PLACE_DONE && deadline < next)
			next = deadline;
	}
	if (next < 1)
		next = 1; /* long past; 0 would stop the timer */
	if (next != PEAL_NEVER)
		when.it_value =
			(struct timespec){ .tv_sec = next / PEAL_S, .tv_nsec = next % PEAL_S };
	if (next != client->timer_at &&
		!peal_sys_timerfd_settime(client->timer, TFD_TIMER_ABSTIME, &when))
		client->timer_at = next;
}

/* Sending */

static int send_in(struct peal_port_client *client, struct peal_place *place, int64_t deadline,
	uint64_t *ticket)
{
	struct peal_port *port = client->port;
	int err;

	place->ticket = ++port->last_ticket;
	*ticket = place->ticket; /* first: the reply may be there at once */
	peal_list_append(&client->sent, &place->member);
	err = peal_port_enqueue(place, client, deadline);
	if (!err && deadline != PEAL_NEVER)
		settle(client);
	return err;
}

int peal_port_send(struct peal_port_client *client, const void *request, size_t size,
	int64_t deadline, uint64_t *ticket)
{
	struct peal_place *place = NULL;
	struct peal_port *port;
	uint64_t number;
	int err;

	if (!client || !ticket || (size && !request))
		return -EINVAL;
	port = client->port;
	if (peal_port_is_stale(port))
		return -ESTALE;
	if (size > port->bytes)
		return -EMSGSIZE;
	pthread_mutex_lock(&port->lock);
	err = peal_port_get_place(client, deadline, false, &place);
	pthread_mutex_unlock(&port->lock);
	if (err)
		return err;
	if (size)
		memcpy(place->bytes, request, size);
	place->request.size = size;
	pthread_mutex_lock(&port->lock);
	err = send_in(client, place, deadline, &number);
	pthread_mutex_unlock(&port->lock);
	if (!err)
		*ticket = number;
	return err;
}

/* Taking */

/* What will not get a reply any more: it is taken without one. */
static ssize_t take_given_up(struct peal_port_client *client, uint64_t *ticket)
{
	int64_t now = peal_now();

	PEAL_LIST_EACH (entry, &client->sent) {
		struct peal_place *place = PEAL_CONTAINER_OF(entry, struct peal_place, member);
		int err = place->cancelled ? -ECANCELED : -ETIMEDOUT;

		if (!is_given_up(place, now))
			continue;
		*ticket = place->ticket;
		peal_port_abandon(place, err);
		return err;
	}
	return -EAGAIN;
}

static ssize_t take_done(
	struct peal_port_client *client, uint64_t *ticket, void *reply, size_t room)
{
	struct peal_place *place;
	ssize_t n;

	place = PEAL_CONTAINER_OF(client->done.next, struct peal_place, link);
	*ticket = place->ticket;
	n = place->result;
	if (n > 0 && room)
		memcpy(reply, place->reply, (size_t)n < room ? (size_t)n : room);
	peal_port_free_place(client->port, place);
	return n;
}

ssize_t peal_port_take(struct peal_port_client *client, uint64_t *ticket, void *reply, size_t room)
{
	struct peal_port *port;
	ssize_t n;

	if (!client || !ticket || (room && !reply))
		return -EINVAL;
	port = client->port;
	if (peal_port_is_stale(port))
		return -ESTALE;
	*ticket = 0;
	pthread_mutex_lock(&port->lock);
	if (peal_list_empty(&client->done))
		n = take_given_up(client, ticket);
	else
		n = take_done(client, ticket, reply, room);
	settle(client);
	pthread_mutex_unlock(&port->lock);
	return n;
}

int peal_port_cancel(struct peal_port_client *client, uint64_t ticket)
{
	int err = -ENOENT;

	if (!client || !ticket)
		return -EINVAL;
	if (peal_port_is_stale(client->port))
		return -ESTALE;
	pthread_mutex_lock(&client->port->lock);
	PEAL_LIST_EACH (entry, &client->sent) {
		struct peal_place *place = PEAL_CONTAINER_OF(entry, struct peal_place, member);

		if (place->ticket != ticket || place->state == PEAL_PLACE_DONE || place->cancelled)
			continue;
		place->cancelled = true;
		err = 0;
	}
	if (!err)
		settle(client);
	pthread_mutex_unlock(&client->port->lock);
	return err;
}
