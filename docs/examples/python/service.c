/* SPDX-License-Identifier: MIT */
/*
 * A service for a program that is not written in C: ask.py loads it, and asks it through a port.
 *
 *	cc -shared -fPIC service.c $(pkg-config --cflags --libs peal) -o service.so
 */
#include <peal/peal.h>

#include <ctype.h>
#include <stdio.h>

PEAL_API int service_start(struct peal_rt **rt, struct peal_port **port);

static int count_words(const char *text, size_t size)
{
	int words = 0;

	for (size_t i = 0; i < size; i++)
		words += !isspace((unsigned char)text[i]) &&
			(i == 0 || isspace((unsigned char)text[i - 1]));
	return words;
}

/* A fiber: a real service would talk to the network in here. */
static int serve(void *arg)
{
	struct peal_request *request;

	while (!peal_port_recv(arg, &request)) {
		char reply[32];
		int size = snprintf(reply, sizeof(reply), "%d words",
			count_words(request->data, request->size));

		peal_sleep(PEAL_MS);
		peal_port_reply(request, 0, reply, (size_t)size);
	}
	return 0;
}

int service_start(struct peal_rt **rt, struct peal_port **port)
{
	int err = peal_rt_start(rt, PEAL_RT(.shards = 2), NULL);

	if (err)
		return err;
	err = peal_port_open(port, *rt, PEAL_PORT(.places = 16));
	if (!err)
		err = peal_rt_spawn(*rt, serve, *port, NULL);
	if (err)
		peal_rt_stop(*rt);
	return err;
}
