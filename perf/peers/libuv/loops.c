/* SPDX-License-Identifier: MIT */
/*
 * libuv: rows of loops that talk, of timers and of files. A loop is woken by uv_async_send(), the one call
 * that other threads may use; files go to libuv's pool of threads; timers have milliseconds.
 */
#include "loops.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void *run_side(void *arg)
{
	struct side *side = arg;

	perf_pin(side->index);
	if (side->begin)
		side->begin(side);
	uv_run(&side->loop, UV_RUN_DEFAULT);
	return NULL;
}

void run_loops(struct side sides[2], void (*begin)(struct side *side), uv_async_cb bell, void *data)
{
	pthread_t threads[2];

	for (unsigned int i = 0; i < 2; i++) {
		sides[i].begin = begin;
		sides[i].index = i;
		sides[i].data = data;
		perf_expect(!uv_loop_init(&sides[i].loop) &&
				!uv_async_init(&sides[i].loop, &sides[i].bell, bell),
			"there is a loop");
		sides[i].bell.data = &sides[i];
	}
	for (unsigned int i = 0; i < 2; i++)
		perf_expect(
			!pthread_create(&threads[i], NULL, run_side, &sides[i]), "a thread starts");
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (unsigned int i = 0; i < 2; i++)
		uv_loop_close(&sides[i].loop);
}

/* Rounds: side 0 rings, side 1 rings back. */
static struct {
	struct perf_run *run;
	struct side sides[2];
	uint64_t warm_up, left;
} rounds;

static void on_bell(uv_async_t *bell)
{
	const struct side *side = bell->data;

	if (side->index) {
		if (!rounds.left)
			uv_close((uv_handle_t *)bell, NULL);
		uv_async_send(&rounds.sides[0].bell);
		return;
	}
	if (rounds.run && rounds.left == rounds.run->count * 256 && rounds.warm_up)
		perf_start(rounds.run);
	if (rounds.left == 0) {
		uv_close((uv_handle_t *)bell, NULL);
		return;
	}
	rounds.left--;
	uv_async_send(&rounds.sides[1].bell);
}

static void begin_rounds(struct side *side)
{
	if (!side->index)
		uv_async_send(&side->bell);
}

static void run_rounds(uint64_t warm_up, uint64_t n, struct perf_run *run)
{
	rounds.run = run;
	rounds.warm_up = warm_up;
	rounds.left = warm_up + n;
	run_loops(rounds.sides, begin_rounds, on_bell, NULL);
}

static void run_ping_pong(struct perf_run *run)
{
	run_rounds(256 * run->warm_up, 256 * run->count, run);
	perf_stop(run);
}

static void run_cold_start(struct perf_run *run)
{
	run_rounds(0, 64, NULL);
	perf_start(run);
	for (uint64_t i = 0; i < run->count; i++)
		run_rounds(0, 64, NULL);
	perf_stop(run);
}

PERF_ROW(.name = "ping_pong_rtt", .what = "256 rounds of uv_async_send()", .unit = "us",
	.scale = 1000, .count = 4, .threads = 2, .variants = { { "libuv", run_ping_pong } })
PERF_ROW(.name = "cold_start", .what = "two loops and threads, 64 rounds", .unit = "us",
	.scale = 1000, .count = 10, .threads = 2, .variants = { { "libuv", run_cold_start } })

/* A loop that does one thing after the other: `next` starts the following, and says whether there is one. */
static struct {
	struct perf_run *run;
	uint64_t warm_up, left;
	bool (*next)(uv_loop_t *loop);
} chain;

static void go_on(uv_loop_t *loop)
{
	if (chain.left == chain.warm_up)
		perf_start(chain.run);
	if (!chain.left--)
		perf_stop(chain.run);
	else
		chain.next(loop);
}

static void run_chain(struct perf_run *run, uint64_t each, bool (*next)(uv_loop_t *loop))
{
	uv_loop_t loop;

	chain.run = run;
	chain.left = each * (run->warm_up + run->count);
	chain.warm_up = each * run->count;
	chain.next = next;
	perf_expect(!uv_loop_init(&loop), "there is a loop");
	go_on(&loop);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

static uv_timer_t sleeping, dropped[8];

static void on_timer(uv_timer_t *timer)
{
	go_on(timer->loop);
}

static void never(uv_timer_t *timer)
{
	(void)timer;
	perf_expect(false, "what was stopped does not expire");
}

/* 200 us and 1 us: one millisecond is the least there is. */
static bool next_storm(uv_loop_t *loop)
{
	for (int i = 0; i < 8; i++) {
		uv_timer_init(loop, &dropped[i]);
		uv_timer_start(&dropped[i], never, 1, 0);
	}
	for (int i = 0; i < 8; i++)
		uv_timer_stop(&dropped[i]);
	uv_timer_init(loop, &sleeping);
	return !uv_timer_start(&sleeping, on_timer, 1, 0);
}

static void run_storm(struct perf_run *run)
{
	run_chain(run, 1024, next_storm);
}

PERF_ROW(.name = "timer_storm", .what = "1024 rounds of 8 timers dropped, one awaited",
	.unit = "us", .scale = 1000, .count = 1, .variants = { { "libuv", run_storm } })

enum { PIECE = 4096, PIECES = 4096, DEPTH = 32, FILES = 1024 };

static int file;
static char pieces[DEPTH][PIECE], folder[32] = "/dev/shm/peal-peers-XXXXXX";

static void make_file(void)
{
	if (file > 0)
		return;
	file = memfd_create("pieces", MFD_CLOEXEC);
	for (int i = 0; i < PIECES; i++)
		perf_expect(write(file, pieces[0], PIECE) == PIECE, "the file is written");
}

static void start_read(uv_loop_t *loop, uv_fs_t *request, uint64_t i, uv_fs_cb done)
{
	uv_buf_t buf = uv_buf_init(request->data, PIECE);

	perf_expect(!uv_fs_read(loop, request, file, &buf, 1,
			    (int64_t)(i * 2654435761 % PIECES * PIECE), done),
		"a read starts");
}

static void on_read(uv_fs_t *request)
{
	perf_expect(request->result == PIECE, "a piece is read");
	uv_fs_req_cleanup(request);
	go_on(request->loop);
}

static bool next_read(uv_loop_t *loop)
{
	static uv_fs_t request = { .data = pieces[0] };

	start_read(loop, &request, chain.left, on_read);
	return true;
}

static void run_reads(struct perf_run *run)
{
	make_file();
	run_chain(run, 256, next_read);
}

static uint64_t to_start, to_end;

static void on_deep(uv_fs_t *request)
{
	perf_expect(request->result == PIECE, "a piece is read");
	uv_fs_req_cleanup(request);
	to_end--;
	if (to_start)
		start_read(request->loop, request, to_start--, on_deep);
}

static void read_deep(uv_loop_t *loop, uint64_t reads)
{
	static uv_fs_t requests[DEPTH];

	to_end = reads;
	to_start = reads - DEPTH;
	for (int i = 0; i < DEPTH; i++) {
		requests[i].data = pieces[i];
		start_read(loop, &requests[i], (uint64_t)i, on_deep);
	}
	uv_run(loop, UV_RUN_DEFAULT);
	perf_expect(!to_end, "all are read");
}

static void run_deep(struct perf_run *run)
{
	uv_loop_t loop;

	make_file();
	perf_expect(!uv_loop_init(&loop), "there is a loop");
	read_deep(&loop, PIECES * run->warm_up);
	perf_start(run);
	read_deep(&loop, PIECES * run->count);
	perf_stop(run);
	uv_loop_close(&loop);
}

static const char *path_of(uint64_t i)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/file-%d", folder, (int)(i % FILES));
	return path;
}

static void remove_files(void)
{
	for (uint64_t i = 0; i < FILES; i++)
		unlink(path_of(i));
	rmdir(folder);
}

static void on_stat(uv_fs_t *request)
{
	perf_expect(!request->result, "a path has metadata");
	uv_fs_req_cleanup(request);
	go_on(request->loop);
}

static bool next_stat(uv_loop_t *loop)
{
	static uv_fs_t request;

	return !uv_fs_stat(loop, &request, path_of(chain.left), on_stat);
}

static void run_metadata(struct perf_run *run)
{
	if (folder[sizeof("/dev/shm/peal-peers-") - 1] == 'X') {
		perf_expect(mkdtemp(folder) != NULL, "there is room in /dev/shm");
		for (uint64_t i = 0; i < FILES; i++)
			close(open(path_of(i), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		atexit(remove_files);
	}
	run_chain(run, FILES, next_stat);
}

PERF_ROW(.name = "fs_read_rtt_4k", .what = "256 reads of 4 KiB, one after the other", .unit = "us",
	.scale = 1000, .count = 20, .variants = { { "libuv", run_reads } })
PERF_ROW(.name = "fs_read_4k_qd32", .what = "4096 reads of 4 KiB, 32 in flight", .unit = "us",
	.scale = 1000, .count = 3, .variants = { { "libuv", run_deep } })
PERF_ROW(.name = "fs_metadata", .what = "stat of 1024 paths", .unit = "us", .scale = 1000,
	.count = 10, .variants = { { "libuv", run_metadata } })
