/* SPDX-License-Identifier: MIT */
/*
 * The plugin that the loader's tests load: it writes down what happens to it, and fails where it is
 * told to.
 */
#ifndef PEAL_TESTS_PROBE_H
#define PEAL_TESTS_PROBE_H

#include <peal/plugin.h>

#define PROBE_API_MAJOR 3

/* Lies in the test; the parameter `events` is its address. */
struct probe_events {
	char text[1024]; /* "start shard_start(0) ..." */
	/* Called where their names say, if set. */
	int (*in_start)(void);
	void (*in_shard)(unsigned int shard);
};

struct probe_api {
	size_t size;
	int64_t (*answer)(void *state); /* the parameter `answer` */
	const struct peal_host *(*host)(void *state);
};

#endif
