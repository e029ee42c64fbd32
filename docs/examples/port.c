/* SPDX-License-Identifier: MIT */
/*
 * A thread that is no shard asks fibers: first it waits for the reply, then it sends several requests and
 * takes the replies as they come, as a loop with a descriptor would.
 *
 * Prints:
 *	6 * 7 = 42
 *	1 + 4 + 9 + 16 = 30
 */
#include <peal/peal.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

struct factors {
	int a, b;
};

/* A fiber; there may be more of them. */
static int multiply(void *arg)
{
	struct peal_port *port = arg;
	struct peal_request *request;

	while (!peal_port_recv(port, &request)) {
		struct factors factors;
		int product;

		if (request->size != sizeof(factors)) {
			peal_port_reply(request, -EINVAL, NULL, 0);
			continue;
		}
		memcpy(&factors, request->data, sizeof(factors));
		product = factors.a * factors.b;
		peal_port_reply(request, 0, &product, sizeof(product));
	}
	return 0; /* the port is closed: the runtime drains */
}

static int ask(struct peal_port_client *client)
{
	struct factors factors = { 6, 7 };
	int product;
	ssize_t n = peal_port_call(
		client, &factors, sizeof(factors), &product, sizeof(product), peal_in(10 * PEAL_S));

	if (n < 0)
		return (int)n;
	printf("%d * %d = %d\n", factors.a, factors.b, product);
	return 0;
}

static int ask_for_squares(struct peal_port_client *client)
{
	struct pollfd readable = { .fd = peal_port_fd(client), .events = POLLIN };
	uint64_t ticket;
	int sum = 0, product, left = 0, err = 0;

	for (int i = 1; i <= 4 && !err; i++) {
		struct factors factors = { i, i };

		err = peal_port_send(
			client, &factors, sizeof(factors), peal_in(10 * PEAL_S), &ticket);
		left += !err;
	}
	while (left && poll(&readable, 1, -1) == 1) {
		ssize_t n = peal_port_take(client, &ticket, &product, sizeof(product));

		if (n == -EAGAIN)
			continue;
		left--;
		if (n < 0)
			err = (int)n;
		else
			sum += product;
	}
	if (!err)
		printf("1 + 4 + 9 + 16 = %d\n", sum);
	return err;
}

int main(void)
{
	struct peal_port_client *client = NULL;
	struct peal_reason reason;
	struct peal_port *port;
	struct peal_rt *rt;
	int err = peal_rt_start(&rt, NULL, &reason);

	if (err) {
		fprintf(stderr, "no runtime: %s\n", reason.text);
		return 1;
	}
	err = peal_port_open(&port, rt, NULL);
	if (!err)
		err = peal_rt_spawn(rt, multiply, port, NULL);
	if (!err)
		err = peal_port_connect(&client, port);
	if (!err)
		err = ask(client);
	if (!err)
		err = ask_for_squares(client);
	peal_port_disconnect(client);
	peal_rt_stop(rt);
	return err != 0;
}
