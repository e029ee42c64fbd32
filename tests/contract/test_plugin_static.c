/* SPDX-License-Identifier: MIT */
/*
 * The same source linked in: tests/contract/plugins/probe.c compiled with PEAL_PLUGIN_STATIC and
 * found in a table, without a file.
 */
#include <errno.h>

#include <peal/peal.h>

#include "core/plugin/plugin.h"
#include "tests/check_main.h"
#include "tests/contract/plugins/probe.h"

extern const struct peal_plugin peal_plugin_probe;

static const struct peal_plugin *const table[] = { &peal_plugin_probe, NULL };
static struct peal_reason reason;

static void setup(void)
{
	peal_plugin_builtins = table;
	setenv("PEAL_PLUGIN_PATH", "/nowhere", 1);
}

static int ask(void *arg)
{
	const struct probe_api *api;
	void *state;
	int err = peal_plugin_load("probe", "answer=5", &reason);

	if (err)
		return err;
	api = peal_plugin_api(NULL, "probe", PROBE_API_MAJOR, &state);
	return api->answer(state) == 5 ? 0 : -EPROTO;
}

START_TEST(it_is_loaded)
{
	int err = peal_run(ask, NULL, PEAL_RT(.shards = 2));

	ck_assert_msg(!err, "%d: %s", err, reason.text);
}
END_TEST

START_TEST(its_descriptor_is_checked_too)
{
	struct peal_plugin older = peal_plugin_probe;
	const struct peal_plugin *const stale[] = { &older, NULL };

	older.abi_major = PEAL_PLUGIN_ABI_MAJOR + 1;
	peal_plugin_builtins = stale;
	ck_assert_int_eq(peal_run(ask, NULL, PEAL_RT(.shards = 1)), -ENOEXEC);
	ck_assert_ptr_nonnull(strstr(reason.text, "made for plugin ABI 1.3"));
}
END_TEST

static void look(void *arg, const struct peal_plugin_info *info)
{
	int *found = arg;

	if (strcmp(info->name, "probe"))
		return;
	ck_assert_str_eq(info->path, "(built in)");
	ck_assert_int_eq(info->err, 0);
	(*found)++;
}

START_TEST(it_is_listed)
{
	int found = 0;

	ck_assert_int_ge(peal_plugin_list(look, &found), 1);
	ck_assert_int_eq(found, 1);
}
END_TEST

static Suite *static_suite(void)
{
	Suite *suite = suite_create("plugin_static");
	TCase *tcase = tcase_create("static");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, it_is_loaded);
	tcase_add_test(tcase, its_descriptor_is_checked_too);
	tcase_add_test(tcase, it_is_listed);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(static_suite());
}
