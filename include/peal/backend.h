/* SPDX-License-Identifier: MIT */
/*
 * The contract of a backend: what implements a shard's ring.
 *
 * A backend takes ops, lets the kernel (or a simulator) carry them out, and hands them back when
 * they are complete. It knows nothing of fibers, tasks or shards. Copy backends/null to start one;
 * tests/contract runs the same expectations against every backend.
 *
 * This header is versioned by exact match of PEAL_BACKEND_ABI. It is not part of the library's stable
 * ABI: backends are built with it.
 *
 * Threads: a ring is opened, used and closed on one thread, its shard's. The exception is
 * bell_from_outside(), which any thread may call. No entry may suspend or call user code.
 */
#ifndef PEAL_BACKEND_H
#define PEAL_BACKEND_H

#include <peal/base.h>
#include <peal/op.h>

PEAL_BEGIN_DECLS

#define PEAL_BACKEND_ABI 2

/* A backend's per-shard object; its contents are the backend's own. */
struct peal_ring;

/* What peal_caps() (runtime.h) tells the application. */
#define PEAL_CAP_COMPLETION (1ULL << 0) /* the kernel works on buffers while an op is in flight */
#define PEAL_CAP_RING_BELL  (1ULL << 1) /* shards wake each other without a descriptor in between */
#define PEAL_CAP_TIMELESS   (1ULL << 2) /* now() is not the kernel's clock */
#define PEAL_CAP_RAW        (1ULL << 3) /* peal_raw() takes entries of io_uring */
#define PEAL_CAP_STANDING   (1ULL << 4) /* PEAL_OP_RECV_MANY and PEAL_OP_ACCEPT_MANY */

struct peal_ring_opts {
	uint32_t size;    /* of this struct */
	uint32_t shard;   /* index, for names and messages */
	uint32_t shards;  /* how many rings the runtime opens */
	uint32_t entries; /* submissions that may wait for one flush; 0: the backend's own choice */
	uint32_t polled;  /* 1: poll_fd() will be asked for */
	uint32_t reserved;
};

/* What one peek or wait brought in. The caller zeroes it with peal_reap_init(). */
struct peal_reap {
	struct peal_op *first, **last; /* completed ops, in order, linked by op->next */
	uint32_t count;
	uint32_t bells; /* bells that were heard */
	uint32_t
		bells_failed; /* bells of ours that the kernel refused and that were rung another way */
	uint32_t reserved;
};

static inline void peal_reap_init(struct peal_reap *reap)
{
	reap->first = NULL;
	reap->last = &reap->first;
	reap->count = reap->bells = reap->bells_failed = reap->reserved = 0;
}

/* Hand back a completed op. Its callback runs later, so nothing of the user's runs in a reap. */
static inline void peal_reap_add(struct peal_reap *reap, struct peal_op *op, int64_t result)
{
	op->result = result;
	op->next = NULL;
	*reap->last = op;
	reap->last = &op->next;
	reap->count++;
}

/*
 * Buffers of a shard, from which PEAL_OP_RECV_LEASE and PEAL_OP_RECV_MANY pick when data is there. Without
 * a free one they complete with -ENOBUFS.
 */
struct peal_buffers {
	char *memory;        /* count buffers of `size` bytes */
	uint32_t count;      /* a power of two, at most 32768 */
	uint32_t size;       /* of each */
	uint32_t free_count; /* not with anybody */
	uint32_t *free;      /* their numbers, where the backend keeps none of its own */
};

#define PEAL_NO_BUFFER UINT32_MAX

static inline uint32_t peal_buffers_pick(struct peal_buffers *buffers)
{
	return buffers->free_count ? buffers->free[--buffers->free_count] : PEAL_NO_BUFFER;
}

static inline void peal_buffers_put(struct peal_buffers *buffers, uint32_t buffer)
{
	buffers->free[buffers->free_count++] = buffer;
}

/* What submit() says of an op that can only be done by blocking a thread. */
#define PEAL_SUBMIT_BLOCKS 2

/* Takes one line of what the backend found on this machine: a name, whether it is there, and a
 * remark or "". */
typedef void peal_feature_fn(void *arg, const char *name, bool present, const char *remark);

/*
 * One const object per backend, named peal_backend_NAME. Entries marked [default] may be NULL: the
 * core fills in what is said there.
 */
struct peal_backend {
	uint32_t abi;  /* PEAL_BACKEND_ABI */
	uint32_t size; /* of this struct */
	const char *name;
	const char *summary; /* one line for `peal doctor` and the manual */
	uint64_t caps;       /* PEAL_CAP_*, an upper bound; ring_caps() narrows it */
	uint32_t op_bytes;   /* how much of op->backend it uses; more than there is, is refused */
	uint32_t preference; /* higher is tried first; 0: used only when asked for by name */

	/*
	 * Can it work here and now? 0, or a negative errno with the check that failed in reason. Called
	 * on any thread, before anything else; must leave nothing behind.
	 */
	int (*probe)(struct peal_reason *reason);

	/* Tell, line by line, what the kernel offers that matters to this backend. [default: nothing] */
	void (*features)(peal_feature_fn *each, void *arg);

	/* Open a ring for the calling thread. 0, or a negative errno with the cause in reason. */
	int (*open)(struct peal_ring **ring, const struct peal_ring_opts *opts,
		struct peal_reason *reason);

	/*
	 * Close it, on its thread. No op is in flight (the core has cancelled and reaped them all), and
	 * no other thread will ring its bell any more, nor has one queued: every ring that rang it has
	 * been peeked since, until there was nothing. Accepts NULL.
	 */
	void (*close)(struct peal_ring *ring);

	/* The caps of this ring. [default: backend->caps] */
	uint64_t (*ring_caps)(const struct peal_ring *ring);

	/*
	 * Take an op: 0 when it is in flight; 1 when it completed at once, with op->result set (it is
	 * not handed back again); PEAL_SUBMIT_BLOCKS when it can only be done by blocking a thread: the core gives it to
	 * its pool, the backend forgets it; negative when it was not accepted because something is full: the core
	 * calls peek() and tries again later, the op must be unchanged. Errors of the operation itself
	 * are results, not refusals; an opcode that the backend does not know completes with -ENOSYS.
	 *
	 * Of an op that stands (PEAL_CAP_STANDING) everything that comes is handed over by
	 * op->args.many.more(), in a reap. It completes when the kernel has ended it: with 0 at the end of
	 * a stream, 1 when it was ended for no reason of the operation's own, or a negative errno.
	 */
	int (*submit)(struct peal_ring *ring, struct peal_op *op);

	/*
	 * Ask for an op in flight to end early. 0: its completion will be reaped, once, with -ECANCELED
	 * or its own result; negative: not accepted now, the core tries again after a peek. Room for
	 * cancels is reserved, so that a full ring cannot keep them out for long.
	 */
	int (*cancel)(struct peal_ring *ring, struct peal_op *op);

	/*
	 * Hand to the kernel what waits, and reap what is there, without sleeping. Returns 0, or a
	 * negative errno when the ring is broken for good. Must be cheap when there is nothing to do:
	 * the core also calls it in its spin loop.
	 */
	int (*peek)(struct peal_ring *ring, struct peal_reap *reap);

	/*
	 * Like peek, but sleep until something is there: a completion, a bell, or the deadline (an
	 * instant of now(), PEAL_NEVER for none). Enters the kernel once. May return early with nothing
	 * (a signal, say). A bell that was rung before the call ends it at once: bells are sticky.
	 */
	int (*wait)(struct peal_ring *ring, int64_t deadline, struct peal_reap *reap);

	/*
	 * Ring another ring's bell, from this ring's thread: its wait() returns, now or when it is next
	 * called. May be queued until the next peek or wait of `from`. Both rings are of this backend.
	 * 0, or a negative errno: nothing was rung, the core counts it and tries again.
	 */
	int (*bell)(struct peal_ring *from, struct peal_ring *to);

	/* The same from a thread that has no ring. Any thread; async-signal-safe. */
	int (*bell_from_outside)(struct peal_ring *to);

	/*
	 * A descriptor that is readable whenever wait() would return at once; it stays the ring's own.
	 * Before sleeping on it, peek until there is nothing: what was not handed to the kernel yet does
	 * not make it readable. May be readable for nothing. A negative errno when there is none; a ring
	 * that was not opened with opts->polled may say -EOPNOTSUPP.
	 */
	int (*poll_fd)(struct peal_ring *ring);

	/*
	 * In the child of a fork, for each ring of the parent: give up what was inherited (close
	 * descriptors, unmap) without disturbing the parent.
	 */
	void (*after_fork)(struct peal_ring *ring);

	/*
	 * Here are buffers, all of them free, until the ring is closed: once at most. The backend keeps
	 * free_count true from then on. 0 or a negative errno. [default: ops pick from buffers->free]
	 */
	int (*lend)(struct peal_ring *ring, struct peal_buffers *buffers);

	/* One of them is free again. Cannot fail. [default: it goes to buffers->free] */
	void (*give)(struct peal_ring *ring, struct peal_buffers *buffers, uint32_t buffer);

	/* Nanoseconds since some fixed moment, never going backwards. [default: CLOCK_MONOTONIC] */
	int64_t (*now)(struct peal_ring *ring);
};

/*
 * What a program that wants to look around (`peal doctor`) is told of one backend. Valid during the
 * call, except for the functions and `name` of a usable one.
 */
struct peal_backend_info {
	size_t size;         /* of this struct, as the library knows it */
	const char *name;    /* "entry 3" for one that was made for another version */
	const char *summary; /* one line, or "" */
	const char *reason;  /* why it cannot be used, "" when err is 0 */
	int err;             /* 0: it can be used here and now */
	uint32_t preference; /* as in struct peal_backend */
	uint64_t caps;
	void (*features)(peal_feature_fn *each, void *arg); /* never NULL; also for refused ones */
};
typedef void peal_backend_each_fn(void *arg, const struct peal_backend_info *info);

/*
 * Call `each` for every backend of this library, the most preferred first, after probing it. Returns
 * how many there are. Any thread. Does not suspend, but blocks for as long as the probes take.
 */
PEAL_API int peal_backend_list(peal_backend_each_fn *each, void *arg);

PEAL_END_DECLS

#endif
