/* SPDX-License-Identifier: MIT */
/*
 * Waiting for the first of several channels.
 *
 * All of them are locked, in the order of their addresses, while one is looked for that is ready and,
 * when none is, while the fiber is put into all queues. So no two selects can miss each other, each
 * seeing the other not yet waiting.
 */
#include <errno.h>

#include "core/sync/chan.h"
#include "core/runtime/shard.h"

struct selection {
	struct peal_chan_case *cases;
	unsigned int count;
	unsigned int chans;                             /* different ones */
	struct peal_chan *sorted[PEAL_CHAN_CASES_MOST]; /* by address */
};

static bool sends(const struct peal_chan_case *one)
{
	return one->what == PEAL_CHAN_SEND;
}

static void add_sorted(struct selection *selection, struct peal_chan *chan)
{
	unsigned int i = selection->chans;

	for (unsigned int k = 0; k < i; k++)
		if (selection->sorted[k] == chan)
			return;
	for (; i && (uintptr_t)selection->sorted[i - 1] > (uintptr_t)chan; i--)
		selection->sorted[i] = selection->sorted[i - 1];
	selection->sorted[i] = chan;
	selection->chans++;
}

static int prepare(struct selection *selection)
{
	if (!selection->cases || selection->count > PEAL_CHAN_CASES_MOST)
		return -EINVAL;
	for (unsigned int i = 0; i < selection->count; i++) {
		const struct peal_chan_case *one = &selection->cases[i];

		if (!one->chan)
			continue;
		if (one->what > PEAL_CHAN_SEND || (sends(one) && !one->value && one->chan->size))
			return -EINVAL;
		add_sorted(selection, one->chan);
	}
	return selection->chans ? 0 : -EINVAL;
}

static void lock_all(struct selection *selection)
{
	for (unsigned int i = 0; i < selection->chans; i++)
		peal_chan_lock(selection->sorted[i]);
}

static void unlock_all(struct selection *selection)
{
	for (unsigned int i = selection->chans; i-- > 0;)
		peal_chan_unlock(selection->sorted[i]);
}

/* One of those that are ready, each as likely as the others; -EAGAIN when there is none. */
static int choose(struct selection *selection, struct peal_choice *choice)
{
	unsigned int ready = 0;
	int chosen = -EAGAIN;

	for (unsigned int i = 0; i < selection->count; i++) {
		struct peal_chan_case *one = &selection->cases[i];

		if (!one->chan || !peal_chan_ready(one->chan, sends(one)))
			continue;
		if (peal_choose(choice, PEAL_CHOICE_SELECT, ++ready) == 0)
			chosen = (int)i;
	}
	return chosen;
}

/* With all locks held: the index of the case that was done, or -EAGAIN. */
static int do_one(struct selection *selection, struct peal_choice *choice, struct peal_task **wake)
{
	int i;

	while ((i = choose(selection, choice)) >= 0) {
		struct peal_chan_case *one = &selection->cases[i];

		one->result = peal_chan_transfer(one->chan, sends(one), one->value, wake);
		if (one->result != -EAGAIN)
			break; /* otherwise who was ready has gone elsewhere meanwhile */
	}
	return i;
}

/* Do one, or put the fiber into all queues: -EAGAIN. For a try, wait is NULL. */
static int begin(struct selection *selection, struct peal_choice *choice,
	struct peal_chan_wait *wait, struct peal_chan_waiter *waiters, struct peal_task **wake)
{
	int i;

	lock_all(selection);
	i = do_one(selection, choice, wake);
	for (unsigned int k = 0; i < 0 && wait && k < selection->count; k++) {
		struct peal_chan_case *one = &selection->cases[k];

		waiters[k] =
			(struct peal_chan_waiter){ .wait = wait, .value = one->value, .index = k };
		if (one->chan)
			peal_chan_enqueue(peal_chan_queue_of(one->chan, sends(one)), &waiters[k]);
	}
	unlock_all(selection);
	return i;
}

/* The wait is over, in one way or another: leave the other queues. */
static void leave_queues(struct selection *selection, struct peal_chan_waiter *waiters)
{
	for (unsigned int i = 0; i < selection->count; i++) {
		struct peal_chan_case *one = &selection->cases[i];

		if (!one->chan)
			continue;
		peal_chan_lock(one->chan);
		peal_chan_dequeue(peal_chan_queue_of(one->chan, sends(one)), &waiters[i]);
		peal_chan_unlock(one->chan);
	}
}

static int sleep_in(
	struct selection *selection, struct peal_chan_wait *wait, struct peal_chan_waiter *waiters)
{
	int i, err;

	PEAL_COUNT(wait->wait.task->shard, sync_waits);
	peal_task_park_lingering(wait->wait.task);
	err = peal_wait_end(&wait->wait);
	leave_queues(selection, waiters);
	if (err)
		return err;
	i = (int)(peal_load_relaxed(&wait->claim) - PEAL_CHAN_SERVED);
	selection->cases[i].result = wait->result;
	return i;
}

int peal_chan_select(struct peal_chan_case *cases, unsigned int count)
{
	struct selection selection = { .cases = cases, .count = count };
	struct peal_chan_wait wait = PEAL_CHAN_WAIT("select");
	struct peal_chan_waiter waiters[PEAL_CHAN_CASES_MOST];
	struct peal_task *wake = NULL;
	int err = prepare(&selection), i;

	if (err)
		return err;
	err = peal_wait_begin(&wait.wait);
	if (err)
		return err;
	i = begin(&selection, &wait.wait.task->shard->choice, &wait, waiters, &wake);
	if (i < 0)
		return sleep_in(&selection, &wait, waiters);
	peal_wait_end(&wait.wait);
	peal_chan_done_in(wait.wait.task, wake);
	return i;
}

int peal_chan_try_select(struct peal_chan_case *cases, unsigned int count)
{
	struct selection selection = { .cases = cases, .count = count };
	struct peal_shard *shard = peal_shard_current();
	struct peal_task *wake = NULL;
	int i = prepare(&selection);

	if (i)
		return i;
	if (!shard)
		return -EPERM;
	i = begin(&selection, &shard->choice, NULL, NULL, &wake);
	if (i >= 0)
		peal_chan_done(wake);
	return i;
}
