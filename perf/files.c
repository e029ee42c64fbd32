/* SPDX-License-Identifier: MIT */
/*
 * fs_read_rtt_4k, fs_read_4k_qd32: 4 KiB pieces of a file that lies in the page cache: 256 one after the
 * other; and 4096 with 32 in flight, half of them on each of two shards. The floors are pread(2) in a
 * loop, on one thread and on two.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "perf/runtime.h"

enum { PIECE = 4096, FILE_SIZE = 16 << 20, ONE_BY_ONE = 256, MANY = 4096, DEPTH = 32 };

static int file;

/* In memory: what is compared is the way there and back. */
static void make_file(void)
{
	static char piece[PIECE];

	if (file > 0)
		return;
	file = memfd_create("pieces", MFD_CLOEXEC);
	perf_expect(file >= 0, "there is a file in memory");
	for (int i = 0; i < FILE_SIZE / PIECE; i++)
		perf_expect(write(file, piece, PIECE) == PIECE, "the file is written");
}

/* In no order, as databases read. */
static int64_t place_of(uint64_t i)
{
	return (int64_t)(i * 2654435761 % (FILE_SIZE / PIECE) * PIECE);
}

static void read_in_turn(uint64_t times)
{
	char buf[PIECE];

	for (uint64_t i = 0; i < ONE_BY_ONE * times; i++)
		perf_expect(peal_pread(file, buf, PIECE, place_of(i)) == PIECE, "a piece is read");
}

static int in_turn(void *arg)
{
	struct perf_run *run = arg;

	read_in_turn(run->warm_up);
	perf_start(run);
	read_in_turn(run->count);
	perf_stop(run);
	return 0;
}

static void run_in_turn(struct perf_run *run)
{
	make_file();
	perf_in_runtime(run, in_turn);
}

static void run_pread(struct perf_run *run)
{
	char buf[PIECE];

	make_file();
	perf_start(run);
	for (uint64_t i = 0; i < ONE_BY_ONE * run->count; i++)
		perf_expect(pread(file, buf, PIECE, place_of(i)) == PIECE, "a piece is read");
	perf_stop(run);
}

/* One fiber keeps `depth` ops in flight and takes them in the order in which it started them. */
struct share {
	uint64_t first, pieces;
};

static int read_share(void *arg)
{
	enum { HALF = DEPTH / 2 };
	struct share *share = arg;
	struct peal_op ops[HALF] = { 0 };
	char *bufs = malloc((size_t)HALF * PIECE);

	perf_expect(bufs, "there is memory");
	for (uint64_t i = 0; i < share->pieces + HALF; i++) {
		struct peal_op *op = &ops[i % HALF];

		if (i >= HALF)
			perf_expect(peal_op_wait(op) == PIECE, "a piece is read");
		if (i < share->pieces)
			peal_op_pread(op, file, bufs + i % HALF * PIECE, PIECE,
				place_of(share->first + i), NULL);
	}
	free(bufs);
	return 0;
}

static void read_on_both(uint64_t times)
{
	for (uint64_t i = 0; i < times; i++) {
		struct share shares[] = { { 0, MANY / 2 }, { MANY / 2, MANY / 2 } };
		struct peal_task *other;

		perf_expect(!peal_task_spawn(&other, read_share, &shares[1],
				    PEAL_SPAWN(.place = PEAL_PINNED(1))),
			"a task starts");
		read_share(&shares[0]);
		peal_task_join(other, NULL);
	}
}

static int on_both(void *arg)
{
	struct perf_run *run = arg;

	read_on_both(run->warm_up);
	perf_start(run);
	read_on_both(run->count);
	perf_stop(run);
	return 0;
}

static void run_on_both(struct perf_run *run)
{
	make_file();
	perf_in_runtime(run, on_both);
}

static void *pread_half(void *arg)
{
	struct perf_run *run = arg;
	char buf[PIECE];

	for (uint64_t i = 0; i < MANY / 2 * run->count; i++)
		perf_expect(pread(file, buf, PIECE, place_of(i)) == PIECE, "a piece is read");
	return NULL;
}

static void run_two_preads(struct perf_run *run)
{
	make_file();
	perf_start(run);
	perf_two_threads(pread_half, pread_half, run);
	perf_stop(run);
}

PERF_ROW(.name = "fs_read_rtt_4k", .what = "256 reads of 4 KiB, one after the other", .unit = "us",
	.scale = 1000, .count = 50, .threads = 2,
	.variants = { { "peal/uring", run_in_turn, .backend = "uring" },
		{ "peal/epoll", run_in_turn, .backend = "epoll" },
		{ "pread", run_pread, .floor = true } })

PERF_ROW(.name = "fs_read_4k_qd32", .what = "4096 reads of 4 KiB, 32 in flight", .unit = "us",
	.scale = 1000, .count = 5, .threads = 2,
	.variants = { { "peal/uring", run_on_both, .backend = "uring" },
		{ "peal/epoll", run_on_both, .backend = "epoll" },
		{ "pread-x2", run_two_preads, .floor = true } })
