/* SPDX-License-Identifier: MIT */
/* Driving a ring as the core does, with the checks that hold for every op. */
#include "core/io/direct.h"
#include "tests/contract/ring/ring.h"

#define PATIENCE (10 * PEAL_S)
#define A_WHILE  (40 * PEAL_MS)

/* In op->state, which is the core's, and we stand in its place. */
enum { IDLE, INFLIGHT, DONE };

static struct peal_ring *open_ring(
	const struct peal_backend *backend, const struct peal_ring_opts *wishes)
{
	struct peal_ring_opts opts = wishes ? *wishes : (struct peal_ring_opts){ 0 };
	struct peal_reason reason = { "" };
	struct peal_ring *ring = NULL;
	int err;

	opts.size = sizeof(opts);
	opts.shards = 2;
	err = backend->open(&ring, &opts, &reason);
	ck_assert_msg(err == 0 && ring, "open: %d, %s", err, reason.text);
	return ring;
}

void contract_begin(struct contract *c)
{
	c->fds_before = count_fds();
	c->ring = open_ring(c->backend, NULL);
}

void contract_end(struct contract *c)
{
	ck_assert_uint_eq(c->inflight, 0);
	c->backend->close(c->ring);
	ck_assert_int_eq(count_fds(), c->fds_before);
}

struct contract second_ring(const struct contract *c, const struct peal_ring_opts *opts)
{
	struct contract second = { .backend = c->backend, .sockets = c->sockets };

	second.ring = open_ring(c->backend, opts);
	return second;
}

void close_second_ring(struct contract *second)
{
	ck_assert_uint_eq(second->inflight, 0);
	second->backend->close(second->ring);
}

int64_t ring_now(const struct contract *c)
{
	struct timespec now;

	if (c->backend->now)
		return c->backend->now(c->ring);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * PEAL_S + now.tv_nsec;
}

static unsigned int take(struct contract *c, int err, struct peal_reap *reap)
{
	unsigned int count = 0;

	c->failures += err < 0;
	ck_assert_msg(err == 0 || (err < 0 && c->faulty), "the ring says it is broken: %d", err);
	for (struct peal_op *op = reap->first; op; op = op->next) {
		ck_assert_msg(op->state == INFLIGHT, "completed without being in flight");
		op->state = DONE;
		c->inflight--;
		count++;
	}
	ck_assert_uint_eq(count, reap->count);
	c->bells += reap->bells;
	return count;
}

unsigned int ring_peek(struct contract *c)
{
	struct peal_reap reap;

	peal_reap_init(&reap);
	return take(c, c->backend->peek(c->ring, &reap), &reap);
}

unsigned int ring_wait(struct contract *c, int64_t timeout)
{
	int64_t deadline = timeout == PEAL_NEVER ? PEAL_NEVER : ring_now(c) + timeout;
	struct peal_reap reap;

	peal_reap_init(&reap);
	return take(c, c->backend->wait(c->ring, deadline, &reap), &reap);
}

void ring_start(struct contract *c, struct peal_op *op)
{
	int n;

	ck_assert_msg(op->state != INFLIGHT, "the test starts a busy op");
	for (int tries = 0; (n = c->backend->submit(c->ring, op)) < 0; tries++) {
		ck_assert_msg(tries < 10000, "not accepted for good: %d", n);
		ring_peek(c);
	}
	if (n == PEAL_SUBMIT_BLOCKS)
		op->result = peal_direct_run(op); /* we are the pool, too */
	op->state = n ? DONE : INFLIGHT;
	c->inflight += n == 0;
}

bool ring_done(const struct peal_op *op)
{
	return op->state == DONE;
}

int64_t ring_finish(struct contract *c, struct peal_op *op)
{
	int64_t give_up = ring_now(c) + PATIENCE;

	while (!ring_done(op)) {
		ck_assert_msg(ring_now(c) < give_up, "opcode %d does not complete", op->opcode);
		ring_wait(c, PEAL_S);
	}
	return op->result;
}

int64_t ring_run(struct contract *c, struct peal_op *op)
{
	ring_start(c, op);
	return ring_finish(c, op);
}

void ring_drive(struct contract *c, int64_t duration)
{
	int64_t end = ring_now(c) + duration;
	int64_t left;

	ring_peek(c);
	while ((left = end - ring_now(c)) > 0)
		ring_wait(c, left);
}

void ring_leave_pending(struct contract *c, struct peal_op *op)
{
	ring_drive(c, A_WHILE);
	ck_assert_msg(!ring_done(op), "opcode %d completed with %lld instead of waiting",
		op->opcode, (long long)op->result);
}

size_t ring_start_stuck_send(struct contract *c, struct peal_op *op, int fd)
{
	size_t total = 0;

	for (int tries = 0; tries < 50; tries++) {
		total += fill_socket(fd);
		ring_start(c, op_send(op, fd, "x", 1, 0));
		ring_drive(c, A_WHILE);
		if (!ring_done(op))
			return total;
		ck_assert_int_eq(op->result, 1);
		total++;
	}
	ck_abort_msg("a socket without end");
	return 0;
}

void ring_cancel(struct contract *c, struct peal_op *op)
{
	ck_assert_int_eq(op->state, INFLIGHT);
	while (op->state == INFLIGHT && c->backend->cancel(c->ring, op) < 0)
		ring_peek(c);
}
