/* SPDX-License-Identifier: MIT */
/* One stream: its queue, and waiting for it. */
#include <signal.h>

#include "stream.h"

static struct signal_stream *stream_of(struct peal_signal_stream *head)
{
	return PEAL_CONTAINER_OF(head, struct signal_stream, head);
}

struct signal_stream *peal_signal_stream_create(
	struct peal_signal_plugin *plugin, uint64_t signals, uint32_t room)
{
	uint32_t capacity = room + (uint32_t)__builtin_popcountll(signals);
	struct signal_stream *stream = plugin->host->alloc(
		1, sizeof(*stream) + capacity * sizeof(stream->queue[0]));

	if (!stream)
		return NULL;
	stream->plugin = plugin;
	stream->signals = signals;
	stream->room = room;
	stream->capacity = capacity;
	pthread_mutex_init(&stream->lock, NULL);
	return stream;
}

void peal_signal_stream_free(struct signal_stream *stream)
{
	pthread_mutex_destroy(&stream->lock);
	stream->plugin->host->free(stream);
}

/* Has it a place, in which nothing waits? With the lock held. */
static bool take_place(struct signal_stream *stream, int number)
{
	if (!stream->waiting[number])
		return true;
	if (number < SIGRTMIN || stream->extra == stream->room)
		return false;
	stream->extra++;
	return true;
}

static void append(struct signal_stream *stream, const struct peal_siginfo *signal)
{
	stream->waiting[signal->number]++;
	stream->latest[signal->number] = stream->end;
	stream->queue[stream->end++ % stream->capacity] = (struct peal_signal_event){
		.number = signal->number,
		.code = signal->code,
		.pid = signal->pid,
		.uid = signal->uid,
		.value = signal->value,
		.count = 1,
	};
}

bool peal_signal_stream_put(struct signal_stream *stream, const struct peal_siginfo *signal)
{
	bool fits;

	pthread_mutex_lock(&stream->lock);
	fits = take_place(stream, signal->number);
	if (fits)
		append(stream, signal);
	else
		stream->queue[stream->latest[signal->number] % stream->capacity].count++;
	pthread_mutex_unlock(&stream->lock);
	if (fits)
		peal_semaphore_release(&stream->events, 1);
	return !fits;
}

void peal_signal_stream_end(struct signal_stream *stream)
{
	bool ended;

	pthread_mutex_lock(&stream->lock);
	ended = stream->ended;
	stream->ended = true;
	pthread_mutex_unlock(&stream->lock);
	if (!ended)
		peal_semaphore_release(&stream->events, 1);
}

/* For who has a permit. False at the end. */
static bool take(struct signal_stream *stream, struct peal_signal_event *event)
{
	bool any;

	pthread_mutex_lock(&stream->lock);
	any = stream->first != stream->end;
	if (any) {
		*event = stream->queue[stream->first++ % stream->capacity];
		if (--stream->waiting[event->number])
			stream->extra--;
	}
	pthread_mutex_unlock(&stream->lock);
	return any;
}

/* With the permit that acquiring gave, if err is 0. */
static int finish(struct signal_stream *stream, struct peal_signal_event *event, int err)
{
	if (err)
		return err;
	if (take(stream, event))
		return 0;
	peal_semaphore_release(&stream->events, 1);
	return -ESHUTDOWN;
}

int peal_signal_stream_next(struct peal_signal_stream *head, struct peal_signal_event *event)
{
	struct signal_stream *stream = stream_of(head);

	return finish(stream, event, peal_semaphore_acquire(&stream->events, 1));
}

int peal_signal_stream_try_next(struct peal_signal_stream *head, struct peal_signal_event *event)
{
	struct signal_stream *stream = stream_of(head);

	return finish(stream, event, peal_semaphore_try_acquire(&stream->events, 1));
}
