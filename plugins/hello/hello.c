/* SPDX-License-Identifier: MIT */
/*
 * The hello plugin: greets (hello.h). One parameter, one counter, one function, and state to go
 * with them.
 */
#include <stdio.h>

#include <peal/plugin.h>
#include <peal/plugins/hello.h>

/* The plugin's counters, by their place in the table at the end. */
enum { GREETINGS };

/* One for each runtime. Nothing here is static: several runtimes may use the plugin at once. */
struct peal_hello {
	const struct peal_host *host;
	const char *greeting; /* the parameter, which stays until stop */
};

static int hello_start(void **state, const struct peal_host *host, const struct peal_params *params)
{
	struct peal_hello *hello = host->alloc(1, sizeof(*hello));

	if (!hello)
		return -ENOMEM;
	hello->host = host;
	hello->greeting = host->param_string(params, "greeting");
	*state = hello;
	return 0;
}

static void hello_stop(void *state)
{
	struct peal_hello *hello = state;

	hello->host->free(hello);
}

static int hello_greet(void *state, const char *who, char *buf, size_t size)
{
	const struct peal_hello *hello = state;
	int length = snprintf(NULL, 0, "%s, %s!", hello->greeting, who);

	if (length < 0 || (size_t)length >= size)
		return -ENOSPC;
	hello->host->count(hello->host, GREETINGS, 1);
	return snprintf(buf, size, "%s, %s!", hello->greeting, who);
}

static const struct peal_hello_api api = { .size = sizeof(api), .greet = hello_greet };

PEAL_PLUGIN = {
	PEAL_PLUGIN_HEADER("hello", "1.0"),
	.summary = "greets: the one to copy",
	.params = PEAL_PARAMS({ .name = "greeting",
		.type = PEAL_PARAM_STRING,
		.initial = "Hello",
		.help = "the first word" }),
	.counters = PEAL_PLUGIN_COUNTERS({ .name = "greetings", .help = "Greetings written." }),
	.api = &api,
	.api_major = PEAL_HELLO_API_MAJOR,
	.start = hello_start,
	.stop = hello_stop,
};
