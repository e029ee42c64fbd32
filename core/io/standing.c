/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "core/io/ops.h"
#include "core/io/standing.h"
#include "core/machine/backend.h"
#include "core/runtime/rt.h"
#include "core/task/wait.h"

struct news_wait {
	struct peal_wait wait;
	struct peal_standing *standing;
};

void peal_standing_init(struct peal_standing *standing, int fd, uint32_t most, const char *what,
	peal_standing_arm_fn *arm)
{
	standing->fd = fd;
	standing->most = most;
	standing->what = what;
	standing->arm = arm;
	standing->end = PEAL_STANDING_NO_END;
}

bool peal_standing_known(const struct peal_shard *shard)
{
	return peal_backend_caps(shard->backend, shard->ring) & PEAL_CAP_STANDING;
}

static void wake(struct peal_standing *standing)
{
	struct peal_task *waiter = standing->waiter;

	standing->waiter = NULL;
	if (waiter)
		peal_task_resume(waiter);
}

void peal_standing_note(struct peal_standing *standing)
{
	struct peal_shard *shard = standing->shard;

	standing->queued++;
	if (standing->in_news)
		return;
	standing->in_news = true;
	standing->next = shard->news;
	shard->news = standing;
}

static void hold_back(struct peal_standing *standing)
{
	standing->held_back = true;
	peal_op_cancel(&standing->op);
}

void peal_standing_tell(struct peal_shard *shard)
{
	while (shard->news) {
		struct peal_standing *standing = shard->news;

		shard->news = standing->next;
		standing->in_news = false;
		if (standing->queued >= standing->most && standing->armed)
			hold_back(standing);
		wake(standing);
	}
}

/* Nothing is told of an end that we have brought about, nor of one for which there is a remedy: where no
 * buffer was left, there may be one by the time that it is started again. */
void peal_standing_ended(struct peal_op *op)
{
	struct peal_standing *standing = PEAL_CONTAINER_OF(op, struct peal_standing, op);
	bool silent = op->result == -ENOBUFS || (op->result == -ECANCELED && standing->held_back);

	standing->armed = standing->held_back = false;
	standing->end = silent ? PEAL_STANDING_NO_END : op->result;
	wake(standing);
}

static void cancel_wait(struct peal_wait *wait)
{
	struct news_wait *news = PEAL_CONTAINER_OF(wait, struct news_wait, wait);

	if (!news->standing->waiter)
		return;
	wait->cancelled = true;
	wake(news->standing);
}

static int wait_for_news(struct peal_standing *standing)
{
	struct news_wait news = {
		.wait = { .cancel = cancel_wait, .what = standing->what },
		.standing = standing,
	};
	int err = peal_wait_begin(&news.wait);

	if (err)
		return err;
	standing->waiter = news.wait.task;
	peal_task_suspend(news.wait.task);
	return peal_wait_end(&news.wait);
}

static int64_t wait_for_one(struct peal_standing *standing, struct peal_shard *shard)
{
	int64_t end;
	int err;

	while (!standing->queued) {
		end = standing->end;
		if (!standing->armed && end != PEAL_STANDING_NO_END) {
			standing->end = PEAL_STANDING_NO_END;
			return end;
		}
		if (!standing->armed) {
			standing->armed = true;
			standing->shard = shard;
			standing->arm(standing, shard);
		}
		err = wait_for_news(standing);
		if (err)
			return err;
	}
	return 1;
}

/* 0 when the calling fiber may use it. */
static int enter(struct peal_standing *standing)
{
	struct peal_task *self = peal_task_current();

	if (!self)
		return -EPERM;
	if (standing->busy)
		return -EBUSY;
	if ((standing->armed || standing->queued) && standing->shard != self->shard)
		return -EXDEV;
	standing->busy = true;
	return 0;
}

int64_t peal_standing_wait(struct peal_standing *standing)
{
	int64_t result = enter(standing);

	if (result)
		return result;
	result = peal_wait_allowed(
		peal_task_current()); /* its op would fail, which others would be told */
	if (!result)
		result = wait_for_one(standing, peal_task_current()->shard);
	if (result == 1)
		peal_ops_spend_budget(peal_task_current());
	standing->busy = false;
	return result;
}

int peal_standing_stop(struct peal_standing *standing)
{
	int err = enter(standing);

	if (err)
		return err;
	if (standing->armed)
		hold_back(standing);
	while (standing->armed) {
		standing->waiter = peal_task_current();
		peal_task_suspend(standing->waiter);
	}
	standing->busy = false;
	return 0;
}
