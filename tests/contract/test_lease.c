/* SPDX-License-Identifier: MIT */
/* Receiving into buffers of the shard; receives and accepts that stand. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/fiber/sanitizer.h"
#include "tests/contract/runtime.h"

static void make_pair(int type, int pair[2])
{
	ck_assert_int_eq(peal_socketpair(type, pair), 0);
}

static void close_both(int pair[2])
{
	ck_assert_int_eq(peal_close(pair[0]), 0);
	ck_assert_int_eq(peal_close(pair[1]), 0);
}

static void put(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void expect_lease(int fd, const char *text)
{
	struct peal_lease lease;

	ck_assert_int_eq(peal_recv_lease(fd, &lease, 0), strlen(text));
	ck_assert_uint_eq(lease.size, strlen(text));
	ck_assert_int_eq(memcmp(lease.data, text, lease.size), 0);
	ck_assert_int_eq(peal_lease_return(&lease), 0);
	ck_assert_ptr_null(lease.data);
	ck_assert_int_eq(peal_lease_return(&lease), 0);
}

static int put_later(void *arg)
{
	peal_sleep(PEAL_MS);
	put(*(int *)arg, "later");
	return 0;
}

/* More often than there are buffers. */
TASK_TEST(what_comes_lies_in_the_shards_buffers, .lease_buffers = 4)
{
	struct peal_lease lease = { NULL };
	int pair[2];

	make_pair(SOCK_STREAM, pair);
	for (int i = 0; i < 20; i++) {
		put(pair[1], "at once");
		expect_lease(pair[0], "at once");
		ck_assert_int_eq(peal_spawn(put_later, &pair[1], NULL), 0);
		expect_lease(pair[0], "later");
	}
	ck_assert_int_eq(peal_recv_lease(pair[0], &lease, MSG_DONTWAIT), -EAGAIN);
	ck_assert_int_eq(peal_recv_lease(pair[0], &lease, MSG_PEEK), -EINVAL);
	ck_assert_int_eq(peal_recv_lease(pair[0], NULL, 0), -EINVAL);
	ck_assert_int_eq(shutdown(pair[1], SHUT_WR), 0);
	ck_assert_int_eq(peal_recv_lease(pair[0], &lease, 0), 0);
	ck_assert_int_eq(peal_recv_lease(-1, &lease, 0), -EBADF);
	ck_assert_ptr_null(lease.data);
	ck_assert_int_eq(peal_lease_return(NULL), 0);
	close_both(pair);
	return 0;
}

TASK_TEST(long_messages_are_cut, .lease_size = 100)
{
	struct peal_lease lease;
	char bulk[150] = "";
	int pair[2];

	make_pair(SOCK_SEQPACKET, pair);
	ck_assert_int_eq(send(pair[1], bulk, sizeof(bulk), 0), sizeof(bulk));
	put(pair[1], "next");
	ck_assert_int_eq(peal_recv_lease(pair[0], &lease, 0), 100);
	ck_assert_int_eq(peal_lease_return(&lease), 0);
	expect_lease(pair[0], "next");
	close_both(pair);
	return 0;
}

static int wait_for_lease(void *arg)
{
	struct peal_lease lease;

	return (int)peal_recv_lease(*(int *)arg, &lease, 0);
}

static void expect_result(struct peal_task *task, int expected)
{
	int result;

	ck_assert_int_eq(peal_task_join(task, &result), 0);
	ck_assert_int_eq(result, expected);
}

TASK_TEST(there_are_so_many_and_no_more, .lease_buffers = 2)
{
	struct peal_lease leases[3];
	struct peal_task *task;
	int pair[2], other[2];

	make_pair(SOCK_SEQPACKET, pair);
	make_pair(SOCK_SEQPACKET, other);
	/* It finds two when it begins to wait, and none when something comes. */
	ck_assert_int_eq(peal_task_spawn(&task, wait_for_lease, &other[0], NULL), 0);
	peal_sleep(PEAL_MS);
	for (int i = 0; i < 3; i++)
		put(pair[1], "piece");
	ck_assert_int_eq(peal_recv_lease(pair[0], &leases[0], 0), 5);
	ck_assert_int_eq(peal_recv_lease(pair[0], &leases[1], 0), 5);
	put(other[1], "too late");
	expect_result(task, -ENOBUFS);
	ck_assert_int_eq(peal_recv_lease(pair[0], &leases[2], 0), -ENOBUFS);
	ck_assert_int_eq(peal_lease_return(&leases[0]), 0);
	ck_assert_int_eq(peal_recv_lease(pair[0], &leases[2], 0), 5);
	ck_assert_ptr_ne(leases[2].data, leases[1].data);
	ck_assert_int_eq(peal_lease_return(&leases[1]), 0);
	ck_assert_int_eq(peal_lease_return(&leases[2]), 0);
	expect_lease(other[0], "too late");
	close_both(pair);
	close_both(other);
	return 0;
}

static int return_here(void *arg)
{
	return peal_lease_return(arg);
}

static int travel(void *arg)
{
	struct peal_lease lease;
	int *pair = arg, result;

	ck_assert_int_eq(peal_recv_lease(pair[0], &lease, 0), 4);
	ck_assert_int_eq(peal_move(1), -EBUSY);
	ck_assert_int_eq(peal_call(1, return_here, &lease, &result), 0);
	ck_assert_int_eq(result, -EPERM);
	ck_assert_int_eq(peal_lease_return(&lease), 0);
	return peal_move(1);
}

static int keep(void *arg)
{
	return (int)peal_recv_lease(*(int *)arg, *(struct peal_lease **)((int *)arg + 2), 0);
}

/* They are the shard's, and so is who holds one; but one may outlive its task. */
TASK_TEST(leases_do_not_travel)
{
	struct {
		int pair[2];
		struct peal_lease *lease;
	} kept;
	struct peal_task *task;
	struct peal_lease lease;

	make_pair(SOCK_STREAM, kept.pair);
	put(kept.pair[1], "data");
	ck_assert_int_eq(peal_task_spawn(&task, travel, kept.pair, NULL), 0);
	expect_result(task, 0);
	kept.lease = &lease;
	put(kept.pair[1], "data");
	ck_assert_int_eq(peal_task_spawn(&task, keep, &kept, NULL), 0);
	expect_result(task, 4);
	ck_assert_int_eq(memcmp(lease.data, "data", 4), 0);
	ck_assert_int_eq(peal_lease_return(&lease), 0);
	close_both(kept.pair);
	return 0;
}

/* A stream of numbers, in parts of all sizes. */
#define NUMBERS 40000

static int send_numbers(void *arg)
{
	static uint32_t numbers[NUMBERS];
	const char *bytes = (const char *)numbers;
	unsigned int seed = 1;
	size_t sent = 0;

	for (uint32_t i = 0; i < NUMBERS; i++)
		numbers[i] = i * 2654435761U;
	while (sent < sizeof(numbers)) {
		size_t size = 1 + (size_t)rand_r(&seed) % 900;

		if (size > sizeof(numbers) - sent)
			size = sizeof(numbers) - sent;
		ck_assert_int_eq(peal_send_all(*(int *)arg, bytes + sent, size, 0), size);
		sent += size;
		if (rand_r(&seed) % 8 == 0)
			peal_yield();
	}
	return peal_shutdown(*(int *)arg, SHUT_WR);
}

struct reading {
	uint32_t number; /* the one that comes in */
	uint32_t index;
	unsigned int bytes;
};

static void read_numbers(struct reading *reading, const struct peal_lease *lease)
{
	for (size_t i = 0; i < lease->size; i++) {
		((char *)&reading->number)[reading->bytes++] = lease->data[i];
		if (reading->bytes < sizeof(reading->number))
			continue;
		if (reading->number != reading->index++ * 2654435761U)
			ck_abort_msg("number %u is wrong", reading->index - 1);
		reading->bytes = 0;
	}
}

static ssize_t next(struct peal_receiver *receiver, struct reading *reading)
{
	struct peal_lease lease;
	ssize_t n = peal_receiver_next(receiver, &lease);

	if (n > 0) {
		ck_assert_uint_eq(lease.size, n);
		read_numbers(reading, &lease);
		ck_assert_int_eq(peal_lease_return(&lease), 0);
	}
	return n;
}

/* With fewer buffers than it would like to run ahead, and a reader that stops now and then. */
TASK_TEST(a_standing_receive_brings_all_in_order, .lease_buffers = 2)
{
	struct reading reading = { 0 };
	struct peal_receiver *receiver;
	struct peal_task *task;
	unsigned int seed = 2;
	int pair[2];
	ssize_t n;

	make_pair(SOCK_STREAM, pair);
	ck_assert_int_eq(peal_task_spawn(&task, send_numbers, &pair[1], NULL), 0);
	ck_assert_int_eq(peal_receiver_open(&receiver, pair[0]), 0);
	while ((n = next(receiver, &reading)) > 0)
		if (rand_r(&seed) % 16 == 0)
			peal_sleep(20 * PEAL_US);
	ck_assert_int_eq(n, 0);
	ck_assert_uint_eq(reading.index, NUMBERS);
	ck_assert_int_eq(next(receiver, &reading), 0);
	expect_result(task, 0);
	ck_assert_int_eq(peal_receiver_close(receiver), 0);
	ck_assert_int_eq(peal_receiver_close(NULL), 0);
	close_both(pair);
	return 0;
}

/* Its peer has sent more than fits, and nobody reads. */
TASK_TEST(a_slow_reader_leaves_buffers_to_others, .lease_buffers = 16)
{
	struct peal_receiver *receiver;
	struct peal_lease lease;
	int pair[2], other[2];

	make_pair(SOCK_SEQPACKET, pair);
	make_pair(SOCK_SEQPACKET, other);
	ck_assert_int_eq(peal_receiver_open(&receiver, pair[0]), 0);
	put(pair[1], "first");
	ck_assert_int_eq(peal_receiver_next(receiver, &lease), 5);
	ck_assert_int_eq(peal_lease_return(&lease), 0);
	for (int i = 0; i < 30; i++) {
		put(pair[1], "more");
		peal_sleep(PEAL_MS);
	}
	put(other[1], "other");
	expect_lease(other[0], "other");
	for (int i = 0; i < 30; i++) {
		ck_assert_int_eq(peal_receiver_next(receiver, &lease), 4);
		ck_assert_int_eq(peal_lease_return(&lease), 0);
	}
	ck_assert_int_eq(peal_receiver_close(receiver), 0);
	close_both(pair);
	close_both(other);
	return 0;
}

TASK_TEST(without_buffers_a_receiver_says_so, .lease_buffers = 2)
{
	struct peal_lease leases[2], lease;
	struct peal_receiver *receiver;
	int pair[2];

	make_pair(SOCK_SEQPACKET, pair);
	ck_assert_int_eq(peal_receiver_open(&receiver, pair[0]), 0);
	for (int i = 0; i < 8; i++)
		put(pair[1], "piece");
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(peal_receiver_next(receiver, &leases[i]), 5);
	ck_assert_int_eq(peal_receiver_next(receiver, &lease), -ENOBUFS);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(peal_lease_return(&leases[i]), 0);
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(peal_receiver_next(receiver, &lease), 5);
		ck_assert_int_eq(peal_lease_return(&lease), 0);
	}
	ck_assert_int_eq(
		PEAL_WITHIN_GET(PEAL_MS, peal_receiver_next(receiver, &lease)), -ETIMEDOUT);
	put(pair[1], "late");
	ck_assert_int_eq(peal_receiver_next(receiver, &lease), 4);
	ck_assert_int_eq(peal_lease_return(&lease), 0);
	ck_assert_int_eq(peal_receiver_close(receiver), 0);
	close_both(pair);
	return 0;
}

static int receive_here_and_there(void *arg)
{
	struct reading reading = { 0 };
	struct peal_receiver *receiver;
	unsigned int shard = 0;
	ssize_t n = 1, left;

	ck_assert_int_eq(peal_receiver_open(&receiver, *(int *)arg), 0);
	for (int i = 0; n > 0; i++) {
		n = next(receiver, &reading);
		if (i % 7)
			continue;
		for (left = peal_receiver_stop(receiver); left > 0; left -= n) {
			n = next(receiver, &reading);
			ck_assert_int_gt(n, 0);
		}
		ck_assert_int_eq(left, 0);
		shard ^= 1;
		ck_assert_int_eq(peal_move(shard), 0);
	}
	ck_assert_int_eq(n, 0);
	ck_assert_uint_eq(reading.index, NUMBERS);
	return peal_receiver_close(receiver);
}

/* From shard to shard and back, in the middle of its stream. */
TASK_TEST(a_connection_is_handed_over)
{
	struct peal_task *tasks[2];
	int pair[2];

	make_pair(SOCK_STREAM, pair);
	ck_assert_int_eq(peal_task_spawn(&tasks[0], receive_here_and_there, &pair[0], NULL), 0);
	ck_assert_int_eq(peal_task_spawn(&tasks[1], send_numbers, &pair[1], NULL), 0);
	expect_result(tasks[0], 0);
	expect_result(tasks[1], 0);
	close_both(pair);
	return 0;
}

#define RECEIVERS 100

struct receiving {
	int fd;
	unsigned int bytes;
};

/* When no buffer is left, others hold them for as long as it takes to look at them. */
static int receive_bytes(void *arg)
{
	struct receiving *receiving = arg;
	struct peal_receiver *receiver;
	struct peal_lease lease;
	ssize_t n;

	ck_assert_int_eq(peal_receiver_open(&receiver, receiving->fd), 0);
	while ((n = peal_receiver_next(receiver, &lease)) > 0 || n == -ENOBUFS) {
		peal_yield();
		if (n < 0)
			continue;
		receiving->bytes += (unsigned int)n;
		ck_assert_int_eq(peal_lease_return(&lease), 0);
	}
	ck_assert_int_eq(peal_receiver_close(receiver), 0);
	return (int)n;
}

/* They begin, and begin again, when the ring is full, and when all buffers are with others. */
TASK_TEST(many_receive_by_few_entries_and_buffers, .ring_entries = 8, .lease_buffers = 4)
{
	static struct receiving receivings[RECEIVERS];
	struct peal_task *tasks[RECEIVERS];
	int theirs[RECEIVERS];

	for (int i = 0; i < RECEIVERS; i++) {
		int pair[2];

		make_pair(SOCK_STREAM, pair);
		receivings[i] = (struct receiving){ .fd = pair[0] };
		theirs[i] = pair[1];
		ck_assert_int_eq(
			peal_task_spawn(&tasks[i], receive_bytes, &receivings[i], NULL), 0);
	}
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < RECEIVERS; i++)
			put(theirs[i], "0123456789");
		peal_yield();
	}
	for (int i = 0; i < RECEIVERS; i++)
		ck_assert_int_eq(peal_close(theirs[i]), 0);
	for (int i = 0; i < RECEIVERS; i++) {
		expect_result(tasks[i], 0);
		ck_assert_uint_eq(receivings[i].bytes, 200);
		ck_assert_int_eq(peal_close(receivings[i].fd), 0);
	}
	if (!strcmp(peal_rt_backend(peal_rt_current()), "uring"))
		ck_assert_uint_gt(counter("ops_retried"), 0);
	return 0;
}

static int make_listener(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = peal_tcp_listen("127.0.0.1:0", NULL);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &size), 0);
	return fd;
}

static int knock(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
	return fd;
}

/* A peer resets: that is told once, after what came before it. */
TASK_TEST(a_reset_comes_after_the_data)
{
	struct peal_receiver *receiver;
	struct sockaddr_in address;
	struct peal_lease lease;
	int listener = make_listener(&address), ours, theirs;

	theirs = knock(&address);
	ours = peal_accept(listener, NULL, NULL, 0);
	ck_assert_int_ge(ours, 0);
	ck_assert_int_eq(peal_receiver_open(&receiver, ours), 0);
	put(theirs, "last words");
	ck_assert_int_eq(peal_receiver_next(receiver, &lease), 10);
	ck_assert_int_eq(peal_lease_return(&lease), 0);
	ck_assert_int_eq(peal_set_reset_on_close(theirs, true), 0);
	ck_assert_int_eq(close(theirs), 0);
	ck_assert_int_eq(peal_receiver_next(receiver, &lease), -ECONNRESET);
	ck_assert_int_eq(peal_receiver_close(receiver), 0);
	ck_assert_int_eq(peal_close(ours), 0);
	ck_assert_int_eq(peal_close(listener), 0);
	return 0;
}

/* More of them wait than the ring has completions. */
#define CROWD 200

TASK_TEST(a_standing_accept_takes_a_crowd, .ring_entries = 8)
{
	struct peal_acceptor *acceptor;
	struct sockaddr_in address;
	int listener = make_listener(&address), theirs[CROWD];

	ck_assert_int_eq(peal_acceptor_open(&acceptor, listener, 0), 0);
	for (int i = 0; i < CROWD; i++)
		theirs[i] = knock(&address);
	for (int i = 0; i < CROWD; i++) {
		int ours = peal_acceptor_next(acceptor);

		ck_assert_int_ge(ours, 0);
		ck_assert_int_eq(peal_close(ours), 0);
		ck_assert_int_eq(close(theirs[i]), 0);
	}
	ck_assert_int_eq(PEAL_WITHIN_GET(PEAL_MS, peal_acceptor_next(acceptor)), -ETIMEDOUT);
	/* Accepted before anybody asks, perhaps; nobody ever does. */
	theirs[0] = knock(&address);
	peal_sleep(PEAL_MS);
	ck_assert_int_eq(peal_acceptor_close(acceptor), 0);
	ck_assert_int_eq(peal_close(listener), 0);
	ck_assert_int_le(peal_recv(theirs[0], &(char){ 0 }, 1, 0), 0);
	ck_assert_int_eq(close(theirs[0]), 0);
	return 0;
}

TASK_TEST(a_standing_accept_runs_out_of_descriptors)
{
	struct peal_acceptor *acceptor;
	struct sockaddr_in address;
	int listener = make_listener(&address), theirs = knock(&address), ours;
	struct rlimit before, none;

	if (peal_on_valgrind())
		peal_skip("Valgrind closes what was accepted beyond the limit");
	ck_assert_int_eq(peal_acceptor_open(&acceptor, listener, SOCK_NONBLOCK), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = (rlim_t)theirs + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(peal_acceptor_next(acceptor), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ours = peal_acceptor_next(acceptor);
	ck_assert_int_ge(ours, 0);
	ck_assert_int_eq(peal_acceptor_close(acceptor), 0);
	ck_assert_int_eq(close(theirs), 0);
	ck_assert_int_eq(peal_close(ours), 0);
	ck_assert_int_eq(peal_close(listener), 0);
	return 0;
}

static int accept_until_drained(void *arg)
{
	struct peal_acceptor *acceptor;
	int n;

	ck_assert_int_eq(peal_acceptor_open(&acceptor, *(int *)arg, 0), 0);
	while ((n = peal_acceptor_next(acceptor)) >= 0)
		peal_close(n);
	ck_assert_int_eq(peal_acceptor_next(acceptor), -ECANCELED);
	ck_assert_int_eq(peal_acceptor_close(acceptor), 0);
	ck_assert_int_eq(peal_close(*(int *)arg), 0);
	return n == -ECANCELED ? 0 : n;
}

TASK_TEST(draining_ends_a_standing_accept)
{
	struct sockaddr_in address;
	struct peal_task *task;
	int listener = make_listener(&address);

	ck_assert_int_eq(peal_task_spawn(&task, accept_until_drained, &listener, NULL), 0);
	close(knock(&address));
	peal_sleep(PEAL_MS);
	peal_rt_drain(peal_rt_current());
	PEAL_SCOPE (shielded, .shield = 1)
		expect_result(task, 0);
	return 0;
}

static Suite *lease_suite(void)
{
	Suite *suite = suite_create("lease");
	TCase *tcase = tcase_create("lease");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, what_comes_lies_in_the_shards_buffers);
	ADD_TASK_TEST(tcase, long_messages_are_cut);
	ADD_TASK_TEST(tcase, there_are_so_many_and_no_more);
	ADD_TASK_TEST(tcase, leases_do_not_travel);
	ADD_TASK_TEST(tcase, a_standing_receive_brings_all_in_order);
	ADD_TASK_TEST(tcase, a_slow_reader_leaves_buffers_to_others);
	ADD_TASK_TEST(tcase, without_buffers_a_receiver_says_so);
	ADD_TASK_TEST(tcase, many_receive_by_few_entries_and_buffers);
	ADD_TASK_TEST(tcase, a_connection_is_handed_over);
	ADD_TASK_TEST(tcase, a_reset_comes_after_the_data);
	ADD_TASK_TEST(tcase, a_standing_accept_takes_a_crowd);
	ADD_TASK_TEST(tcase, a_standing_accept_runs_out_of_descriptors);
	ADD_TASK_TEST(tcase, draining_ends_a_standing_accept);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(lease_suite());
}
