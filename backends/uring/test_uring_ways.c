/* SPDX-License-Identifier: MIT */
/* The uring backend: how operations are done: by one entry, by several, or not by the ring at all. */
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/un.h>

#include "backends/uring/test_uring.h"

START_TEST(an_unknown_operation_says_so)
{
	struct peal_ring *ring = open_ring();
	struct peal_op op = { .opcode = PEAL_OP_COUNT_ };

	ck_assert_int_eq(peal_uring_submit(ring, &op), 1);
	ck_assert_int_eq(op.result, -ENOSYS);
	peal_uring_close(ring);
}
END_TEST

static int listener(struct sockaddr_in *address, int flags)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)address, size), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &size), 0);
	return fd;
}

static struct sockaddr_in loopback(void)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void expect_nothing(struct peal_ring *ring, struct peal_reap *reap)
{
	ck_assert_int_eq(peal_uring_wait(ring, test_now() + 5 * PEAL_MS, reap), 0);
	ck_assert_uint_eq(reap->count, 0);
}

START_TEST(non_blocking_descriptors_wait_all_the_same)
{
	struct sockaddr_in address = loopback(), peer;
	int listening = listener(&address, SOCK_NONBLOCK);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	uint32_t size = sizeof(peer);
	struct peal_ring *ring = open_ring();
	struct peal_reap reap;
	char text[8] = "";
	struct peal_op in,
		accepts = { .opcode = PEAL_OP_ACCEPT,
			.fd = listening,
			.args.accept = { .address = (struct sockaddr *)&peer,
				.size = &size,
				.flags = SOCK_CLOEXEC | SOCK_NONBLOCK } };
	struct peal_op connects = { .opcode = PEAL_OP_CONNECT,
		.fd = client,
		.args.connect = {
			.address = (struct sockaddr *)&address, .size = sizeof(address) } };

	peal_reap_init(&reap);
	ck_assert_int_eq(submit(ring, &accepts, &reap), 0);
	expect_nothing(ring, &reap);
	ck_assert_int_eq(submit(ring, &connects, &reap), 0);
	reap_until(ring, &reap, 2, 0);
	ck_assert_int_eq(connects.result, 0);
	ck_assert_int_ge(accepts.result, 0);
	ck_assert_uint_eq(size, sizeof(peer));
	peal_reap_init(&reap);
	in = recv_op((int)accepts.result, text, sizeof(text));
	ck_assert_int_eq(submit(ring, &in, &reap), 0);
	expect_nothing(ring, &reap);
	ck_assert_int_eq(send(client, "late", 4, 0), 4);
	reap_until(ring, &reap, 1, 0);
	ck_assert_str_eq(text, "late");
	peal_uring_close(ring);
	close((int)accepts.result);
	close(client);
	close(listening);
}
END_TEST

/* A listener whose wakes are not looked at twice by the kernel, and a client of it. */
static int local_listener(struct sockaddr_un *address, socklen_t *size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*size = sizeof(address->sun_family); /* the kernel finds a name */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)address, *size), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	*size = sizeof(*address);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, size), 0);
	return fd;
}

static int call(const struct sockaddr_un *address, socklen_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (const struct sockaddr *)address, size), 0);
	return fd;
}

/* Be quicker than the op, which is woken for nothing then; false when it was not. */
static bool snatch(struct peal_ring *ring, int listening, struct peal_reap *reap)
{
	int server = accept(listening, NULL, NULL);

	ck_assert_int_eq(peal_uring_wait(ring, test_now() + PEAL_MS, reap), 0);
	if (server < 0)
		return false;
	ck_assert_uint_eq(reap->count, 0);
	close(server);
	return true;
}

static void begin(struct peal_ring *ring, struct peal_op *op, struct peal_reap *reap)
{
	peal_reap_init(reap);
	ck_assert_int_eq(submit(ring, op, reap), 0);
	ck_assert_int_eq(peal_uring_peek(ring, reap), 0);
}

/*
 * After 128 wakes for nothing the kernel hands the op to a worker thread (old kernels: after one), which
 * gets -EAGAIN because the descriptor does not block.
 */
START_TEST(operations_outlast_wakes_for_nothing)
{
	struct sockaddr_un address;
	socklen_t size;
	int listening = local_listener(&address, &size);
	struct peal_op accepts = { .opcode = PEAL_OP_ACCEPT, .fd = listening };
	struct peal_ring *ring = open_ring();
	struct peal_reap reap;
	bool polled = false;

	if (!(ring->has & PEAL_URING_DEFER))
		peal_skip("without DEFER_TASKRUN nobody can be quicker on the same thread");
	begin(ring, &accepts, &reap);
	for (int round = 0; round < 1000 && !polled; round++) {
		int client = call(&address, size);

		if (!snatch(ring, listening, &reap)) {
			reap_until(ring, &reap, 1, 0);
			close((int)accepts.result);
			begin(ring, &accepts, &reap);
		}
		close(client);
		polled = accepts.backend[PEAL_URING_OP_STATE] & PEAL_URING_OP_POLLING;
	}
	ck_assert(polled);
	close(call(&address, size));
	reap_until(ring, &reap, 1, 0);
	ck_assert_int_ge(accepts.result, 0);
	peal_uring_close(ring);
	close((int)accepts.result);
	close(listening);
}
END_TEST

/* As if the kernel had answered -EAGAIN: the entry, a no-op here, only waits for readiness. */
static void make_it_poll(struct peal_ring *ring, struct peal_op *op, struct peal_reap *reap)
{
	const struct io_uring_sq *sq = &ring->uring.sq;
	struct io_uring_sqe *sqe;

	ck_assert_int_eq(submit(ring, op, reap), 0);
	op->backend[PEAL_URING_OP_STATE] |= PEAL_URING_OP_POLLING;
	sqe = &sq->sqes[(sq->sqe_tail - 1) & sq->ring_mask];
	sqe->opcode = IORING_OP_NOP;
	sqe->ioprio = 0;
}

START_TEST(operations_can_be_cancelled_between_two_entries)
{
	struct peal_ring *ring = open_ring();
	struct peal_reap reap;
	struct peal_op in;
	char byte;
	int fds[2];

	socket_pair(fds, 0);
	in = recv_op(fds[0], &byte, 1);
	ck_assert_int_eq(send(fds[1], "x", 1, 0), 1);

	peal_reap_init(&reap); /* while it waits for readiness, which then comes */
	make_it_poll(ring, &in, &reap);
	ck_assert_int_eq(peal_uring_cancel(ring, &in), 0);
	reap_until(ring, &reap, 1, 0);
	ck_assert_int_eq(in.result, -ECANCELED);

	peal_reap_init(&reap); /* when it is ready, and waits for an entry */
	make_it_poll(ring, &in, &reap);
	ring->reserve = ring->uring.sq.ring_entries;
	ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
	ck_assert_ptr_eq(ring->again, &in);
	ck_assert_int_eq(peal_uring_cancel(ring, &in), 0);
	reap_until(ring, &reap, 1, 0);
	ck_assert_int_eq(in.result, -ECANCELED);

	ck_assert_int_eq(recv(fds[0], &byte, 1, MSG_DONTWAIT), 1);
	peal_uring_close(ring);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(a_mere_try_does_not_wait)
{
	struct peal_ring *ring = open_ring();
	struct peal_op nop = { .opcode = PEAL_OP_NOP };
	struct peal_reap reap;
	struct peal_op in;
	char byte;
	int fds[2];

	peal_reap_init(&reap);
	socket_pair(fds, 0);
	in = recv_op(fds[0], &byte, 1);
	in.args.recv.flags = MSG_DONTWAIT;
	ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
	ck_assert_int_eq(submit(ring, &in, &reap), 1);
	ck_assert_int_eq(in.result, -EAGAIN);
	ck_assert_int_eq(submit(ring, &nop, &reap), 0);
	ck_assert_int_eq(submit(ring, &in, &reap), 0); /* behind what is queued */
	reap_until(ring, &reap, 2, 0);
	ck_assert_int_eq(in.result, -EAGAIN);
	peal_uring_close(ring);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(sends_are_done_at_once_when_nothing_is_queued)
{
	struct peal_ring *ring = open_ring();
	struct peal_op nop = { .opcode = PEAL_OP_NOP };
	struct peal_reap reap;
	char received[8] = "";
	struct peal_op out;
	int fds[2];

	peal_reap_init(&reap);
	socket_pair(fds, 0);
	out = send_op(fds[1], "abc", 3);
	ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
	ck_assert_int_eq(submit(ring, &out, &reap), 1);
	ck_assert_int_eq(out.result, 3);
	ck_assert_int_eq(submit(ring, &nop, &reap), 0);
	ck_assert_int_eq(submit(ring, &out, &reap), 0);
	reap_until(ring, &reap, 2, 0);
	ck_assert_int_eq(recv(fds[0], received, sizeof(received), 0), 6);
	ck_assert_str_eq(received, "abcabc");
	close(fds[0]);
	ck_assert_int_eq(submit(ring, &out, &reap), 1);
	ck_assert_int_eq(out.result, -EPIPE);
	peal_uring_close(ring);
	close(fds[1]);
}
END_TEST

/* TCP tells with each completion whether more is there. */
START_TEST(receives_are_done_at_once_when_data_was_left)
{
	struct sockaddr_in address = loopback();
	int listening = listener(&address, 0), client = socket(AF_INET, SOCK_STREAM, 0), server;
	struct peal_ring *ring = open_ring();
	struct peal_reap reap;
	char text[3] = "";
	struct peal_op in;

	ck_assert_int_eq(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
	server = accept(listening, NULL, NULL);
	in = recv_op(server, text, 2);
	ck_assert_int_eq(send(client, "abcde", 5, 0), 5);
	ck_assert_int_eq(perform(ring, &in), 2);
	peal_reap_init(&reap);
	ck_assert_int_eq(submit(ring, &in, &reap), 1);
	ck_assert_int_eq(in.result, 2);
	ck_assert_str_eq(text, "cd");
	ck_assert_int_eq(submit(ring, &in, &reap), 1);
	ck_assert_int_eq(in.result, 1);
	ck_assert_int_eq(submit(ring, &in, &reap), 0);
	expect_nothing(ring, &reap);
	ck_assert_int_eq(send(client, "f", 1, 0), 1);
	reap_until(ring, &reap, 1, 0);
	ck_assert_int_eq(text[0], 'f');

	ring->hints[server % PEAL_URING_HINTS] = PEAL_URING_READY; /* which is not true */
	peal_reap_init(&reap);
	ck_assert_int_eq(submit(ring, &in, &reap), 0);
	expect_nothing(ring, &reap);
	ck_assert_int_eq(send(client, "g", 1, 0), 1);
	reap_until(ring, &reap, 1, 0);
	ck_assert_int_eq(text[0], 'g');
	peal_uring_close(ring);
	close(server);
	close(client);
	close(listening);
}
END_TEST

static uint16_t priority_of_last(const struct peal_ring *ring)
{
	const struct io_uring_sq *sq = &ring->uring.sq;

	return sq->sqes[(sq->sqe_tail - 1) & sq->ring_mask].ioprio;
}

START_TEST(an_emptied_stream_is_waited_for_before_it_is_tried)
{
	struct sockaddr_in address = loopback();
	int listening = listener(&address, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	struct peal_op in, accepts = { .opcode = PEAL_OP_ACCEPT, .fd = listening };
	struct peal_ring *ring = open_ring();
	struct peal_op closes = { .opcode = PEAL_OP_CLOSE };
	struct peal_reap reap;
	char text[8];

	peal_reap_init(&reap);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
	in = recv_op((int)perform(ring, &accepts), text, sizeof(text));
	ck_assert_int_eq(submit(ring, &in, &reap), 0);
	ck_assert_uint_eq(priority_of_last(ring), 0);
	ck_assert_int_eq(send(client, "a", 1, 0), 1);
	reap_until(ring, &reap, 1, 0);
	peal_reap_init(&reap);
	ck_assert_int_eq(submit(ring, &in, &reap), 0);
	ck_assert_uint_eq(priority_of_last(ring), IORING_RECVSEND_POLL_FIRST);
	ck_assert_int_eq(send(client, "b", 1, 0), 1);
	reap_until(ring, &reap, 1, 0);
	ck_assert_int_eq(text[0], 'b');
	closes.fd = in.fd;
	ck_assert_int_eq(submit(ring, &closes, &reap), 1);
	ck_assert_uint_eq(ring->hints[(unsigned int)in.fd % PEAL_URING_HINTS], 0);
	peal_uring_close(ring);
	close(client);
	close(listening);
}
END_TEST

/* Lengths in entries have 32 bits: 4 GiB would be 0. */
START_TEST(sizes_may_have_more_than_32_bits)
{
	const size_t size = (size_t)1 << 32;
	struct peal_ring *ring = open_ring();
	struct peal_op in;
	int fds[2];
	char *buf = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (buf == MAP_FAILED)
		peal_skip("no address space of 4 GiB");
	socket_pair(fds, 0);
	in = recv_op(fds[0], buf, size);
	ck_assert_int_eq(send(fds[1], "abc", 3, 0), 3);
	ck_assert_int_eq(perform(ring, &in), 3);
	peal_uring_close(ring);
	munmap(buf, size);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* The entry of a cancelled receive names the descriptor by number, and that number gets a new owner. */
START_TEST(a_close_does_not_overtake_what_is_queued)
{
	struct peal_ring *ring = open_ring();
	struct peal_reap reap;
	struct peal_op in, closes;
	char byte = 0;
	int fds[2], others[2];

	peal_reap_init(&reap);
	socket_pair(fds, 0);
	in = recv_op(fds[0], &byte, 1);
	closes = (struct peal_op){ .opcode = PEAL_OP_CLOSE, .fd = fds[0] };
	ck_assert_int_eq(submit(ring, &in, &reap), 0);
	ck_assert_int_eq(peal_uring_cancel(ring, &in), 0);
	ck_assert_int_eq(submit(ring, &closes, &reap), 1);
	ck_assert_int_eq(closes.result, 0);
	socket_pair(others, 0);
	ck_assert(others[0] == fds[0] || others[1] == fds[0]);
	ck_assert_int_eq(send(others[0], "x", 1, 0), 1);
	ck_assert_int_eq(send(others[1], "x", 1, 0), 1);
	reap_until(ring, &reap, 1, 0);
	ck_assert_int_eq(in.result, -ECANCELED);
	ck_assert_int_eq(recv(others[0], &byte, 1, MSG_DONTWAIT), 1);
	ck_assert_int_eq(recv(others[1], &byte, 1, MSG_DONTWAIT), 1);
	ck_assert_int_eq(submit(ring, &closes, &reap), 1);
	ck_assert_int_eq(submit(ring, &closes, &reap), 1);
	ck_assert_int_eq(closes.result, -EBADF);
	peal_uring_close(ring);
	close(fds[1]);
}
END_TEST

START_TEST(a_close_waits_its_turn_when_the_kernel_is_busy)
{
	struct fault fault = FAULT(.number = SYS_io_uring_enter, .result = -EAGAIN, .times = 1);
	struct peal_ring *ring = open_ring();
	struct peal_reap reap;
	struct peal_op in, closes;
	char byte = 0;
	int fds[2];

	peal_reap_init(&reap);
	socket_pair(fds, 0);
	in = recv_op(fds[0], &byte, 1);
	closes = (struct peal_op){ .opcode = PEAL_OP_CLOSE, .fd = fds[0] };
	ck_assert_int_eq(submit(ring, &in, &reap), 0);
	ck_assert_int_eq(peal_uring_cancel(ring, &in), 0);
	peal_sys_hook = &fault.hook;
	ck_assert_int_eq(peal_uring_submit(ring, &closes), -EAGAIN);
	peal_sys_hook = NULL;
	ck_assert_int_eq(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(submit(ring, &closes, &reap), 1);
	reap_until(ring, &reap, 1, 0);
	peal_uring_close(ring);
	close(fds[1]);
}
END_TEST

/* An op in the ring keeps the file open; with 100 of them, completions come out in several turns. */
START_TEST(a_closed_listener_gives_its_port_back_at_once)
{
	struct sockaddr_in address = loopback();
	struct peal_ring *ring = open_ring();
	struct peal_op accepts[100];
	struct peal_op closes = { .opcode = PEAL_OP_CLOSE };
	struct peal_reap reap;

	for (int round = 0; round < 10; round++) {
		closes.fd = listener(&address, 0);
		peal_reap_init(&reap);
		for (size_t i = 0; i < LENGTH(accepts); i++) {
			accepts[i] = (struct peal_op){ .opcode = PEAL_OP_ACCEPT, .fd = closes.fd };
			ck_assert_int_eq(submit(ring, &accepts[i], &reap), 0);
		}
		ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
		cancel_all(ring, accepts, LENGTH(accepts), &reap);
		ck_assert_int_eq(submit(ring, &closes, &reap), 1);
		close(listener(&address, 0)); /* the same port again */
		reap_until(ring, &reap, LENGTH(accepts), 0);
	}
	peal_uring_close(ring);
}
END_TEST

START_TEST(a_shutdown_does_not_overtake_a_send)
{
	struct peal_ring *ring = open_ring();
	struct peal_op nop = { .opcode = PEAL_OP_NOP };
	struct peal_reap reap;
	struct peal_op out, ends;
	char text[8];
	int fds[2];

	peal_reap_init(&reap);
	socket_pair(fds, 0);
	out = send_op(fds[1], "abc", 3);
	ends = (struct peal_op){
		.opcode = PEAL_OP_SHUTDOWN, .fd = fds[1], .args.shutdown.how = SHUT_WR
	};
	ck_assert_int_eq(submit(ring, &nop, &reap), 0);
	ck_assert_int_eq(submit(ring, &out, &reap), 0);
	ck_assert_int_eq(submit(ring, &ends, &reap), 1);
	ck_assert_int_eq(ends.result, 0);
	reap_until(ring, &reap, 2, 0);
	ck_assert_int_eq(out.result, 3);
	ck_assert_int_eq(recv(fds[0], text, sizeof(text), 0), 3);
	ck_assert_int_eq(recv(fds[0], text, sizeof(text), 0), 0);
	peal_uring_close(ring);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

static TCase *way_cases(void)
{
	TCase *tc = tcase_create("ways of doing it");

	tcase_add_test(tc, an_unknown_operation_says_so);
	tcase_add_test(tc, non_blocking_descriptors_wait_all_the_same);
	tcase_add_test(tc, operations_outlast_wakes_for_nothing);
	tcase_add_test(tc, operations_can_be_cancelled_between_two_entries);
	tcase_add_test(tc, a_mere_try_does_not_wait);
	tcase_add_test(tc, sends_are_done_at_once_when_nothing_is_queued);
	tcase_add_test(tc, receives_are_done_at_once_when_data_was_left);
	tcase_add_test(tc, an_emptied_stream_is_waited_for_before_it_is_tried);
	tcase_add_test(tc, sizes_may_have_more_than_32_bits);
	tcase_add_test(tc, a_close_does_not_overtake_what_is_queued);
	tcase_add_test(tc, a_close_waits_its_turn_when_the_kernel_is_busy);
	tcase_add_test(tc, a_closed_listener_gives_its_port_back_at_once);
	tcase_add_test(tc, a_shutdown_does_not_overtake_a_send);
	return tc;
}

static Suite *ways_suite(void)
{
	Suite *suite = suite_create("uring ways");

	suite_add_tcase(suite, way_cases());
	return suite;
}

int main(void)
{
	return uring_check_main(ways_suite);
}
