/* SPDX-License-Identifier: MIT */
/*
 * Serving: accept, a task for each connection, and what can go wrong in between.
 */
#include <errno.h>

#include <peal/io.h>
#include <peal/net.h>
#include <peal/time.h>

#include "core/base/alloc.h"
#include "core/base/opts.h"
#include "core/runtime/rt.h"
#include "core/task/wait.h"

#define PAUSE_FIRST PEAL_MS
#define PAUSE_MOST  PEAL_S

/* Shared by the accepting fiber and its connections; the last to leave frees it. */
struct server {
	peal_serve_fn *handler;
	void *arg;
	struct peal_serve_opts opts;
	struct peal_task *acceptor;
	PEAL_ATOMIC(uint32_t) owners;
	PEAL_ATOMIC(uint32_t) open;    /* connections */
	PEAL_ATOMIC(uint32_t) waiting; /* the acceptor sleeps until one ends, and is owed a wake */
	int64_t pause;
};

struct connection {
	struct server *server;
	int fd;
};

static void let_go(struct server *server)
{
	if (peal_sub_acq_rel(&server->owners, 1) == 1)
		peal_free(server);
}

static void connection_ended(struct server *server)
{
	peal_sub_seq_cst(&server->open, 1);
	if (peal_load_seq_cst(&server->waiting) && peal_exchange_seq_cst(&server->waiting, 0))
		peal_task_wake(server->acceptor);
	let_go(server);
}

static int serve_connection(void *arg)
{
	struct connection connection = *(struct connection *)arg;
	struct server *server = connection.server;
	int result;

	peal_free(arg);
	result = server->handler(connection.fd, server->arg);
	if (result < 0)
		PEAL_COUNT(peal_shard_current(), connections_failed);
	connection_ended(server);
	return result;
}

static int start_connection(struct server *server, int fd)
{
	struct connection *connection = peal_alloc(1, sizeof(*connection));
	int err;

	if (!connection)
		return -ENOMEM;
	*connection = (struct connection){ .server = server, .fd = fd };
	peal_add_acq_rel(&server->owners, 1);
	peal_add_seq_cst(&server->open, 1);
	err = peal_spawn(serve_connection, connection,
		PEAL_SPAWN(.place = server->opts.place, .name = server->opts.name));
	if (err) {
		peal_sub_seq_cst(&server->open, 1);
		let_go(server);
		peal_free(connection);
	}
	return err;
}

struct room_wait {
	struct peal_wait wait;
	struct server *server;
};

static void cancel_room(struct peal_wait *wait)
{
	struct room_wait *room = PEAL_CONTAINER_OF(wait, struct room_wait, wait);

	if (peal_exchange_seq_cst(&room->server->waiting, 0)) {
		wait->cancelled = true;
		peal_task_wake(wait->task);
	}
}

/* Until there are fewer connections than allowed. */
static int wait_for_room(struct server *server)
{
	while (server->opts.max_connections &&
		peal_load_seq_cst(&server->open) >= server->opts.max_connections) {
		struct room_wait room = {
			.wait = { .cancel = cancel_room, .what = "room for a connection" },
			.server = server,
		};
		int err = peal_wait_begin(&room.wait);

		if (err)
			return err;
		peal_store_seq_cst(&server->waiting, 1);
		/* One may have ended just before it could see the mark; then nobody owes a wake, unless it
		 * did see it after all and took it. */
		if (peal_load_seq_cst(&server->open) >= server->opts.max_connections ||
			!peal_exchange_seq_cst(&server->waiting, 0))
			peal_task_park();
		err = peal_wait_end(&room.wait);
		if (err)
			return err;
	}
	return 0;
}

/* Something is used up that others may give back. */
static int pause_accepting(struct server *server)
{
	int64_t pause = server->pause ? server->pause : PAUSE_FIRST;

	server->pause = pause < PAUSE_MOST / 2 ? 2 * pause : PAUSE_MOST;
	PEAL_COUNT(peal_shard_current(), accept_pauses);
	return peal_sleep(pause);
}

/* A connection that was accepted is not given up because no task could be made just now. */
static int hand_over(struct server *server, int fd)
{
	int err;

	while ((err = start_connection(server, fd)) == -EAGAIN || err == -ENOMEM) {
		err = pause_accepting(server);
		if (err)
			break;
	}
	if (err)
		peal_close(fd);
	else
		server->pause = 0;
	return err;
}

/* accept(2): errors that were waiting on the new socket, and belong to it alone. */
static bool peers_fault(int err)
{
	switch (-err) {
	case ECONNABORTED:
	case EINTR:
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EPERM: /* a firewall */
		return true;
	default:
		return false;
	}
}

static bool used_up(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOBUFS || err == -ENOMEM;
}

/* One connection, or one error. Negative ends the serving. */
static int accept_one(struct server *server, int listener)
{
	int fd;
	int err = wait_for_room(server);

	if (err || peal_draining())
		return err ? err : -ECANCELED;
	fd = peal_accept(listener, NULL, NULL, 0);
	if (fd >= 0) {
		PEAL_COUNT(peal_shard_current(), connections_accepted);
		return hand_over(server, fd);
	}
	if (used_up(fd))
		return pause_accepting(server);
	return peers_fault(fd) ? 0 : fd;
}

static int make_server(struct server **made, peal_serve_fn *handler, void *arg,
	const struct peal_serve_opts *given)
{
	struct peal_serve_opts opts;
	struct server *server;
	int err = PEAL_OPTS_READ(&opts, given);

	if (err || !handler || (opts.here && opts.place))
		return err ? err : -EINVAL;
	if (!peal_task_current())
		return -EPERM;
	server = peal_alloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	if (!opts.place && !opts.here)
		opts.place = PEAL_ROUND_ROBIN;
	*server = (struct server){ .handler = handler, .arg = arg, .opts = opts };
	server->acceptor = peal_task_current();
	peal_store_relaxed(&server->owners, 1);
	*made = server;
	return 0;
}

int peal_serve(int listener, peal_serve_fn *handler, void *arg, const struct peal_serve_opts *opts)
{
	struct server *server;
	int err = make_server(&server, handler, arg, opts);

	if (err)
		return err;
	while (!(err = accept_one(server, listener)))
		;
	/* The acceptor's frame goes away: a connection that still owes it a wake must have given it. */
	let_go(server);
	return (err == -ECANCELED || err == -ESHUTDOWN) && peal_draining() ? 0 : err;
}
