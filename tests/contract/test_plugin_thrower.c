/* SPDX-License-Identifier: MIT */
/*
 * A plugin in C++ in a program in C: the C++ runtime comes when the shards run already, and is local to
 * the plugin. What its fibers handle must not get mixed up all the same.
 */
#include <dlfcn.h>
#include <unistd.h>

#include <peal/peal.h>

#include "core/base/atomic.h"
#include "tests/check_main.h"
#include "tests/contract/plugin_files.h"
#include "tests/contract/plugins/thrower.h"

static const struct thrower_api *api;

struct thrower {
	const char *text;
	int result;
	PEAL_ATOMIC(int) done;
};

static void wait_a_while(void)
{
	for (int i = 0; i < 3; i++)
		peal_yield();
}

static int throw_it(void *arg)
{
	struct thrower *thrower = arg;

	thrower->result = api->throw_and_wait(thrower->text, wait_a_while);
	peal_store_release(&thrower->done, 1);
	return 0;
}

static void load(struct peal_rt *rt)
{
	struct plugin_folder folder = plugin_folder_make(NULL, NULL);
	struct peal_reason reason;
	void *state;
	int err;

	plugin_copy(&folder, "thrower", "thrower");
	plugin_search_in(&folder, NULL);
	err = peal_rt_plugin_load(rt, "thrower", NULL, &reason);
	ck_assert_msg(!err, "%d: %s", err, reason.text);
	api = peal_plugin_api(rt, "thrower", THROWER_API_MAJOR, &state);
	ck_assert_ptr_nonnull(api);
}

START_TEST(fibers_handle_their_own)
{
	struct thrower thrower[6] = { { "one" }, { "two" }, { "three" }, { "four" }, { "five" },
		{ "six" } };
	struct peal_rt *rt;

	ck_assert_int_eq(peal_rt_start(&rt, PEAL_RT(.shards = 2), NULL), 0);
	load(rt);
	for (unsigned int i = 0; i < 6; i++)
		ck_assert_int_eq(peal_rt_spawn(rt, throw_it, &thrower[i],
					 PEAL_SPAWN(.place = PEAL_PINNED(i % 2))),
			0);
	for (int i = 0; i < 6; i++) {
		while (!peal_load_acquire(&thrower[i].done))
			usleep(1000);
		ck_assert_int_eq(thrower[i].result, 0);
	}
	ck_assert_int_eq(peal_rt_stop(rt), 0);
}
END_TEST

static Suite *thrower_suite(void)
{
	Suite *suite = suite_create("plugin_thrower");
	TCase *tcase = tcase_create("thrower");

	tcase_add_test(tcase, fibers_handle_their_own);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(thrower_suite());
}
