/* SPDX-License-Identifier: MIT */
/* What the tests of this backend share: a ring at hand, reaping by count, and calls that fail. */
#ifndef PEAL_URING_TEST_URING_H
#define PEAL_URING_TEST_URING_H

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "backends/uring/uring.h"
#include "core/sys.h"
#include "tests/check_main.h"

#include <peal/time.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Answers `times` calls of `number` after `skip` of them went to the kernel; and counts. */
struct fault {
	struct peal_sys_hook hook;
	long number;
	long result;
	int skip, times;
	int seen;
};

static inline bool fault_call(struct peal_sys_hook *hook, long number, long *result)
{
	struct fault *fault = (struct fault *)(void *)hook;

	if (number != fault->number)
		return false;
	if (fault->seen++ < fault->skip || fault->times <= 0)
		return false;
	fault->times--;
	*result = fault->result;
	return true;
}

#define FAULT(...) ((struct fault){ .hook = { fault_call }, __VA_ARGS__ })

static inline struct peal_ring *open_with(struct peal_ring_opts opts)
{
	struct peal_reason reason = { "" };
	struct peal_ring *ring = NULL;

	opts.size = sizeof(opts);
	opts.shards = 2;
	ck_assert_msg(!peal_uring_open(&ring, &opts, &reason), "%s", reason.text);
	return ring;
}

static inline struct peal_ring *open_sized(uint32_t entries)
{
	return open_with((struct peal_ring_opts){ .entries = entries });
}

static inline struct peal_ring *open_ring(void)
{
	return open_sized(0);
}

/* What is here, and Linux 6.1 and 5.19, which have other bells and other rings. */
static const char *const test_tiers[] = { NULL, "6.1", "5.19" };

static inline void use_tier(int i)
{
	if (test_tiers[i])
		setenv("PEAL_URING_TIER", test_tiers[i], 1);
}

static inline struct peal_ring *open_tier(int i)
{
	use_tier(i);
	return open_ring();
}

/* A failed open: the error, which is told with a reason. */
static inline int refused(struct peal_reason *reason)
{
	const struct peal_ring_opts opts = { .size = sizeof(opts), .shards = 1 };
	struct peal_ring *ring = NULL;
	int err;

	*reason = (struct peal_reason){ "" };
	err = peal_uring_open(&ring, &opts, reason);
	ck_assert_int_lt(err, 0);
	ck_assert_ptr_null(ring);
	ck_assert_str_ne(reason->text, "");
	return err;
}

static inline int64_t test_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * PEAL_S + now.tv_nsec;
}

/* Submit, whatever that takes; what completes meanwhile is added to *reap. 1 when it was done at once. */
static inline int submit(struct peal_ring *ring, struct peal_op *op, struct peal_reap *reap)
{
	int n;

	while ((n = peal_uring_submit(ring, op)) < 0) {
		ck_assert_int_eq(n, -EAGAIN);
		ck_assert_int_eq(peal_uring_peek(ring, reap), 0);
	}
	return n;
}

/* Wait until `ops` completions and `bells` bells are in; at most 5 s. */
static inline void reap_until(
	struct peal_ring *ring, struct peal_reap *reap, uint32_t ops, uint32_t bells)
{
	int64_t until = test_now() + 5 * PEAL_S;

	while ((reap->count < ops || reap->bells < bells) && test_now() < until)
		ck_assert_int_eq(peal_uring_wait(ring, until, reap), 0);
	ck_assert_uint_eq(reap->count, ops);
	ck_assert_uint_eq(reap->bells, bells);
}

/* One op from start to end. */
static inline int64_t perform(struct peal_ring *ring, struct peal_op *op)
{
	struct peal_reap reap;

	peal_reap_init(&reap);
	if (submit(ring, op, &reap) == 0) {
		reap_until(ring, &reap, 1, 0);
		ck_assert_ptr_eq(reap.first, op);
	}
	return op->result;
}

/* Ask all of them to end; what completes meanwhile is added to *reap. */
static inline void cancel_all(
	struct peal_ring *ring, struct peal_op *ops, int count, struct peal_reap *reap)
{
	for (int i = 0; i < count; i++)
		while (peal_uring_cancel(ring, &ops[i]) == -EAGAIN)
			ck_assert_int_eq(peal_uring_peek(ring, reap), 0);
}

static inline struct peal_op recv_op(int fd, void *buf, size_t size)
{
	return (struct peal_op){
		.opcode = PEAL_OP_RECV, .fd = fd, .args.recv = { .buf = buf, .size = size }
	};
}

static inline struct peal_op send_op(int fd, const void *buf, size_t size)
{
	return (struct peal_op){ .opcode = PEAL_OP_SEND,
		.fd = fd,
		.args.send = { .buf = buf, .size = size, .flags = MSG_NOSIGNAL } };
}

static inline void socket_pair(int fds[2], int flags)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, fds), 0);
}

/* How many descriptors are open, without the one that looks. */
static inline int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = -3; /* ".", "..", and the directory itself */

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/*
 * Run a suite; or, where io_uring cannot be had at all, say why not. What a broken backend would say is
 * no reason to skip.
 */
static inline int uring_check_main(Suite *(*suite)(void))
{
	struct peal_reason reason = { "" };
	int err = peal_uring_probe(&reason);

	if (err == -EPERM || err == -ENOSYS || err == -EOPNOTSUPP) {
		printf("1..0 # SKIP %s\n", reason.text);
		return 0;
	}
	return peal_check_main(suite());
}

#endif
