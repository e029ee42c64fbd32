/* SPDX-License-Identifier: MIT */
/*
 * The streams are dealt out to two threads, every other one; each thread waits with epoll and goes on with
 * whichever stream has something. Sends block: a window fits the buffers of the kernel. A single stream has
 * a thread that blocks in both. Messages to owners are additions to a shared word.
 */
#include "perf/streams_floor.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "perf/runtime.h"

struct bare_stream {
	int fd;
	unsigned int index;
	uint64_t times;
	unsigned int step, left; /* frames of the step that were not yet sent */
	unsigned int number;     /* of the next frame that comes back */
	size_t missing;          /* bytes of the window that did not yet come back */
};

static struct {
	struct perf_run *run;
	const struct perf_load *load;
	bool gathered;
	struct perf_echo echoes[PERF_STREAMS];
	pthread_barrier_t barrier;
	atomic_ullong owners[PERF_OWNERS];
} bare;

static void send_window(struct bare_stream *stream)
{
	static const char zeroes[PERF_FRAMES_AT_ONCE * PERF_FRAME];
	unsigned int n = stream->left < PERF_FRAMES_AT_ONCE ? stream->left : PERF_FRAMES_AT_ONCE;
	size_t size = (size_t)n * PERF_FRAME, each = bare.gathered ? size : PERF_FRAME;

	stream->left -= n;
	stream->missing = size;
	for (size_t sent = 0; sent < size; sent += each)
		perf_expect(send(stream->fd, zeroes, each, 0) == (ssize_t)each, "frames are sent");
}

/* The next window; false: this stream is through. */
static bool go_on(struct bare_stream *stream)
{
	const struct perf_load *load = bare.load;

	while (!stream->left) {
		if (stream->step == load->steps) {
			stream->step = stream->number = 0;
			if (!--stream->times)
				return false;
		}
		stream->left = perf_frames(load, stream->index, stream->step++);
	}
	send_window(stream);
	return true;
}

static void frame_came(struct bare_stream *stream)
{
	perf_stage(bare.load, stream->index, stream->number++);
	for (unsigned int i = 0; i < bare.load->messages; i++)
		atomic_fetch_add_explicit(
			&bare.owners[(stream->step - 1) % PERF_OWNERS], 1, memory_order_relaxed);
}

/* What is there, at most the rest of a frame, or of the window. False: nothing. */
static bool take(struct bare_stream *stream, char *buf, int flags)
{
	size_t rest = stream->missing % PERF_FRAME, before = stream->missing;
	size_t want = bare.gathered ? before : rest ? rest : PERF_FRAME;
	ssize_t n = recv(stream->fd, buf, want, flags);

	if (n <= 0)
		return false;
	stream->missing -= (size_t)n;
	for (size_t frames = (before + PERF_FRAME - 1) / PERF_FRAME -
			(stream->missing + PERF_FRAME - 1) / PERF_FRAME;
		frames; frames--)
		frame_came(stream);
	return true;
}

static void block(struct bare_stream *stream, char *buf)
{
	while (go_on(stream))
		while (stream->missing)
			perf_expect(take(stream, buf, 0), "frames come back");
}

/* All that is there, and on to the next window. False: through. */
static bool readable(struct bare_stream *stream, char *buf)
{
	while (take(stream, buf, MSG_DONTWAIT))
		if (!stream->missing)
			return go_on(stream);
	return true;
}

static void wait_for_all(struct bare_stream *streams, unsigned int n, char *buf)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[PERF_STREAMS];
	unsigned int open = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = &streams[i] };

		perf_expect(!epoll_ctl(epoll, EPOLL_CTL_ADD, streams[i].fd, &event),
			"epoll watches a socket");
		open += go_on(&streams[i]);
	}
	while (open) {
		int ready = epoll_wait(epoll, events, PERF_STREAMS, -1);

		for (int i = 0; i < ready; i++)
			open -= !readable(events[i].data.ptr, buf);
	}
	close(epoll);
}

static void walk(unsigned int thread, uint64_t times)
{
	struct bare_stream streams[PERF_STREAMS];
	char *buf = malloc((size_t)PERF_FRAMES_AT_ONCE * PERF_FRAME);
	unsigned int n = 0;

	perf_expect(buf, "there is memory");
	for (unsigned int i = thread; i < bare.load->streams; i += 2)
		streams[n++] = (struct bare_stream){ .fd = bare.echoes[i].fd,
			.index = i,
			.times = times + 1,
			.step = bare.load->steps };
	if (bare.load->streams == 1 && n)
		block(&streams[0], buf);
	else if (n)
		wait_for_all(streams, n, buf);
	free(buf);
}

static void walk_both(unsigned int thread)
{
	walk(thread, bare.run->warm_up);
	pthread_barrier_wait(&bare.barrier);
	if (!thread)
		perf_start(bare.run);
	walk(thread, bare.run->count);
	pthread_barrier_wait(&bare.barrier);
	if (!thread)
		perf_stop(bare.run);
}

static void *first(void *arg)
{
	(void)arg;
	walk_both(0);
	return NULL;
}

static void *second(void *arg)
{
	(void)arg;
	walk_both(1);
	return NULL;
}

void perf_streams_floor(struct perf_run *run, const struct perf_load *load, bool gathered)
{
	uint64_t sent = 0;

	bare.run = run;
	bare.load = load;
	bare.gathered = gathered;
	pthread_barrier_init(&bare.barrier, NULL, 2);
	perf_streams_open(load, bare.echoes);
	perf_two_threads(first, second, NULL);
	perf_streams_close(load, bare.echoes);
	pthread_barrier_destroy(&bare.barrier);
	for (unsigned int i = 0; i < PERF_OWNERS; i++)
		sent += atomic_exchange(&bare.owners[i], 0);
	perf_expect(
		sent == perf_messages(load) * (run->warm_up + run->count), "no message is lost");
}
