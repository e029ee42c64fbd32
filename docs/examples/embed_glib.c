/* SPDX-License-Identifier: MIT */
/*
 * A runtime inside GLib's main loop, as a GTK program would have it: fibers and GLib's own sources
 * share one thread, so they may call each other without locks.
 *
 * Needs: glib-2.0
 * Prints:
 *	the fiber has slept
 *	GLib ticks
 *	the runtime has stopped
 */
#include <peal/peal.h>

#include <errno.h>
#include <glib-unix.h>
#include <glib.h>
#include <stdio.h>

struct app {
	GMainLoop *loop;
	struct peal_rt *rt;
};

static gboolean turn(gint fd, GIOCondition condition, gpointer arg)
{
	struct app *app = arg;

	(void)fd, (void)condition;
	if (peal_rt_turn(app->rt, NULL) != -ESHUTDOWN)
		return G_SOURCE_CONTINUE;
	g_main_loop_quit(app->loop);
	return G_SOURCE_REMOVE;
}

static gboolean tick(gpointer arg)
{
	struct app *app = arg;

	printf("GLib ticks\n");
	peal_rt_drain(app->rt);
	return G_SOURCE_REMOVE;
}

static int fiber(void *arg)
{
	int err = peal_sleep(20 * PEAL_MS);

	if (err)
		return err;
	printf("the fiber has slept\n");
	g_timeout_add(20, tick, arg); /* in the loop's thread: GLib may be called */
	return 0;
}

int main(void)
{
	struct app app = { .loop = g_main_loop_new(NULL, FALSE) };
	struct peal_reason reason;

	if (peal_rt_start(&app.rt, PEAL_RT(.embedded = true, .shards = 1), &reason)) {
		fprintf(stderr, "no runtime: %s\n", reason.text);
		return 1;
	}
	g_unix_fd_add(peal_rt_fd(app.rt), G_IO_IN, turn, &app);
	if (!peal_rt_spawn(app.rt, fiber, &app, NULL))
		g_main_loop_run(app.loop);
	printf("the runtime has stopped\n");
	g_main_loop_unref(app.loop);
	return peal_rt_stop(app.rt) < 0;
}
