/* SPDX-License-Identifier: MIT */
/*
 * A runtime inside libuv's loop: fibers and libuv's callbacks share one thread.
 *
 * Needs: libuv
 * Prints:
 *	the fiber has slept
 *	libuv ticks
 *	the runtime has stopped
 */
#include <peal/peal.h>

#include <errno.h>
#include <stdio.h>
#include <uv.h>

struct app {
	uv_loop_t *loop;
	uv_poll_t poll;
	uv_timer_t timer;
	struct peal_rt *rt;
};

static void turn(uv_poll_t *poll, int status, int events)
{
	struct app *app = PEAL_CONTAINER_OF(poll, struct app, poll);

	(void)status, (void)events;
	if (peal_rt_turn(app->rt, NULL) == -ESHUTDOWN) {
		uv_close((uv_handle_t *)&app->poll, NULL); /* the loop ends: it has no handles */
		uv_close((uv_handle_t *)&app->timer, NULL);
	}
}

static void tick(uv_timer_t *timer)
{
	printf("libuv ticks\n");
	peal_rt_drain(PEAL_CONTAINER_OF(timer, struct app, timer)->rt);
}

static int fiber(void *arg)
{
	struct app *app = arg;
	int err = peal_sleep(20 * PEAL_MS);

	if (err)
		return err;
	printf("the fiber has slept\n");
	return uv_timer_start(&app->timer, tick, 20, 0); /* in the loop's thread */
}

int main(void)
{
	struct app app = { .loop = uv_default_loop() };
	struct peal_reason reason;

	if (peal_rt_start(&app.rt, PEAL_RT(.embedded = true, .shards = 1), &reason)) {
		fprintf(stderr, "no runtime: %s\n", reason.text);
		return 1;
	}
	uv_timer_init(app.loop, &app.timer);
	uv_poll_init(app.loop, &app.poll, peal_rt_fd(app.rt));
	uv_poll_start(&app.poll, UV_READABLE, turn);
	if (!peal_rt_spawn(app.rt, fiber, &app, NULL))
		uv_run(app.loop, UV_RUN_DEFAULT);
	printf("the runtime has stopped\n");
	return peal_rt_stop(app.rt) < 0;
}
