/* SPDX-License-Identifier: MIT */
/*
 * Messages between shards: shard 0 hands out pieces of work and adds up what comes back; handlers do
 * both, without a fiber and without a lock. How much was done in all travels as a sum.
 *
 * Prints:
 *	332833500 in 1000 pieces
 */
#include <peal/peal.h>

#include <inttypes.h>
#include <stdio.h>

enum { SQUARE = 1, RESULT, DONE };

#define PIECES 1000 /* fewer than PEAL_MSG_ROOM */

static uint64_t total, results, counted; /* shard 0's */

static void on_square(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	/* A handler never waits. There is room for all the pieces there are. */
	if (!peal_msg_send(msg->from, RESULT, msg->value * msg->value))
		peal_accum_add(msg->from, DONE, 1);
}

static void on_result(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	total += msg->value;
	results++;
}

static void on_done(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	counted += msg->value; /* of many pieces at once */
}

static int work_here(void *arg)
{
	(void)arg;
	return peal_msg_handle(SQUARE, on_square, NULL);
}

static int main_task(void *arg)
{
	unsigned int shards = peal_rt_shards(peal_rt_current());
	int err = peal_spawn_each(work_here, NULL, NULL);

	(void)arg;
	if (!err)
		err = peal_msg_handle(RESULT, on_result, NULL);
	if (!err)
		err = peal_accum_handle(DONE, on_done, NULL);
	/* This is a fiber: it waits while there is no room. */
	for (uint64_t n = 0; n < PIECES && !err; n++)
		err = peal_msg_send((unsigned int)(n % shards), SQUARE, n);
	while (!err && (results < PIECES || counted < PIECES))
		err = peal_sleep(PEAL_MS);
	if (!err)
		printf("%" PRIu64 " in %" PRIu64 " pieces\n", total, counted);
	return err;
}

int main(void)
{
	return peal_run(main_task, NULL, PEAL_RT(.shards = 4)) < 0;
}
