/* SPDX-License-Identifier: MIT */
/*
 * A TCP proxy on all cores: what comes in on one side goes out on the other, both ways.
 *
 *	tcp-proxy --listen ADDR:PORT --to HOST:PORT [--shards N]
 *	tcp-proxy --listen 127.0.0.1:8000 --to example.org:80
 *
 * Each connection is a scope with two tasks, one for each direction. The end of one direction is passed on
 * and the other goes on (half close); an error in either ends both. The bytes stay in the kernel: a copy
 * between two sockets splices.
 */
#include <peal/peal.h>
#include <peal/stream.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTING (10 * PEAL_S) /* to the other side, at most */

struct direction {
	struct peal_stream *from, *to;
};

static int pass_on(void *arg)
{
	struct direction *direction = arg;
	int err = peal_stream_copy(direction->to, direction->from, UINT64_MAX, NULL);

	return err ? err : peal_stream_shutdown(direction->to);
}

static int pass_both(struct peal_stream *client, struct peal_stream *server)
{
	struct direction there = { client, server }, back = { server, client };
	int err = 0;

	PEAL_SCOPE (scope, .policy = PEAL_FAIL_FAST, .result = &err) {
		peal_scope_spawn(&scope, pass_on, &there, NULL);
		peal_scope_spawn(&scope, pass_on, &back, NULL);
	}
	return err;
}

static int serve(int fd, void *arg)
{
	struct peal_fd_stream client, server;
	int other = PEAL_WITHIN_GET(CONNECTING, peal_tcp_connect(arg)), err = other;

	if (other >= 0) {
		peal_set_nodelay(fd, true);
		peal_set_nodelay(other, true);
		err = pass_both(peal_fd_stream(&client, fd), peal_fd_stream(&server, other));
		if (err) /* who waits for more is to know that it will not come */
			peal_set_reset_on_close(fd, true);
		peal_close(other);
	}
	peal_close(fd);
	return err;
}

struct addresses {
	const char *listen, *to;
};

static int main_task(void *arg)
{
	const struct addresses *addresses = arg;
	int listener = peal_tcp_listen(addresses->listen, NULL);

	if (listener < 0)
		return listener;
	printf("tcp-proxy listens on port %d\n", peal_tcp_port(listener));
	fflush(stdout);
	return peal_serve(listener, serve, (void *)addresses->to, PEAL_SERVE(.name = "connection"));
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "listen", 1, NULL, 'l' }, { "to", 1, NULL, 't' },
		{ "shards", 1, NULL, 's' }, { 0 } };
	struct peal_rt_opts opts = { .size = sizeof(opts), .drain_on_signal = true };
	struct addresses addresses = { NULL, NULL };
	int c, err;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'l')
			addresses.listen = optarg;
		else if (c == 't')
			addresses.to = optarg;
		else if (c == 's')
			opts.shards = (uint32_t)atoi(optarg);
		else
			return 2;
	}
	if (!addresses.listen || !addresses.to) {
		fprintf(stderr,
			"usage: tcp-proxy --listen ADDR:PORT --to HOST:PORT [--shards N]\n");
		return 2;
	}
	err = peal_run(main_task, &addresses, &opts);
	if (err < 0)
		fprintf(stderr, "tcp-proxy: %s\n", strerror(-err));
	return err < 0;
}
