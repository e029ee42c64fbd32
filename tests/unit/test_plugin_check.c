/* SPDX-License-Identifier: MIT */
/* Descriptors that only their author can get wrong, and those that know more than we do. */
#include <errno.h>

#include "core/plugin/plugin.h"
#include "tests/check_main.h"

static struct peal_plugin plugin;
static struct peal_reason reason;

static void check(const struct peal_plugin *descriptor, const char *expected)
{
	ck_assert_int_eq(peal_plugin_check(&plugin, descriptor, sizeof(*descriptor), "x", &reason),
		expected ? -ENOEXEC : 0);
	if (expected)
		ck_assert_msg(strstr(reason.text, expected), "%s", reason.text);
}

/* The members that only a plugin author can get wrong. */
START_TEST(descriptors_without_sense)
{
	const char *const itself[] = { "x", NULL }, *const path[] = { "../x", NULL };
	const size_t no_size = 0;

	check(&(struct peal_plugin){ PEAL_PLUGIN_HEADER("x", "1") }, NULL);
	check(&(struct peal_plugin){ PEAL_PLUGIN_HEADER(NULL, "1") }, "calls it \"\"");
	check(&(struct peal_plugin){ PEAL_PLUGIN_HEADER("x", NULL) }, "has no version");
	check(&(struct peal_plugin){ PEAL_PLUGIN_HEADER("x", "1"), .api = &no_size },
		"its first member must be its size");
	check(&(struct peal_plugin){ PEAL_PLUGIN_HEADER("x", "1"), .needs = itself },
		"it needs \"x\"");
	check(&(struct peal_plugin){ PEAL_PLUGIN_HEADER("x", "1"), .needs = path },
		"it needs \"../x\"");
	check(&(struct peal_plugin){ PEAL_PLUGIN_HEADER("x", "1"),
		      .params = PEAL_PARAMS({ .name = "y" }) },
		"its parameter y has type 0");
}
END_TEST

/* A newer plugin that says it works with our minor version: what we do not know is left alone. */
START_TEST(descriptors_with_more_in_them)
{
	struct {
		struct peal_plugin known;
		char more[64];
	} newer = { .known = { PEAL_PLUGIN_HEADER("x", "1") }, .more = "unknown" };

	newer.known.size = sizeof(newer);
	ck_assert_int_eq(peal_plugin_check(&plugin, &newer, sizeof(newer), "x", &reason), 0);
	ck_assert_uint_eq(plugin.size, sizeof(newer));
}
END_TEST

static Suite *check_suite(void)
{
	Suite *suite = suite_create("plugin_check");
	TCase *tcase = tcase_create("check");

	tcase_add_test(tcase, descriptors_without_sense);
	tcase_add_test(tcase, descriptors_with_more_in_them);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(check_suite());
}
