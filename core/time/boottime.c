/* SPDX-License-Identifier: MIT */
#include <poll.h>

#include <peal/op.h>

#include "core/base/alloc.h"
#include "core/time/boottime.h"
#include "core/base/log.h"
#include "core/runtime/shard.h"
#include "core/sys.h"

struct peal_boottime {
	struct peal_wheel wheel;
	struct peal_shard *shard;
	struct peal_op poll;
	int64_t set_at; /* when the timerfd goes off; left as it is when that is early */
	int fd;
};

bool peal_boottime_differs(const struct peal_shard *shard)
{
	return !(shard->backend->caps & PEAL_CAP_TIMELESS);
}

int64_t peal_now_boottime(void)
{
	struct peal_shard *shard = peal_shard_current();
	struct timespec now = { 0 };

	if (shard && !peal_boottime_differs(shard))
		return peal_now();
	peal_sys_clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * PEAL_S + now.tv_nsec;
}

/* The kernel has no reason to refuse; a test may. */
static PEAL_COLD void cannot(const struct peal_boottime *boottime, int err)
{
	peal_log(PEAL_LOG_ERROR,
		"shard %u cannot watch CLOCK_BOOTTIME (error %d): its timers on that clock may be late",
		boottime->shard->index, -err);
}

static void set(struct peal_boottime *boottime)
{
	int64_t at = peal_wheel_next(&boottime->wheel);
	struct itimerspec when = { 0 };
	int err;

	if (at >= boottime->set_at)
		return;
	if (at < 1)
		at = 1; /* past; 0 would mean never */
	when.it_value.tv_sec = at / PEAL_S;
	when.it_value.tv_nsec = at % PEAL_S;
	err = (int)peal_sys_timerfd_settime(boottime->fd, TFD_TIMER_ABSTIME, &when);
	if (err)
		cannot(boottime, err);
	else
		boottime->set_at = at;
}

static void run_due(struct peal_boottime *boottime)
{
	struct peal_wheel_node *node;

	peal_wheel_advance(&boottime->wheel, peal_now_boottime());
	for (int n = 0; n < PEAL_ALARMS_MOST && (node = peal_wheel_take(&boottime->wheel)); n++) {
		struct peal_alarm *alarm = PEAL_CONTAINER_OF(node, struct peal_alarm, node);

		PEAL_COUNT(boottime->shard, timers_fired);
		alarm->fn(alarm);
	}
}

static void went_off(struct peal_op *op);

/* The op is the shard's: it must not count as one of the fiber that happens to start the first timer. */
static void watch(struct peal_boottime *boottime)
{
	struct peal_task *running = boottime->shard->running;

	boottime->shard->running = NULL;
	peal_op_poll(&boottime->poll, boottime->fd, POLLIN, went_off);
	boottime->shard->running = running;
}

static void went_off(struct peal_op *op)
{
	struct peal_boottime *boottime = PEAL_CONTAINER_OF(op, struct peal_boottime, poll);
	uint64_t expirations;

	if (op->result == -ECANCELED)
		return; /* the runtime ends */
	if (op->result < 0) {
		cannot(boottime, (int)op->result);
		return;
	}
	peal_sys_read(boottime->fd, &expirations, sizeof(expirations));
	boottime->set_at = PEAL_NEVER;
	run_due(boottime);
	set(boottime);
	watch(boottime);
}

static int open_clock(struct peal_shard *shard)
{
	struct peal_boottime *boottime = peal_alloc(1, sizeof(*boottime));

	if (!boottime)
		return -ENOMEM;
	boottime->fd = (int)peal_sys_timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (boottime->fd < 0) {
		int err = boottime->fd;

		peal_free(boottime);
		return err;
	}
	boottime->shard = shard;
	boottime->set_at = PEAL_NEVER;
	shard->boottime = boottime;
	watch(boottime);
	return 0;
}

void peal_boottime_close(struct peal_shard *shard)
{
	if (!shard->boottime)
		return;
	peal_sys_close(shard->boottime->fd);
	peal_free(shard->boottime);
	shard->boottime = NULL;
}

int peal_boottime_start(
	struct peal_shard *shard, struct peal_alarm *alarm, int64_t deadline, peal_alarm_fn *fn)
{
	int err = shard->boottime ? 0 : open_clock(shard);

	if (err)
		return err;
	alarm->fn = fn;
	peal_wheel_insert(&shard->boottime->wheel, &alarm->node, deadline);
	PEAL_COUNT(shard, timers_armed);
	set(shard->boottime);
	return 0;
}

void peal_boottime_stop(struct peal_shard *shard, struct peal_alarm *alarm)
{
	peal_wheel_remove(&shard->boottime->wheel, &alarm->node);
}
