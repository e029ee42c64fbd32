/* SPDX-License-Identifier: MIT */
/*
 * The signal plugin (signal.h). Signals are heard on shard 0, through the host's gateway; whatever changes
 * who listens happens there as well, so that the list of streams needs no lock.
 */
#include <peal/runtime.h>
#include <peal/scope.h>

#include "stream.h"

#define ROOM_DEFAULT 64
#define ROOM_MOST    65536

/* The plugin's counters, by their place in the table at the end. */
enum { EVENTS, MERGED };

/* On shard 0 */

static void on_signal(struct peal_sigwatch *watch, const struct peal_siginfo *signal)
{
	struct peal_signal_plugin *plugin = PEAL_CONTAINER_OF(
		watch - watch->number, struct peal_signal_plugin, watches[0]);
	uint64_t told = 0, merged = 0;

	for (struct signal_stream *stream = plugin->streams; stream; stream = stream->next) {
		if (!(stream->signals & PEAL_SIGNAL_BIT(signal->number)))
			continue;
		if (peal_signal_stream_put(stream, signal))
			merged++;
		else
			told++;
	}
	plugin->host->count(plugin->host, EVENTS, told);
	plugin->host->count(plugin->host, MERGED, merged);
}

static void ignore(struct peal_signal_plugin *plugin, int number)
{
	if (--plugin->users[number] == 0)
		plugin->host->signal_unwatch(plugin->host, &plugin->watches[number]);
}

static int listen_to(struct peal_signal_plugin *plugin, int number)
{
	struct peal_sigwatch *watch = &plugin->watches[number];
	int err = 0;

	if (!plugin->users[number]) {
		*watch = (struct peal_sigwatch){ .fn = on_signal, .number = number };
		err = plugin->host->signal_watch(plugin->host, watch);
	}
	if (!err)
		plugin->users[number]++;
	return err;
}

static void ignore_all(struct peal_signal_plugin *plugin, uint64_t signals)
{
	for (int number = 1; number <= PEAL_SIGNALS; number++)
		if (signals & PEAL_SIGNAL_BIT(number))
			ignore(plugin, number);
}

static int listen_to_all(struct peal_signal_plugin *plugin, uint64_t signals)
{
	for (int number = 1; number <= PEAL_SIGNALS; number++) {
		int err = 0;

		if (signals & PEAL_SIGNAL_BIT(number))
			err = listen_to(plugin, number);
		if (err) {
			ignore_all(plugin, signals & (PEAL_SIGNAL_BIT(number) - 1));
			return err;
		}
	}
	return 0;
}

static int subscribe(struct signal_stream *stream)
{
	struct peal_signal_plugin *plugin = stream->plugin;
	int err;

	if (!stream->while_draining && peal_draining())
		return -ESHUTDOWN;
	err = listen_to_all(plugin, stream->signals);
	if (err)
		return err;
	stream->next = plugin->streams;
	stream->link = &plugin->streams;
	if (stream->next)
		stream->next->link = &stream->next;
	plugin->streams = stream;
	return 0;
}

static void unsubscribe(struct signal_stream *stream)
{
	if (!stream->link)
		return; /* the plugin has stopped meanwhile */
	*stream->link = stream->next;
	if (stream->next)
		stream->next->link = stream->link;
	stream->link = NULL;
	ignore_all(stream->plugin, stream->signals);
}

/* From any shard */

struct opening {
	struct peal_post post;
	struct peal_semaphore done;
	struct signal_stream *stream;
	int result;
};

static void on_opening(struct peal_post *post)
{
	struct opening *opening = PEAL_CONTAINER_OF(post, struct opening, post);

	opening->result = subscribe(opening->stream);
	peal_semaphore_release(&opening->done, 1);
}

/* In a fiber. The post cannot be taken back, so the wait for it must not end early: the scope is a shield. */
static int subscribe_by_post(struct signal_stream *stream)
{
	struct opening opening = { .stream = stream };
	int err = peal_rt_post(stream->plugin->host->rt, 0, &opening.post, on_opening);

	if (err)
		return err;
	peal_semaphore_acquire(&opening.done, 1);
	return opening.result;
}

static int subscribe_in_fiber(struct signal_stream *stream)
{
	struct peal_scope shield;
	int err = peal_scope_open(&shield, PEAL_SCOPE_OPTS(.shield = 1));

	if (err)
		return err;
	err = peal_shard() ? subscribe_by_post(stream) : subscribe(stream);
	peal_scope_close(&shield);
	return err;
}

/* Options of another version: what we do not know must be zero. */
static int read_opts(struct peal_signal_opts *opts, const struct peal_signal_opts *given)
{
	const unsigned char *bytes = (const unsigned char *)given;

	*opts = (struct peal_signal_opts){ .room = ROOM_DEFAULT };
	if (!given)
		return 0;
	if (given->size < sizeof(*opts))
		return -EINVAL;
	for (size_t i = offsetof(struct peal_signal_opts, reserved); i < given->size; i++)
		if (bytes[i])
			return -E2BIG;
	*opts = *given;
	if (!opts->room)
		opts->room = ROOM_DEFAULT;
	return opts->room > ROOM_MOST ? -EINVAL : 0;
}

static const struct peal_signal_api api;

static int signal_open(void *state, struct peal_signal_stream **opened, uint64_t signals,
	const struct peal_signal_opts *given)
{
	struct peal_signal_opts opts;
	struct signal_stream *stream;
	int err = read_opts(&opts, given);

	if (err || !opened || !signals)
		return err ? err : -EINVAL;
	stream = peal_signal_stream_create(state, signals, opts.room);
	if (!stream)
		return -ENOMEM;
	stream->head.api = &api;
	stream->while_draining = opts.while_draining;
	err = subscribe_in_fiber(stream);
	if (err)
		peal_signal_stream_free(stream);
	else
		*opened = &stream->head;
	return err;
}

static void on_closing(struct peal_post *post)
{
	struct signal_stream *stream = PEAL_CONTAINER_OF(post, struct signal_stream, post);

	unsubscribe(stream);
	peal_signal_stream_free(stream);
}

static void signal_close(struct peal_signal_stream *head)
{
	struct signal_stream *stream = PEAL_CONTAINER_OF(head, struct signal_stream, head);

	stream->closing = true;
	if (peal_rt_post(stream->plugin->host->rt, 0, &stream->post, on_closing))
		stream->closing = false; /* shard 0 listens no more, and will free it, too */
}

/* Life */

static int signal_start(
	void **state, const struct peal_host *host, const struct peal_params *params)
{
	struct peal_signal_plugin *plugin = host->alloc(1, sizeof(*plugin));

	(void)params;
	if (!plugin)
		return -ENOMEM;
	plugin->host = host;
	*state = plugin;
	return 0;
}

static void signal_drain(void *state)
{
	struct peal_signal_plugin *plugin = state;

	for (struct signal_stream *stream = plugin->streams; stream; stream = stream->next)
		if (!stream->while_draining)
			peal_signal_stream_end(stream);
}

static void signal_shard_stop(void *state, unsigned int shard, void *shard_state)
{
	struct peal_signal_plugin *plugin = state;

	(void)shard_state;
	while (!shard && plugin->streams) {
		struct signal_stream *stream = plugin->streams;

		unsubscribe(stream);
		if (!stream->closing)
			peal_signal_stream_free(stream);
	}
}

static void signal_stop(void *state)
{
	struct peal_signal_plugin *plugin = state;

	plugin->host->free(plugin);
}

static const struct peal_signal_api api = {
	.size = sizeof(api),
	.open = signal_open,
	.next = peal_signal_stream_next,
	.try_next = peal_signal_stream_try_next,
	.close = signal_close,
};

PEAL_PLUGIN = {
	PEAL_PLUGIN_HEADER("signal", "1.0"),
	.summary = "streams of signals, to any number of subscribers",
	.counters = PEAL_PLUGIN_COUNTERS(
		{ .name = "events", .help = "Events that were put into streams." },
		{ .name = "merged",
			.help = "Signals that were counted in an event that waited already." }),
	.api = &api,
	.api_major = PEAL_SIGNAL_API_MAJOR,
	.start = signal_start,
	.drain = signal_drain,
	.shard_stop = signal_shard_stop,
	.stop = signal_stop,
};
