/* SPDX-License-Identifier: MIT */
/*
 * The epoll backend: ops on descriptors that tell when they are ready.
 *
 * An op is tried at once. What would block waits in a queue of its descriptor until epoll reports an
 * event, and is tried again then. Each descriptor is registered once, edge-triggered, when an op has
 * to wait for it for the first time, and stays registered: a request costs no epoll_ctl. Three rules
 * make that sound.
 *
 *   - An op waits only after a try, or what is as good as one (the slot is dry), since the last event.
 *     Whatever happens after that try is a new edge.
 *   - Events carry the generation of their registration; what comes from an earlier one is dropped.
 *   - A descriptor that was closed and reused without the ring's knowledge has lost its registration
 *     in silence. So one that an op has waited for since more than a tick is proved, by an epoll_ctl
 *     that either reports its readiness anew or says that it is not registered (fds.c).
 *
 * ring.c opens and closes, fds.c keeps the descriptors, ops.c tries, wait.c sleeps, bell.c and alarm.c
 * wake.
 */
#ifndef PEAL_EPOLL_H
#define PEAL_EPOLL_H

#include <sys/epoll.h>

#include <peal/backend.h>

#include "core/io/direct.h"
#include "core/base/list.h"

/* What op->backend holds. */
struct epoll_room {
	struct peal_list link; /* in a queue of its slot */
	size_t done;           /* bytes so far, of an op that wants all */
	bool waiting;          /* it stands in a queue */
	bool connecting;       /* the kernel is at it: ask how it went before trying again */
};

enum epoll_queue {
	EPOLL_READ,  /* first come, first served: accept, recv, read */
	EPOLL_WRITE, /* likewise: connect, send, write */
	EPOLL_ANY,   /* each is tried at every event: poll, out-of-band data, error queues */
	EPOLL_QUEUES
};

enum epoll_stream {
	EPOLL_STREAM_UNKNOWN,
	EPOLL_STREAM_TCP, /* a short read leaves nothing behind */
	EPOLL_STREAM_OTHER
};

/* What the ring knows of a descriptor. */
struct epoll_slot {
	int fd;
	uint32_t generation; /* of its registration */
	uint32_t interest;   /* the events it is registered for; 0: it is not */
	uint8_t stream;      /* enum epoll_stream */
	uint32_t events;     /* what the last event told */
	bool dry[2];         /* by queue: a try would block, since no event came after the last */
	struct peal_list ops[EPOLL_QUEUES];
	struct peal_list unproved; /* in ring->unproved */
};

#define EPOLL_CHUNK_SLOTS 64

struct epoll_chunk {
	struct epoll_slot slots[EPOLL_CHUNK_SLOTS];
};

#define EPOLL_EVENTS 128

struct peal_ring {
	int epoll;
	int bell;     /* eventfd; registered edge-triggered, so that nobody needs to read it */
	int alarm;    /* timerfd; likewise */
	bool watched; /* somebody sleeps on poll_fd(), not in wait() */

	struct epoll_chunk **chunks; /* by fd; slots never move, since ops are linked to them */
	size_t chunk_count;
	struct peal_list unproved; /* slots, oldest first, and tick among them */
	struct peal_list tick;     /* what stands before it has waited for a whole tick */
	int64_t tick_at;           /* PEAL_NEVER: there is nothing to prove */
	int64_t alarm_at;          /* when it will go off; PEAL_NEVER: not */

	struct peal_direct direct;
	struct peal_reap ended; /* completed, to be handed over */
	struct epoll_event events[EPOLL_EVENTS];
};

static inline struct epoll_room *peal_epoll_room(struct peal_op *op)
{
	return (struct epoll_room *)op->backend;
}

static inline struct peal_op *peal_epoll_op(struct peal_list *link)
{
	struct epoll_room *room = PEAL_CONTAINER_OF(link, struct epoll_room, link);

	return (struct peal_op *)((char *)room - offsetof(struct peal_op, backend));
}

/* fds.c */

/* NULL when no op ever had to wait for it. */
struct epoll_slot *peal_epoll_slot(const struct peal_ring *ring, int fd);
/* Queue an op until an event of `events` comes. 0, or the op's result. */
int peal_epoll_park(
	struct peal_ring *ring, struct peal_op *op, enum epoll_queue queue, uint32_t events);
/* Take an op out of its queue. */
void peal_epoll_unpark(struct peal_ring *ring, struct peal_op *op);
/* It is a new descriptor, whatever the table says of that number. What still waits for the one that
 * was there is cancelled. */
void peal_epoll_forget(struct peal_ring *ring, int fd);
/* Before it is closed: the same, and take it out of the kernel's list. */
void peal_epoll_unregister(struct peal_ring *ring, int fd);
/* Prove what has waited for a whole tick. Is there more to prove? */
bool peal_epoll_prove(struct peal_ring *ring);
void peal_epoll_event(struct peal_ring *ring, const struct epoll_event *event);
/* Try again all that waits for a descriptor, whatever is known of it. */
void peal_epoll_retry(struct peal_ring *ring, int fd);
void peal_epoll_free_slots(struct peal_ring *ring);

/* ops.c */
#define EPOLL_BLOCKED INT64_MIN /* no result yet */

/* files.c */
#define EPOLL_IS_FILE (INT64_MIN + 1) /* no result, and not to wait for */

bool peal_epoll_is_transfer(const struct peal_op *op);
/* A result, EPOLL_BLOCKED: it may wait for readiness, or EPOLL_IS_FILE. */
/* A device that does not tell when it is ready? Pipes and sockets do. */
bool peal_epoll_is_silent(int fd);
/* Ops that never wait for readiness: a result or EPOLL_IS_FILE. */
bool peal_epoll_is_about_files(const struct peal_op *op);
int64_t peal_epoll_try_file(struct peal_ring *ring, struct peal_op *op);
int64_t peal_epoll_try_transfer(struct peal_ring *ring, struct peal_op *op);

int peal_epoll_submit(struct peal_ring *ring, struct peal_op *op);
int peal_epoll_cancel(struct peal_ring *ring, struct peal_op *op);
/* Try again an op that waited: its result or EPOLL_BLOCKED. */
int64_t peal_epoll_try(struct peal_ring *ring, struct epoll_slot *slot, struct peal_op *op);
/* Complete an op that waited. */
void peal_epoll_end(struct peal_ring *ring, struct peal_op *op, int64_t result);

/* alarm.c */
#define EPOLL_ALARM_EVENT (UINT64_MAX - 1)

int peal_epoll_alarm_open(struct peal_ring *ring);
/* It goes off at that instant or before. */
int peal_epoll_alarm_by(struct peal_ring *ring, int64_t at);
void peal_epoll_alarm_went_off(struct peal_ring *ring);
/* Something is to be proved: there will be a tick. */
void peal_epoll_tick_later(struct peal_ring *ring);
int64_t peal_epoll_now(struct peal_ring *ring);

/* wait.c */
int peal_epoll_peek(struct peal_ring *ring, struct peal_reap *reap);
int peal_epoll_wait(struct peal_ring *ring, int64_t deadline, struct peal_reap *reap);

/* bell.c */
#define EPOLL_BELL_EVENT UINT64_MAX /* as an event's data; no registration has it */

int peal_epoll_bell_open(struct peal_ring *ring);
int peal_epoll_bell(struct peal_ring *from, struct peal_ring *to);
int peal_epoll_bell_from_outside(struct peal_ring *to);

#endif
