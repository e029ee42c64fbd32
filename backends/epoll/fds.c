/* SPDX-License-Identifier: MIT */
/*
 * The table of descriptors: what each is registered for, and which ops wait for it.
 *
 * The table is only as true as the program lets it be. Descriptors are closed with close(2), duplicated
 * over, inherited by children that keep files alive. What epoll_ctl answers puts it right: ENOENT, the
 * number belongs to another file by now; EEXIST, the file was here before. The one case that gives no
 * answer, because nothing is asked, is a slot that counts as registered and is not: that is what ticks
 * are for.
 */
#include "core/base/alloc.h"
#include "core/sys.h"

#include "backends/epoll/epoll.h"

/* What shows on every registration, whether it is asked for or not. */
#define ALWAYS       (EPOLLERR | EPOLLHUP)
#define READ_EVENTS  (EPOLLIN | EPOLLPRI | EPOLLRDHUP | ALWAYS)
#define WRITE_EVENTS (EPOLLOUT | ALWAYS)

struct epoll_slot *peal_epoll_slot(const struct peal_ring *ring, int fd)
{
	size_t chunk = (size_t)fd / EPOLL_CHUNK_SLOTS;

	if (fd < 0 || chunk >= ring->chunk_count || !ring->chunks[chunk])
		return NULL;
	return &ring->chunks[chunk]->slots[fd % EPOLL_CHUNK_SLOTS];
}

static struct epoll_chunk *make_chunk(int first_fd)
{
	struct epoll_chunk *chunk = peal_alloc(1, sizeof(*chunk));

	for (int i = 0; chunk && i < EPOLL_CHUNK_SLOTS; i++) {
		struct epoll_slot *slot = &chunk->slots[i];

		slot->fd = first_fd + i;
		peal_list_init(&slot->unproved);
		for (int queue = 0; queue < EPOLL_QUEUES; queue++)
			peal_list_init(&slot->ops[queue]);
	}
	return chunk;
}

static int grow_table(struct peal_ring *ring, size_t wanted)
{
	size_t size = sizeof(*ring->chunks);
	size_t count = ring->chunk_count ? ring->chunk_count : 16;
	struct epoll_chunk **chunks;

	while (count < wanted)
		count *= 2;
	chunks = peal_realloc(ring->chunks, ring->chunk_count * size, count * size);
	if (!chunks)
		return -ENOMEM;
	ring->chunks = chunks;
	ring->chunk_count = count;
	return 0;
}

static struct epoll_slot *make_slot(struct peal_ring *ring, int fd)
{
	size_t chunk = (size_t)fd / EPOLL_CHUNK_SLOTS;

	if (chunk >= ring->chunk_count && grow_table(ring, chunk + 1) < 0)
		return NULL;
	if (!ring->chunks[chunk])
		ring->chunks[chunk] = make_chunk(fd - fd % EPOLL_CHUNK_SLOTS);
	return peal_epoll_slot(ring, fd);
}

void peal_epoll_free_slots(struct peal_ring *ring)
{
	for (size_t i = 0; i < ring->chunk_count; i++)
		peal_free(ring->chunks[i]);
	peal_free(ring->chunks);
}

static bool idle(const struct epoll_slot *slot)
{
	for (int queue = 0; queue < EPOLL_QUEUES; queue++)
		if (!peal_list_empty(&slot->ops[queue]))
			return false;
	return true;
}

static void unqueue(struct peal_op *op)
{
	struct epoll_room *room = peal_epoll_room(op);

	peal_list_remove(&room->link);
	room->waiting = false;
}

/* Events that are under way become stale. */
static void unlearn(struct epoll_slot *slot)
{
	slot->generation++;
	slot->interest = 0;
	slot->events = 0;
	slot->stream = EPOLL_STREAM_UNKNOWN;
	slot->dry[EPOLL_READ] = slot->dry[EPOLL_WRITE] = false;
}

static void reset(struct peal_ring *ring, struct epoll_slot *slot, int result)
{
	unlearn(slot);
	peal_list_remove(&slot->unproved);
	for (int queue = 0; queue < EPOLL_QUEUES; queue++) {
		while (!peal_list_empty(&slot->ops[queue])) {
			struct peal_op *op = peal_epoll_op(slot->ops[queue].next);

			unqueue(op);
			peal_epoll_end(ring, op, result);
		}
	}
}

static int control(struct peal_ring *ring, struct epoll_slot *slot, int command, uint32_t interest)
{
	struct epoll_event event = {
		.events = interest | EPOLLET,
		.data.u64 = (uint64_t)slot->generation << 32 | (uint32_t)slot->fd,
	};
	int err = (int)peal_sys_epoll_ctl(ring->epoll, command, slot->fd, &event);

	if (!err)
		slot->interest = interest;
	return err;
}

/* Register a descriptor, under a new generation. If that fails, what waits for it has no future. */
static int enlist(struct peal_ring *ring, struct epoll_slot *slot, uint32_t interest)
{
	int err;

	unlearn(slot);
	err = control(ring, slot, EPOLL_CTL_ADD, interest);
	if (err == -EEXIST)
		err = control(ring, slot, EPOLL_CTL_MOD, interest);
	if (err == -EPERM)
		err = -EINVAL; /* a file that is always ready, and not for what was asked */
	if (err)
		reset(ring, slot, err);
	return err;
}

/* Also when nothing changes: the kernel looks at the descriptor's readiness anew. */
static int renew(struct peal_ring *ring, struct epoll_slot *slot, uint32_t interest)
{
	int err = slot->interest ? control(ring, slot, EPOLL_CTL_MOD, interest) : -ENOENT;

	return err == -ENOENT ? enlist(ring, slot, interest) : err;
}

static void look_again(struct peal_ring *ring, struct epoll_slot *slot)
{
	if (peal_list_empty(&slot->unproved))
		peal_list_append(&ring->unproved, &slot->unproved);
	peal_epoll_tick_later(ring);
}

int peal_epoll_park(
	struct peal_ring *ring, struct peal_op *op, enum epoll_queue queue, uint32_t events)
{
	struct epoll_slot *slot = make_slot(ring, op->fd);
	struct epoll_room *room = peal_epoll_room(op);
	uint32_t interest;
	int err = 0;

	if (!slot)
		return -ENOMEM;
	interest = slot->interest | events | ALWAYS;
	/* A connect is rare enough to be certain. */
	if (interest != slot->interest || op->opcode == PEAL_OP_CONNECT)
		err = renew(ring, slot, interest);
	if (err)
		return err;
	peal_list_append(&slot->ops[queue], &room->link);
	room->waiting = true;
	if (queue != EPOLL_ANY)
		slot->dry[queue] = true;
	look_again(ring, slot);
	return 0;
}

void peal_epoll_unpark(struct peal_ring *ring, struct peal_op *op)
{
	struct epoll_slot *slot = peal_epoll_slot(ring, op->fd);

	unqueue(op);
	if (idle(slot))
		peal_list_remove(&slot->unproved);
}

void peal_epoll_forget(struct peal_ring *ring, int fd)
{
	struct epoll_slot *slot = peal_epoll_slot(ring, fd);

	if (slot)
		reset(ring, slot, -ECANCELED);
}

void peal_epoll_unregister(struct peal_ring *ring, int fd)
{
	struct epoll_slot *slot = peal_epoll_slot(ring, fd);

	/* close(2) would do it, unless somebody holds a duplicate. */
	if (slot && slot->interest)
		control(ring, slot, EPOLL_CTL_DEL, 0);
	peal_epoll_forget(ring, fd);
}

/* From the front. False when one would block. A try may end ops of other slots. */
static bool serve_in_order(struct peal_ring *ring, struct epoll_slot *slot, enum epoll_queue queue)
{
	while (!peal_list_empty(&slot->ops[queue])) {
		struct peal_op *op = peal_epoll_op(slot->ops[queue].next);
		int64_t result = peal_epoll_try(ring, slot, op);

		if (result == EPOLL_BLOCKED) {
			slot->dry[queue] = true;
			return false;
		}
		unqueue(op);
		peal_epoll_end(ring, op, result);
	}
	return true;
}

static void serve_any(struct peal_ring *ring, struct epoll_slot *slot)
{
	PEAL_LIST_EACH (link, &slot->ops[EPOLL_ANY]) {
		struct peal_op *op = peal_epoll_op(link);
		int64_t result = peal_epoll_try(ring, slot, op);

		if (result == EPOLL_BLOCKED)
			continue;
		unqueue(op);
		peal_epoll_end(ring, op, result);
	}
}

/* `events` are there. What is ready and blocks nevertheless has to be looked at again. */
static void serve(struct peal_ring *ring, struct epoll_slot *slot, uint32_t events)
{
	bool doubt = false;

	if (events & READ_EVENTS) {
		slot->dry[EPOLL_READ] = false;
		doubt = !serve_in_order(ring, slot, EPOLL_READ) && events & EPOLLIN;
	}
	if (events & WRITE_EVENTS) {
		slot->dry[EPOLL_WRITE] = false;
		doubt |= !serve_in_order(ring, slot, EPOLL_WRITE) && events & EPOLLOUT;
	}
	serve_any(ring, slot);
	if (doubt)
		look_again(ring, slot);
	else if (idle(slot))
		peal_list_remove(&slot->unproved);
}

void peal_epoll_event(struct peal_ring *ring, const struct epoll_event *event)
{
	struct epoll_slot *slot = peal_epoll_slot(ring, (int)(uint32_t)event->data.u64);

	if (!slot || !slot->interest || slot->generation != event->data.u64 >> 32)
		return;
	slot->events = event->events;
	serve(ring, slot, event->events);
}

void peal_epoll_retry(struct peal_ring *ring, int fd)
{
	struct epoll_slot *slot = peal_epoll_slot(ring, fd);

	if (slot && !idle(slot))
		serve(ring, slot, ALWAYS);
}

/*
 * connect(2) to a Unix socket whose backlog is full: EAGAIN, and nothing tells when there is room. The
 * connection attempts of other families go on by themselves, and epoll reports their end.
 */
static bool waits_in_silence(const struct epoll_slot *slot)
{
	struct peal_op *op;

	if (peal_list_empty(&slot->ops[EPOLL_WRITE]))
		return false;
	op = peal_epoll_op(slot->ops[EPOLL_WRITE].next);
	return op->opcode == PEAL_OP_CONNECT && !peal_epoll_room(op)->connecting;
}

static void prove(struct peal_ring *ring, struct epoll_slot *slot)
{
	int err = renew(ring, slot, slot->interest);

	if (err)
		reset(ring, slot, err);
	if (waits_in_silence(slot))
		serve_in_order(ring, slot, EPOLL_WRITE);
	if (waits_in_silence(slot))
		look_again(ring, slot);
}

bool peal_epoll_prove(struct peal_ring *ring)
{
	while (ring->unproved.next != &ring->tick) {
		struct peal_list *first = ring->unproved.next;

		peal_list_remove(first);
		prove(ring, PEAL_CONTAINER_OF(first, struct epoll_slot, unproved));
	}
	peal_list_remove(&ring->tick);
	peal_list_append(&ring->unproved, &ring->tick);
	return ring->unproved.next != &ring->tick;
}
