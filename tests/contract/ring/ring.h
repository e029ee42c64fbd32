/* SPDX-License-Identifier: MIT */
/*
 * The contract suite's hands: a ring, driven as the core drives it, and what tests need around it.
 *
 * A case gets a struct contract with an open ring. It fills ops with the op_*() functions, and starts
 * and finishes them with the ring_*() ones, which also check what holds for every op: it completes
 * exactly once, and nothing comes back that was not in flight. After the case the fixture closes the
 * ring and counts descriptors: a case closes what it opens.
 */
#ifndef PEAL_TESTS_CONTRACT_FIXTURE_H
#define PEAL_TESTS_CONTRACT_FIXTURE_H

#include <sys/socket.h>

#include <peal/backend.h>
#include <peal/time.h>

#include "core/sys.h"
#include "tests/check_main.h"

enum contract_sockets { UNIX_STREAM, TCP };

struct contract {
	const struct peal_backend *backend;
	struct peal_ring *ring;
	enum contract_sockets sockets; /* what make_pair() makes */
	unsigned int inflight;
	unsigned int bells;    /* heard so far */
	unsigned int failures; /* of the ring itself; a defect unless faults are injected */
	bool faulty;
	int fds_before;
};

/* What a case needs besides a ring. */
#define NEEDS_OPS    (1U << 0) /* a backend that knows operations */
#define BOTH_SOCKETS (1U << 1) /* is run once for each kind of stream socket */
#define REFUSES_OPS  (1U << 2) /* only for a backend that knows none */
#define LIMITS_FILES (1U << 3) /* a kernel that enforces RLIMIT_NOFILE; Valgrind's is its own */

struct contract_case {
	const char *name;
	void (*run)(struct contract *c);
	unsigned int flags;
};

/* One table per area, ended by an entry without a name. */
extern const struct contract_case accept_cases[], bell_cases[], cancel_cases[], connect_cases[],
	fault_cases[], file_cases[], message_cases[], path_cases[], life_cases[], poll_cases[],
	reuse_cases[], send_cases[], recv_cases[], stream_cases[];

/* ring.c */

void contract_begin(struct contract *c);
void contract_end(struct contract *c);

/* Another ring of the same backend; of the options, entries and polled count. */
struct contract second_ring(const struct contract *c, const struct peal_ring_opts *opts);
void close_second_ring(struct contract *second);

int64_t ring_now(const struct contract *c);
/* How many ops were completed by it. */
unsigned int ring_peek(struct contract *c);
unsigned int ring_wait(struct contract *c, int64_t timeout);

void ring_start(struct contract *c, struct peal_op *op);
bool ring_done(const struct peal_op *op);
/* Drive the ring until op has completed: its result. The case fails when that takes seconds. */
int64_t ring_finish(struct contract *c, struct peal_op *op);
int64_t ring_run(struct contract *c, struct peal_op *op);
/* Drive the ring for a while: nothing happens to op. */
void ring_leave_pending(struct contract *c, struct peal_op *op);
void ring_cancel(struct contract *c, struct peal_op *op);
/*
 * Fill a socket and start a send of one byte that waits for room. The bytes that were written before
 * it: it may take some tries, because TCP makes room for more while it hands on what it got.
 */
size_t ring_start_stuck_send(struct contract *c, struct peal_op *op, int fd);
/* Drive the ring for this long, whatever comes. */
void ring_drive(struct contract *c, int64_t duration);

/* ops.c. Zero them before their first use; all return op. */

struct peal_op *op_nop(struct peal_op *op);
struct peal_op *op_accept(
	struct peal_op *op, int fd, struct sockaddr *address, uint32_t *size, int flags);
struct peal_op *op_connect(
	struct peal_op *op, int fd, const struct sockaddr *address, uint32_t size);
struct peal_op *op_recv(struct peal_op *op, int fd, void *buf, size_t size, int flags);
struct peal_op *op_send(struct peal_op *op, int fd, const void *buf, size_t size, int flags);
struct peal_op *op_shutdown(struct peal_op *op, int fd, int how);
struct peal_op *op_close(struct peal_op *op, int fd);
struct peal_op *op_poll(struct peal_op *op, int fd, uint32_t events);
struct peal_op *op_read(struct peal_op *op, int fd, void *buf, size_t size, int64_t offset);
struct peal_op *op_write(struct peal_op *op, int fd, const void *buf, size_t size, int64_t offset);
struct peal_op *op_readv(struct peal_op *op, int fd, const struct iovec *vector, int count,
	int64_t offset, int flags);
struct peal_op *op_writev(struct peal_op *op, int fd, const struct iovec *vector, int count,
	int64_t offset, int flags);

struct peal_op *op_recvmsg(struct peal_op *op, int fd, struct msghdr *message, int flags);
struct peal_op *op_sendmsg(struct peal_op *op, int fd, struct msghdr *message, int flags);
struct peal_op *op_open(
	struct peal_op *op, int dir, const char *path, int flags, unsigned int mode);
struct peal_op *op_statx(
	struct peal_op *op, int dir, const char *path, int flags, struct statx *buf);
struct peal_op *op_fsync(struct peal_op *op, int fd, bool data_only);
struct peal_op *op_fallocate(struct peal_op *op, int fd, int mode, int64_t offset, int64_t size);
struct peal_op *op_ftruncate(struct peal_op *op, int fd, int64_t size);
struct peal_op *op_fadvise(struct peal_op *op, int fd, int64_t offset, int64_t size, int advice);
struct peal_op *op_madvise(struct peal_op *op, void *address, size_t size, int advice);

/* sockets.c */

struct pair {
	int ours, theirs; /* connected; the test uses theirs with system calls */
};

struct pair make_pair(const struct contract *c);
void close_pair(struct pair pair);

struct listener {
	int fd;
	struct sockaddr_storage address;
	uint32_t size;
};

struct listener make_listener(const struct contract *c, int backlog);
/* Connects with a blocking call. */
int connect_to(const struct listener *listener);
/* A socket of the listener's kind, and an op that connects it. */
int make_socket(const struct listener *listener);
struct peal_op *op_connect_to(struct peal_op *op, int fd, const struct listener *listener);

/* Write until it would block; the number of bytes. TCP may still make room for more. */
size_t fill_socket(int fd);
/* Read what is there; the number of bytes. */
size_t drain_socket(int fd);
void put(int fd, const char *text);
/* Their end resets the connection. */
void reset_peer(struct pair *pair);

/* sockets.c: what the process holds, and under what it runs */

int count_fds(void);
int count_threads(void);
int count_mappings(void);
bool on_valgrind(void);

/*
 * fault.c: make system calls of this thread fail. `number` 0 means any but those that cannot fail in a
 * way that somebody could answer (close, munmap, the clock).
 */
struct fault {
	struct peal_sys_hook hook;
	long number;
	unsigned int skip;  /* calls that go well before the first that fails */
	unsigned int times; /* how many fail; 0: one */
	int err;
	unsigned int fired;
};

void fault_begin(struct fault *fault);
void fault_end(void);

#endif
