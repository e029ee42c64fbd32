/* SPDX-License-Identifier: MIT */
/*
 * Time: signed 64-bit nanoseconds, for durations and for instants alike.
 *
 * Instants count from some fixed moment of the backend's clock (CLOCK_MONOTONIC for those that talk to
 * the kernel); they are comparable within one runtime.
 */
#ifndef PEAL_TIME_H
#define PEAL_TIME_H

#include <peal/base.h>

PEAL_BEGIN_DECLS

#define PEAL_NS    ((int64_t)1)
#define PEAL_US    ((int64_t)1000)
#define PEAL_MS    ((int64_t)1000000)
#define PEAL_S     ((int64_t)1000000000)

/* An instant that never comes. */
#define PEAL_NEVER INT64_MAX

/*
 * The present instant. On a shard it is the runtime's clock (which a simulator may own); on any other
 * thread CLOCK_MONOTONIC. Any thread. Does not suspend.
 */
PEAL_API int64_t peal_now(void);

/* The instant that lies `duration` from now; PEAL_NEVER when that is too far away to count. Any
 * thread. */
PEAL_API int64_t peal_in(int64_t duration);

/*
 * Suspend the calling fiber for `duration` nanoseconds, or until an instant. Never early; late only as
 * long as the shard is busy. A time that is past gives way to other fibers once. Returns 0;
 * -ECANCELED or -ETIMEDOUT when it is cancelled meanwhile (scope.h); -EPERM when the caller is no fiber.
 */
PEAL_API int peal_sleep(int64_t duration);
PEAL_API int peal_sleep_until(int64_t instant);

PEAL_END_DECLS

#endif
