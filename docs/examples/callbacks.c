/* SPDX-License-Identifier: MIT */
/*
 * The echo server without fibers: every connection is a struct with an op in it, and each completion
 * starts the next operation. No stacks, no waiting; all of it on one shard.
 */
#include <peal/peal.h>

#include <stdio.h>
#include <stdlib.h>

struct connection {
	struct peal_op op;
	int fd;
	ssize_t have, sent;
	char buf[4096];
};

static void receive(struct connection *connection);

static void closed(struct peal_op *op)
{
	free(PEAL_CONTAINER_OF(op, struct connection, op));
}

static void sent(struct peal_op *op)
{
	struct connection *connection = PEAL_CONTAINER_OF(op, struct connection, op);

	if (op->result < 0) {
		peal_op_close(op, connection->fd, closed);
		return;
	}
	connection->sent += op->result;
	if (connection->sent == connection->have)
		receive(connection);
	else
		peal_op_send(op, connection->fd, connection->buf + connection->sent,
			(size_t)(connection->have - connection->sent), 0, sent);
}

static void received(struct peal_op *op)
{
	struct connection *connection = PEAL_CONTAINER_OF(op, struct connection, op);

	if (op->result <= 0) {
		peal_op_close(op, connection->fd, closed);
		return;
	}
	connection->have = op->result;
	connection->sent = 0;
	peal_op_send(op, connection->fd, connection->buf, (size_t)op->result, 0, sent);
}

static void receive(struct connection *connection)
{
	peal_op_recv(&connection->op, connection->fd, connection->buf, sizeof(connection->buf), 0,
		received);
}

struct listener {
	struct peal_op op;
	int fd;
};

static void accepted(struct peal_op *op)
{
	struct listener *listener = PEAL_CONTAINER_OF(op, struct listener, op);
	struct connection *connection;

	if (op->result < 0)
		return; /* the runtime drains, or there are no descriptors left: time to go */
	connection = calloc(1, sizeof(*connection));
	if (!connection)
		return;
	connection->fd = (int)op->result;
	receive(connection);
	peal_op_accept(op, listener->fd, NULL, NULL, 0, accepted);
}

static int serve(void *arg)
{
	static struct listener listener;

	listener.fd = peal_tcp_listen(arg, NULL);
	if (listener.fd < 0)
		return listener.fd;
	printf("port %d\n", peal_tcp_port(listener.fd));
	fflush(stdout);
	peal_op_accept(&listener.op, listener.fd, NULL, NULL, 0, accepted);
	while (peal_op_busy(&listener.op)) /* the callbacks run while this sleeps */
		if (peal_sleep(PEAL_S))
			break;
	return 0;
}

int main(int argc, char **argv)
{
	return peal_run(serve, argc > 1 ? argv[1] : "127.0.0.1:7000", PEAL_RT(.shards = 1)) < 0;
}
