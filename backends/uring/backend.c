/* SPDX-License-Identifier: MIT */
/* The uring backend, as the core sees it. */
#include "backends/uring/uring.h"

const struct peal_backend peal_backend_uring = {
	.abi = PEAL_BACKEND_ABI,
	.size = sizeof(struct peal_backend),
	.name = "uring",
	.summary = "io_uring: the kernel carries operations out, shards ring each other's rings",
	.caps = PEAL_CAP_COMPLETION | PEAL_CAP_RING_BELL | PEAL_CAP_RAW | PEAL_CAP_STANDING,
	.op_bytes = PEAL_URING_OP_WORDS * sizeof(uint64_t),
	.preference = 100,
	.probe = peal_uring_probe,
	.features = peal_uring_features,
	.open = peal_uring_open,
	.close = peal_uring_close,
	.ring_caps = peal_uring_caps,
	.submit = peal_uring_submit,
	.cancel = peal_uring_cancel,
	.peek = peal_uring_peek,
	.wait = peal_uring_wait,
	.bell = peal_uring_bell,
	.bell_from_outside = peal_uring_bell_from_outside,
	.poll_fd = peal_uring_poll_fd,
	.after_fork = peal_uring_after_fork,
	.lend = peal_uring_lend,
	.give = peal_uring_give,
};
