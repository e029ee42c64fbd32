/* SPDX-License-Identifier: MIT */
/*
 * A stream of signals: a bounded queue of events that shard 0 fills and fibers of any shard empty.
 *
 * Each signal of a stream has one place of its own in the queue, and real-time signals share `room` more.
 * So there is always an event that can take up one more signal: a new one, or, by its count, the latest
 * of the same number that waits.
 */
#ifndef PEAL_PLUGINS_SIGNAL_STREAM_H
#define PEAL_PLUGINS_SIGNAL_STREAM_H

#include <pthread.h>

#include <peal/plugin.h>
#include <peal/plugins/signal.h>
#include <peal/sync.h>

#define PEAL_SIGNALS 64

/* One for each runtime; all but host is shard 0's. */
struct peal_signal_plugin {
	const struct peal_host *host;
	struct signal_stream *streams;
	struct peal_sigwatch watches[PEAL_SIGNALS + 1]; /* by number */
	uint32_t users[PEAL_SIGNALS + 1];               /* streams, likewise */
};

struct signal_stream {
	struct peal_signal_stream head; /* what the user has */
	struct peal_signal_plugin *plugin;
	struct signal_stream *next, **link; /* shard 0's; link NULL: not in the list */
	struct peal_post post;              /* to shard 0, for the end */
	uint64_t signals;
	bool while_draining;
	bool closing; /* its post is under way */

	/* One permit for each event that waits, and one more when it has ended, which is passed on. */
	struct peal_semaphore events;

	pthread_mutex_t lock; /* guards the rest; nobody waits for anything with it */
	bool ended;
	uint32_t room, extra; /* places that are shared, and how many of them are taken */
	uint32_t capacity;
	uint64_t first, end; /* positions in the queue, modulo capacity */
	uint32_t waiting[PEAL_SIGNALS + 1];
	uint64_t latest[PEAL_SIGNALS + 1]; /* its position, if one waits */
	struct peal_signal_event queue[];
};

/* NULL when there is no memory. */
struct signal_stream *peal_signal_stream_create(
	struct peal_signal_plugin *plugin, uint64_t signals, uint32_t room);
void peal_signal_stream_free(struct signal_stream *stream);

/* Tell it of one signal, which it has subscribed to. True when an event that waits has taken it up. */
bool peal_signal_stream_put(struct signal_stream *stream, const struct peal_siginfo *signal);

/* Nothing more will come. */
void peal_signal_stream_end(struct signal_stream *stream);

/* As the public calls. */
int peal_signal_stream_next(struct peal_signal_stream *head, struct peal_signal_event *event);
int peal_signal_stream_try_next(struct peal_signal_stream *head, struct peal_signal_event *event);

#endif
