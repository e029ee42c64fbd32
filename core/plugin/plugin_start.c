/* SPDX-License-Identifier: MIT */
/*
 * Starting a plugin: once, then on each shard, one shard after the other; and stopping it in
 * reverse. Whoever does it sleeps while a shard has its turn.
 */
#include <errno.h>
#include <string.h>

#include "core/fiber/exceptions.h"
#include "core/base/fatal.h"
#include "core/fiber/fiber.h"
#include "core/base/log.h"
#include "core/plugin/plugin.h"

/* One visit to a shard. */
struct visit {
	struct peal_post post;
	struct peal_sleeper sleeper;
	struct peal_loaded *loaded;
	unsigned int shard;
	int result;
};

/* Positive numbers are nobody's errno. */
static int refuse_start(
	const struct peal_loaded *loaded, const char *what, int result, struct peal_reason *reason)
{
	int err = result < 0 ? result : -EINVAL;
	const char *name = strerrorname_np(-err);
	const char *text = strerrordesc_np(-err);

	return peal_refuse(reason, err, "plugin %s: its %s returned %d (%s: %s)",
		loaded->plugin.name, what, result, name ? name : "?", text ? text : "?");
}

static void visit_start(struct peal_post *post)
{
	struct visit *visit = PEAL_CONTAINER_OF(post, struct visit, post);
	struct peal_loaded *loaded = visit->loaded;

	visit->result = loaded->plugin.shard_start(
		loaded->state, visit->shard, &loaded->shard_state[visit->shard]);
	peal_sleeper_wake(&visit->sleeper);
}

static void visit_stop(struct peal_post *post)
{
	struct visit *visit = PEAL_CONTAINER_OF(post, struct visit, post);
	struct peal_loaded *loaded = visit->loaded;

	loaded->plugin.shard_stop(loaded->state, visit->shard, loaded->shard_state[visit->shard]);
	loaded->shard_state[visit->shard] = NULL;
	peal_sleeper_wake(&visit->sleeper);
}

/* Plugins come and go while the shards listen (core/plugin/plugin.h), so the post cannot be refused. */
static int visit_shard(struct peal_loaded *loaded, unsigned int shard, peal_post_fn *fn)
{
	struct visit visit = { .loaded = loaded, .shard = shard };

	peal_sleeper_init(&visit.sleeper);
	peal_assert(!peal_rt_post(loaded->rt, shard, &visit.post, fn));
	peal_sleeper_sleep(&visit.sleeper);
	return visit.result;
}

/* The first `count` shards, and the plugin itself. */
static void stop(struct peal_loaded *loaded, unsigned int count)
{
	if (loaded->plugin.shard_stop)
		while (count-- > 0)
			visit_shard(loaded, count, visit_stop);
	if (loaded->plugin.stop)
		loaded->plugin.stop(loaded->state);
}

static void visit_find_exceptions(struct peal_post *post)
{
	struct visit *visit = PEAL_CONTAINER_OF(post, struct visit, post);

	peal_fiber_find_exceptions();
	peal_sleeper_wake(&visit->sleeper);
}

/* The plugin may be the first C++ in the process; what fibers handle must travel with them from now on. */
static void find_exceptions(struct peal_loaded *loaded)
{
	if (!peal_exceptions_of_thread())
		return;
	for (unsigned int shard = 0; shard < loaded->shards; shard++)
		visit_shard(loaded, shard, visit_find_exceptions);
}

static int start_shards(struct peal_loaded *loaded, struct peal_reason *reason)
{
	if (!loaded->plugin.shard_start)
		return 0;
	for (unsigned int shard = 0; shard < loaded->shards; shard++) {
		int result = visit_shard(loaded, shard, visit_start);

		if (result) {
			loaded->shard_state[shard] = NULL;
			stop(loaded, shard);
			return refuse_start(loaded, "shard_start", result, reason);
		}
	}
	return 0;
}

int peal_plugin_start(struct peal_loaded *loaded, struct peal_reason *reason)
{
	int result = 0;

	find_exceptions(loaded);
	if (loaded->plugin.start)
		result = loaded->plugin.start(&loaded->state, &loaded->host, loaded->params);
	if (result)
		return refuse_start(loaded, "start", result, reason);
	return start_shards(loaded, reason);
}

void peal_plugin_stop(struct peal_loaded *loaded)
{
	stop(loaded, loaded->shards);
}
