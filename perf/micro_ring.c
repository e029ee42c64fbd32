/* SPDX-License-Identifier: MIT */
/* The floor of parked wakes that io_uring has: one ring's MSG_RING entry ends the other's wait. */
#include <liburing.h>
#include <stdlib.h>

#include "perf/bells.h"

static void open_ring(struct perf_bell *bell)
{
	bell->ring = calloc(1, sizeof(*bell->ring));
	perf_expect(bell->ring &&
			!io_uring_queue_init(8, bell->ring,
				IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN),
		"there is a ring");
}

static void close_ring(struct perf_bell *bell)
{
	io_uring_queue_exit(bell->ring);
	free(bell->ring);
}

static void wait_ring(struct perf_bell *own)
{
	struct io_uring_cqe *cqe;

	perf_expect(!io_uring_wait_cqe(own->ring, &cqe), "an entry comes");
	io_uring_cqe_seen(own->ring, cqe);
}

static void ring_ring(struct perf_bell *own, struct perf_bell *other)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(own->ring);

	io_uring_prep_msg_ring(sqe, other->ring->ring_fd, 0, 1, 0);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	perf_expect(io_uring_submit(own->ring) == 1, "an entry is sent");
}

static void run_msg_ring(struct perf_run *run)
{
	static const struct perf_bell_kind kind = {
		.open = open_ring, .close = close_ring, .wait = wait_ring, .ring = ring_ring
	};
	struct io_uring ring;

	if (io_uring_queue_init(8, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) <
		0) {
		perf_skip(run, "io_uring of Linux 6.1 is not to be had here");
		return;
	}
	io_uring_queue_exit(&ring);
	perf_run_bells(run, &kind);
}

#define WAKE_ROW(row, text, ns, n)                                                               \
	PERF_ROW(.name = row, .what = "a round trip after both have slept " text, .unit = "us",  \
		.scale = 1000, .count = n, .threads = 2, .latency = true,                        \
		.variants = { { "peal/uring", perf_run_parked, .backend = "uring", .with = ns }, \
			{ "msg_ring", run_msg_ring, .floor = true, .with = ns } })

WAKE_ROW("parked_ring_50us", "50 us", 50000, 500)
WAKE_ROW("parked_ring_1ms", "1 ms", 1000000, 50)
