/* SPDX-License-Identifier: MIT */
/*
 * Serving: accept, a task for each connection, and what can go wrong in between.
 *
 * All shards accept from the one listener, whoever has time first, and a connection mostly stays where it
 * was accepted. But a burst goes to the one shard that is awake. Therefore connections are counted, and
 * when the accepting shard has more than an eighth more than another, that one gets the next.
 */
#include <errno.h>

#include <peal/io.h>
#include <peal/net.h>
#include <peal/scope.h>
#include <peal/sync.h>
#include <peal/time.h>

#include "core/base/alloc.h"
#include "core/base/opts.h"
#include "core/runtime/rt.h"
#include "core/task/wait.h"

#define PAUSE_FIRST PEAL_MS
#define PAUSE_MOST  PEAL_S

/* The connections of one shard, on a cache line of its own. */
struct share {
	PEAL_ALIGNED_LINE PEAL_ATOMIC(uint32_t) open;
};

/* Shared by those who accept and their connections; the last to leave frees it. */
struct server {
	int listener;
	peal_serve_fn *handler;
	void *arg;
	struct peal_serve_opts opts;
	struct peal_semaphore room;    /* permits for connections, if they are limited */
	struct peal_semaphore freed;   /* a connection has ended: descriptors or memory came back */
	PEAL_ATOMIC(uint32_t) pausing; /* those who wait for that */
	PEAL_ATOMIC(uint32_t) owners;
	uint32_t shards;
	struct share shares[];
};

struct connection {
	struct server *server;
	struct share *share;
	int fd;
};

/* Who accepts, on one shard. */
struct acceptor {
	struct server *server;
	int64_t pause;
	bool has_room; /* a permit for the next connection */
};

static void let_go(struct server *server)
{
	if (peal_sub_acq_rel(&server->owners, 1) == 1)
		peal_free(server);
}

static void connection_ended(const struct connection *connection)
{
	struct server *server = connection->server;

	peal_sub_acq_rel(&connection->share->open, 1);
	if (server->opts.max_connections)
		peal_semaphore_release(&server->room, 1);
	if (peal_load_acquire(&server->pausing))
		peal_semaphore_release(&server->freed, 1);
	let_go(server);
}

static int serve_connection(void *arg)
{
	struct connection connection = *(struct connection *)arg;
	int result;

	peal_free(arg);
	result = connection.server->handler(connection.fd, connection.server->arg);
	if (result < 0)
		PEAL_COUNT(peal_shard_current(), connections_failed);
	connection_ended(&connection);
	return result;
}

static bool is_balanced(const struct server *server)
{
	return !server->opts.place && !server->opts.here;
}

/* The share of the calling shard, or of the one that has the fewest. */
static struct share *choose_share(struct server *server)
{
	struct share *here = &server->shares[peal_shard_current()->index], *least = here;
	uint32_t fewest = peal_load_relaxed(&here->open), open = fewest;

	if (!is_balanced(server))
		return here;
	for (uint32_t i = 0; i < server->shards; i++) {
		uint32_t n = peal_load_relaxed(&server->shares[i].open);

		if (n < fewest) {
			fewest = n;
			least = &server->shares[i];
		}
	}
	return open - fewest <= fewest / 8 ? here : least;
}

static int spawn_connection(struct server *server, struct connection *connection)
{
	uint32_t shard = (uint32_t)(connection->share - server->shares);
	uint64_t place = server->opts.place;

	if (is_balanced(server) && shard != peal_shard_current()->index) {
		PEAL_COUNT(peal_shard_current(), connections_passed);
		place = PEAL_PINNED(shard);
	}
	return peal_spawn(serve_connection, connection,
		PEAL_SPAWN(.place = place, .name = server->opts.name));
}

static int start_connection(struct server *server, int fd)
{
	struct connection *connection = peal_alloc(1, sizeof(*connection));
	struct share *share = choose_share(server);
	int err;

	if (!connection)
		return -ENOMEM;
	*connection = (struct connection){ .server = server, .share = share, .fd = fd };
	peal_add_acq_rel(&server->owners, 1);
	peal_add_acq_rel(&share->open, 1);
	err = spawn_connection(server, connection);
	if (err) {
		peal_sub_acq_rel(&share->open, 1);
		let_go(server);
		peal_free(connection);
	}
	return err;
}

/* Until there are fewer connections than allowed. */
static int wait_for_room(struct acceptor *acceptor)
{
	struct server *server = acceptor->server;
	int err = 0;

	if (server->opts.max_connections && !acceptor->has_room)
		err = peal_semaphore_acquire(&server->room, 1);
	if (!err)
		acceptor->has_room = true;
	return err;
}

/* Something is used up that others may give back, our own connections among them. */
static int pause_accepting(struct acceptor *acceptor)
{
	struct server *server = acceptor->server;
	int64_t pause = acceptor->pause ? acceptor->pause : PAUSE_FIRST;
	int err;

	acceptor->pause = pause < PAUSE_MOST / 2 ? 2 * pause : PAUSE_MOST;
	PEAL_COUNT(peal_shard_current(), accept_pauses);
	peal_add_acq_rel(&server->pausing, 1);
	err = PEAL_WITHIN_GET(pause, peal_semaphore_acquire(&server->freed, 1));
	peal_sub_acq_rel(&server->pausing, 1);
	/* The end of the pause, unless it was that of an enclosing deadline. */
	return err == -ETIMEDOUT ? peal_cancelled() : err;
}

/* A connection that was accepted is not given up because no task could be made just now. */
static int hand_over(struct acceptor *acceptor, int fd)
{
	int err;

	while ((err = start_connection(acceptor->server, fd)) == -EAGAIN || err == -ENOMEM) {
		err = pause_accepting(acceptor);
		if (err)
			break;
	}
	if (err) {
		peal_close(fd);
		return err;
	}
	acceptor->pause = 0;
	acceptor->has_room = false;
	return 0;
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
static int accept_one(struct acceptor *acceptor)
{
	int err = wait_for_room(acceptor);
	int fd;

	if (err || peal_draining())
		return err ? err : -ECANCELED;
	fd = peal_accept(acceptor->server->listener, NULL, NULL, 0);
	if (fd >= 0) {
		PEAL_COUNT(peal_shard_current(), connections_accepted);
		return hand_over(acceptor, fd);
	}
	if (used_up(fd))
		return pause_accepting(acceptor);
	return peers_fault(fd) ? 0 : fd;
}

static int accept_for_ever(void *arg)
{
	struct acceptor acceptor = { .server = arg };
	int err;

	while (!(err = accept_one(&acceptor)))
		;
	if (acceptor.has_room && acceptor.server->opts.max_connections)
		peal_semaphore_release(&acceptor.server->room, 1);
	return err;
}

/* The first that fails ends all of them. */
static int accept_everywhere(struct peal_scope *scope, void *arg)
{
	struct server *server = arg;
	uint32_t here = peal_shard_current()->index;
	int err = 0;

	for (uint32_t i = 0; i < server->shards && !err; i++)
		if (i != here)
			err = peal_scope_spawn(scope, accept_for_ever, server,
				PEAL_SPAWN(.place = PEAL_PINNED(i), .name = "accept"));
	return err ? err : accept_for_ever(server);
}

static int make_server(struct server **made, int listener, peal_serve_fn *handler, void *arg,
	const struct peal_serve_opts *given)
{
	uint32_t shards;
	struct peal_serve_opts opts;
	struct server *server;
	int err = PEAL_OPTS_READ(&opts, given);

	if (err || !handler || (opts.here && opts.place))
		return err ? err : -EINVAL;
	if (!peal_task_current())
		return -EPERM;
	shards = peal_shard_current()->rt->shard_count;
	server = peal_alloc_line(sizeof(*server) + shards * sizeof(server->shares[0]));
	if (!server)
		return -ENOMEM;
	server->listener = listener;
	server->handler = handler;
	server->arg = arg;
	server->opts = opts;
	server->shards = shards;
	peal_semaphore_init(&server->room, opts.max_connections);
	peal_store_relaxed(&server->owners, 1);
	*made = server;
	return 0;
}

int peal_serve(int listener, peal_serve_fn *handler, void *arg, const struct peal_serve_opts *opts)
{
	struct peal_rt *rt = peal_rt_current();
	struct server *server;
	int err = make_server(&server, listener, handler, arg, opts);

	if (err)
		return err;
	if (is_balanced(server) && server->shards > 1)
		err = peal_scope_run(accept_everywhere, server, PEAL_SCOPE_OPTS(.name = "serve"));
	else
		err = accept_for_ever(server);
	let_go(server);
	if ((err == -ECANCELED || err == -ESHUTDOWN) && peal_load_seq_cst(&rt->drain_asked))
		return 0;
	/* Within our own scopes every reason from outside is -ECANCELED. */
	return err == -ECANCELED && peal_cancelled() ? peal_cancelled() : err;
}
