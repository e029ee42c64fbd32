/* SPDX-License-Identifier: MIT */
/* The epoll backend's rings: open and close, fork, and the table of its functions. */
#include <string.h>

#ifdef HAVE_VALGRIND
#include <valgrind/valgrind.h>
#endif

#include "core/alloc.h"
#include "core/log.h"
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
		return " (a seccomp filter, perhaps: the container must allow epoll and eventfd)";
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

/* What a ring is, without its table and its thread's timer slack. */
static int open_descriptors(struct peal_ring *ring, struct peal_reason *reason)
{
	int err;

	ring->bell = -1;
	ring->epoll = (int)peal_sys_epoll_create(EPOLL_CLOEXEC);
	if (ring->epoll < 0)
		return refuse(reason, ring->epoll, "epoll_create1");
	err = peal_epoll_bell_open(ring);
	return err < 0 ? refuse(reason, err, "an eventfd in epoll") : 0;
}

static void close_descriptors(struct peal_ring *ring)
{
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

static void epoll_features(peal_feature_fn *each, void *arg)
{
	struct epoll_event event;
	long err = peal_sys_epoll_pwait2(-1, &event, 1, 0);
	bool present = err != -ENOSYS && err != -EPERM;

	each(arg, "epoll_pwait2", present,
		present ? "" : "before Linux 5.11: deadlines are rounded up to milliseconds");
}

/* The kernel makes sleeps up to 50 us longer than asked for, unless the thread wants it otherwise. */
static long take_timer_slack(void)
{
	long slack = peal_sys_prctl(PR_GET_TIMERSLACK, 0);

	return slack > 1 && peal_sys_prctl(PR_SET_TIMERSLACK, 1) == 0 ? slack : -1;
}

/* It does not know epoll_pwait2, and says so at every call. */
static bool is_under_valgrind(void)
{
#ifdef HAVE_VALGRIND
	return RUNNING_ON_VALGRIND;
#else
	return false;
#endif
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
	ring->no_pwait2 = is_under_valgrind();
	ring->timer_slack = take_timer_slack();
	*out = ring;
	return 0;
}

static void epoll_close(struct peal_ring *ring)
{
	if (!ring)
		return;
	if (ring->timer_slack > 0)
		peal_sys_prctl(PR_SET_TIMERSLACK, (unsigned long)ring->timer_slack);
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
	.features = epoll_features,
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
