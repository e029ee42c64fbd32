/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/runtime/fork.h"
#include "core/base/opts.h"
#include "core/port/port.h"
#include "core/runtime/rt.h"

#define PLACES_DEFAULT 64
#define PLACES_MOST    65536
#define BYTES_DEFAULT  4096
#define BYTES_MOST     (1u << 20)

/* With the lock held */

void peal_port_wake(struct peal_port_sleeper *sleeper, struct peal_place *place, int err)
{
	peal_list_remove(&sleeper->link);
	sleeper->place = place;
	sleeper->err = err;
	sleeper->woken = true;
	if (sleeper->task)
		peal_task_wake(sleeper->task);
	else
		pthread_cond_signal(&sleeper->changed);
}

void peal_port_free_place(struct peal_port *port, struct peal_place *place)
{
	peal_list_remove(&place->link);
	peal_list_remove(&place->member);
	place->client = NULL;
	place->sleeper = NULL;
	place->ticket = 0;
	place->cancelled = false;
	place->state = PEAL_PLACE_FREE;
	if (peal_list_empty(&port->callers)) {
		peal_list_append(&port->free, &place->link);
		return;
	}
	place->state = PEAL_PLACE_FILLED;
	peal_port_wake(
		PEAL_CONTAINER_OF(port->callers.next, struct peal_port_sleeper, link), place, 0);
}

void peal_port_done(struct peal_place *place, ssize_t result)
{
	struct peal_port *port = place->port;

	port->stats.waiting -= place->state == PEAL_PLACE_WAITING;
	port->stats.working -= place->state == PEAL_PLACE_WORKING;
	peal_list_remove(&place->link);
	place->result = result;
	place->state = PEAL_PLACE_DONE;
	if (place->sleeper) {
		peal_port_wake(place->sleeper, place, 0);
		place->sleeper = NULL;
		return;
	}
	peal_list_append(&place->client->done, &place->link);
	peal_port_tell(place->client);
}

static void fail_all(struct peal_list *places, int err)
{
	while (!peal_list_empty(places))
		peal_port_done(PEAL_CONTAINER_OF(places->next, struct peal_place, link), err);
}

static void wake_all(struct peal_list *sleepers, int err)
{
	while (!peal_list_empty(sleepers))
		peal_port_wake(PEAL_CONTAINER_OF(sleepers->next, struct peal_port_sleeper, link),
			NULL, err);
}

static void close_it(struct peal_port *port)
{
	port->closed = true;
	wake_all(&port->receivers, -ESHUTDOWN);
	wake_all(&port->callers, -ESHUTDOWN);
	fail_all(&port->waiting, -ESHUTDOWN);
}

/* Nobody who works on one will come back. Those that were abandoned are in the list as well. */
static void fail_working(struct peal_port *port)
{
	while (!peal_list_empty(&port->working)) {
		struct peal_place *place = PEAL_CONTAINER_OF(
			port->working.next, struct peal_place, link);

		if (place->state == PEAL_PLACE_ABANDONED) {
			port->stats.working--;
			peal_port_free_place(port, place);
		} else {
			peal_port_done(place, -ECONNRESET);
		}
	}
}

/* Opening */

static int read_opts(struct peal_port_opts *opts, const struct peal_port_opts *given)
{
	int err = PEAL_OPTS_READ(opts, given);

	if (err)
		return err;
	if (opts->places > PLACES_MOST || opts->bytes > BYTES_MOST)
		return -EINVAL;
	if (!opts->places)
		opts->places = PLACES_DEFAULT;
	if (!opts->bytes)
		opts->bytes = BYTES_DEFAULT;
	return 0;
}

static void init_place(struct peal_port *port, struct peal_place *place, char *bytes)
{
	place->port = port;
	place->bytes = bytes;
	place->reply = bytes + port->bytes;
	place->request.data = bytes;
	peal_list_init(&place->member);
	peal_list_append(&port->free, &place->link);
}

static void init(struct peal_port *port, const struct peal_port_opts *opts, char *bytes)
{
	pthread_mutex_init(&port->lock, NULL);
	port->owners = 1;
	port->generation = peal_fork_generation();
	port->bytes = opts->bytes;
	port->stats.places = opts->places;
	peal_list_init(&port->free);
	peal_list_init(&port->waiting);
	peal_list_init(&port->working);
	peal_list_init(&port->receivers);
	peal_list_init(&port->callers);
	for (uint32_t i = 0; i < opts->places; i++)
		init_place(port, &port->places[i], bytes + 2 * (size_t)opts->bytes * i);
}

static struct peal_port *create(const struct peal_port_opts *opts)
{
	size_t places = opts->places * sizeof(struct peal_place);
	struct peal_port *port;

	peal_alloc_hold(); /* clients may outlive the runtime */
	port = peal_alloc(1, sizeof(*port) + places + 2 * (size_t)opts->bytes * opts->places);
	if (port)
		init(port, opts, (char *)port->places + places);
	else
		peal_alloc_release();
	return port;
}

int peal_port_open(
	struct peal_port **opened, struct peal_rt *rt, const struct peal_port_opts *given)
{
	struct peal_port_opts opts;
	struct peal_port *port;
	int err;

	if (!opened || !rt)
		return -EINVAL;
	if (peal_rt_is_stale(rt))
		return -ESTALE;
	err = read_opts(&opts, given);
	if (err)
		return err;
	port = create(&opts);
	if (!port)
		return -ENOMEM;
	port->rt = rt;
	pthread_mutex_lock(&rt->lock);
	if (rt->ports_closed)
		err = -ESHUTDOWN;
	else
		peal_list_append(&rt->ports, &port->member);
	pthread_mutex_unlock(&rt->lock);
	if (err) {
		pthread_mutex_lock(&port->lock);
		peal_port_let_go(port);
		return err;
	}
	*opened = port;
	return 0;
}

void peal_port_let_go(struct peal_port *port)
{
	uint32_t owners = --port->owners;

	pthread_mutex_unlock(&port->lock);
	if (owners)
		return;
	pthread_mutex_destroy(&port->lock);
	peal_free(port);
	peal_alloc_release();
}

/* The runtime keeps its share: somebody may still work on a request, and reply. */
void peal_port_close(struct peal_port *port)
{
	if (!port || peal_port_is_stale(port))
		return;
	pthread_mutex_lock(&port->lock);
	close_it(port);
	pthread_mutex_unlock(&port->lock);
}

static void end(struct peal_port *port)
{
	pthread_mutex_lock(&port->lock);
	close_it(port);
	fail_working(port);
	port->rt = NULL;
	peal_port_let_go(port);
}

void peal_ports_drain(struct peal_rt *rt)
{
	pthread_mutex_lock(&rt->lock);
	rt->ports_closed = true;
	PEAL_LIST_EACH (entry, &rt->ports)
		peal_port_close(PEAL_CONTAINER_OF(entry, struct peal_port, member));
	pthread_mutex_unlock(&rt->lock);
}

void peal_ports_end(struct peal_rt *rt)
{
	PEAL_LIST_EACH (entry, &rt->ports)
		end(PEAL_CONTAINER_OF(entry, struct peal_port, member));
}

int peal_port_stats(struct peal_port *port, struct peal_port_stats *stats)
{
	struct peal_port_stats now;
	size_t size;

	if (!port || !stats || stats->size < sizeof(stats->size))
		return -EINVAL;
	size = stats->size < sizeof(now) ? stats->size : sizeof(now);
	pthread_mutex_lock(&port->lock);
	now = port->stats;
	pthread_mutex_unlock(&port->lock);
	now.size = size;
	memcpy(stats, &now, size);
	return 0;
}
