/* SPDX-License-Identifier: MIT */
/*
 * The signal plugin: signals as streams of events, for any number of fibers on any shards.
 *
 *	struct peal_signal_stream *signals;
 *	struct peal_signal_event event;
 *
 *	peal_plugin_load("signal", NULL, &reason);
 *	err = peal_signal_open(&signals, PEAL_SIGNAL_BIT(SIGHUP) | PEAL_SIGNAL_BIT(SIGUSR1), NULL);
 *	...
 *	while (!(err = peal_signal_next(signals, &event)))
 *		if (event.number == SIGHUP)
 *			reload();
 *	peal_signal_close(signals);                   // err is -ESHUTDOWN: the runtime drains
 *
 * Nothing is installed until a stream is opened for a signal; the handler is the library's own, and what
 * was there before is called as well, unless that is the default, and is put back when the last stream
 * for the signal is closed. Every stream of a signal is told of it. While one is open the signal does not
 * do what it does by default: a SIGTERM that somebody listens to does not end the process. Who only wants
 * SIGINT and SIGTERM to drain the runtime needs no plugin: that is drain_on_signal (runtime.h).
 *
 * How signals are counted. The kernel keeps one of each ordinary signal: what is sent again before the
 * handler has run is not seen by anybody. What the handler has seen waits in each stream until it is
 * asked for, at most one event for each ordinary signal, whose `count` says how many came. Real-time
 * signals (SIGRTMIN to SIGRTMAX) are queued, each with its value, as far as there is room, and are then
 * counted as well. So a stream is bounded and never silent about a signal. Order is that of arrival.
 *
 * No parameters. Counters: signal.events, signal.merged. peal-signal(7) has the recipe for a server that
 * shuts down gracefully.
 */
#ifndef PEAL_PLUGINS_SIGNAL_H
#define PEAL_PLUGINS_SIGNAL_H

#include <errno.h>

#include <peal/load.h>

PEAL_BEGIN_DECLS

#define PEAL_SIGNAL_API_MAJOR   1

/* A set of signals is the sum of these. Numbers are 1 to 64. */
#define PEAL_SIGNAL_BIT(number) ((uint64_t)1 << ((number)-1))

/* What is known of a signal: sigaction(2). Of several that were counted together, of the first. Who sent
 * it is advisory, and 0 where there is no sender. */
struct peal_signal_event {
	int32_t number;
	int32_t code; /* si_code; 0 too when so many came at once that no more is known */
	int32_t pid;
	uint32_t uid;
	uint64_t value; /* of sigqueue(3) */
	uint64_t count; /* of signals that this event stands for; at least 1 */
};

struct peal_signal_opts {
	size_t size;            /* of this struct; PEAL_SIGNAL() sets it */
	uint32_t room;          /* of real-time signals that wait one by one; 64, at most 65536 */
	uint8_t while_draining; /* the stream goes on when the runtime drains */
	uint8_t reserved[3];
};

/* Options in place. C only. */
#define PEAL_SIGNAL(...) \
	(&(const struct peal_signal_opts){ .size = sizeof(struct peal_signal_opts), __VA_ARGS__ })

struct peal_signal_stream;

/* The table behind the functions below. */
struct peal_signal_api {
	size_t size;
	int (*open)(void *state, struct peal_signal_stream **stream, uint64_t signals,
		const struct peal_signal_opts *opts);
	int (*next)(struct peal_signal_stream *stream, struct peal_signal_event *event);
	int (*try_next)(struct peal_signal_stream *stream, struct peal_signal_event *event);
	void (*close)(struct peal_signal_stream *stream);
};

/* How a stream begins; the rest is the plugin's. */
struct peal_signal_stream {
	const struct peal_signal_api *api;
};

/*
 * Open a stream of some signals; opts may be NULL. It is told of every signal that comes after this has
 * returned. 0 and *stream; -EINVAL for a set that is empty or has a signal that means a fault (SIGSEGV and
 * so on), SIGKILL or SIGSTOP, and for too much room; -E2BIG for options that this version does not know; -ENOMEM;
 * -ESHUTDOWN when the runtime drains already (without while_draining); -EPERM when the caller is no fiber;
 * -ENOSYS when the plugin is not loaded. May suspend; not cancelled by anything.
 */
static inline int peal_signal_open(
	struct peal_signal_stream **stream, uint64_t signals, const struct peal_signal_opts *opts)
{
	void *state;
	const struct peal_signal_api *api = (const struct peal_signal_api *)peal_plugin_api(
		NULL, "signal", PEAL_SIGNAL_API_MAJOR, &state);

	return PEAL_HAS(api, open) ? api->open(state, stream, signals, opts) : -ENOSYS;
}

/*
 * Wait for the next event. Several fibers, on any shards, may wait for one stream; each event goes to one of
 * them, first come, first served. 0 and *event; -ESHUTDOWN when the runtime drains and all was told (without while_draining);
 * -ECANCELED, -ETIMEDOUT (scope.h): nothing was taken; -EPERM when the caller is no fiber. Suspends.
 */
static inline int peal_signal_next(
	struct peal_signal_stream *stream, struct peal_signal_event *event)
{
	return stream->api->next(stream, event);
}

/* The same without waiting: -EAGAIN when there is none. On any thread. Does not suspend. */
static inline int peal_signal_try_next(
	struct peal_signal_stream *stream, struct peal_signal_event *event)
{
	return stream->api->try_next(stream, event);
}

/*
 * Close a stream that nobody waits for any more; what it has not told is lost. Accepts NULL. On any
 * thread, while the runtime has tasks; streams that are open when the last has ended are closed then.
 * Does not suspend.
 */
static inline void peal_signal_close(struct peal_signal_stream *stream)
{
	if (stream)
		stream->api->close(stream);
}

PEAL_END_DECLS

#endif
