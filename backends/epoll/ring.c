/* SPDX-License-Identifier: MIT */
/* The epoll backend's rings: open and close, fork, and the table of its functions. */
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/sys.h"

#include "backends/epoll/epoll.h"

extern const struct peal_backend peal_backend_epoll;

_Static_assert(sizeof(struct epoll_room) <= sizeof(((struct peal_op *)0)->backend),
	"an op has room for what this backend keeps in it");

static const char *advice(int err)
{
	switch (err) {
	case -EMFILE:
		return " (raise the limit of open files: ulimit -n)";
	case -ENFILE:
		return " (the system's limit of open files, fs.file-max, is reached)";
	case -ENOSPC:
		return " (raise fs.epoll.max_user_watches)";
	case -EPERM:
	case -ENOSYS:
		return " (a seccomp filter, perhaps: the container must allow epoll, eventfd and timerfd)";
	default:
		return "";
	}
}

static int refuse(struct peal_reason *reason, int err, const char *what)
{
	return peal_refuse(reason, err, "%s: %s%s", what, strerror(-err), advice(err));
}

static void close_fd(int fd)
{
	if (fd >= 0)
		peal_sys_close(fd);
}

/* What a ring is, without its table. */
static int open_descriptors(struct peal_ring *ring, struct peal_reason *reason)
{
	int err;

	ring->bell = ring->alarm = -1;
	ring->epoll = (int)peal_sys_epoll_create(EPOLL_CLOEXEC);
	if (ring->epoll < 0)
		return refuse(reason, ring->epoll, "epoll_create1");
	err = peal_epoll_bell_open(ring);
	if (err < 0)
		return refuse(reason, err, "an eventfd in epoll");
	err = peal_epoll_alarm_open(ring);
	return err < 0 ? refuse(reason, err, "a timerfd in epoll") : 0;
}

static void close_descriptors(struct peal_ring *ring)
{
	close_fd(ring->alarm);
	close_fd(ring->bell);
	close_fd(ring->epoll);
}

static int epoll_probe(struct peal_reason *reason)
{
	struct peal_ring ring;
	int err = open_descriptors(&ring, reason);

	close_descriptors(&ring);
	return err;
}

static void free_ring(struct peal_ring *ring)
{
	close_descriptors(ring);
	peal_epoll_free_slots(ring);
	peal_free(ring);
}

static int epoll_open(
	struct peal_ring **out, const struct peal_ring_opts *opts, struct peal_reason *reason)
{
	struct peal_ring *ring = peal_alloc(1, sizeof(*ring));
	int err;

	if (!ring)
		return peal_refuse(reason, -ENOMEM, "no memory for a ring");
	peal_list_init(&ring->unproved);
	peal_list_append(&ring->unproved, &ring->tick);
	peal_reap_init(&ring->ended);
	err = open_descriptors(ring, reason);
	if (err) {
		free_ring(ring);
		return err;
	}
	ring->watched = opts->polled;
	*out = ring;
	return 0;
}

static void epoll_close(struct peal_ring *ring)
{
	if (ring)
		free_ring(ring);
}

/* The open files are the parent's as well: nothing may be unregistered, only let go. */
static void epoll_after_fork(struct peal_ring *ring)
{
	free_ring(ring);
}

static int epoll_poll_fd(struct peal_ring *ring)
{
	return ring->watched ? ring->epoll : -EOPNOTSUPP;
}

const struct peal_backend peal_backend_epoll = {
	.abi = PEAL_BACKEND_ABI,
	.size = sizeof(struct peal_backend),
	.name = "epoll",
	.summary = "readiness of sockets and pipes, for where io_uring is not to be had",
	.op_bytes = sizeof(struct epoll_room),
	.preference = 50,
	.probe = epoll_probe,
	.open = epoll_open,
	.close = epoll_close,
	.submit = peal_epoll_submit,
	.cancel = peal_epoll_cancel,
	.peek = peal_epoll_peek,
	.wait = peal_epoll_wait,
	.bell = peal_epoll_bell,
	.bell_from_outside = peal_epoll_bell_from_outside,
	.poll_fd = epoll_poll_fd,
	.after_fork = epoll_after_fork,
	.now = peal_epoll_now,
};
