/* SPDX-License-Identifier: MIT */
/*
 * A ring's life. It is opened, used and closed by one thread, and closed only when nothing is left in
 * it: the kernel takes a ring down some time after close(2) returned, and until then its requests hold
 * what they work on (a port stays bound, a buffer is still written to).
 */
#include <errno.h>
#include <string.h>

#ifdef HAVE_VALGRIND
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#include "backends/uring/uring.h"
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/sys.h"

#include <peal/time.h>

#define ENTRIES_DEFAULT  192
#define ENTRIES_LEAST    8
#define ENTRIES_MOST     16384
#define SETTLE_NS        (2 * PEAL_S)
/* One entry in so many is kept for cancels and bells. */
#define RESERVE_FRACTION 4

static void initialise(struct peal_ring *ring, const struct peal_ring_opts *opts)
{
	ring->fd = ring->bell_fd = -1;
	ring->shard = opts->shard;
	ring->polled = opts->polled;
	ring->again_last = &ring->again;
	peal_list_init(&ring->cancelled);
}

/* How many entries the ring needs so that `entries` ops fit beside the reserve. */
static unsigned int with_reserve(uint32_t entries)
{
	if (!entries)
		entries = ENTRIES_DEFAULT;
	if (entries < ENTRIES_LEAST)
		entries = ENTRIES_LEAST;
	if (entries > ENTRIES_MOST)
		entries = ENTRIES_MOST;
	return entries + (entries + RESERVE_FRACTION - 2) / (RESERVE_FRACTION - 1);
}

static int build(struct peal_ring *ring, const struct peal_ring_opts *opts, unsigned int tier,
	struct peal_reason *reason)
{
	int err;

	initialise(ring, opts);
	err = peal_uring_set_up(ring, with_reserve(opts->entries), tier, reason);
	if (err)
		return err;
	ring->reserve = ring->uring.sq.ring_entries / RESERVE_FRACTION;
	return peal_uring_equip(ring, tier, reason);
}

int peal_uring_open(
	struct peal_ring **out, const struct peal_ring_opts *opts, struct peal_reason *reason)
{
	unsigned int tier;
	int err = peal_uring_tier(&tier, reason);
	struct peal_ring *ring;

	if (err)
		return err;
	ring = peal_alloc_line(sizeof(*ring));
	if (!ring)
		return peal_refuse(
			reason, -ENOMEM, "no memory for a ring's own %zu bytes", sizeof(*ring));
	err = build(ring, opts, tier, reason);
	if (err) {
		peal_uring_close(ring);
		return err;
	}
	*out = ring;
	return 0;
}

int peal_uring_probe(struct peal_reason *reason)
{
	const struct peal_ring_opts opts = {
		.size = sizeof(opts), .shards = 1, .entries = ENTRIES_LEAST
	};
	struct peal_ring *ring = NULL;
	int err;

	if (RUNNING_ON_VALGRIND)
		return peal_refuse(reason, -EOPNOTSUPP,
			"Valgrind does not know that io_uring_enter sleeps, and no other thread would "
			"run meanwhile");
	err = peal_uring_open(&ring, &opts, reason);
	if (err)
		return err;
	peal_uring_close(ring);
	return 0;
}

/* The last net: whatever is in the ring ends now. */
static void cancel_everything(struct peal_ring *ring)
{
	struct io_uring_sqe *sqe = peal_uring_entry(ring, 0);

	if (!sqe)
		return; /* the queue is full: the next turn empties it */
	io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
	sqe->user_data = peal_uring_data(NULL, 0, PEAL_URING_ASIDE);
}

/*
 * Cancel and reap until nothing is left. The core has done so with its ops, so this is about the read of
 * our eventfd; should it find ops all the same, their memory is the kernel's no longer when it returns.
 */
static void settle(struct peal_ring *ring)
{
	int64_t until = peal_uring_now() + SETTLE_NS;
	struct peal_reap reap;
	uint32_t ops = 0;

	ring->closing = true;
	do {
		if (ring->inflight)
			cancel_everything(ring);
		peal_reap_init(&reap);
		if (peal_uring_wait(ring, ring->inflight ? until : 0, &reap))
			break;
		ops += reap.count;
	} while ((ring->inflight || ring->again) && peal_uring_now() < until);
	if (ops || ring->inflight)
		peal_log(PEAL_LOG_ERROR,
			"io_uring: the ring of shard %u was closed with %u operations in it, of which "
			"%u could not be ended",
			ring->shard, ops + ring->inflight, ring->inflight);
}

static void unregister_itself(struct peal_ring *ring)
{
	struct io_uring_rsrc_update update = { .offset = (uint32_t)ring->enter_fd };

	if (!(ring->has & PEAL_URING_REGISTERED))
		return;
	peal_sys_io_uring_register(ring->fd, IORING_UNREGISTER_RING_FDS, &update, 1);
	ring->enter_fd = ring->fd;
	ring->enter_flags = 0;
}

static void close_descriptor(int fd)
{
	if (fd >= 0)
		peal_sys_close(fd);
}

void peal_uring_close(struct peal_ring *ring)
{
	if (!ring)
		return;
	if (ring->mapped) {
		settle(ring);
		unregister_itself(ring);
		io_uring_queue_exit(&ring->uring);
	}
	peal_uring_take_back(ring);
	close_descriptor(ring->bell_fd);
	peal_free(ring);
}

/*
 * In a child the maps are gone (MADV_DONTFORK), so that it cannot disturb its parent's ring; closing the
 * descriptor, which it shares, does not.
 */
void peal_uring_after_fork(struct peal_ring *ring)
{
	if (!ring)
		return;
	if (ring->dontfork)
		close_descriptor(ring->fd);
	else
		io_uring_queue_exit(&ring->uring);
	peal_uring_take_back(ring);
	close_descriptor(ring->bell_fd);
	peal_free(ring);
}

/* Receives that stand came with the release (6.0) that has SINGLE_ISSUER, accepts before. */
uint64_t peal_uring_caps(const struct peal_ring *ring)
{
	return peal_backend_uring.caps &
		(ring->has & PEAL_URING_SINGLE ? UINT64_MAX : ~PEAL_CAP_STANDING);
}

/*
 * With deferred completions the ring's own descriptor stays silent until somebody enters the kernel. An
 * eventfd that is registered to tell of them is no way out: when the completion itself was caused by an
 * eventfd, the kernel (6.18) signals the first time only. So rings that are to be polled are opened
 * without DEFER_TASKRUN.
 */
int peal_uring_poll_fd(struct peal_ring *ring)
{
	return ring->has & PEAL_URING_DEFER ? -EOPNOTSUPP : ring->fd;
}
