/* SPDX-License-Identifier: MIT */
/*
 * The uring backend inside: one io_uring per shard, submitted to and reaped by the shard's thread
 * alone. Doorbells are the only thing that comes from elsewhere, and they come through the kernel.
 *
 * Where things are: tier.c what PEAL_URING_TIER leaves of the kernel; setup.c the ring itself; equip.c
 * trying out what the kernel offers; ring.c open and close; verbs.c an op as a submission entry, or
 * done at once; files.c those about files, lease.c those that pick buffers or stay; submit.c taking ops, cancel.c cancelling them; enter.c the one way into the kernel; reap.c
 * completions; bell.c doorbells; doctor.c what is told to `peal doctor`.
 */
#ifndef PEAL_URING_URING_H
#define PEAL_URING_URING_H

#include <liburing.h>

#include <peal/backend.h>

#include "backends/uring/compat.h"
#include "core/base/compiler.h"
#include "core/base/list.h"
#include "core/io/direct.h"

/* What the kernel transfers in one call at most; lengths in entries have 32 bits only. */
#define PEAL_URING_TRANSFER_MOST 0x7ffff000U

/* Versions of Linux as numbers that compare. */
#define PEAL_LINUX(major, minor) ((unsigned int)(major) << 8 | (unsigned int)(minor))

/* What a ring has found to work, in peal_ring.has. */
enum {
	PEAL_URING_COOP = 1 << 0,   /* completions do not interrupt us */
	PEAL_URING_SINGLE = 1 << 1, /* SINGLE_ISSUER */
	PEAL_URING_DEFER = 1 << 2,  /* completions are worked off when we enter, never in between */
	PEAL_URING_REGISTERED = 1 << 3, /* the ring's own descriptor is registered */
	PEAL_URING_FEW_WORKERS = 1 << 4,
	PEAL_URING_ABS_TIMER = 1 << 5,
	PEAL_URING_SEND_MSG = 1 << 6, /* SEND_MSG_RING: bells from threads that have no ring */
	PEAL_URING_NO_IOWAIT = 1 << 7,
	PEAL_URING_ZERO_COPY = 1 << 8, /* SEND_ZC, which tells whether it was of use */
};

/*
 * What we believe of a descriptor (verbs.c), by the low bits of its number. When that is wrong it costs
 * time, no more.
 */
#define PEAL_URING_HINTS 1024

enum {
	PEAL_URING_STREAM = 1 << 0, /* it was accepted or connected */
	PEAL_URING_READY = 1 << 1,  /* there is more to receive */
	PEAL_URING_EMPTY = 1 << 2,  /* everything was received */
	PEAL_URING_SEEKS = 1 << 3,  /* it has a position */
	PEAL_URING_COPIES = 1 << 4, /* what is sent is copied in any case */
};

struct peal_ring {
	/* Other threads read these (bell.c). Written before the ring is handed out, never again. */
	int fd;
	int bell_fd; /* an eventfd that the ring reads, where SEND_MSG is missing; or -1 */
	uint32_t has;
	uint32_t shard;

	/* The rest is the shard's own. */
	PEAL_ALIGNED_LINE struct io_uring uring;
	bool mapped;
	bool polled;   /* poll_fd() will be asked for */
	bool dontfork; /* children do not have the maps */
	bool closing;
	bool bell_armed;
	bool missed;  /* a cancel has found nothing */
	int enter_fd; /* fd, or its registered index */
	uint32_t enter_flags;
	uint32_t sleep_flags;
	uint32_t reserve;      /* entries that ops leave to cancels and bells */
	uint32_t generation;   /* makes each activation of an op a different one */
	uint32_t inflight;     /* completions that must still come */
	struct peal_op *again; /* ops that need another entry, through op->next (reap.c) */
	struct peal_op **again_last;
	struct peal_list cancelled; /* ops in flight whose cancel may have missed them (cancel.c) */
	struct peal_direct direct;
	struct peal_buffers *buffers; /* NULL: none were lent yet (lease.c) */
	struct io_uring_buf_ring *free_buffers;
	uint64_t bell_count; /* what the eventfd held */
	uint8_t hints[PEAL_URING_HINTS];
};

/* What we keep in op->backend. */
enum {
	PEAL_URING_OP_DATA,  /* the user_data of its entry in flight */
	PEAL_URING_OP_STATE, /* PEAL_URING_OP_* below */
	PEAL_URING_OP_FIRST, /* the result of a completion that is not the last */
	PEAL_URING_OP_LINK,  /* in ring->cancelled: two words */
	PEAL_URING_OP_ASKED = PEAL_URING_OP_LINK +
		2, /* how often the kernel was asked to cancel it */
	PEAL_URING_OP_WORDS
};

#define PEAL_URING_OP_CANCELLED ((uint64_t)1) /* somebody asked */
#define PEAL_URING_OP_POLLING   ((uint64_t)2) /* its entry in flight only waits for readiness */
#define PEAL_URING_OP_AGAIN     ((uint64_t)4) /* it stands in ring->again */
#define PEAL_URING_OP_MORE      ((uint64_t)8) /* a completion has come, and this was not the last */
#define PEAL_URING_OP_LISTED    ((uint64_t)16) /* it stands in ring->cancelled */

/*
 * user_data: an address, a generation, a kind. Addresses have at most 56 bits on every Linux we know
 * (x86-64 with 5 levels) and are multiples of 8, so kind and generation fit beside them:
 * address << 8 leaves bits 0 to 10. The generation makes user_data unique for each activation of an
 * op, so that a late cancel cannot hit the same op started anew.
 */
enum peal_uring_kind {
	PEAL_URING_OP,         /* address: the op */
	PEAL_URING_BELL_HEARD, /* somebody rang ours */
	PEAL_URING_BELL_SENT,  /* address: the ring whose bell it was; comes only on failure */
	PEAL_URING_BELL_READ,  /* the eventfd was read */
	PEAL_URING_ASIDE       /* a cancel that found nothing to cancel, or could do nothing */
};

#define PEAL_URING_KIND_BITS       3
#define PEAL_URING_GENERATION_BITS 8

_Static_assert(_Alignof(struct peal_op) >= 8, "user_data keeps no low bits of an address");
_Static_assert(sizeof(((struct peal_op *)0)->backend) >= PEAL_URING_OP_WORDS * sizeof(uint64_t),
	"an op has no room for this backend");

static inline uint64_t peal_uring_data(
	const void *address, uint32_t generation, enum peal_uring_kind kind)
{
	return (uint64_t)(uintptr_t)address << PEAL_URING_GENERATION_BITS |
		(uint64_t)(generation & ((1U << PEAL_URING_GENERATION_BITS) - 1))
		<< PEAL_URING_KIND_BITS |
		kind;
}

static inline enum peal_uring_kind peal_uring_kind(uint64_t data)
{
	return data & ((1U << PEAL_URING_KIND_BITS) - 1);
}

static inline void *peal_uring_address(uint64_t data)
{
	const int low = PEAL_URING_KIND_BITS + PEAL_URING_GENERATION_BITS;

	return (void *)(uintptr_t)(data >> low << PEAL_URING_KIND_BITS);
}

/* An empty entry, if more than `keep` are free; NULL otherwise. */
static inline struct io_uring_sqe *peal_uring_entry(struct peal_ring *ring, uint32_t keep)
{
	return io_uring_sq_space_left(&ring->uring) > keep ? io_uring_get_sqe(&ring->uring) : NULL;
}

/* Does anything wait for the next entering of the kernel? */
static inline bool peal_uring_queued(const struct peal_ring *ring)
{
	return io_uring_sq_ready(&ring->uring) != 0;
}

/* Has the kernel completions that only come out when it is entered? */
static inline bool peal_uring_stirs(const struct peal_ring *ring)
{
	return IO_URING_READ_ONCE(*ring->uring.sq.kflags) &
		(IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

/* tier.c: the newest Linux that PEAL_URING_TIER lets us see, in *tier; or -EINVAL. */
int peal_uring_tier(unsigned int *tier, struct peal_reason *reason);

/* setup.c: make the ring and map it. */
int peal_uring_set_up(struct peal_ring *ring, unsigned int entries, unsigned int tier,
	struct peal_reason *reason);

/* equip.c: try what else the kernel offers, and take it. */
int peal_uring_equip(struct peal_ring *ring, unsigned int tier, struct peal_reason *reason);

/* ring.c */
int peal_uring_probe(struct peal_reason *reason);
int peal_uring_open(
	struct peal_ring **ring, const struct peal_ring_opts *opts, struct peal_reason *reason);
void peal_uring_close(struct peal_ring *ring);
void peal_uring_after_fork(struct peal_ring *ring);
int peal_uring_poll_fd(struct peal_ring *ring);
uint64_t peal_uring_caps(const struct peal_ring *ring);

/* verbs.c: how each operation is done. */
struct peal_uring_verb {
	/* Fill an entry. NULL: there is no such operation. */
	void (*prepare)(struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op);
	/* Try without the ring. 1 done, with op->result set; 0: use the ring; or what submit() is to
	 * return. NULL: always by the ring. */
	int (*at_once)(struct peal_ring *ring, struct peal_op *op);
	/* What to wait for when the kernel answers -EAGAIN; 0: that is an answer like others. */
	uint32_t readiness;
};

const struct peal_uring_verb *peal_uring_verb(const struct peal_op *op);
void peal_uring_prepare_send(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op);
int peal_uring_send_at_once(struct peal_ring *ring, struct peal_op *op);
/* Remember what a completion tells about its descriptor. */
void peal_uring_learn(
	struct peal_ring *ring, const struct peal_op *op, const struct io_uring_cqe *cqe);
/* What is remembered of its descriptor misled the kernel. */
void peal_uring_doubt(struct peal_ring *ring, const struct peal_op *op);

/* files.c: entries of what is about files, and when none is needed. */
void peal_uring_prepare_read(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op);
void peal_uring_prepare_write(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op);
void peal_uring_prepare_readv(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op);
void peal_uring_prepare_writev(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op);
void peal_uring_prepare_openat(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op);
void peal_uring_prepare_statx(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op);
void peal_uring_prepare_fsync(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op);
void peal_uring_prepare_fallocate(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op);
void peal_uring_prepare_fadvise(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op);
void peal_uring_prepare_madvise(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op);
int peal_uring_file_at_once(struct peal_ring *ring, struct peal_op *op);
/* A try of an op that the core composes. */
int peal_uring_part_at_once(struct peal_ring *ring, struct peal_op *op);
int peal_uring_transfer_at_once(struct peal_ring *ring, struct peal_op *op);

/* lease.c: buffers that the kernel picks from. */
int peal_uring_lend(struct peal_ring *ring, struct peal_buffers *buffers);
void peal_uring_give(struct peal_ring *ring, struct peal_buffers *buffers, uint32_t buffer);
/* After the ring is gone. */
void peal_uring_take_back(struct peal_ring *ring);
void peal_uring_prepare_recv_lease(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op);
void peal_uring_prepare_recv_many(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op);
void peal_uring_prepare_accept_many(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op);
/* Account for the buffer of a completion, if there is one. */
void peal_uring_take_buffer(
	struct peal_ring *ring, struct peal_op *op, const struct io_uring_cqe *cqe);
/* Hand over what an op that stands has brought. Will it bring more? */
bool peal_uring_deliver(struct peal_ring *ring, struct peal_op *op, const struct io_uring_cqe *cqe);

/* send_zc.c */
int peal_uring_send_zc_at_once(struct peal_ring *ring, struct peal_op *op);
void peal_uring_prepare_send_zc(
	struct peal_ring *ring, struct io_uring_sqe *sqe, const struct peal_op *op);
/* Its completion is not the last; the first of two has the result. */
bool peal_uring_send_zc_goes_on(
	struct peal_ring *ring, struct peal_op *op, const struct io_uring_cqe *cqe);
/* It was refused because of what it is: it is to be tried again, as an ordinary send. */
bool peal_uring_send_zc_refused(struct peal_ring *ring, struct peal_op *op, int64_t result);

/* submit.c */
int peal_uring_submit(struct peal_ring *ring, struct peal_op *op);

/* cancel.c */
int peal_uring_cancel(struct peal_ring *ring, struct peal_op *op);
/* What cancels have missed; before each entering. */
void peal_uring_cancel_again(struct peal_ring *ring);
/* Its last completion has come. */
void peal_uring_cancel_ended(struct peal_op *op);
/* Turn an entry into an op's: user_data and the accounts. */
void peal_uring_activate(struct peal_ring *ring, struct io_uring_sqe *sqe, struct peal_op *op);

/* enter.c. Both return 0, also when the kernel was busy or interrupted; or a negative errno when the
 * ring is lost. */
/* Hand over what is queued and let completions out; *stuck when the kernel took nothing just now. */
int peal_uring_turn(struct peal_ring *ring, bool *stuck);
/* The same, asleep until a completion or the deadline. */
int peal_uring_sleep(struct peal_ring *ring, int64_t deadline);
/* The clock of deadlines. */
int64_t peal_uring_now(void);

/* reap.c */
int peal_uring_peek(struct peal_ring *ring, struct peal_reap *reap);
int peal_uring_wait(struct peal_ring *ring, int64_t deadline, struct peal_reap *reap);

/* bell.c */
int peal_uring_bell(struct peal_ring *from, struct peal_ring *to);
int peal_uring_bell_from_outside(struct peal_ring *to);
/* Have the ring read its eventfd; without effect when no entry is free. */
void peal_uring_arm_bell(struct peal_ring *ring);

/* doctor.c */
void peal_uring_features(peal_feature_fn *each, void *arg);

extern const struct peal_backend peal_backend_uring;

#endif
