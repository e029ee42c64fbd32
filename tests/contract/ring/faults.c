/* SPDX-License-Identifier: MIT */
/*
 * Every system call of a scenario fails once, at its n-th use, for all n. Whatever happens, nothing
 * crashes or hangs, every op completes once, refusals say why, and nothing stays behind.
 */
#include "tests/contract/ring/ring.h"

#define MAX_CALLS 2000

static bool open_faulty(const struct contract *c, struct contract *ring)
{
	const struct peal_ring_opts opts = { .size = sizeof(opts), .shards = 2 };
	struct peal_reason reason = { "" };
	int err;

	*ring = (struct contract){ .backend = c->backend, .sockets = c->sockets, .faulty = true };
	err = c->backend->open(&ring->ring, &opts, &reason);
	ck_assert_int_le(err, 0);
	if (err) {
		ck_assert_msg(
			strlen(reason.text) > 10, "%d for the reason \"%s\"", err, reason.text);
		ck_assert_ptr_null(ring->ring);
	}
	return err == 0;
}

static void ring_until_accepted(struct contract *from, struct contract *to)
{
	int tries = 0;

	while (from->backend->bell(from->ring, to->ring) < 0) {
		ck_assert_int_lt(tries++, 100);
		ring_peek(from);
	}
	ring_peek(from);
	tries = 0;
	while (to->backend->bell_from_outside(to->ring) < 0)
		ck_assert_int_lt(tries++, 100);
	while (!to->bells) {
		ck_assert_int_lt(tries++, 1000);
		ring_wait(to, 10 * PEAL_MS);
	}
}

static void play_bells(struct contract *c)
{
	struct contract one, other;

	if (!open_faulty(c, &one))
		return;
	if (open_faulty(c, &other)) {
		ring_until_accepted(&one, &other);
		ring_wait(&one, 100 * PEAL_US);
		c->backend->poll_fd(one.ring); /* may say -EOPNOTSUPP */
		close_second_ring(&other);
	}
	close_second_ring(&one);
}

/* Whether it worked or not: it ended. */
static void end(struct contract *ring, struct peal_op *op)
{
	int64_t result = ring_finish(ring, op);

	ck_assert_msg(result != 0x5eed, "opcode %d has no result", op->opcode);
}

static void play_stream(struct contract *ring)
{
	struct pair pair = make_pair(ring);
	struct peal_op receiving = { 0 }, op = { 0 };
	char buf[4];

	ring_start(ring, op_recv(&receiving, pair.ours, buf, 4, 0));
	ring_peek(ring);
	ring_start(ring, op_send(&op, pair.ours, "x", 1, 0));
	end(ring, &op);
	put(pair.theirs, "ab");
	end(ring, &receiving);
	ring_start(ring, op_recv(&receiving, pair.ours, buf, 4, MSG_WAITALL));
	put(pair.theirs, "ab");
	ring_peek(ring);
	put(pair.theirs, "abcd");
	end(ring, &receiving);
	ring_start(ring, op_poll(&op, pair.ours, POLLOUT));
	end(ring, &op);
	ring_start(ring, op_shutdown(&op, pair.ours, SHUT_WR));
	end(ring, &op);
	ring_start(ring, op_close(&op, pair.ours));
	end(ring, &op);
	ck_assert_int_eq(fcntl(pair.ours, F_GETFD), -1);
	close(pair.theirs);
}

static void play_connection(struct contract *ring)
{
	struct listener listener = make_listener(ring, 8);
	struct peal_op accepting = { 0 }, connecting = { 0 };
	int ours = make_socket(&listener), spare;

	ring_start(ring, op_accept(&accepting, listener.fd, NULL, NULL, 0));
	ring_peek(ring);
	ring_start(ring, op_connect_to(&connecting, ours, &listener));
	end(ring, &connecting);
	spare = connect_to(&listener); /* for the accept, should the other have failed */
	end(ring, &accepting);
	if (accepting.result >= 0)
		close((int)accepting.result);
	close(spare);
	close(ours);
	close(listener.fd);
}

/* What was made is given back, what was not made is not there. */
static void end_open(struct contract *ring, struct peal_op *op)
{
	end(ring, op);
	if (op->result >= 0)
		close((int)op->result);
}

static void play_files(struct contract *ring)
{
	int fd = memfd_create("peal-test", MFD_CLOEXEC);
	struct peal_op op = { 0 };
	char buf[8] = "";
	struct iovec part = { .iov_base = buf, .iov_len = 8 };
	struct statx st;

	ring_start(ring, op_write(&op, fd, "01234567", 8, 0));
	end(ring, &op);
	ck_assert(op.result < 0 || op.result == 8);
	if (op.result == 8) {
		ring_start(ring, op_read(&op, fd, buf, 8, 0));
		end(ring, &op);
		ck_assert(op.result < 0 || (op.result == 8 && !memcmp(buf, "01234567", 8)));
	}
	ring_start(ring, op_readv(&op, fd, &part, 1, -1, 0));
	end(ring, &op);
	ring_start(ring, op_open(&op, AT_FDCWD, "/dev/null", O_RDONLY, 0));
	end_open(ring, &op);
	ring_start(ring, op_open(&op, AT_FDCWD, "/proc/self/stat", O_RDONLY, 0));
	end_open(ring, &op);
	ring_start(ring, op_statx(&op, AT_FDCWD, "/", 0, &st));
	end(ring, &op);
	ring_start(ring, op_fsync(&op, fd, false));
	end(ring, &op);
	ring_start(ring, op_ftruncate(&op, fd, 4));
	end(ring, &op);
	ring_start(ring, op_fadvise(&op, fd, 0, 0, POSIX_FADV_RANDOM));
	end(ring, &op);
	close(fd);
}

static void play_pipe(struct contract *ring)
{
	struct peal_op op = { 0 };
	char buf[4];
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ring_start(ring, op_read(&op, ends[0], buf, 4, -1));
	ring_peek(ring);
	ck_assert_int_eq(write(ends[1], "abc", 3), 3);
	end(ring, &op);
	ck_assert(op.result < 0 || op.result == 3);
	ring_start(ring, op_write(&op, ends[1], "x", 1, -1));
	end(ring, &op);
	close(ends[0]);
	close(ends[1]);
}

static void play_messages(struct contract *ring)
{
	struct pair pair = make_pair(ring);
	char buf[4] = "";
	struct iovec part = { .iov_base = buf, .iov_len = 4 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	struct peal_op op = { 0 };

	ring_start(ring, op_recvmsg(&op, pair.ours, &message, MSG_WAITALL));
	ring_peek(ring);
	put(pair.theirs, "ab");
	ring_peek(ring);
	put(pair.theirs, "cd");
	end(ring, &op);
	ring_start(ring, op_sendmsg(&op, pair.ours, &message, 0));
	end(ring, &op);
	close_pair(pair);
}

static void play_cancel(struct contract *ring)
{
	struct pair pair = make_pair(ring);
	struct peal_op ops[2] = { 0 };
	char buf[2];

	for (int i = 0; i < 2; i++)
		ring_start(ring, op_recv(&ops[i], pair.ours, &buf[i], 1, 0));
	ring_peek(ring);
	for (int i = 0; i < 2; i++)
		if (!ring_done(&ops[i]))
			ring_cancel(ring, &ops[i]);
	for (int i = 0; i < 2; i++)
		end(ring, &ops[i]);
	close_pair(pair);
}

static void play_ops(struct contract *c)
{
	struct contract ring;

	if (!open_faulty(c, &ring))
		return;
	play_stream(&ring);
	play_connection(&ring);
	play_cancel(&ring);
	close_second_ring(&ring);
}

/* In a ring of its own: descriptors that were closed behind its back cost it time. */
static void play_alone(struct contract *c, void (*play)(struct contract *ring))
{
	struct contract ring;

	if (!open_faulty(c, &ring))
		return;
	play(&ring);
	close_second_ring(&ring);
}

static void play_files_alone(struct contract *c)
{
	play_alone(c, play_files);
	play_alone(c, play_pipe);
}

static void play_messages_alone(struct contract *c)
{
	play_alone(c, play_messages);
}

static void fail_each_call(struct contract *c, void (*play)(struct contract *c), int err)
{
	struct fault fault = { .err = err };
	int fds = count_fds();
	unsigned int n;

	for (n = 0; n < MAX_CALLS; n++) {
		fault.skip = n;
		fault_begin(&fault);
		play(c);
		fault_end();
		ck_assert_msg(count_fds() == fds, "%d descriptors more after call %u failed",
			count_fds() - fds, n);
		if (!fault.fired)
			break;
	}
	ck_assert_uint_gt(n, 3); /* the calls do go through the seam */
	ck_assert_uint_lt(n, MAX_CALLS);
}

static const int errors[] = { ENOMEM, EINTR, EAGAIN, EBUSY, EPERM };

static void bells_survive_failing_calls(struct contract *c)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		fail_each_call(c, play_bells, errors[i]);
}

static void ops_survive_failing_calls(struct contract *c)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		fail_each_call(c, play_ops, errors[i]);
}

static void files_survive_failing_calls(struct contract *c)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		fail_each_call(c, play_files_alone, errors[i]);
}

static void messages_survive_failing_calls(struct contract *c)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		fail_each_call(c, play_messages_alone, errors[i]);
}

static void probe_survives_failing_calls(struct contract *c)
{
	struct fault fault = { .err = ENOSYS };
	unsigned int refused = 0;

	for (unsigned int n = 0;; n++) {
		struct peal_reason reason = { "" };
		int fds = count_fds(), err;

		fault.skip = n;
		fault_begin(&fault);
		err = c->backend->probe(&reason);
		fault_end();
		ck_assert_int_eq(count_fds(), fds);
		ck_assert_int_le(err, 0);
		if (!fault.fired)
			break;
		refused += err < 0;
		ck_assert(err == 0 || strlen(reason.text) > 10);
	}
	ck_assert_uint_gt(refused, 0);
}

const struct contract_case fault_cases[] = {
	{ "probe_survives_failing_calls", probe_survives_failing_calls, 0 },
	{ "bells_survive_failing_calls", bells_survive_failing_calls, 0 },
	{ "ops_survive_failing_calls", ops_survive_failing_calls, NEEDS_OPS | BOTH_SOCKETS },
	{ "files_survive_failing_calls", files_survive_failing_calls, NEEDS_OPS },
	{ "messages_survive_failing_calls", messages_survive_failing_calls,
		NEEDS_OPS | BOTH_SOCKETS },
	{ 0 },
};
