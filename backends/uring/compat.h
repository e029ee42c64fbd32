/* SPDX-License-Identifier: MIT */
/*
 * What io_uring has gained since liburing 2.3 (Debian 12), by our own names, so that newer headers do
 * not clash. The values are those of include/uapi/linux/io_uring.h in Linux 6.18. That a name stands
 * here says nothing about the kernel we run on: each is tried before it is used (equip.c).
 *
 * IORING_SETUP_NO_SQARRAY is absent on purpose: liburing 2.3 maps such a ring wrongly and corrupts it.
 */
#ifndef PEAL_URING_COMPAT_H
#define PEAL_URING_COMPAT_H

/* io_uring_register(2): post a completion to a ring without having one. Linux 6.13. */
#define PEAL_IORING_REGISTER_SEND_MSG_RING 31

/* io_uring_enter(2): the timeout is an instant, not a duration. Linux 6.12. */
#define PEAL_IORING_ENTER_ABS_TIMER        (1U << 5)
/* io_uring_enter(2): do not count the sleep as waiting for I/O. Linux 6.15. */
#define PEAL_IORING_ENTER_NO_IOWAIT        (1U << 7)

/* io_uring_params.features: PEAL_IORING_ENTER_NO_IOWAIT is there. */
#define PEAL_IORING_FEAT_NO_IOWAIT         (1U << 17)

/* IORING_OP_SEND_ZC, in ioprio: the notification tells whether the bytes were copied. Linux 6.2. */
#define PEAL_IORING_SEND_ZC_REPORT_USAGE   (1U << 3)
#define PEAL_IORING_NOTIF_USAGE_ZC_COPIED  (1U << 31)

#endif
