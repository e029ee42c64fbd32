/* SPDX-License-Identifier: MIT */
/*
 * Making a ring: with the best flags that the kernel takes, as large as it gives us, or a refusal that
 * says what is in the way.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/uring/uring.h"
#include "core/base/log.h"
#include "core/sys.h"

#define ENTRIES_LEAST    64
/* The completion queue must hold what many parked operations finish at once; beyond it the kernel keeps
 * completions in a list of its own, which works and is slower. */
#define COMPLETIONS_EACH 8

/*
 * From the newest down; the kernel answers EINVAL to flags that it does not know. Below 5.19 there is
 * no COOP_TASKRUN: every completion on a socket then interrupts its shard with an IPI, which costs more
 * than epoll (we measured 5.8 us for the one who causes it, and the shard 60 % of its work), and the
 * rings of 5.15 to 5.18 have known defects. So such kernels get the epoll backend.
 */
static const struct level {
	unsigned int since;
	unsigned int flags;
	uint32_t has;
} levels[] = {
	{ PEAL_LINUX(6, 1),
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		PEAL_URING_SINGLE | PEAL_URING_DEFER },
	{ PEAL_LINUX(6, 0),
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		PEAL_URING_SINGLE | PEAL_URING_COOP },
	{ PEAL_LINUX(5, 19), IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		PEAL_URING_COOP },
};

/* Entry i of the queue is always entry i of the array that points to entries. */
static void link_entries(struct io_uring_sq *sq)
{
	for (unsigned int i = 0; i < sq->ring_entries; i++)
		sq->array[i] = i;
}

/* The maps of a ring are made by liburing; for tests they are one use of mmap(2). */
static int map(int fd, struct io_uring_params *params, struct io_uring *uring)
{
	long hooked;

	if (peal_sys_hooked(SYS_mmap, &hooked))
		return (int)hooked;
	return io_uring_queue_mmap(fd, params, uring);
}

static int try_size(struct peal_ring *ring, const struct level *level, unsigned int entries)
{
	struct io_uring_params params = {
		.flags = level->flags | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP |
			IORING_SETUP_CQSIZE,
		.cq_entries = entries * COMPLETIONS_EACH,
	};
	int fd = (int)peal_sys_io_uring_setup(entries, &params);
	int err;

	if (fd < 0)
		return fd;
	err = map(fd, &params, &ring->uring);
	if (err) {
		peal_sys_close(fd);
		return err;
	}
	ring->uring.features = params.features;
	link_entries(&ring->uring.sq);
	ring->fd = ring->enter_fd = fd;
	ring->mapped = true;
	ring->has = level->has;
	return 0;
}

/* Ring memory counts against RLIMIT_MEMLOCK on some kernels, and large rings need contiguous pages on
 * most: a smaller one is better than none. */
static int try_level(struct peal_ring *ring, const struct level *level, unsigned int entries)
{
	int err = try_size(ring, level, entries);

	while (err == -ENOMEM && entries > ENTRIES_LEAST) {
		entries /= 2;
		err = try_size(ring, level, entries);
	}
	return err;
}

/* The value of kernel.io_uring_disabled (Linux 6.6), or '0' where it cannot be read. */
static char disabled_by_sysctl(void)
{
	char value = '0';
	int fd = (int)peal_sys_openat(
		AT_FDCWD, "/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return value;
	(void)peal_sys_read(fd, &value, 1);
	peal_sys_close(fd);
	return value;
}

static int refuse_permission(struct peal_reason *reason)
{
	switch (disabled_by_sysctl()) {
	case '1':
		return peal_refuse(reason, -EPERM,
			"io_uring_setup: kernel.io_uring_disabled is 1, so only CAP_SYS_ADMIN and the "
			"group in kernel.io_uring_group may use io_uring");
	case '2':
		return peal_refuse(reason, -EPERM,
			"io_uring_setup: kernel.io_uring_disabled is 2, so nobody may use io_uring");
	default:
		return peal_refuse(reason, -EPERM,
			"io_uring_setup: not permitted; a seccomp profile or a security module forbids "
			"it, as those of containers do: allow the three io_uring calls there");
	}
}

static int refuse_memory(struct peal_reason *reason)
{
	struct rlimit limit = { 0 };

	peal_sys_getrlimit(RLIMIT_MEMLOCK, &limit);
	return peal_refuse(reason, -ENOMEM,
		"io_uring_setup: no memory for a ring of %d entries; some kernels count all rings of "
		"a user against RLIMIT_MEMLOCK, which is %llu KiB here: raise it (ulimit -l)",
		ENTRIES_LEAST, (unsigned long long)limit.rlim_cur / 1024);
}

static int refuse(int err, struct peal_reason *reason)
{
	switch (err) {
	case -ENOSYS:
		return peal_refuse(reason, err,
			"io_uring_setup: not there; the kernel was built without io_uring, or a sandbox "
			"hides it");
	case -EPERM:
		return refuse_permission(reason);
	case -ENOMEM:
		return refuse_memory(reason);
	case -EINVAL:
		return peal_refuse(reason, err,
			"io_uring_setup: no COOP_TASKRUN; rings that are worth it need Linux 5.19");
	default:
		return peal_refuse(reason, err, "io_uring_setup: %s", strerror(-err));
	}
}

int peal_uring_set_up(
	struct peal_ring *ring, unsigned int entries, unsigned int tier, struct peal_reason *reason)
{
	int err = -EINVAL;

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]) && err == -EINVAL; i++)
		if (levels[i].since <= tier &&
			!(ring->polled && (levels[i].has & PEAL_URING_DEFER)))
			err = try_level(ring, &levels[i], entries);
	if (!err)
		return 0;
	if (err == -EINVAL && tier < PEAL_LINUX(5, 19))
		return peal_refuse(reason, err,
			"PEAL_URING_TIER asks for Linux %u.%u, and rings that are worth it need 5.19",
			tier >> 8, tier & 0xff);
	return refuse(err, reason);
}
