/* SPDX-License-Identifier: MIT */
/*
 * The hello plugin: greets. The smallest complete plugin, to be copied.
 *
 *	peal_plugin_load("hello", "greeting=Hi", &reason);
 *	peal_hello_greet("world", buf, sizeof(buf));          // "Hi, world!"
 *
 * Parameter: greeting (text, "Hello"), the first word. Counter: hello.greetings.
 */
#ifndef PEAL_PLUGINS_HELLO_H
#define PEAL_PLUGINS_HELLO_H

#include <errno.h>

#include <peal/load.h>

PEAL_BEGIN_DECLS

#define PEAL_HELLO_API_MAJOR 1

/* The table behind the functions below. It grows at its end; when that is not enough, a new major
 * version begins. */
struct peal_hello_api {
	size_t size;
	int (*greet)(void *state, const char *who, char *buf, size_t size);
};

/*
 * Write "Hello, who!" into buf, terminated. Returns its length, -ENOSPC when it does not fit (buf
 * is not touched then), -ENOSYS when the plugin is not loaded into the calling shard's runtime. On
 * a shard. Does not suspend.
 */
static inline int peal_hello_greet(const char *who, char *buf, size_t size)
{
	void *state;
	const struct peal_hello_api *api = (const struct peal_hello_api *)peal_plugin_api(
		NULL, "hello", PEAL_HELLO_API_MAJOR, &state);

	return PEAL_HAS(api, greet) ? api->greet(state, who, buf, size) : -ENOSYS;
}

PEAL_END_DECLS

#endif
