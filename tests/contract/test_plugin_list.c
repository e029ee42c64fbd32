/* SPDX-License-Identifier: MIT */
/* The list of plugins: what could be loaded, and why the others could not. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include <peal/peal.h>

#include "tests/check_main.h"
#include "tests/contract/plugin_files.h"

struct seen {
	char text[2048];
};

static void check_params(const struct peal_plugin_param *params, uint32_t count)
{
	ck_assert_uint_eq(count, 5);
	ck_assert_str_eq(params[1].name, "answer");
	ck_assert_str_eq(params[1].type, "number");
	ck_assert_str_eq(params[1].expected, "a whole number, from 1 to 1000");
	ck_assert_str_eq(params[1].initial, "42");
	ck_assert_str_eq(params[1].help, "to all questions");
	ck_assert_str_eq(params[2].help, "");
}

static void note(void *arg, const struct peal_plugin_info *info)
{
	struct seen *seen = arg;
	size_t length = strlen(seen->text);

	ck_assert_uint_eq(info->size, sizeof(*info));
	ck_assert_int_eq(info->err == 0, *info->reason == '\0');
	ck_assert_int_eq(info->err == 0, *info->version != '\0');
	/* The installed folder may hold anything. */
	if (!strncmp(info->path, PEAL_PLUGIN_DIR, strlen(PEAL_PLUGIN_DIR)))
		return;
	snprintf(seen->text + length, sizeof(seen->text) - length, "%s:%d ", info->name, info->err);
	if (!strcmp(info->name, "probe") && !info->err)
		check_params(info->params, info->param_count);
}

START_TEST(the_list_of_all)
{
	struct plugin_folder first = plugin_folder_make(NULL, NULL);
	struct plugin_folder other = plugin_folder_make(NULL, NULL);
	struct seen seen = { "" };
	char path[2 * PATH_MAX];
	int n;

	plugin_copy(&first, "probe", "probe");
	plugin_copy(&first, "needy", "needy");
	plugin_copy(&first, "needy", "Needy");
	plugin_write(plugin_path(&first, "notes.txt"), "", 0);
	plugin_copy(&other, "probe", "probe");
	ck_assert_int_eq(chmod(plugin_copy(&other, "needy", "open"), 0777), 0);
	snprintf(path, sizeof(path), "%s:x:/nowhere:%s", first.path, other.path);
	setenv("PEAL_PLUGIN_PATH", path, 1);
	n = peal_plugin_list(note, &seen);
	ck_assert_msg(strstr(seen.text, "Needy:-22 needy:0 probe:0 :-22 open:-1 probe:-17 "), "%s",
		seen.text);
	ck_assert_int_ge(n, 6);
}
END_TEST

static int list_on_a_shard(void *arg)
{
	return peal_plugin_list(note, arg);
}

START_TEST(callers_that_may_not)
{
	struct seen seen = { "" };

	ck_assert_int_eq(peal_plugin_list(NULL, NULL), -EINVAL);
	ck_assert_int_eq(peal_run(list_on_a_shard, &seen, PEAL_RT(.shards = 1)), -EDEADLK);
	ck_assert_str_eq(seen.text, "");
}
END_TEST

static Suite *list_suite(void)
{
	Suite *suite = suite_create("plugin_list");
	TCase *tcase = tcase_create("list");

	tcase_add_test(tcase, the_list_of_all);
	tcase_add_test(tcase, callers_that_may_not);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(list_suite());
}
