/* SPDX-License-Identifier: MIT */
/*
 * A program with a main thread of its own: it starts a runtime, gives work to it from outside, and stops
 * it. Posts are functions without a fiber; their node is the caller's, so that they cannot fail for
 * lack of memory.
 *
 * Prints:
 *	shard 1 was here
 */
#include <peal/peal.h>

#include <pthread.h>
#include <stdio.h>

struct greeting {
	struct peal_post post;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int shard; /* -1 until it was posted */
};

/* On the shard's loop. */
static void greet(struct peal_post *post)
{
	struct greeting *greeting = PEAL_CONTAINER_OF(post, struct greeting, post);

	pthread_mutex_lock(&greeting->lock);
	greeting->shard = peal_shard();
	pthread_cond_signal(&greeting->changed);
	pthread_mutex_unlock(&greeting->lock);
}

static void wait_for(struct greeting *greeting)
{
	pthread_mutex_lock(&greeting->lock);
	while (greeting->shard < 0)
		pthread_cond_wait(&greeting->changed, &greeting->lock);
	pthread_mutex_unlock(&greeting->lock);
}

int main(void)
{
	static struct greeting greeting = {
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
		.shard = -1,
	};
	struct peal_reason reason;
	struct peal_rt *rt;
	int err = peal_rt_start(&rt, PEAL_RT(.shards = 2), &reason);

	if (err) {
		fprintf(stderr, "no runtime: %s\n", reason.text);
		return 1;
	}
	err = peal_rt_post(rt, 1, &greeting.post, greet);
	if (!err) {
		wait_for(&greeting);
		printf("shard %d was here\n", greeting.shard);
	}
	peal_rt_stop(rt);
	return err != 0;
}
